//! How large a pool is.

use std::time::Duration;

use super::BadSettings;

/// How many resources a pool keeps and lends, and for how long it keeps what nobody uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    min: usize,
    max: usize,
    idle: Duration,
}

impl Settings {
    /// Keeps at least `min`, lends at most `max`, and closes what was `idle` for so long.
    ///
    /// # Errors
    ///
    /// [`BadSettings`] unless `min` ≤ `max`, 1 ≤ `max`, and `idle` is some time.
    pub fn new(min: usize, max: usize, idle: Duration) -> Result<Self, BadSettings> {
        if max == 0 {
            return Err(BadSettings::Nothing);
        }
        if min > max {
            return Err(BadSettings::OutOfOrder { min, max });
        }
        if idle.is_zero() {
            return Err(BadSettings::NoIdle { idle });
        }
        Ok(Self { min, max, idle })
    }

    /// How many it keeps at least, once they were made.
    #[must_use]
    pub fn min(&self) -> usize {
        self.min
    }

    /// How many there are at most.
    #[must_use]
    pub fn max(&self) -> usize {
        self.max
    }

    /// For how long it keeps what nobody uses.
    #[must_use]
    pub fn idle(&self) -> Duration {
        self.idle
    }
}
