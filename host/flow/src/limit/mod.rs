//! How large the bound on what runs at a time should be.
//!
//! A bound that is set by hand is right on the machine and for the tools it was set for. Too low, it leaves cores idle;
//! too high, everything runs and nothing ends. The limits here find it out: they raise it while that costs no time, and
//! lower it when it does.
//!
//! They are fed with the time that work *ran*, and with nothing else. Time in a queue must never steer: a deep queue
//! before a healthy tool would look like a slow tool, the limit would fall, and the queue would grow (seen: a limit of 5
//! that fell to 1 in front of a tool that was always well, and a third of the throughput).
//!
//! | limit | believes | from |
//! |---|---|---|
//! | [`Fixed`] | its operator | |
//! | [`Aimd`] | what the caller calls overload, or too slow | TCP (Chiu & Jain 1989) |
//! | [`Gradient`] | that run times grow against their own long average | Netflix concurrency-limits, `Gradient2Limit` |
//! | [`Vegas`] | that run times grow against the best that was seen | Netflix, `VegasLimit`; Brakmo & Peterson 1994 |
//!
//! The bounds of a limit hold at every instant, whatever it is told. None of them stops what runs already: see
//! [`permit`](crate::permit), which compares the number with the count.
//!
//! What they can't do: tell a tool that got slower from a machine that is overloaded. One limit over tools of very
//! different run times sees their mixture change and takes it for load; a limit for each (see
//! [`bulkhead`](crate::bulkhead)) does not.
//!
//! ```
//! use std::time::Duration;
//!
//! use hotcell_flow::limit::{Aimd, Bounds, Ended, Limit, Sample};
//!
//! let mut limit = Aimd::new(Bounds::new(1, 10, 100)?);
//! let sample = Sample { run: Duration::from_secs(9), ended: Ended::Overloaded, running: 10, ordinal: 0, given: 10 };
//! limit.sample(&sample);
//! assert_eq!(limit.current(), 9);
//! # Ok::<(), hotcell_flow::limit::BadLimit>(())
//! ```

mod aimd;
mod error;
mod gradient;
mod vegas;

use std::fmt;
use std::time::Duration;

pub use aimd::Aimd;
pub use error::BadLimit;
pub use gradient::Gradient;
pub use vegas::Vegas;

/// A number that says how many may run at a time.
pub trait Limit: fmt::Debug + Send {
    /// How many may run now: never none.
    fn current(&self) -> usize;

    /// Learns from one that ended.
    fn sample(&mut self, sample: &Sample);
}

/// What one piece of work tells about the load.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sample {
    /// How long it ran.
    pub run: Duration,
    /// How it ended.
    pub ended: Ended,
    /// How many ran when it ended, itself included.
    pub running: usize,
    /// How many had been started before it.
    pub ordinal: u64,
    /// How many have been started by now. What is not below an earlier `given` was started after that.
    pub given: u64,
}

/// Whether an end is a sign of overload. Ends that tell nothing (cancelled, refused, failed by the caller's own fault)
/// are no sample at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// It did what it was to do; its run time is what such work takes.
    Well,
    /// It ran out of time, or was sent away by something that had too much to do.
    Overloaded,
}

/// From where to where a limit may go, and where it begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    min: usize,
    start: usize,
    max: usize,
}

/// A limit that stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fixed(usize);

// === impl Bounds ===

impl Bounds {
    /// The most that a limit can be: far above what one machine runs, and far below where numbers lose their precision.
    pub const MOST: usize = 1 << 24;

    /// At least `min`, at first `start`, at most `max`.
    ///
    /// # Errors
    ///
    /// [`BadLimit`] unless 1 ≤ `min` ≤ `start` ≤ `max` ≤ [`MOST`](Self::MOST).
    pub fn new(min: usize, start: usize, max: usize) -> Result<Self, BadLimit> {
        if min == 0 {
            return Err(BadLimit::Nothing);
        }
        if max > Self::MOST {
            return Err(BadLimit::TooHigh { max });
        }
        if !(min <= start && start <= max) {
            return Err(BadLimit::OutOfOrder { min, start, max });
        }
        Ok(Self { min, start, max })
    }

    /// The least.
    #[must_use]
    pub fn min(&self) -> usize {
        self.min
    }

    /// The most.
    #[must_use]
    pub fn max(&self) -> usize {
        self.max
    }

    /// The whole number of a value, within the bounds; the least for what is no number.
    fn whole(&self, value: f64) -> usize {
        let (min, max) = (real(self.min), real(self.max));
        // `max` before `min`: of a value that is not a number and one that is, each takes the number.
        value.max(min).min(max) as usize
    }
}

/// Exact: counts are at most [`Bounds::MOST`].
fn real(count: usize) -> f64 {
    count.min(Bounds::MOST) as f64
}

// === impl Fixed ===

impl Fixed {
    /// `limit`, and at least one.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self(limit.max(1))
    }
}

impl Limit for Fixed {
    fn current(&self) -> usize {
        self.0
    }

    fn sample(&mut self, _: &Sample) {}
}

#[cfg(test)]
mod tests;
