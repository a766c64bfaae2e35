//! Additive increase, multiplicative decrease.

use std::time::Duration;

use super::error::ratio;
use super::{BadLimit, Bounds, Ended, Limit, Sample, real};

/// One more for each round that went well, a tenth less for a round that did not.
///
/// A round is as many ends as the limit is large: so the limit rises by one in the time that one piece of work takes,
/// however many run. It falls at most once for what was started before it fell: a hundred that run out of time together
/// are one sign, not a hundred. And it rises only while it is used: an idle hour is no evidence that more would go well.
#[derive(Debug, Clone)]
pub struct Aimd {
    bounds: Bounds,
    limit: usize,
    keep: f64,
    slow: Option<Duration>,
    /// Ends that went well, since the limit last changed.
    well: usize,
    /// What was started before this many can't lower the limit again.
    lowered_at: u64,
}

impl Aimd {
    /// What is left of the limit at a sign of overload.
    pub const KEEP: f64 = 0.9;

    /// A limit within `bounds`.
    #[must_use]
    pub fn new(bounds: Bounds) -> Self {
        Self { limit: bounds.start, bounds, keep: Self::KEEP, slow: None, well: 0, lowered_at: 0 }
    }

    /// Takes whatever runs longer than `slow` for a sign of overload, too.
    ///
    /// # Errors
    ///
    /// [`BadLimit::NoTime`] for no time at all.
    pub fn slower_than(self, slow: Duration) -> Result<Self, BadLimit> {
        if slow.is_zero() { Err(BadLimit::NoTime) } else { Ok(Self { slow: Some(slow), ..self }) }
    }

    /// Keeps another part of the limit than [`KEEP`](Self::KEEP): from a tenth to nearly all.
    ///
    /// # Errors
    ///
    /// [`BadLimit::Ratio`] for what is not from 0.1 to 0.99.
    pub fn keeping(self, keep: f64) -> Result<Self, BadLimit> {
        Ok(Self { keep: ratio("the part that is kept", keep, 0.1, 0.99)?, ..self })
    }
}

impl Limit for Aimd {
    fn current(&self) -> usize {
        self.limit
    }

    fn sample(&mut self, sample: &Sample) {
        let overloaded = sample.ended == Ended::Overloaded || self.slow.is_some_and(|slow| sample.run > slow);
        if overloaded {
            self.well = 0;
            if sample.ordinal >= self.lowered_at {
                // Rounded down, so it falls by one at least.
                self.limit = self.bounds.whole(real(self.limit) * self.keep);
                self.lowered_at = sample.given;
            }
        } else if sample.running.saturating_mul(2) >= self.limit {
            self.well += 1;
            if self.well >= self.limit {
                self.well = 0;
                self.limit = (self.limit + 1).min(self.bounds.max);
            }
        }
    }
}
