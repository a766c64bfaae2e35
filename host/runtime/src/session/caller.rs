//! The calls of one run: down the host's one path, within the bounds of the run.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use hotcell_agent::Agent;
use hotcell_call::{
    AgentName, CallId, Code, Failure, Foreseen, Kind, Leave, Outcome, Payload, Refusal, Target, ToolCall,
};
use tokio::sync::Semaphore;
use tokio_util::task::{AbortOnDropHandle, TaskTracker};

use crate::host::Host;
use crate::session::Owner;
use crate::session::end::UnderWay;
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
    pub(super) under_way: Arc<UnderWay>,
    tasks: TaskTracker,
}

/// A call that is wanted.
pub(super) struct Wanted<'w> {
    /// The id that it has, if it is known already; also where it is offered again.
    pub(super) id: Option<CallId>,
    pub(super) target: &'w Target,
    pub(super) input: Payload,
    /// How often it may be made again; none: as the agent says.
    pub(super) retries: Option<u32>,
    /// As what it was let through; none: nothing has to be asked for.
    pub(super) agreed: Option<Foreseen>,
}

/// The calls of a run, and those of the runs around it that count them too. An attempt is counted before it is made, so that calls side
/// by side make no more together than there may be.
pub(super) struct Count {
    agent: AgentName,
    made: AtomicU64,
    most: u64,
    /// In percent, of what the run around had left: where that is why there are no more.
    share: Option<u8>,
    around: Option<Arc<Count>>,
}

impl Count {
    /// Of a run that may make so many; of one within another, so much of what is left there, in percent.
    pub(super) fn new(agent: &AgentName, most: u64, around: Option<(Arc<Self>, u8)>) -> Arc<Self> {
        let part = |left: u64, share: u8| u64::try_from(u128::from(left) * u128::from(share) / 100).unwrap_or(left);
        let given = around.as_ref().map(|(count, share)| (part(count.left(), *share), *share));
        let given = given.filter(|(given, _)| *given < most);
        let (most, share) = given.map_or((most, None), |(given, share)| (given, Some(share)));
        let around = around.map(|(count, _)| count);
        Arc::new(Self { agent: agent.clone(), made: AtomicU64::new(0), most, share, around })
    }

    fn left(&self) -> u64 {
        let around = self.around.as_ref().map_or(u64::MAX, |count| count.left());
        self.most.saturating_sub(self.made.load(Ordering::Relaxed)).min(around)
    }

    /// Counts one that will be made, here and in all runs around.
    ///
    /// # Errors
    ///
    /// The count of which none is left.
    fn take(&self) -> Result<(), &Self> {
        let more = |made: u64| (made < self.most).then_some(made + 1);
        self.made.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).map_err(|_| self)?;
        let taken = self.around.as_ref().map_or(Ok(()), |around| around.take());
        if taken.is_err() {
            self.made.fetch_sub(1, Ordering::Relaxed);
        }
        taken
    }

    /// That none is left.
    fn spent(&self, operators: Option<u64>) -> Failure {
        let (agent, most) = (&self.agent, self.most);
        let failure = Failure::new(Code::Budget, format!("the run of {agent} made all its calls")).reached(most, most);
        match (self.share, &self.around) {
            (Some(share), Some(around)) => failure
                .why(format!("{most} of {most}, {share} % of what {} had left", around.agent))
                .fix(format!("raise `share` of {agent}, or `[budget] calls` of {}", around.agent)),
            _ => {
                let file = if operators == Some(most) { "hotcell.toml" } else { "the agent's file" };
                failure.why(format!("{most} of {most}")).fix(format!("raise `[budget] calls` in {file}"))
            }
        }
    }

    fn take_back(&self, calls: u64) {
        self.made.fetch_sub(calls, Ordering::Relaxed);
        if let Some(around) = &self.around {
            around.take_back(calls);
        }
    }
}

/// What was counted for one call: for its first attempt, and for each that it had leave for.
struct Taken {
    count: Arc<Count>,
    attempts: AtomicU64,
}

impl Taken {
    fn first(count: &Arc<Count>) -> Result<Arc<Self>, &Count> {
        count.take()?;
        Ok(Arc::new(Self { count: Arc::clone(count), attempts: AtomicU64::new(1) }))
    }

    fn again(&self) -> bool {
        let may = self.count.take().is_ok();
        self.attempts.fetch_add(u64::from(may), Ordering::Relaxed);
        may
    }

    /// So many it was: those that were not made after all are given back.
    fn settle(&self, made: u64) {
        self.count.take_back(self.attempts.load(Ordering::Relaxed).saturating_sub(made));
    }
}

impl<'a> Caller<'a> {
    pub(super) fn new(
        host: &'a Host,
        agent: &'a Agent,
        owner: Owner,
        deadline: Instant,
        count: Arc<Count>,
        under_way: Arc<UnderWay>,
    ) -> Self {
        let slots = Semaphore::new(agent.bounds.parallel.get().min(Semaphore::MAX_PERMITS));
        Self { owner, host, agent, deadline, slots, count, under_way, tasks: TaskTracker::new() }
    }

    /// Makes a call, and makes it again when the host says that it has too much to do: a run is slowed down by that, and does not
    /// fail. `ended` hears of each call that was made, also of those before the last.
    ///
    /// # Errors
    ///
    /// [`Code::Budget`] when the run may make no more calls.
    pub(super) async fn call(&self, wanted: Wanted<'_>, ended: impl Fn(&Outcome)) -> Result<Outcome, Failure> {
        loop {
            let (outcome, made) = self.attempt(&wanted).await?;
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

    async fn attempt(&self, wanted: &Wanted<'_>) -> Result<(Outcome, bool), Failure> {
        let slot = self.slots.acquire().await;
        let taken = Taken::first(&self.count).map_err(|count| count.spent(self.host.config().budget.calls))?;
        let call = self.prepared(wanted, &taken);
        // A task of its own, so that calls of one run use all cores; it ends with this future.
        let (host, under_way) = (self.host.clone(), Arc::clone(&self.under_way));
        let task = AbortOnDropHandle::new(self.tasks.spawn(trace::along(async move {
            // Declared first, so that it goes last.
            let _under_way = under_way;
            host.call(call).await
        })));
        let broke = |error| Failure::new(Code::Fault, format!("the call of {} broke", wanted.target)).caused_by(error);
        let outcome = task.await.map_err(broke)?;
        drop(slot);
        // Offered and not taken: no call was made.
        let offered = outcome.receipt.attempts == 0
            && outcome.result.as_ref().is_err_and(|failure| self.patience(failure).is_some());
        taken.settle(if offered { 0 } else { u64::from(outcome.receipt.attempts.max(1)) });
        Ok((outcome, !offered))
    }

    /// Waits until no call of the run is under way any more; nobody waits for those that still are.
    pub(super) async fn gone(&self) {
        self.tasks.close();
        self.tasks.wait().await;
    }

    fn prepared(&self, wanted: &Wanted<'_>, taken: &Arc<Taken>) -> ToolCall {
        let target = wanted.target;
        let mut call = self.host.next_call(target.clone(), wanted.input.clone());
        call.tenant = self.owner.tenant.clone();
        call.id = wanted.id.unwrap_or(call.id);
        call.run = Some(self.owner.run);
        call.limits = self.agent.limits(&target.tool);
        call.wants = self.agent.wants(&target.tool);
        call.priority = self.agent.schedule.priority;
        call.deadline = Some(self.agent.schedule.deadline(Instant::now(), self.deadline));
        call.retries = wanted.retries.or(self.agent.schedule.retries);
        let taken = Arc::clone(taken);
        call.leave = Some(Leave::of(move || taken.again()));
        call.agreed.clone_from(&wanted.agreed);
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

    fn name(name: &str) -> AgentName {
        name.parse().unwrap()
    }

    #[test]
    fn calls_count_in_all_runs_around_and_no_share_is_spent_twice() {
        let outer = Count::new(&name("outer"), 10, None);
        assert!(outer.take().is_ok());
        let (one, other) = (
            Count::new(&name("one"), 100, Some((Arc::clone(&outer), 80))),
            Count::new(&name("other"), 100, Some((Arc::clone(&outer), 80))),
        );
        assert_eq!((one.most, other.most), (7, 7));
        let taken = |count: &Count| std::iter::from_fn(|| count.take().ok()).count();
        assert_eq!((taken(&one), taken(&other), outer.take().is_ok()), (7, 2, false));
        assert_eq!((one.made.load(Ordering::Relaxed), other.made.load(Ordering::Relaxed), outer.left()), (7, 2, 0));
        let told = |count: &Count| count.take().unwrap_err().spent(None).to_string();
        assert!(
            told(&one).contains("the run of one made all its calls")
                && told(&one).contains("7 of 7, 80 % of what outer")
        );
        assert!(told(&other).contains("the run of outer made all its calls"), "{}", told(&other));
        one.take_back(1);
        assert_eq!((other.take().is_ok(), outer.take().is_ok()), (true, false));
    }

    #[test]
    fn attempts_that_were_not_made_after_all_are_given_back() {
        let count = Count::new(&name("one"), 3, None);
        let first = |count| Taken::first(count).ok().unwrap();
        let (one, other) = (first(&count), first(&count));
        assert_eq!((one.again(), other.again(), Taken::first(&count).is_err()), (true, false, true));
        one.settle(1);
        assert_eq!((other.again(), count.left()), (true, 0));
        other.settle(0);
        assert_eq!(count.left(), 2);
    }
}
