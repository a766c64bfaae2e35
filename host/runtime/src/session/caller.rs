//! The calls of one run: down the host's one path, within the bounds of the run.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use hotcell_agent::Agent;
use hotcell_call::{CallId, Code, Failure, Kind, Outcome, Payload, Refusal, Target, ToolCall};
use tokio::sync::Semaphore;
use tokio_util::task::{AbortOnDropHandle, TaskTracker};

use crate::host::Host;
use crate::session::Owner;
use crate::trace;

/// Makes the calls of a run.
pub(super) struct Caller<'a> {
    pub(super) owner: Owner,
    pub(super) host: &'a Host,
    pub(super) agent: &'a Agent,
    pub(super) deadline: Instant,
    /// Calls at a time, over all that the run does at once.
    slots: Semaphore,
    pub(super) count: Arc<Count>,
    tasks: TaskTracker,
}

/// The calls of a run, and those of the runs around it that count them too.
pub(super) struct Count {
    made: AtomicU64,
    most: u64,
    around: Option<Arc<Count>>,
}

impl Count {
    /// Of a run that may make so many; of one within another, so much of what is left there, in percent.
    pub(super) fn new(most: u64, around: Option<(Arc<Self>, u8)>) -> Arc<Self> {
        let part = |left: u64, share: u8| u64::try_from(u128::from(left) * u128::from(share) / 100).unwrap_or(left);
        let most = around.as_ref().map_or(most, |(count, share)| most.min(part(count.left(), *share)));
        Arc::new(Self { made: AtomicU64::new(0), most, around: around.map(|(count, _)| count) })
    }

    fn left(&self) -> u64 {
        let around = self.around.as_ref().map_or(u64::MAX, |count| count.left());
        self.most.saturating_sub(self.made.load(Ordering::Relaxed)).min(around)
    }

    /// Counts calls that were made, here and in all runs around.
    fn add(&self, calls: u64) {
        self.made.fetch_add(calls, Ordering::Relaxed);
        if let Some(around) = &self.around {
            around.add(calls);
        }
    }

    fn take_back(&self) {
        self.made.fetch_sub(1, Ordering::Relaxed);
        if let Some(around) = &self.around {
            around.take_back();
        }
    }

    /// Counts one that will be made; gives how many are left after it. None: there is none left, here or around.
    fn take(&self) -> Option<u64> {
        let made = self.made.fetch_add(1, Ordering::Relaxed) + 1;
        let around = self.around.as_ref().map_or(Some(u64::MAX), |around| around.take());
        match (self.most.checked_sub(made), around) {
            (Some(left), Some(around)) => Some(left.min(around)),
            (_, around) => {
                self.made.fetch_sub(1, Ordering::Relaxed);
                if let (Some(count), Some(_)) = (&self.around, around) {
                    count.take_back();
                }
                None
            }
        }
    }
}

impl<'a> Caller<'a> {
    pub(super) fn new(host: &'a Host, agent: &'a Agent, owner: Owner, deadline: Instant, count: Arc<Count>) -> Self {
        let slots = Semaphore::new(agent.bounds.parallel.get().min(Semaphore::MAX_PERMITS));
        Self { owner, host, agent, deadline, slots, count, tasks: TaskTracker::new() }
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
        let most = self.count.most;
        let Some(left) = self.count.take() else {
            let operators = self.host.config().budget.calls == Some(most);
            let file = if operators { "hotcell.toml" } else { "the agent's file" };
            return Err(Failure::new(Code::Budget, format!("the run of {} made all its calls", self.agent.name))
                .why(format!("{most} of {most}"))
                .fix(format!("raise `[budget] calls` in {file}"))
                .reached(most, most));
        };
        let call = self.prepared(id, target, input, retries, left);
        // A task of its own, so that calls of one run use all cores; it ends with this future.
        let host = self.host.clone();
        let task = AbortOnDropHandle::new(self.tasks.spawn(trace::along(async move { host.call(call).await })));
        let outcome = task
            .await
            .map_err(|error| Failure::new(Code::Fault, format!("the call of {target} broke")).caused_by(error))?;
        drop(slot);
        match outcome.receipt.attempts {
            // Offered and not taken: no call was made.
            0 if outcome.result.as_ref().is_err_and(|failure| self.patience(failure).is_some()) => {
                self.count.take_back();
                Ok((outcome, false))
            }
            attempts => {
                self.count.add(u64::from(attempts.saturating_sub(1)));
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
        call.tenant = self.owner.tenant.clone();
        call.id = id.unwrap_or(call.id);
        call.run = Some(self.owner.run);
        call.limits = self.agent.limits(&target.tool);
        call.wants = self.agent.wants(&target.tool);
        call.priority = self.agent.schedule.priority;
        call.deadline = Some(self.agent.schedule.deadline(Instant::now(), self.deadline));
        // What the host makes again counts as calls of the run.
        let left = u32::try_from(left).unwrap_or(u32::MAX);
        call.retries = retries.or(self.agent.schedule.retries).map(|asked| asked.min(left));
        call
    }

    /// Calls that were made so far, retries and those of runs within this one included.
    pub(super) fn made(&self) -> u64 {
        self.count.made.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_count_in_all_runs_around_and_no_share_is_spent_twice() {
        let outer = Count::new(10, None);
        assert_eq!(outer.take(), Some(9));
        let (one, other) =
            (Count::new(100, Some((Arc::clone(&outer), 80))), Count::new(100, Some((Arc::clone(&outer), 80))));
        assert_eq!((one.most, other.most), (7, 7));
        let taken = |count: &Count| std::iter::from_fn(|| count.take()).count();
        assert_eq!((taken(&one), taken(&other), outer.take()), (7, 2, None));
        assert_eq!((one.made.load(Ordering::Relaxed), other.made.load(Ordering::Relaxed), outer.left()), (7, 2, 0));
        one.take_back();
        assert_eq!((other.take(), outer.take()), (Some(0), None));
    }
}
