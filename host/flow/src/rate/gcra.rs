//! The generic cell rate algorithm.

use std::time::{Duration, Instant};

use super::{Denied, Rate};
use crate::nanos::{at, since};

/// A rate as one number: the *theoretical arrival time*, at which all that was taken would have come in evenly.
///
/// Each unit moves it by one emission interval, `per / count`, and it may lie `burst` intervals ahead of now. Time is
/// counted in parts of a nanosecond, `count` to each, so that the interval is a whole number for every rate.
#[derive(Debug, Clone)]
pub struct Gcra {
    rate: Rate,
    origin: Instant,
    arrival: u128,
}

impl Gcra {
    /// Nothing taken; times are counted from `origin`.
    #[must_use]
    pub fn new(rate: Rate, origin: Instant) -> Self {
        Self { rate, origin, arrival: 0 }
    }

    /// Takes `n`, or says when they can be had.
    ///
    /// # Errors
    ///
    /// [`Denied`]; nothing is taken then.
    pub fn take(&mut self, now: Instant, n: u32) -> Result<(), Denied> {
        self.rate.check(n)?;
        let (count, interval) = (u128::from(self.rate.count), u128::from(self.rate.per));
        let now = u128::from(since(self.origin, now)) * count;
        let arrival = self.arrival.max(now) + u128::from(n) * interval;
        let early = arrival.saturating_sub(now + u128::from(self.rate.burst) * interval);
        if early > 0 {
            let nanos = u64::try_from(early.div_ceil(count)).unwrap_or(u64::MAX);
            return Err(Denied::TooSoon { retry_after: Duration::from_nanos(nanos) });
        }
        self.arrival = arrival;
        Ok(())
    }

    /// From when on it is as if nothing had been taken, unless more is.
    #[must_use]
    pub fn full_at(&self) -> Instant {
        at(self.origin, self.arrival.div_ceil(u128::from(self.rate.count)))
    }
}
