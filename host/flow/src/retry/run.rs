//! Drives the attempts.

use std::future::Future;
use std::time::Instant;

use super::{Budget, Policy, Verdict};
use crate::Timer;

/// What the attempts of one call go by.
#[derive(Clone, Copy)]
#[expect(missing_debug_implementations, reason = "a timer has nothing to show")]
pub struct Retry<'a> {
    /// How often, and how long between.
    pub policy: &'a Policy,
    /// What waits.
    pub timer: &'a dyn Timer,
    /// When the caller has no more use for an answer: no attempt is waited for that could not start before.
    pub deadline: Option<Instant>,
    /// What retries are paid from; without one they are free.
    pub budget: Option<&'a Budget>,
}

impl Retry<'_> {
    /// Runs `attempt` until it succeeds or there is no reason to try again; gives the last result. `attempt` is told how
    /// many came before it, `verdict` what it failed of, and `chance` gives a number from 0 to 1 for each wait.
    ///
    /// Safe to cancel: dropped, the attempt that runs is dropped and no other starts.
    ///
    /// # Errors
    ///
    /// That of the last attempt.
    pub async fn run<T, E, F>(
        &self,
        chance: &mut impl FnMut() -> f64,
        mut verdict: impl FnMut(&E) -> Verdict,
        mut attempt: impl FnMut(u32) -> F,
    ) -> Result<T, E>
    where
        F: Future<Output = Result<T, E>>,
    {
        if let Some(budget) = self.budget {
            budget.call(self.timer.now());
        }
        let mut failed = 0;
        loop {
            let error = match attempt(failed).await {
                Ok(value) => return Ok(value),
                Err(error) => error,
            };
            failed += 1;
            match self.next_start(failed, verdict(&error), chance) {
                Some(start) => self.timer.sleep_until(start).await,
                None => return Err(error),
            }
        }
    }

    /// When the next attempt starts, if there is one. The budget is asked last: what does not happen costs nothing.
    fn next_start(&self, failed: u32, verdict: Verdict, chance: &mut impl FnMut() -> f64) -> Option<Instant> {
        let Verdict::Again { after } = verdict else {
            return None;
        };
        let now = self.timer.now();
        let wait = self.policy.wait(failed, chance())?.max(after.unwrap_or_default());
        let start = now.checked_add(wait)?;
        if self.deadline.is_some_and(|deadline| start >= deadline) {
            return None;
        }
        let paid = self.budget.is_none_or(|budget| budget.withdraw(now));
        paid.then_some(start)
    }
}
