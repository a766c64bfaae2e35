//! The fifth stage: whether a failed attempt is made again, and when.
//!
//! Not often: the failure must be one that passes, the effect must allow it, it is paid from a budget, it is charged to the rates, and
//! there must be time. What the host saw of the attempt counts for more than what the tool says of itself: one that used nothing
//! but its input can be repeated whatever it is called.

use std::time::Instant;

use hotcell_call::{Clock, Effects, Failure, Kind, Leave, Receipt};
use hotcell_flow::retry::{Policy, Seen, Verdict, judge, transient};
use hotcell_sandbox::Attempt;

use crate::admission::Admission;
use crate::config::retry::{MOST, USUAL};
use crate::intake::Ready;
use crate::timer::TokioTimer;

/// The attempts of one call.
pub(crate) struct Tries {
    most: u32,
    made: u32,
    /// Fuel charged for the attempts before this one.
    fuel: u64,
    /// What they used of the world.
    effects: Effects,
    last: Option<Box<Attempt>>,
}

impl Tries {
    pub(crate) fn new(ready: &Ready) -> Self {
        let set = ready.terms().retry.max;
        let most = match (ready.call().retries, set) {
            // Who asks gets it, up to what the operator set.
            (Some(asked), set) => asked.min(set.unwrap_or(MOST)),
            (None, set) => set.unwrap_or(USUAL),
        };
        let now = TokioTimer.now();
        if let Some(budget) = budget(ready, now, most) {
            budget.call(now);
        }
        Self { most, made: 0, fuel: 0, effects: Effects::default(), last: None }
    }

    /// Takes in the end of an attempt; says when to begin the next, if there is one.
    pub(crate) fn again(&mut self, ready: &Ready, admission: &Admission, attempt: &Attempt) -> Option<Instant> {
        self.made += 1;
        let failure = attempt.result.as_ref().err()?;
        let passes = if ready.call().retries.is_some() { may_differ } else { transient };
        let Verdict::Again { after } = judge(failure, passes, ready.effect(), seen(&attempt.receipt)) else {
            return None;
        };
        let now = TokioTimer.now();
        let policy: Policy = ready.terms().waits.attempting(self.most.saturating_add(1)).ok()?;
        let wait = policy.wait(self.made, rand::random())?.max(after.unwrap_or_default());
        // Whoever asks for more patience than there is asks for none.
        let start = now.checked_add(wait).filter(|_| wait <= policy.longest())?;
        if ready.deadline().is_some_and(|deadline| start >= deadline) {
            return None;
        }
        // What is everybody's comes last. Leave that was taken in vain is given back when the call has ended.
        ready.call().leave.as_ref().is_none_or(Leave::take).then_some(())?;
        budget(ready, now, self.most)?.withdraw(now).then_some(())?;
        admission.start(now, ready.tenant(), ready.terms()).ok()?;
        Some(start)
    }

    /// Keeps an attempt that is made again.
    pub(crate) fn keep(&mut self, attempt: Box<Attempt>) {
        // Its own charge alone: those before it are in the sum.
        self.fuel = self.fuel.saturating_add(attempt.receipt.fuel_charged());
        self.effects = self.effects.and(attempt.receipt.effects);
        self.last = Some(attempt);
    }

    /// The end of the call: that of its last attempt, with what all cost.
    pub(crate) fn finish(self, mut attempt: Box<Attempt>) -> Box<Attempt> {
        (attempt.receipt.attempts, attempt.receipt.fuel_before) = (self.made, self.fuel);
        attempt.receipt.effects = attempt.receipt.effects.and(self.effects);
        attempt.receipt.pure &= self.effects.is_empty();
        attempt
    }

    /// There was no further attempt, though one was meant to be made: then the last one stands, unless the caller ended it.
    pub(crate) fn refused(mut self, failure: Failure) -> Result<Box<Attempt>, Failure> {
        let cancelled = failure.kind() == Kind::Cancelled;
        match self.last.take() {
            Some(mut last) => {
                let own = last.receipt.fuel_charged();
                (last.receipt.attempts, last.receipt.fuel_before) = (self.made, self.fuel.saturating_sub(own));
                last.receipt.effects = self.effects;
                if cancelled {
                    last.result = Err(failure);
                }
                Ok(last)
            }
            None => Err(failure),
        }
    }
}

/// Outcomes that may be others next time, for callers who ask for it.
fn may_differ(failure: &Failure) -> bool {
    matches!(failure.kind(), Kind::Failed | Kind::TimedOut | Kind::Trapped(_) | Kind::Fault) || transient(failure)
}

/// Every effect passes through the host, so it is known whether anything was changed. To read twice does no harm.
fn seen(receipt: &Receipt) -> Seen {
    if receipt.effects.change() { Seen::Something } else { Seen::Nothing }
}

/// What retries of the call's tenant and tool are paid from; none where none is ever made.
fn budget(ready: &Ready, now: Instant, most: u32) -> Option<hotcell_flow::retry::Budget> {
    (most > 0).then(|| ready.terms().budgets.of(now, ready.tenant()))
}
