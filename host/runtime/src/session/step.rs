//! One step of a run: resolve, call, keep.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use hotcell_agent::{Agent, OnError, Scope, Step, Template, Work, weight, weight_of_text};
use hotcell_call::{ByteSize, Code, Failure, Happening, Kind, Outcome, Payload, Refusal, RunId, StepId, Target};
use hotcell_flow::dag::{Node, State, Verdict};
use hotcell_flow::gather::gather;
use serde_json::Value;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::{AbortOnDropHandle, TaskTracker};

use crate::host::Host;
use crate::session::out::Out;
use crate::session::room::{self, Held, Room, Share};
use crate::session::{RunOutcome, StepOutcome, state, verdict};

/// What all results of a run may take together in memory.
const MOST_RESULTS: ByteSize = ByteSize::mib(512);

/// A run under way.
pub(super) struct Run<'a> {
    pub(super) id: RunId,
    host: &'a Host,
    agent: &'a Agent,
    input: Value,
    out: Out,
    deadline: Instant,
    /// Calls at a time, over all steps.
    slots: Semaphore,
    calls: AtomicU64,
    /// The calls under way: those of a run that is over are ended, but not at once.
    tasks: TaskTracker,
    stop: CancellationToken,
    room: Room,
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
    pub(super) fn new(host: &'a Host, agent: &'a Agent, input: Value, out: Out, started: Instant) -> Self {
        Self {
            id: Host::next_run(),
            host,
            agent,
            input,
            out,
            deadline: started + agent.bounds.timeout,
            tasks: TaskTracker::new(),
            slots: Semaphore::new(agent.bounds.parallel.get().min(Semaphore::MAX_PERMITS)),
            calls: AtomicU64::new(0),
            stop: CancellationToken::new(),
            room: Room::new(MOST_RESULTS),
            kept: Mutex::default(),
        }
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self, what: impl FnOnce() -> Happening) {
        self.host.0.events.tell(None, Some(self.id), what);
    }

    /// Does the work of one node.
    pub(super) async fn work(&self, node: Node) -> Verdict {
        let Some(step) = self.agent.step(node) else { return Verdict::Failed };
        let done = self.stop.run_until_cancelled(self.step(step)).await;
        let cancelled = || Err(Failure::new(Code::Cancelled, format!("the step `{}` was cancelled", step.id)));
        let well = match done.unwrap_or_else(cancelled) {
            Ok(()) => true,
            Err(failure) => {
                self.kept().failure.get_or_insert(failure);
                self.stop.cancel();
                false
            }
        };
        let state = if well { "done" } else { "failed" };
        self.tell(|| Happening::StepFinished { step: step.id.clone(), state });
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
        let most = self.host.config().for_tool(&target.tool).0.input;
        let input = Payload::new(with.resolve(scope, most)?.to_string());
        let share = self.room.take(input.size())?;
        Ok((input, share))
    }

    /// Calls, and calls again when the host says that it has too much to do: a run is slowed down by that, and does not fail.
    async fn call(&self, step: &Step, target: &Target, input: Payload) -> Result<Held<'_>, Failure> {
        loop {
            let outcome = self.attempt(step, target, input.clone()).await?;
            let failure = match outcome.result {
                Ok(answer) => return self.read(target, &answer),
                Err(failure) => failure,
            };
            let Some(wait) = self.patience(&failure) else { return Err(failure) };
            // Those who were refused together do not come back together.
            tokio::time::sleep(wait.mul_f64(1.0 + rand::random::<f64>())).await;
        }
    }

    /// Whether a call that was refused is offered again.
    fn will_wait(&self, outcome: &Outcome) -> bool {
        outcome.result.as_ref().is_err_and(|failure| self.patience(failure).is_some())
    }

    /// How long to wait at the least before a call that was refused is offered again; none where that is of no use, or where
    /// twice as long would be too long.
    fn patience(&self, failure: &Failure) -> Option<Duration> {
        let passes = matches!(failure.kind(), Kind::Refused(Refusal::Rate | Refusal::Quota | Refusal::Overloaded));
        let wait = failure.wait().filter(|_| passes && failure.code() != Code::Draining)?;
        (wait.saturating_mul(2) < self.deadline.saturating_duration_since(Instant::now())).then_some(wait)
    }

    async fn attempt(&self, step: &Step, target: &Target, input: Payload) -> Result<Outcome, Failure> {
        let slot = self.slots.acquire().await;
        let made = self.calls.fetch_add(1, Ordering::Relaxed);
        let most = self.agent.bounds.max_calls;
        let Some(left) = most.checked_sub(made.saturating_add(1)) else {
            return Err(Failure::new(Code::Budget, format!("the run of {} made all its calls", self.agent.name))
                .why(format!("{most} of {most}"))
                .fix("raise `[run] max_calls` in the agent's file")
                .reached(most, most));
        };
        let mut call = self.host.next_call(target.clone(), input);
        call.run = Some(self.id);
        call.limits = self.agent.limits(&target.tool);
        call.wants = self.agent.wants(&target.tool);
        call.priority = self.agent.schedule.priority;
        call.deadline = Some(self.agent.schedule.deadline(Instant::now(), self.deadline));
        // What the host makes again counts as calls of the run.
        let left = u32::try_from(left).unwrap_or(u32::MAX);
        call.retries = step.retry.or(self.agent.schedule.retries).map(|asked| asked.min(left));
        // A task of its own, so that calls of one run use all cores; it ends with this future.
        let host = self.host.clone();
        let task = AbortOnDropHandle::new(self.tasks.spawn(async move { host.call(call).await }));
        let outcome = task
            .await
            .map_err(|error| Failure::new(Code::Fault, format!("the call of {target} broke")).caused_by(error))?;
        drop(slot);
        match outcome.receipt.attempts {
            // Offered and not taken: no call was made.
            0 if self.will_wait(&outcome) => {
                self.calls.fetch_sub(1, Ordering::Relaxed);
                return Ok(outcome);
            }
            attempts => self.calls.fetch_add(u64::from(attempts.saturating_sub(1)), Ordering::Relaxed),
        };
        self.count(step, &outcome);
        Ok(outcome)
    }

    /// Waits until no call of the run is under way any more; nobody waits for those that still are.
    pub(super) async fn gone(&self) {
        self.tasks.close();
        self.tasks.wait().await;
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
            run: self.id,
            agent: self.agent.name.clone(),
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
