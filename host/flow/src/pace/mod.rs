//! A rate that gives way under pressure.
//!
//! A fixed rate is too slow on a good day and too fast on a bad one. This one starts at [`Settings::start`], grows step by
//! step while what is downstream has room, and falls by a share while it has none: additive increase, multiplicative
//! decrease, which is what makes many senders settle at fair shares of one bottleneck (Chiu and Jain, 1989; TCP since).
//!
//! It adapts to time, not to calls: at most one change an [interval](Settings::interval), whoever looks and however often, so
//! that a busy caller does not drive the rate to a bound by its own asking. It never leaves its bounds, and so never
//! comes to a stop from which nothing would lead back.
//!
//! Nothing is ever thrown away: who [takes](Pace::take) too soon is told when, and keeps what it has; who
//! [waits](Pacer::acquire) is served in turn. In any stretch of time, at most [`Settings::burst`] start more than the rates
//! of that time allow: what may start is earned at the rate of the moment, as in a token bucket, and is kept when the rate
//! changes.
//!
//! [`Pace`] is the decision, and takes `now`; [`Pacer`] is a handle that many share, with a queue of those who wait.
//! [`Pacer::follow`] lets a [`channel`](crate::channel) steer it.
//!
//! What it does not do: it does not measure anything itself. For a bound on what runs at a time, which adapts to run time,
//! there is the concurrency limit.
//!
//! ```
//! use std::time::{Duration, Instant};
//! use hotcell_flow::pace::{NotNow, Pace, Settings, Signal};
//!
//! # #[expect(clippy::disallowed_methods, reason = "an example has no clock of its own")]
//! let start = Instant::now();
//! let after = |millis| start + Duration::from_millis(millis);
//! let settings = Settings { start: 10.0, burst: 1, ..Settings::default() };
//! let mut pace = Pace::new(settings, start)?;
//! assert_eq!(pace.take(start, 1), Ok(()));
//! let Err(NotNow::TooSoon { after: wait }) = pace.take(start, 1) else { unreachable!() };
//! assert_eq!(wait.as_millis(), 100);
//! pace.observe(after(100), Signal::Shrink);
//! assert_eq!(pace.take(after(1_000), 1), Ok(()));
//! assert!(pace.rate(after(1_000)) < 10.0);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod error;
mod pacer;
mod state;

use std::time::Duration;

pub use error::{BadSettings, NotNow};
pub use pacer::Pacer;
pub use state::Pace;

use crate::channel::Pressure;

/// Between which bounds a rate moves, and how.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Settings {
    /// The first rate, in starts a second.
    pub start: f64,
    /// The slowest: above 0.
    pub min: f64,
    /// The fastest.
    pub max: f64,
    /// How many starts a second it gains in an interval without pressure.
    pub grow: f64,
    /// The share of it that is left after an interval under pressure: between 0 and 1.
    pub shrink: f64,
    /// How long a rate keeps before it may change.
    pub interval: Duration,
    /// How many may start together: at least 1.
    pub burst: u32,
}

/// What is to become of a rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Signal {
    /// There is room: more.
    Grow,
    /// Just right.
    Hold,
    /// Pressure: less.
    Shrink,
}

// === impl Settings ===

impl Default for Settings {
    /// 10 a second at first, between 1 and 1 000; 1 more, or nine tenths, each 100 ms; 20 together.
    fn default() -> Self {
        let interval = Duration::from_millis(100);
        Self { start: 10.0, min: 1.0, max: 1_000.0, grow: 1.0, shrink: 0.9, interval, burst: 20 }
    }
}

impl Settings {
    fn check(&self) -> Result<(), BadSettings> {
        let Self { start, min, max, grow, shrink, interval, burst } = *self;
        // Not a number is in no range.
        match () {
            () if !(0.0 < min && min <= start && start <= max && max.is_finite()) => {
                Err(BadSettings::Rate { min, start, max })
            }
            () if !(0.0 < grow && grow.is_finite()) => Err(BadSettings::Grow(grow)),
            () if !(0.0 < shrink && shrink < 1.0) => Err(BadSettings::Shrink(shrink)),
            () if interval.is_zero() => Err(BadSettings::Interval),
            () if burst == 0 => Err(BadSettings::Burst),
            () => Ok(()),
        }
    }
}

// === impl Signal ===

impl Signal {
    /// More below `low`, less above `high`, and as it is in between. A fill that is no number changes nothing.
    #[must_use]
    pub fn of_fill(fill: f64, low: f64, high: f64) -> Self {
        match () {
            () if fill > high => Self::Shrink,
            () if fill < low => Self::Grow,
            () => Self::Hold,
        }
    }
}

impl From<Pressure> for Signal {
    fn from(pressure: Pressure) -> Self {
        match pressure {
            Pressure::Low => Self::Grow,
            Pressure::High => Self::Shrink,
        }
    }
}

#[cfg(test)]
mod tests;
