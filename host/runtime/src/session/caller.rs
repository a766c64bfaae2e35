//! The calls of one run: down the host's one path, within the bounds of the run.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use hotcell_agent::Agent;
use hotcell_call::{CallId, Code, Failure, Kind, Outcome, Payload, Refusal, RunId, Target, ToolCall};
use tokio::sync::Semaphore;
use tokio_util::task::{AbortOnDropHandle, TaskTracker};

use crate::host::Host;

/// Makes the calls of a run.
pub(super) struct Caller<'a> {
    pub(super) run: RunId,
    pub(super) host: &'a Host,
    pub(super) agent: &'a Agent,
    pub(super) deadline: Instant,
    /// Calls at a time, over all that the run does at once.
    slots: Semaphore,
    calls: AtomicU64,
    tasks: TaskTracker,
}

impl<'a> Caller<'a> {
    pub(super) fn new(host: &'a Host, agent: &'a Agent, run: RunId, deadline: Instant) -> Self {
        let slots = Semaphore::new(agent.bounds.parallel.get().min(Semaphore::MAX_PERMITS));
        Self { run, host, agent, deadline, slots, calls: AtomicU64::new(0), tasks: TaskTracker::new() }
    }

    /// Makes a call, and makes it again when the host says that it has too much to do: a run is slowed down by that, and does not
    /// fail. `ended` hears of each call that was made, also of those before the last. All have the id that is given, if one is.
    ///
    /// # Errors
    ///
    /// [`Code::Budget`] when the run may make no more calls.
    pub(super) async fn call(
        &self,
        id: Option<CallId>,
        target: &Target,
        input: Payload,
        retries: Option<u32>,
        ended: impl Fn(&Outcome),
    ) -> Result<Outcome, Failure> {
        loop {
            let (outcome, made) = self.attempt(id, target, input.clone(), retries).await?;
            if made {
                ended(&outcome);
            }
            let Some(wait) = outcome.result.as_ref().err().and_then(|failure| self.patience(failure)) else {
                return Ok(outcome);
            };
            // Those who were refused together do not come back together.
            tokio::time::sleep(wait.mul_f64(1.0 + rand::random::<f64>())).await;
        }
    }

    /// How long to wait at the least before a call that was refused is offered again; none where that is of no use, or where
    /// twice as long would be too long.
    fn patience(&self, failure: &Failure) -> Option<Duration> {
        let passes = matches!(failure.kind(), Kind::Refused(Refusal::Rate | Refusal::Quota | Refusal::Overloaded));
        let wait = failure.wait().filter(|_| passes && failure.code() != Code::Draining)?;
        (wait.saturating_mul(2) < self.deadline.saturating_duration_since(Instant::now())).then_some(wait)
    }

    async fn attempt(
        &self,
        id: Option<CallId>,
        target: &Target,
        input: Payload,
        retries: Option<u32>,
    ) -> Result<(Outcome, bool), Failure> {
        let slot = self.slots.acquire().await;
        let made = self.calls.fetch_add(1, Ordering::Relaxed);
        let most = self.agent.bounds.max_calls;
        let Some(left) = most.checked_sub(made.saturating_add(1)) else {
            return Err(Failure::new(Code::Budget, format!("the run of {} made all its calls", self.agent.name))
                .why(format!("{most} of {most}"))
                .fix("raise `[budget] calls` in the agent's file")
                .reached(most, most));
        };
        let call = self.prepared(id, target, input, retries, left);
        // A task of its own, so that calls of one run use all cores; it ends with this future.
        let host = self.host.clone();
        let task = AbortOnDropHandle::new(self.tasks.spawn(async move { host.call(call).await }));
        let outcome = task
            .await
            .map_err(|error| Failure::new(Code::Fault, format!("the call of {target} broke")).caused_by(error))?;
        drop(slot);
        match outcome.receipt.attempts {
            // Offered and not taken: no call was made.
            0 if outcome.result.as_ref().is_err_and(|failure| self.patience(failure).is_some()) => {
                self.calls.fetch_sub(1, Ordering::Relaxed);
                Ok((outcome, false))
            }
            attempts => {
                self.calls.fetch_add(u64::from(attempts.saturating_sub(1)), Ordering::Relaxed);
                Ok((outcome, true))
            }
        }
    }

    /// Waits until no call of the run is under way any more; nobody waits for those that still are.
    pub(super) async fn gone(&self) {
        self.tasks.close();
        self.tasks.wait().await;
    }

    fn prepared(
        &self,
        id: Option<CallId>,
        target: &Target,
        input: Payload,
        retries: Option<u32>,
        left: u64,
    ) -> ToolCall {
        let mut call = self.host.next_call(target.clone(), input);
        call.id = id.unwrap_or(call.id);
        call.run = Some(self.run);
        call.limits = self.agent.limits(&target.tool);
        call.wants = self.agent.wants(&target.tool);
        call.priority = self.agent.schedule.priority;
        call.deadline = Some(self.agent.schedule.deadline(Instant::now(), self.deadline));
        // What the host makes again counts as calls of the run.
        let left = u32::try_from(left).unwrap_or(u32::MAX);
        call.retries = retries.or(self.agent.schedule.retries).map(|asked| asked.min(left));
        call
    }

    /// Calls that were made so far, retries included.
    pub(super) fn made(&self) -> u64 {
        self.calls.load(Ordering::Relaxed).min(self.agent.bounds.max_calls)
    }
}
