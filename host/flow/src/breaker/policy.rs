//! When a breaker opens, and for how long.

use std::time::Duration;

use super::{BadPolicy, Tally};
use crate::nanos::grown;

/// When a [`Breaker`](super::Breaker) opens, and for how long: settings that make sense.
///
/// Unless set: when half of at least 5 calls of the last minute failed, for a minute, and twice as long each time that the
/// probe fails, up to ten minutes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Policy {
    ratio: f64,
    calls: u64,
    window: Duration,
    cool_down: Duration,
    growth: f64,
    longest: Duration,
}

impl Default for Policy {
    fn default() -> Self {
        let minute = Duration::from_secs(60);
        Self { ratio: 0.5, calls: 5, window: minute, cool_down: minute, growth: 2.0, longest: 10 * minute }
    }
}

impl Policy {
    /// Opens when `ratio` of the calls of the last `window` failed, if there were at least `calls` of them.
    ///
    /// # Errors
    ///
    /// [`BadPolicy`] unless 0 < `ratio` ≤ 1, and for no calls or no time.
    pub fn opening(self, ratio: f64, calls: u32, window: Duration) -> Result<Self, BadPolicy> {
        if !(ratio > 0.0 && ratio <= 1.0) {
            return Err(BadPolicy::Ratio { ratio });
        }
        match (calls, window.is_zero()) {
            (0, _) => Err(BadPolicy::NoCalls),
            (_, true) => Err(BadPolicy::NoWindow),
            _ => Ok(Self { ratio, calls: u64::from(calls), window, ..self }),
        }
    }

    /// Rests for `first` after it opened, and `growth` times as long for each probe that fails, up to `longest`.
    ///
    /// # Errors
    ///
    /// [`BadPolicy`] unless 0 < `first` ≤ `longest` and 1 ≤ `growth` ≤ 100.
    pub fn resting(self, first: Duration, growth: f64, longest: Duration) -> Result<Self, BadPolicy> {
        if first.is_zero() {
            return Err(BadPolicy::NoCoolDown);
        }
        if !(1.0..=100.0).contains(&growth) {
            return Err(BadPolicy::Growth { growth });
        }
        if first > longest {
            return Err(BadPolicy::Cap { first, longest });
        }
        Ok(Self { cool_down: first, growth, longest, ..self })
    }

    /// The time over which calls are counted.
    #[must_use]
    pub fn window(&self) -> Duration {
        self.window
    }

    /// The first rest.
    #[must_use]
    pub fn cool_down(&self) -> Duration {
        self.cool_down
    }

    /// The longest rest.
    #[must_use]
    pub fn longest(&self) -> Duration {
        self.longest
    }

    /// How long to rest after `before` openings in a row.
    pub(super) fn rest(&self, before: u32) -> Duration {
        grown(self.cool_down, self.growth, before, self.longest)
    }

    pub(super) fn opens_at(&self, seen: Tally) -> bool {
        let all = seen.well + seen.failed;
        all >= self.calls && real(seen.failed) >= self.ratio * real(all)
    }
}

/// Near enough: a ratio of counts beyond 2^52 is not what breakers differ by.
fn real(count: u64) -> f64 {
    count as f64
}
