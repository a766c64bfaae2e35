//! One step of a run: resolve, call, keep.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hotcell_agent::{Agent, OnError, Scope, Step, Template, Work, weight, weight_of_text};
use hotcell_call::{ByteSize, Code, Failure, Happening, Kind, Outcome, Payload, StepId, Target};
use hotcell_flow::dag::{Node, State, Verdict};
use hotcell_flow::gather::gather;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::session::approve::Gate;
use crate::session::caller::{Caller, Wanted};
use crate::session::closing::Closing;
use crate::session::ledger::Spent;
use crate::session::out::Out;
use crate::session::room::{self, Held, Room, Share};
use crate::session::{RunOutcome, StepOutcome, state, verdict};

/// The steps of a run under way.
pub(super) struct Run<'a> {
    caller: &'a Caller<'a>,
    /// Whose steps they are: not always the agent that runs, for a plan is one of its own.
    agent: &'a Agent,
    input: Value,
    out: Out,
    stop: CancellationToken,
    /// Whether a step that failed ends only those that wait for it.
    goes_on: bool,
    /// What its calls must pass; none: nothing has to be asked for.
    gate: Option<&'a Gate>,
    room: Arc<Room>,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    results: BTreeMap<StepId, Arc<Value>>,
    tallies: BTreeMap<StepId, Tally>,
    failure: Option<Failure>,
    fuel: u64,
}

#[derive(Default, Clone)]
struct Tally {
    calls: u64,
    failed: u64,
    first: Option<Failure>,
}

impl<'a> Run<'a> {
    pub(super) fn new(caller: &'a Caller<'a>, agent: &'a Agent, input: Value, out: Out, room: &Arc<Room>) -> Self {
        Self {
            caller,
            agent,
            input,
            out,
            stop: CancellationToken::new(),
            goes_on: false,
            gate: None,
            room: Arc::clone(room),
            kept: Mutex::default(),
        }
    }

    /// The same, and a step that fails ends only those that wait for it.
    pub(super) fn going_on(mut self) -> Self {
        self.goes_on = true;
        self
    }

    /// The same, and its calls must be approved where that is said.
    pub(super) fn through(mut self, gate: &'a Gate) -> Self {
        self.gate = Some(gate);
        self
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self, what: impl FnOnce() -> Happening) {
        self.caller.host.0.events.tell(self.caller.owner.about(), what);
    }

    /// Does the work of one node.
    pub(super) async fn work(&self, node: Node) -> Verdict {
        let Some(step) = self.agent.step(node) else { return Verdict::Failed };
        let ended = |state| Happening::StepFinished { step: step.id.clone(), state };
        let ending = Closing::of(&self.caller.host.0.events, self.caller.owner.about(), ended("failed"));
        let done = self.stop.run_until_cancelled(self.step(step)).await;
        let cancelled = || Err(Failure::new(Code::Cancelled, format!("the step `{}` was cancelled", step.id)));
        let well = match done.unwrap_or_else(cancelled) {
            Ok(()) => true,
            Err(failure) if self.goes_on && !is_final(&failure) => {
                self.kept().tallies.entry(step.id.clone()).or_default().first.get_or_insert(failure);
                false
            }
            Err(failure) => {
                self.kept().failure.get_or_insert(failure);
                self.stop.cancel();
                false
            }
        };
        let state = if well { "done" } else { "failed" };
        ending.tell(ended(state));
        verdict(well)
    }

    async fn step(&self, step: &Step) -> Result<(), Failure> {
        let steps = self.kept().results.clone();
        let scope = Scope { input: &self.input, steps: &steps, item: None };
        let once = step.when.as_ref().filter(|when| !when.is_per_item());
        if let Some(when) = once
            && !when.holds(&scope)?
        {
            self.keep(&step.id, self.room.hold(Value::Null)?);
            return Ok(());
        }
        let result = match step.items(&scope, self.room.left())? {
            None => {
                self.tell(|| Happening::StepStarted { step: step.id.clone(), calls: 1 });
                self.one(step, scope).await?
            }
            Some(items) => {
                self.tell(|| Happening::StepStarted { step: step.id.clone(), calls: items.len() });
                let at_once = step.parallel.unwrap_or(self.agent.bounds.parallel);
                let made = matches!(items, Cow::Owned(_)).then(|| weight_of_all(&items));
                let _share = made.map(|size| self.room.take(size)).transpose()?;
                room::list(&self.room, self.each(step, scope, &items, at_once).await?)?
            }
        };
        if let Some(save) = step.save.as_ref().filter(|save| !save.is_per_item()) {
            self.out.write(save.path(&scope)?, &result.value).await?;
        }
        self.keep(&step.id, result);
        Ok(())
    }

    async fn each(
        &self,
        step: &Step,
        scope: Scope<'_>,
        items: &[Value],
        at_once: NonZeroUsize,
    ) -> Result<Vec<Held<'_>>, Failure> {
        let stop = CancellationToken::new();
        let results = gather(items, at_once, |place, item| {
            let scope = Scope { item: Some((place, item)), ..scope };
            let stop = &stop;
            async move {
                let gone = || Err(Failure::new(Code::Cancelled, format!("`{}` was stopped", step.id)));
                let result = stop.run_until_cancelled(self.one(step, scope)).await.unwrap_or_else(gone);
                if result.is_err() {
                    stop.cancel();
                }
                result
            }
        })
        .await;
        // The first failure in time is the cause; those after it were stopped because of it.
        let cause = |failure: &Failure| failure.code() != Code::Cancelled;
        if let Some(failure) = results.iter().filter_map(|result| result.as_ref().err()).find(|f| cause(f)) {
            return Err(failure.clone());
        }
        results.into_iter().collect()
    }

    /// The work of a step, once or for one item, with what its agent says of failures.
    async fn one(&self, step: &Step, scope: Scope<'_>) -> Result<Held<'_>, Failure> {
        let asked = step.when.as_ref().filter(|when| when.is_per_item());
        if let Some(when) = asked
            && !when.holds(&scope)?
        {
            return self.room.hold(Value::Null);
        }
        let result = match &step.work {
            Work::Value(template) => self.made(template, &scope),
            Work::Call { target, with } => match self.input(target, with, &scope) {
                Ok((input, _share)) => self.call(step, target, input).await,
                Err(failure) => Err(failure),
            },
        };
        let result = match (result, &step.on_error) {
            (Err(failure), _) if is_final(&failure) => return Err(failure),
            (Err(failure), OnError::Stop) => return Err(in_step(step, failure)),
            (Err(_), OnError::Skip) => self.room.hold(Value::Null)?,
            (Err(_), OnError::Default(template)) => self.made(template, &scope)?,
            (Ok(value), _) => value,
        };
        if let Some(save) = step.save.as_ref().filter(|save| save.is_per_item()) {
            self.out.write(save.path(&scope)?, &result.value).await?;
        }
        Ok(result)
    }

    fn made(&self, template: &Template, scope: &Scope<'_>) -> Result<Held<'_>, Failure> {
        self.room.hold(template.held(scope, self.room.left())?)
    }

    /// The input of a call, as text: many calls may wait with theirs.
    fn input(&self, target: &Target, with: &Template, scope: &Scope<'_>) -> Result<(Payload, Share<'_>), Failure> {
        let most = self.caller.host.config().for_tool(&target.tool).0.input;
        let input = Payload::new(with.resolve(scope, most)?.to_string());
        let share = self.room.take(input.size())?;
        Ok((input, share))
    }

    async fn call(&self, step: &Step, target: &Target, input: Payload) -> Result<Held<'_>, Failure> {
        let agreed = match self.gate {
            Some(gate) => gate.pass(self.caller, target, &input).await?,
            None => None,
        };
        let wanted = Wanted { id: None, target, input, retries: step.retry, agreed };
        let outcome = self.caller.call(wanted, |outcome| self.count(step, outcome)).await?;
        self.read(target, &outcome.result?)
    }

    fn count(&self, step: &Step, outcome: &Outcome) {
        let mut kept = self.kept();
        kept.fuel = kept.fuel.saturating_add(outcome.receipt.fuel_charged());
        let tally = kept.tallies.entry(step.id.clone()).or_default();
        tally.calls += u64::from(outcome.receipt.attempts.max(1));
        if let Err(failure) = &outcome.result {
            tally.failed += 1;
            tally.first.get_or_insert_with(|| failure.clone());
        }
    }

    /// The value of an answer, paid for before it is made.
    fn read(&self, target: &Target, answer: &Payload) -> Result<Held<'_>, Failure> {
        let share = self.room.take(weight_of_text(answer.as_str()))?;
        let value = serde_json::from_str(answer.as_str()).map_err(|error| {
            Failure::new(Code::InvalidResult, format!("the result of {target} is not JSON")).caused_by(error)
        })?;
        Ok(share.holds(value))
    }

    fn keep(&self, step: &StepId, result: Held<'_>) {
        self.kept().results.insert(step.clone(), Arc::new(result.for_good()));
    }

    /// What is left when all is over.
    pub(super) fn finish(self, states: Vec<State>, late: Option<Failure>, elapsed: Duration) -> RunOutcome {
        let kept = self.kept.into_inner().unwrap_or_else(PoisonError::into_inner);
        let name = |node: Node| self.agent.step(node).map(|step| step.id.clone());
        let steps = self.agent.steps.iter().enumerate().map(|(place, step)| {
            let (state, because) = state(states.get(place));
            let tally = kept.tallies.get(&step.id).cloned().unwrap_or_default();
            StepOutcome {
                step: step.id.clone(),
                state,
                because: because.and_then(name),
                calls: tally.calls,
                failed_calls: tally.failed,
                first_failure: tally.first,
            }
        });
        let steps: Vec<StepOutcome> = steps.collect();
        let (folder, files) = self.out.finish();
        RunOutcome {
            run: self.caller.owner.run,
            agent: self.agent.name.clone(),
            answer: None,
            actions: Vec::new(),
            tasks: Vec::new(),
            spent: Spent::default(),
            failure: late.or(kept.failure),
            calls: steps.iter().map(|step| step.calls).sum(),
            failed_calls: steps.iter().map(|step| step.failed_calls).sum(),
            steps,
            files,
            out: folder,
            fuel: kept.fuel,
            elapsed,
            results: kept.results,
        }
    }
}

/// Ends the run whatever the step says: there is nothing that could go on.
fn is_final(failure: &Failure) -> bool {
    matches!(failure.kind(), Kind::OverBudget | Kind::Cancelled)
}

/// Says in which step it was, and keeps everything else.
fn in_step(step: &Step, failure: Failure) -> Failure {
    let why = match failure.reason() {
        "" => format!("in the step `{}`", step.id),
        why => format!("{why} (in the step `{}`)", step.id),
    };
    failure.why(why)
}

fn weight_of_all(items: &[Value]) -> ByteSize {
    ByteSize::bytes(items.iter().map(|item| weight(item).as_u64()).sum())
}
