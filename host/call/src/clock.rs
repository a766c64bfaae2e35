//! Time as an argument.
//!
//! Rooms that decide by time (deadlines, queues, rates) ask a [`Clock`], so that their tests move it by hand.

use std::time::Instant;

/// A monotonic clock.
pub trait Clock: Send + Sync {
    /// The time now; never earlier than what was answered before.
    fn now(&self) -> Instant;
}

/// The machine's own monotonic clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Instant {
        Instant::now()
    }
}

/// A clock that stands still until a test moves it.
#[cfg(any(test, feature = "test-support"))]
#[derive(Debug)]
pub struct ManualClock(std::sync::Mutex<Instant>);

#[cfg(any(test, feature = "test-support"))]
impl Default for ManualClock {
    fn default() -> Self {
        Self(std::sync::Mutex::new(Instant::now()))
    }
}

#[cfg(any(test, feature = "test-support"))]
impl ManualClock {
    /// Moves the clock forward.
    pub fn advance(&self, by: std::time::Duration) {
        let mut now = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        *now += by;
    }
}

#[cfg(any(test, feature = "test-support"))]
impl Clock for ManualClock {
    fn now(&self) -> Instant {
        *self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}
