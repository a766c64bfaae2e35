//! The sliding window.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::{Denied, Rate};
use crate::nanos::{at, since};

/// At most `count` in any window of `per`, wherever it begins.
///
/// It remembers when each was taken, and lets it go when it is a whole window old: constant time for each, spread over
/// all. So that a count of millions needs no millions of entries, times are rounded *up* to a 512th of the window where
/// the count is larger than that. Rounded up, an entry leaves late and never early: no window holds more than its count,
/// and a caller who takes all there is gets at least 99.8 % of the rate.
#[derive(Debug, Clone)]
pub struct SlidingWindow {
    rate: Rate,
    origin: Instant,
    taken: VecDeque<Taken>,
    /// The sum over `taken`.
    held: u32,
}

/// So many, taken at a time (in nanoseconds).
#[derive(Debug, Clone, Copy)]
struct Taken {
    at: u64,
    n: u32,
}

/// Into how many parts a window is cut where its count is larger.
const GRAINS: u32 = 512;

impl SlidingWindow {
    /// An empty window; times are counted from `origin`.
    #[must_use]
    pub fn new(rate: Rate, origin: Instant) -> Self {
        Self { rate, origin, taken: VecDeque::new(), held: 0 }
    }

    /// Takes `n`, or says when they can be had.
    ///
    /// # Errors
    ///
    /// [`Denied`]; nothing is taken then.
    pub fn take(&mut self, now: Instant, n: u32) -> Result<(), Denied> {
        self.rate.check(n)?;
        let now = since(self.origin, now);
        self.leave(now);
        let free = self.rate.count - self.held;
        if n > free {
            return Err(Denied::TooSoon { retry_after: self.until_free(now, n - free) });
        }
        if n > 0 {
            self.held += n;
            self.enter(now, n);
        }
        Ok(())
    }

    /// How many are in the window.
    #[must_use]
    pub fn held(&mut self, now: Instant) -> u32 {
        self.leave(since(self.origin, now));
        self.held
    }

    /// From when on the window is empty, unless more is taken.
    #[must_use]
    pub fn full_at(&self) -> Instant {
        self.taken.back().map_or(self.origin, |last| at(self.origin, u128::from(last.at) + u128::from(self.rate.per)))
    }

    #[cfg(test)]
    pub(super) fn entries(&self) -> usize {
        self.taken.len()
    }

    fn enter(&mut self, now: u64, n: u32) {
        let grain = if self.rate.count > GRAINS { self.rate.per / u64::from(GRAINS) } else { 0 };
        let stamp = if grain == 0 { now } else { now.div_ceil(grain).saturating_mul(grain) };
        match self.taken.back_mut() {
            // A clock that is read by several may come in out of order: nothing is older than what came before it.
            Some(last) if last.at >= stamp => last.n += n,
            _ => self.taken.push_back(Taken { at: stamp, n }),
        }
    }

    fn leave(&mut self, now: u64) {
        while let Some(first) = self.taken.front()
            && first.at.saturating_add(self.rate.per) <= now
        {
            self.held -= first.n;
            self.taken.pop_front();
        }
    }

    /// How long until `missing` have left.
    fn until_free(&self, now: u64, missing: u32) -> Duration {
        let mut freed = 0;
        let last = self.taken.iter().find(|taken| {
            freed += taken.n;
            freed >= missing
        });
        Duration::from_nanos(last.map_or(0, |taken| taken.at.saturating_add(self.rate.per).saturating_sub(now)))
    }
}
