//! A second attempt beside the first, when the first is late.
//!
//! Where run times have a long tail, the slowest call in twenty sets the pace of whatever waits for twenty. To ask a
//! second time once the first answer is later than most are, and to take whichever comes first, cuts the tail for a few
//! per cent more work (Dean & Barroso, *The Tail at Scale*, 2013). So the delay should be the 95th percentile of the run
//! times; whoever measures them says it.
//!
//! Two attempts run at the same time, so this is for calls that depend on their input alone: anything but
//! [`Effect::Pure`] gets its one attempt and nothing more. And it is paid from a [`Budget`], like retries: when everything is
//! late, everything is over its percentile, and hedging would double the load just then.
//!
//! The attempt that loses is dropped, and must free by that what it holds.
//!
//! ```
//! use std::time::Duration;
//!
//! use hotcell_call::Effect;
//! use hotcell_flow::Timer;
//! use hotcell_flow::hedge::Hedge;
//!
//! async fn call(timer: &dyn Timer) -> Result<u32, ()> {
//!     let hedge = Hedge { delay: Duration::from_millis(20), effect: Effect::Pure, timer, budget: None };
//!     hedge.run(async |attempt| Ok(attempt)).await
//! }
//! ```

use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use futures::future::{Either, select};
use hotcell_call::Effect;

use crate::Timer;
use crate::retry::Budget;

/// What the attempts of one call go by.
#[derive(Clone, Copy)]
#[expect(missing_debug_implementations, reason = "a timer has nothing to show")]
pub struct Hedge<'a> {
    /// How late the first may be before there is a second.
    pub delay: Duration,
    /// What the call does; only what is pure is made twice.
    pub effect: Effect,
    /// What waits.
    pub timer: &'a dyn Timer,
    /// What second attempts are paid from; without one they are free.
    pub budget: Option<&'a Budget>,
}

impl Hedge<'_> {
    /// Runs `attempt`, and once more if the first is late; gives whichever answer comes first. `attempt` is told how many
    /// came before it: 0 or 1.
    ///
    /// An error of one of two is not the answer while the other still runs. An error before the second began is: to try
    /// again is for [`retry`](crate::retry).
    ///
    /// Safe to cancel: dropped, both are.
    ///
    /// # Errors
    ///
    /// That of the first attempt, when none had an answer.
    pub async fn run<T, E, F>(&self, mut attempt: impl FnMut(u32) -> F) -> Result<T, E>
    where
        F: Future<Output = Result<T, E>>,
    {
        let now = self.timer.now();
        if let Some(budget) = self.budget {
            budget.call(now);
        }
        let mut first = pin!(attempt(0));
        let late = now.checked_add(self.delay).filter(|_| self.effect == Effect::Pure);
        let Some(late) = late else {
            return first.await;
        };
        // What comes together with the delay has come: no second is started for it.
        if let Either::Left((result, _)) = select(first.as_mut(), self.timer.sleep_until(late)).await {
            return result;
        }
        if self.budget.is_some_and(|budget| !budget.withdraw(self.timer.now())) {
            return first.await;
        }
        let second = pin!(attempt(1));
        match select(first, second).await {
            Either::Left((Ok(value), _)) | Either::Right((Ok(value), _)) => Ok(value),
            Either::Left((Err(error), second)) => second.await.map_err(|_second| error),
            Either::Right((Err(_second), first)) => first.await,
        }
    }
}

#[cfg(test)]
mod tests;
