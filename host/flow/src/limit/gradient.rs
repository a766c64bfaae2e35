//! Run time now against run time in the long run.

use super::error::ratio;
use super::{BadLimit, Bounds, Ended, Limit, Sample, real};

/// Lowers the limit as run times rise above their own long average, and raises it by a little otherwise.
///
/// After `Gradient2Limit` of Netflix's concurrency-limits. With each end the limit goes a fifth of the way to
/// `limit × gradient + headroom`, where the gradient is `tolerance × long / now`, held between a half and one. The
/// headroom is a small queue that is always allowed, so that the limit can rise at all. The long average is drawn down
/// when it is more than twice what work takes now: that is recovery, and should not take as long as the illness did.
///
/// It differs from the original in one thing: what ends [overloaded](Ended::Overloaded) counts as the worst gradient, and
/// its run time is not learned. The original believes run times alone, and would learn a timeout as what work takes.
///
/// What it can't see: a slowness that comes so gently that the long average follows it. Its upper bound must be one that
/// the machine survives.
#[derive(Debug, Clone)]
pub struct Gradient {
    bounds: Bounds,
    limit: f64,
    long: Average,
    tolerance: f64,
}

/// How far the limit goes towards its aim with each sample.
const SMOOTHING: f64 = 0.2;
/// How many may always be queued in whatever is called.
const HEADROOM: f64 = 4.0;
/// The least that a gradient can be, so that one slow end does not take half the limit twice.
const WORST: f64 = 0.5;

impl Gradient {
    /// How many times its long average work may take before the limit falls.
    pub const TOLERANCE: f64 = 1.5;

    /// A limit within `bounds`.
    #[must_use]
    pub fn new(bounds: Bounds) -> Self {
        Self { limit: real(bounds.start), bounds, long: Average::default(), tolerance: Self::TOLERANCE }
    }

    /// Puts up with more or less than [`TOLERANCE`](Self::TOLERANCE).
    ///
    /// # Errors
    ///
    /// [`BadLimit::Ratio`] for what is not from 1 to 10.
    pub fn tolerating(self, tolerance: f64) -> Result<Self, BadLimit> {
        Ok(Self { tolerance: ratio("the tolerance", tolerance, 1.0, 10.0)?, ..self })
    }

    fn gradient(&mut self, sample: &Sample) -> f64 {
        if sample.ended == Ended::Overloaded {
            return WORST;
        }
        let now = sample.run.as_secs_f64().max(1e-9);
        let long = self.long.add(now);
        if long / now > 2.0 {
            self.long.draw_down();
        }
        (self.tolerance * long / now).clamp(WORST, 1.0)
    }
}

impl Limit for Gradient {
    fn current(&self) -> usize {
        self.bounds.whole(self.limit)
    }

    fn sample(&mut self, sample: &Sample) {
        let gradient = self.gradient(sample);
        if gradient > WORST && real(sample.running) < self.limit / 2.0 {
            // Too few run to tell anything about more.
            return;
        }
        let aim = self.limit * gradient + if sample.ended == Ended::Overloaded { 0.0 } else { HEADROOM };
        let next = self.limit * (1.0 - SMOOTHING) + aim * SMOOTHING;
        self.limit = next.clamp(real(self.bounds.min), real(self.bounds.max));
    }
}

/// An exponential average over some 600 samples; a plain one over the first.
#[derive(Debug, Clone, Default)]
struct Average {
    value: f64,
    count: u32,
}

impl Average {
    const WINDOW: f64 = 600.0;
    const WARM_UP: u32 = 10;

    fn add(&mut self, sample: f64) -> f64 {
        let weight = if self.count < Self::WARM_UP {
            self.count += 1;
            1.0 / f64::from(self.count)
        } else {
            2.0 / (Self::WINDOW + 1.0)
        };
        self.value += (sample - self.value) * weight;
        self.value
    }

    fn draw_down(&mut self) {
        self.value *= 0.95;
    }
}
