//! Run time now against the best that was seen.

use std::time::Duration;

use super::{Bounds, Ended, Limit, Sample, real};

/// Guesses how many of those that run only wait for each other, and keeps that number small.
///
/// After `VegasLimit` of Netflix's concurrency-limits, which is TCP Vegas: if work takes `best` when it is alone and `now`
/// among `limit` others, then about `limit × (1 − best / now)` of them stand in a queue somewhere. Below three (times the
/// logarithm of the limit) there is room for more, above six there are too many.
///
/// The best is forgotten every 30 rounds and seen anew, since work may change for good. The original adds chance to when
/// that is, so that many clients don't probe one server at the same time; here there is one.
#[derive(Debug, Clone)]
pub struct Vegas {
    bounds: Bounds,
    limit: f64,
    best: Option<Duration>,
    /// Ends since the best was forgotten.
    seen: usize,
}

/// After how many rounds the best is forgotten.
const PROBE_ROUNDS: usize = 30;

impl Vegas {
    /// A limit within `bounds`.
    #[must_use]
    pub fn new(bounds: Bounds) -> Self {
        Self { limit: real(bounds.start), bounds, best: None, seen: 0 }
    }

    /// The best run time, seen or confirmed by this one: then there is nothing to compare.
    fn best_of(&mut self, run: Duration) -> Option<Duration> {
        self.seen = self.seen.saturating_add(1);
        if self.seen >= PROBE_ROUNDS.saturating_mul(self.current()) {
            self.seen = 0;
            self.best = None;
        }
        match self.best {
            Some(best) if best <= run => Some(best),
            _ => {
                self.best = Some(run);
                None
            }
        }
    }
}

impl Limit for Vegas {
    fn current(&self) -> usize {
        self.bounds.whole(self.limit)
    }

    fn sample(&mut self, sample: &Sample) {
        let step = self.limit.log10().max(1.0);
        let next = if sample.ended == Ended::Overloaded {
            self.limit - step
        } else {
            let run = sample.run.max(Duration::from_nanos(1));
            let Some(best) = self.best_of(run) else { return };
            if real(sample.running) * 2.0 < self.limit {
                // Too few run to tell anything about more.
                return;
            }
            let queued = (self.limit * (1.0 - best.as_secs_f64() / run.as_secs_f64())).ceil();
            if queued <= step {
                self.limit + 6.0 * step
            } else if queued < 3.0 * step {
                self.limit + step
            } else if queued > 6.0 * step {
                self.limit - step
            } else {
                return;
            }
        };
        self.limit = next.clamp(real(self.bounds.min), real(self.bounds.max));
    }
}
