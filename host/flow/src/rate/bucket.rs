//! The token bucket.

use std::time::{Duration, Instant};

use super::{Denied, Rate};
use crate::nanos::{at, since};

/// A bucket of `burst` tokens that fills again at `count / per`, and never runs over.
///
/// Its level is counted in parts of a token, `per` (in nanoseconds) to each, so that what flows in during one nanosecond
/// is the whole number `count`.
#[derive(Debug, Clone)]
pub struct TokenBucket {
    rate: Rate,
    origin: Instant,
    level: u128,
    /// When the level was last brought up to date, in nanoseconds.
    filled: u64,
}

impl TokenBucket {
    /// A full bucket; times are counted from `origin`.
    #[must_use]
    pub fn new(rate: Rate, origin: Instant) -> Self {
        Self { rate, origin, level: Self::brim(rate), filled: 0 }
    }

    /// Takes `n`, or says when they can be had.
    ///
    /// # Errors
    ///
    /// [`Denied`]; nothing is taken then.
    pub fn take(&mut self, now: Instant, n: u32) -> Result<(), Denied> {
        self.rate.check(n)?;
        self.fill(now);
        let wanted = u128::from(n) * u128::from(self.rate.per);
        match self.level.checked_sub(wanted) {
            Some(left) => {
                self.level = left;
                Ok(())
            }
            None => {
                let nanos = (wanted - self.level).div_ceil(u128::from(self.rate.count));
                let retry_after = Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX));
                Err(Denied::TooSoon { retry_after })
            }
        }
    }

    /// How many whole tokens are in it.
    #[must_use]
    pub fn tokens(&mut self, now: Instant) -> u32 {
        self.fill(now);
        u32::try_from(self.level / u128::from(self.rate.per)).unwrap_or(u32::MAX)
    }

    /// From when on it is full, unless more is taken.
    #[must_use]
    pub fn full_at(&self) -> Instant {
        let missing = Self::brim(self.rate) - self.level;
        at(self.origin, u128::from(self.filled) + missing.div_ceil(u128::from(self.rate.count)))
    }

    fn fill(&mut self, now: Instant) {
        let now = since(self.origin, now).max(self.filled);
        let flowed = u128::from(now - self.filled) * u128::from(self.rate.count);
        self.level = (self.level + flowed).min(Self::brim(self.rate));
        self.filled = now;
    }

    fn brim(rate: Rate) -> u128 {
        u128::from(rate.burst) * u128::from(rate.per)
    }
}
