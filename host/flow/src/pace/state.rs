//! The rate, and when the next may start: arithmetic on instants, nothing else.

use std::time::{Duration, Instant};

use super::{BadSettings, NotNow, Settings, Signal};
use crate::alarm::later;

/// A rate that changes with the pressure, and what has started by it.
#[derive(Debug, Clone)]
pub struct Pace {
    settings: Settings,
    /// Starts a second.
    rate: f64,
    signal: Signal,
    /// When the rate may change next.
    due: Instant,
    /// How many may start at once, and as of when.
    tokens: f64,
    at: Instant,
}

impl Pace {
    /// A pace that has not begun.
    ///
    /// # Errors
    ///
    /// [`BadSettings`] that nothing could keep.
    pub fn new(settings: Settings, now: Instant) -> Result<Self, BadSettings> {
        settings.check()?;
        let due = later(now, settings.interval);
        Ok(Self {
            settings,
            rate: settings.start,
            signal: Signal::Hold,
            due,
            tokens: f64::from(settings.burst),
            at: now,
        })
    }

    /// Starts a second, at `now`.
    pub fn rate(&mut self, now: Instant) -> f64 {
        self.settle(now);
        self.rate
    }

    /// Says what is to become of the rate from `now` on. What was said before holds for the time until now, however often
    /// and by how many it is said.
    pub fn observe(&mut self, now: Instant, signal: Signal) {
        self.settle(now);
        self.signal = signal;
    }

    /// Takes leave to start `count` now.
    ///
    /// # Errors
    ///
    /// [`NotNow`], and nothing is taken.
    pub fn take(&mut self, now: Instant, count: u32) -> Result<(), NotNow> {
        self.look(now, count)?;
        self.tokens = (self.tokens - f64::from(count)).max(0.0);
        Ok(())
    }

    /// Whether `count` could start now.
    pub(super) fn look(&mut self, now: Instant, count: u32) -> Result<(), NotNow> {
        self.settle(now);
        let burst = self.settings.burst;
        if count > burst {
            return Err(NotNow::TooMany { wanted: count, burst });
        }
        let missing = f64::from(count) - self.tokens;
        if missing <= 0.0 {
            return Ok(());
        }
        // Rounded up: who comes then must not find that a billionth of a token is missing.
        let after = Duration::try_from_secs_f64(missing / self.rate).unwrap_or(Duration::MAX);
        Err(NotNow::TooSoon { after: after.saturating_add(Duration::from_nanos(1)) })
    }

    /// When it is worth to [`take`](Self::take) again after [`NotNow::TooSoon`]: then, or when the rate may have grown.
    #[must_use]
    pub fn retry_at(&self, now: Instant, after: Duration) -> Instant {
        let at = later(now, after);
        let grows = self.signal == Signal::Grow && self.rate < self.settings.max;
        if grows { at.min(self.due) } else { at }
    }

    /// Lets time pass: each interval has its own rate, and tokens by it.
    fn settle(&mut self, now: Instant) {
        // After so many, what is left is taken in one step: a pace that was not looked at for a year costs no year.
        const STEPS: usize = 1_000;
        for _ in 0..STEPS {
            if now < self.due {
                break;
            }
            self.earn(self.due, self.rate);
            self.change(1.0);
            self.due = later(self.due, self.settings.interval);
        }
        if now >= self.due {
            let (interval, over) = (self.settings.interval.as_nanos().max(1), now.duration_since(self.due).as_nanos());
            let before = self.rate;
            self.change((over / interval + 1) as f64);
            self.earn(now, self.rate.min(before));
            let rest = Duration::from_nanos(u64::try_from(over % interval).unwrap_or(u64::MAX));
            self.due = later(now, self.settings.interval.saturating_sub(rest));
        }
        self.earn(now, self.rate);
    }

    /// Changes the rate as after so many intervals.
    fn change(&mut self, intervals: f64) {
        let Settings { grow, shrink, min, max, .. } = self.settings;
        self.rate = match self.signal {
            Signal::Grow => (self.rate + grow * intervals).min(max),
            Signal::Shrink => (self.rate * shrink.powf(intervals)).max(min),
            Signal::Hold => self.rate,
        };
    }

    fn earn(&mut self, until: Instant, rate: f64) {
        let passed = until.saturating_duration_since(self.at).as_secs_f64();
        self.tokens = (self.tokens + passed * rate).min(f64::from(self.settings.burst));
        self.at = self.at.max(until);
    }
}
