//! One run of an agent: its plan, driven step by step over the host's one path.
//!
//! The graph says what may start; a step resolves its templates against the results so far, makes its calls, and leaves a result.
//! The whole run is bounded: calls at a time, calls in all, time, and the size of what it holds. A step that fails as its agent
//! says ends the run: nothing new starts, and what runs is cancelled.

mod out;
mod room;
mod step;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hotcell_agent::Agent;
use hotcell_call::{AgentName, Code, Failure, Happening, RunId, StepId, format_duration};
use hotcell_flow::dag::{self, Node, OnFailure, State, Verdict};
use serde::Serialize;
use serde_json::Value;

use crate::host::Host;
use crate::session::out::Out;
use crate::session::step::Run;

/// What a run is given.
#[derive(Debug, Clone, Default)]
pub struct RunInput {
    /// What `{{input}}` is.
    pub value: Value,
    /// Where results are saved; none: where the agent says.
    pub out: Option<PathBuf>,
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
    /// Its steps, in the order of the file.
    pub steps: Vec<StepOutcome>,
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
    #[serde(rename = "elapsed_ms", serialize_with = "millis")]
    pub elapsed: Duration,
    /// What the steps left.
    #[serde(skip)]
    pub results: BTreeMap<StepId, Arc<Value>>,
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

impl Host {
    /// Runs an agent to its end.
    ///
    /// The outcome always comes; what went wrong stands in it. Dropping the future cancels the run with all its calls.
    pub async fn run(&self, agent: &Agent, input: RunInput) -> RunOutcome {
        let started = Instant::now();
        let folder = input.out.unwrap_or_else(|| agent.output.clone());
        let run = Run::new(self, agent, input.value, Out::new(folder), started);
        let begun = || Happening::RunStarted { agent: agent.name.to_string(), steps: agent.steps.len() };
        self.0.events.tell(None, Some(run.id), begun);
        let steps = dag::run(&agent.dag, OnFailure::Stop, |node| run.work(node));
        let progress = tokio::time::timeout(agent.bounds.timeout, steps).await;
        let states: Vec<State> = match &progress {
            Ok(progress) => agent.dag.nodes().filter_map(|node| progress.state(node)).collect(),
            Err(_) => Vec::new(),
        };
        // The run's timeout is its calls' deadline, too: whichever of the two is noticed first, it was the run's time that ended.
        let failed = states.iter().any(|state| matches!(state, State::Failed));
        let over = progress.is_err() || (failed && started.elapsed() >= agent.bounds.timeout);
        let late = over.then(|| over_time(agent, started.elapsed()));
        drop(progress);
        // A run is over when its calls are: what was ended a moment ago may still be on its way out.
        run.gone().await;
        let outcome = run.finish(states, late, started.elapsed());
        let word = outcome.failure.as_ref().map_or_else(|| "ok".to_owned(), |failure| failure.kind().to_string());
        self.0.events.tell(None, Some(outcome.run), || Happening::RunFinished { outcome: word });
        outcome
    }
}

impl RunOutcome {
    /// The exit code of the binary.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        self.failure.as_ref().map_or(0, |failure| failure.kind().exit_code())
    }
}

fn over_time(agent: &Agent, ran: Duration) -> Failure {
    let limit = format_duration(agent.bounds.timeout);
    Failure::new(Code::Budget, format!("the run of {} ran out of time", agent.name))
        .why(format!("{} of {limit}", format_duration(ran)))
        .fix("raise `[run] timeout` in the agent's file, or give it less to do")
        .reached(format_duration(ran), limit)
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

fn millis<S: serde::Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(duration.as_secs_f64() * 1e3)
}

/// How a step's work ended, for the graph.
fn verdict(well: bool) -> Verdict {
    if well { Verdict::Done } else { Verdict::Failed }
}
