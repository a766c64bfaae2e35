//! One key's credit: a number, and the time up to which it was refilled.

use std::time::{Duration, Instant};

use super::Plan;
use super::error::Short;
use crate::keyed::Idle;

/// What one key has. A plain value: whoever owns it says what happens, and when.
#[derive(Debug, Clone)]
pub struct Balance {
    plan: Plan,
    /// Less than nothing when something cost more than was held for it.
    left: i128,
    /// What is held for those who run, and no longer part of what is left.
    held: u128,
    /// Up to when it was refilled.
    since: Instant,
}

impl Balance {
    /// The balance of a newcomer.
    #[must_use]
    pub fn new(plan: Plan, now: Instant) -> Self {
        Self { plan, left: i128::from(plan.opening), held: 0, since: now }
    }

    /// What may be spent now.
    pub fn left(&mut self, now: Instant) -> u64 {
        self.refill(now);
        u64::try_from(self.left.max(0)).unwrap_or(u64::MAX)
    }

    /// Holds so much. All that is left may be held.
    ///
    /// # Errors
    ///
    /// [`Short::Credit`] when there is less.
    pub fn hold(&mut self, now: Instant, units: u64) -> Result<(), Short> {
        let left = self.left(now);
        if left < units {
            return Err(Short::Credit { left, asked: units, retry_after: self.wait(now, units) });
        }
        self.left -= i128::from(units);
        self.held += u128::from(units);
        Ok(())
    }

    /// Spends what it really cost of what was held: the rest comes back, what is missing is owed.
    pub fn settle(&mut self, now: Instant, held: u64, cost: u64) {
        self.refill(now);
        self.held = self.held.saturating_sub(u128::from(held));
        self.left = self.left.saturating_add(i128::from(held) - i128::from(cost));
    }

    /// Gives back all that was held for one.
    pub fn give_back(&mut self, held: u64) {
        self.held = self.held.saturating_sub(u128::from(held));
        self.left = self.left.saturating_add(i128::from(held));
    }

    /// Adds credit. It may stand above the opening balance, and stays until it is spent.
    pub fn add(&mut self, now: Instant, units: u64) {
        self.refill(now);
        self.left = self.left.saturating_add(i128::from(units));
    }

    /// Refills up to the opening balance, in whole units. The time for which there was no whole unit yet stays.
    fn refill(&mut self, now: Instant) {
        let passed = now.saturating_duration_since(self.since).as_nanos();
        let missing = u128::try_from(i128::from(self.plan.opening) - self.left).unwrap_or(0);
        let Some((units, every)) = self.plan.refill else {
            return;
        };
        let gained = passed.saturating_mul(units.into()) / every;
        if gained >= missing.saturating_sub(self.held) {
            // What is held may come back, and then it would be more than the opening: only what is spent is refilled.
            self.left =
                self.left.saturating_add(i128::try_from(missing.saturating_sub(self.held)).unwrap_or(i128::MAX));
            self.since = self.since.max(now);
        } else if gained > 0 {
            self.left = self.left.saturating_add(i128::try_from(gained).unwrap_or(i128::MAX));
            let used = gained.saturating_mul(every).div_ceil(units.into());
            self.since += Duration::from_nanos(u64::try_from(used).unwrap_or(u64::MAX));
        }
    }

    /// When there will be so much, if nothing else happens.
    fn wait(&self, now: Instant, units: u64) -> Option<Duration> {
        let (each, every) = self.plan.refill?;
        let full = i128::from(self.plan.opening) - i128::try_from(self.held).unwrap_or(i128::MAX);
        if i128::from(units) > full {
            return None;
        }
        let missing = u128::try_from(i128::from(units) - self.left).unwrap_or(0);
        let nanos = missing.saturating_mul(every).div_ceil(each.into());
        let passed = now.saturating_duration_since(self.since).as_nanos();
        Some(Duration::from_nanos(u64::try_from(nanos.saturating_sub(passed)).unwrap_or(u64::MAX)))
    }
}

impl Idle for Balance {
    /// When it is what a newcomer has. Credit that was added is not forgotten, nor a debt that nothing refills.
    fn idle_at(&self, now: Instant) -> Instant {
        /// When to ask again about what no time will change.
        const LATER: Duration = Duration::from_secs(60);
        let mut then = self.clone();
        then.refill(now);
        let opening = i128::from(self.plan.opening);
        if then.left == opening && then.held == 0 {
            return now;
        }
        let wait = if then.left < opening { then.wait(now, self.plan.opening) } else { None };
        now.checked_add(wait.unwrap_or(LATER)).unwrap_or(now + LATER)
    }
}
