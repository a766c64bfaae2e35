//! One run of an agent: its plan, driven step by step over the host's one path.
//!
//! The graph says what may start; a step resolves its templates against the results so far, makes its calls, and leaves a result.
//! The whole run is bounded: calls at a time, calls in all, time, and the size of what it holds. A step that fails as its agent
//! says ends the run: nothing new starts, and what runs is cancelled.

mod approve;
mod asked;
mod caller;
mod closing;
mod end;
mod ledger;
mod mind;
mod out;
mod room;
mod step;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hotcell_agent::{Agent, Mind};
use hotcell_call::{AgentName, CallId, Code, Failure, Happening, RunId, StepId, TenantId, format_duration, shortened};
use hotcell_flow::dag::{self, Node, OnFailure, State, Verdict};
use serde::Serialize;
use serde_json::Value;
use tracing::Instrument as _;

use crate::config::Ceiling;
use crate::events::{About, Property};
use crate::host::Host;
pub use crate::session::approve::{Approver, Question, Turn};
pub use crate::session::ledger::Spent;
use crate::trace;

use crate::session::approve::{Approval, Asks, Gate};
use crate::session::caller::{Caller, Count};
use crate::session::end::{End, UnderWay};
use crate::session::ledger::Ledger;
use crate::session::mind::Thinker;
use crate::session::out::Out;
use crate::session::room::Room;
use crate::session::step::Run;

/// What a run is given.
#[derive(Clone, Default)]
pub struct RunInput {
    /// What `{{input}}` is.
    pub value: Value,
    /// Where results are saved; none: where the agent says.
    pub out: Option<PathBuf>,
    /// Who is asked before what must be approved; none: it is not.
    pub approver: Option<Arc<dyn Approver>>,
    /// On whose behalf.
    pub tenant: TenantId,
    /// Its [id](Host::next_run), where whoever begins it must know that before; none: a fresh one.
    pub run: Option<RunId>,
}

/// How a run ended.
#[derive(Debug, Clone, Serialize)]
pub struct RunOutcome {
    /// Its id.
    pub run: RunId,
    /// Which agent.
    pub agent: AgentName,
    /// Why it did not end well.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
    /// What a model answered; of an agent of steps none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answer: Option<String>,
    /// Its steps, in the order of the file.
    pub steps: Vec<StepOutcome>,
    /// What a model wanted to be done, in the order in which it ended.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub actions: Vec<Action>,
    /// The tasks of a run that had several, the last 1 000 of them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tasks: Vec<TaskOutcome>,
    /// What a model cost.
    pub spent: Spent,
    /// The files that were written, below the output folder.
    pub files: Vec<PathBuf>,
    /// Where.
    pub out: PathBuf,
    /// Calls made, retries included.
    pub calls: u64,
    /// Calls that did not end `ok`.
    pub failed_calls: u64,
    /// Fuel that they used, or are [charged](hotcell_call::Receipt::fuel_charged) for where that is not known.
    pub fuel: u64,
    /// From start to end.
    #[serde(rename = "elapsed_ms", serialize_with = "hotcell_call::serialize_millis")]
    pub elapsed: Duration,
    /// What the steps left.
    #[serde(skip)]
    pub results: BTreeMap<StepId, Arc<Value>>,
}

/// One thing that a model wanted to be done, and how it ended.
#[derive(Debug, Clone, Serialize)]
pub struct Action {
    /// By which the model knows it.
    pub action: String,
    /// The call that it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub call: Option<CallId>,
    /// The run of another agent that it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run: Option<RunId>,
    /// What was used.
    pub target: String,
    /// The outcome, with its kind.
    pub outcome: String,
    /// How long it took.
    #[serde(rename = "elapsed_ms", serialize_with = "hotcell_call::serialize_millis")]
    pub elapsed: Duration,
}

/// One of the tasks of a run, and how it ended.
#[derive(Debug, Clone, Serialize)]
pub struct TaskOutcome {
    /// Its number, from 1.
    pub task: u64,
    /// The answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answer: Option<String>,
    /// Why there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
}

impl TaskOutcome {
    fn new(task: u64, result: Result<String, Failure>) -> Self {
        match result {
            Ok(answer) => Self { task, answer: Some(answer), failure: None },
            Err(failure) => Self { task, answer: None, failure: Some(failure) },
        }
    }

    /// `ok`, or the failure's kind.
    #[must_use]
    pub fn word(&self) -> String {
        self.failure.as_ref().map_or_else(|| "ok".to_owned(), |failure| failure.kind().to_string())
    }
}

/// Which run it is, and on whose behalf.
#[derive(Debug, Clone)]
struct Owner {
    tenant: TenantId,
    run: RunId,
}

impl Owner {
    /// What its events are about.
    fn about(&self) -> About<'_> {
        About::run(&self.tenant, self.run)
    }
}

/// What a run within another has from that.
struct Within {
    tenant: TenantId,
    parent: RunId,
    ledger: Arc<Ledger>,
    count: Arc<Count>,
    room: Arc<Room>,
    /// How much of what is left of it the run may spend, in percent.
    share: u8,
    asks: Arc<Asks>,
    approval: Arc<Approval>,
    under_way: Arc<UnderWay>,
    deadline: Instant,
    depth: usize,
}

/// How a step ended.
#[derive(Debug, Clone, Serialize)]
pub struct StepOutcome {
    /// Which.
    pub step: StepId,
    /// `done`, `failed`, `skipped`.
    pub state: &'static str,
    /// The step whose failure it was skipped for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub because: Option<StepId>,
    /// Calls that it made.
    pub calls: u64,
    /// Of those, calls that did not end `ok`.
    pub failed_calls: u64,
    /// The first of their failures.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_failure: Option<Failure>,
}

/// How deep runs stand within each other.
const MOST_DEEP: usize = 8;

impl Host {
    /// Runs an agent to its end.
    ///
    /// The outcome always comes; what went wrong stands in it. Dropping the future cancels the run with all its calls.
    pub async fn run(&self, agent: &Agent, input: RunInput) -> RunOutcome {
        let approval = Arc::new(Approval::new(input.approver));
        let owner = Owner { tenant: input.tenant, run: input.run.unwrap_or_else(Self::next_run) };
        let span = trace::run(&agent.name, owner.run, &owner.tenant);
        Box::pin(self.started(agent, input.value, input.out, approval, owner, None)).instrument(span).await
    }

    /// Runs an agent that another uses, with its task.
    async fn run_within(&self, agent: &Agent, task: &str, within: Within) -> RunOutcome {
        let approval = Arc::clone(&within.approval);
        let owner = Owner { tenant: within.tenant.clone(), run: Self::next_run() };
        let span = trace::run(&agent.name, owner.run, &owner.tenant);
        Box::pin(self.started(agent, Value::String(task.to_owned()), None, approval, owner, Some(within)))
            .instrument(span)
            .await
    }

    /// Whether a run of an agent could begin, as far as its models go: each may be asked, and has a price where a budget of money
    /// needs one.
    ///
    /// # Errors
    ///
    /// [`Code::ModelDenied`], [`Code::Price`].
    pub fn may_begin(&self, agent: &Agent) -> Result<(), Failure> {
        asked::check(&self.0.config, agent)
    }

    async fn started(
        &self,
        agent: &Agent,
        input: Value,
        out: Option<PathBuf>,
        approval: Arc<Approval>,
        owner: Owner,
        within: Option<Within>,
    ) -> RunOutcome {
        let started = Instant::now();
        let ceiling = &self.0.config.budget;
        let own = started + time(agent, ceiling).0;
        let deadline = within.as_ref().map_or(own, |within| within.deadline.min(own));
        let around = within.as_ref().map(|within| (Arc::clone(&within.count), within.share));
        let max_calls = ceiling.calls.into_iter().fold(agent.bounds.max_calls, u64::min);
        let room = Room::new(ceiling.memory, within.as_ref().map(|within| Arc::clone(&within.room)));
        let _counted = Counted::new(&self.0.events.runs);
        self.0.events.tell(owner.about(), || Happening::RunStarted {
            agent: agent.name.to_string(),
            pattern: agent.pattern.as_str(),
            steps: agent.steps.len(),
            parent: within.as_ref().map(|within| within.parent),
            task: shortened(&task_of(&input), 200),
        });
        let end = End::of(&self.0.events, owner.clone(), within.as_ref().map(|within| Arc::clone(&within.under_way)));
        let count = Count::new(&agent.name, max_calls, around);
        let caller = Caller::new(self, agent, owner, deadline, count, Arc::clone(end.under_way()));
        let mut outcome = match &agent.mind {
            None => {
                let gate = within.as_ref().map(|within| caller.gate(&within.asks, &approval));
                caller.steps(input, out, started, gate.as_ref(), &room).await
            }
            Some(mind) => caller.think(mind, &task_of(&input), approval, within, room).await,
        };
        // A run is over when its calls are: what was ended a moment ago may still be on its way out.
        caller.gone().await;
        outcome.elapsed = started.elapsed();
        trace::ran(&outcome.word(), outcome.calls);
        // It holds what tells the end.
        drop(caller);
        end.tell(&outcome);
        outcome
    }
}

impl Caller<'_> {
    /// A run by the agent's own steps.
    async fn steps(
        &self,
        input: Value,
        out: Option<PathBuf>,
        started: Instant,
        gate: Option<&Gate>,
        room: &Arc<Room>,
    ) -> RunOutcome {
        let agent = self.agent;
        let run = Run::new(self, agent, input, Out::new(out.unwrap_or_else(|| agent.output.clone())), room);
        let run = match gate {
            Some(gate) => run.through(gate),
            None => run,
        };
        let steps = dag::run(&agent.dag, OnFailure::Stop, |node| run.work(node));
        let progress = tokio::time::timeout_at(self.deadline.into(), steps).await;
        let states: Vec<State> = match &progress {
            Ok(progress) => agent.dag.nodes().filter_map(|node| progress.state(node)).collect(),
            Err(_) => Vec::new(),
        };
        // The run's timeout is its calls' deadline, too: whichever of the two is noticed first, it was the run's time that ended.
        let failed = states.iter().any(|state| matches!(state, State::Failed));
        let over = progress.is_err() || (failed && Instant::now() >= self.deadline);
        let late = over.then(|| self.over_time(started.elapsed()));
        drop(progress);
        run.finish(states, late, started.elapsed())
    }

    /// What stands before its calls.
    fn gate(&self, asks: &Arc<Asks>, approval: &Arc<Approval>) -> Gate {
        Gate::new(&self.agent.name, &self.owner, asks, approval, &self.host.0.events)
    }

    /// A run in which a model decides.
    async fn think(
        &self,
        mind: &Mind,
        task: &str,
        approval: Arc<Approval>,
        within: Option<Within>,
        room: Arc<Room>,
    ) -> RunOutcome {
        let (agent, started) = (self.agent, Instant::now());
        let depth = within.as_ref().map_or(0, |within| within.depth);
        let approval = Arc::new(approval.narrowed(mind.approve.timeout));
        let asks = Asks::new(mind.approve.clone(), within.as_ref().map(|within| Arc::clone(&within.asks)));
        let ceiling =
            || Ledger::ceiling(&agent.name, &self.owner, &self.host.0.config.budget).map(|ledger| (ledger, 100));
        let around = within.map(|within| (within.ledger, within.share)).or_else(ceiling);
        let ledger = Ledger::new(&agent.name, &self.owner, &mind.budget, around);
        let base = RunOutcome::begun(self.owner.run, agent);
        if depth > MOST_DEEP {
            let failure = Failure::new(Code::Budget, format!("{} would run too deep within other agents", agent.name))
                .why(format!("{depth} of {MOST_DEEP}"));
            return RunOutcome { failure: Some(failure), ..base };
        }
        // Of runs within another, it was looked at with that.
        if depth == 0
            && let Err(failure) = self.host.may_begin(agent)
        {
            return RunOutcome { failure: Some(failure), ..base };
        }
        let model = match self.host.model(&mind.models, mind.script.clone()) {
            Ok(model) => model,
            Err(failure) => return RunOutcome { failure: Some(failure), ..base },
        };
        let thinker = Thinker::new(self, mind, model, ledger, room, self.gate(&asks, &approval), depth);
        let ended = tokio::time::timeout_at(self.deadline.into(), thinker.work(task)).await;
        // The run's time is its calls' deadline, too: a model that was told so by a call answers in no time.
        let late = Instant::now() >= self.deadline;
        let ended = ended.ok().filter(|_| !late).unwrap_or_else(|| Err(self.over_time(started.elapsed())));
        let calls = self.made();
        mind::finish(thinker, ended, RunOutcome { calls, ..base })
    }

    fn over_time(&self, ran: Duration) -> Failure {
        let (limit, fix) = time(self.agent, &self.host.0.config.budget);
        let limit = format_duration(limit);
        Failure::new(Code::Budget, format!("the run of {} ran out of time", self.agent.name))
            .why(format!("{} of {limit}", format_duration(ran)))
            .fix(fix)
            .reached(format_duration(ran), limit)
    }
}

/// Counts a run as long as it is under way, also one that is dropped.
struct Counted<'a>(&'a Property<usize>);

impl<'a> Counted<'a> {
    fn new(runs: &'a Property<usize>) -> Self {
        runs.update(|runs| *runs += 1);
        Self(runs)
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.update(|runs| *runs = runs.saturating_sub(1));
    }
}

/// What a run is to do, as a text.
fn task_of(input: &Value) -> String {
    match input {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

impl RunOutcome {
    /// That of a run which has done nothing yet.
    fn begun(run: RunId, agent: &Agent) -> Self {
        Self {
            run,
            agent: agent.name.clone(),
            failure: None,
            answer: None,
            steps: Vec::new(),
            actions: Vec::new(),
            tasks: Vec::new(),
            spent: Spent::default(),
            files: Vec::new(),
            out: agent.output.clone(),
            calls: 0,
            failed_calls: 0,
            fuel: 0,
            elapsed: Duration::ZERO,
            results: BTreeMap::new(),
        }
    }

    /// `ok`, or the failure's kind.
    #[must_use]
    pub fn word(&self) -> String {
        self.failure.as_ref().map_or_else(|| "ok".to_owned(), |failure| failure.kind().to_string())
    }

    /// The exit code of the binary.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        self.failure.as_ref().map_or(0, |failure| failure.kind().exit_code())
    }
}

/// How long a run of an agent may take, and what would let it take longer.
fn time(agent: &Agent, ceiling: &Ceiling) -> (Duration, &'static str) {
    let own = agent.bounds.timeout;
    match ceiling.time {
        Some(most) if most < own => (most, "raise `[budget] time` in hotcell.toml, or give it less to do"),
        _ => (own, "raise `[run] timeout` in the agent's file, or give it less to do"),
    }
}

/// The word for where a node ended.
fn state(state: Option<&State>) -> (&'static str, Option<Node>) {
    match state {
        Some(State::Done) => ("done", None),
        Some(State::Failed) => ("failed", None),
        Some(State::Skipped { because }) => ("skipped", Some(*because)),
        Some(State::Waiting | State::Ready | State::Running) | None => ("unfinished", None),
    }
}

/// How a step's work ended, for the graph.
fn verdict(well: bool) -> Verdict {
    if well { Verdict::Done } else { Verdict::Failed }
}
