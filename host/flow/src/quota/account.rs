//! What one key has spent.

use std::time::{Duration, Instant};

use super::{Allowance, Denied, Window};
use crate::keyed::Idle;
use crate::nanos::{at, since};
use crate::rolling::Rolling;

/// What one key has spent and holds. The decision alone: [`Quota`](super::Quota) has one for each key.
#[derive(Debug, Clone)]
pub struct Account {
    allowance: Allowance,
    spent: Spent,
    reserved: u128,
}

/// Where a key stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// Spent in this window; more than the allowance, if estimates were too low.
    pub spent: u64,
    /// Held for calls that have not ended.
    pub reserved: u64,
    /// What could be reserved now.
    pub left: u64,
}

/// What was spent, in 128 bits: no sum of costs is too large.
#[derive(Debug, Clone)]
enum Spent {
    Fixed { origin: Instant, number: u64, sum: u128 },
    Rolling(Rolling<u128>),
}

/// Into how many slices a rolling window is cut.
const SLICES: u32 = 60;

/// When to ask again, when it hangs on calls that run. A guess: they may end sooner or later.
const WHEN_CALLS_END: Duration = Duration::from_secs(1);

impl Account {
    /// Nothing spent. Fixed windows are counted from `origin`.
    #[must_use]
    pub fn new(allowance: Allowance, origin: Instant) -> Self {
        let spent = match allowance.kind {
            Window::Fixed => Spent::Fixed { origin, number: 0, sum: 0 },
            Window::Rolling => Spent::Rolling(Rolling::new(allowance.window, SLICES, origin)),
        };
        Self { allowance, spent, reserved: 0 }
    }

    /// Holds `estimate`.
    ///
    /// # Errors
    ///
    /// [`Denied`]; nothing is held then.
    pub fn reserve(&mut self, now: Instant, estimate: u64) -> Result<(), Denied> {
        let (allowed, asked) = (self.allowance.units, estimate);
        if asked > allowed {
            return Err(Denied::TooLarge { asked, allowed });
        }
        let used = self.spent(now) + self.reserved;
        let over = (used + u128::from(asked)).saturating_sub(u128::from(allowed));
        if over > 0 {
            return Err(Denied::Spent { used: whole(used), allowed, asked, retry_after: self.until_free(now, over) });
        }
        self.reserved += u128::from(estimate);
        Ok(())
    }

    /// Spends `cost` in place of the `estimate` that was held for it.
    pub fn settle(&mut self, now: Instant, estimate: u64, cost: u64) {
        self.give_back(estimate);
        self.spend(now, u128::from(cost));
    }

    /// Holds `estimate` no longer.
    pub fn give_back(&mut self, estimate: u64) {
        self.reserved = self.reserved.saturating_sub(u128::from(estimate));
    }

    /// What was spent, is held and can still be had.
    #[must_use]
    pub fn standing(&mut self, now: Instant) -> Standing {
        let spent = self.spent(now);
        let left = u128::from(self.allowance.units).saturating_sub(spent + self.reserved);
        Standing { spent: whole(spent), reserved: whole(self.reserved), left: whole(left) }
    }

    /// An account that begins where this one stands, with what is held counted as spent.
    pub(super) fn heir(&self, now: Instant) -> Self {
        let mut heir = self.clone();
        heir.reserved = 0;
        if self.reserved > 0 {
            heir.spend(now, self.reserved);
        }
        heir
    }

    fn spend(&mut self, now: Instant, cost: u128) {
        self.spent(now);
        match &mut self.spent {
            Spent::Fixed { sum, .. } => *sum += cost,
            Spent::Rolling(rolling) => rolling.add(now, cost),
        }
    }

    /// What was spent, brought up to date.
    fn spent(&mut self, now: Instant) -> u128 {
        match &mut self.spent {
            Spent::Fixed { origin, number, sum } => {
                let current = (since(*origin, now) / nanos(self.allowance.window)).max(*number);
                // A window pays for its allowance and leaves the rest to the next.
                *sum = sum.saturating_sub(u128::from(current - *number) * u128::from(self.allowance.units));
                *number = current;
                *sum
            }
            Spent::Rolling(rolling) => rolling.sum(now),
        }
    }

    /// How long until `over` less is used.
    fn until_free(&self, now: Instant, over: u128) -> Duration {
        let free = match &self.spent {
            Spent::Fixed { sum: 0, .. } => None,
            Spent::Fixed { origin, number, sum } => {
                let units = u128::from(self.allowance.units);
                // Each window that ends takes its allowance off the sum, as far as there is one.
                let windows = over.min(*sum).div_ceil(units).max(1);
                Some(at(*origin, (u128::from(*number) + windows) * u128::from(nanos(self.allowance.window))))
            }
            Spent::Rolling(rolling) => rolling.when_left(|left| left >= over),
        };
        free.map_or(WHEN_CALLS_END.min(self.allowance.window), |free| free.saturating_duration_since(now))
    }
}

impl Idle for Account {
    fn idle_at(&self, now: Instant) -> Instant {
        let empty = match &self.spent {
            Spent::Fixed { origin, sum: 0, .. } => *origin,
            Spent::Fixed { origin, number, sum } => {
                let windows = u128::from(*number) + sum.div_ceil(u128::from(self.allowance.units));
                at(*origin, windows.saturating_mul(u128::from(nanos(self.allowance.window))))
            }
            Spent::Rolling(rolling) => rolling.empty_at(),
        };
        let held = if self.reserved > 0 { now.checked_add(self.allowance.window) } else { None };
        empty.max(held.unwrap_or(empty))
    }
}

/// Checked when the allowance was made.
fn nanos(window: Duration) -> u64 {
    u64::try_from(window.as_nanos()).unwrap_or(u64::MAX)
}

fn whole(units: u128) -> u64 {
    u64::try_from(units).unwrap_or(u64::MAX)
}
