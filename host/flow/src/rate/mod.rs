//! So many in a time, by key.
//!
//! A rate bounds how often work starts, not how much of it runs: that is for [`permit`](crate::permit). It is the
//! cheapest refusal there is, so it comes first, and it is what keeps one caller from filling the queue for all.
//!
//! Three algorithms, because "a hundred a second" is not one promise but three:
//!
//! | algorithm | at once | in any window of `per` | state |
//! |---|---|---|---|
//! | [`Gcra`] | `burst` | `burst` + `count` | one number |
//! | [`TokenBucket`] | `burst` | `burst` + `count` | one number and a time |
//! | [`SlidingWindow`] | `count` | `count`, exactly | up to 513 entries |
//!
//! GCRA (ITU-T I.371, the virtual scheduling form) and the token bucket decide alike, and a test holds them to it; GCRA
//! is the smaller, the bucket can say how full it is. With a burst of one, GCRA spaces starts evenly, and no window of
//! `per` holds more than `count` of them. The sliding window takes its whole count at once and then nothing until the
//! first has left, which is what quotas of other services mean by their limits.
//!
//! All arithmetic is in integers, in units so fine that nothing is ever rounded in the caller's favour, nor lost: at
//! 10 000 a second as at three a second the long run is exact. What asks for more than can ever be had at once is an
//! error at once ([`Denied::TooLarge`]); the other choice, to wait for ever, would also block all who stand behind.
//!
//! [`Limiter`] keeps a state for each key, bounded. [`Throttle`] lets callers wait for their turn instead of refusing
//! them.
//!
//! ```
//! use std::num::NonZeroUsize;
//! use std::time::Duration;
//!
//! use hotcell_call::{Clock, ManualClock};
//! use hotcell_flow::rate::{Algorithm, Denied, Limiter, Rate};
//!
//! let clock = ManualClock::default();
//! let rate = Rate::new(Algorithm::Gcra, 10, Duration::from_secs(1))?.with_burst(2)?;
//! let limiter = Limiter::new(rate, NonZeroUsize::MIN, clock.now());
//! assert!(limiter.take(clock.now(), &"tenant", 2).is_ok());
//! let denied = limiter.take(clock.now(), &"tenant", 1);
//! assert_eq!(denied, Err(Denied::TooSoon { retry_after: Duration::from_millis(100) }));
//! # Ok::<(), hotcell_flow::rate::BadRate>(())
//! ```

mod bucket;
mod error;
mod gcra;
mod limiter;
mod throttle;
mod window;

use std::str::FromStr;
use std::time::{Duration, Instant};

pub use bucket::TokenBucket;
pub use error::{BadRate, Denied};
pub use gcra::Gcra;
pub use limiter::Limiter;
pub use throttle::{Refusal, Throttle};
pub use window::SlidingWindow;

use crate::keyed::Idle;

/// How the starts of a time are counted. See the [module](self) for what each promises.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Algorithm {
    /// [`Gcra`].
    #[default]
    Gcra,
    /// [`TokenBucket`].
    TokenBucket,
    /// [`SlidingWindow`].
    SlidingWindow,
}

/// A rate that makes sense: `count` in each `per`, `burst` of them at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Rate {
    algorithm: Algorithm,
    count: u32,
    /// In nanoseconds: at most 584 years.
    per: u64,
    burst: u32,
}

/// What one key has used: one of the three, as its [`Rate`] says.
#[derive(Debug, Clone)]
pub enum State {
    /// See [`Gcra`].
    Gcra(Gcra),
    /// See [`TokenBucket`].
    TokenBucket(TokenBucket),
    /// See [`SlidingWindow`].
    SlidingWindow(SlidingWindow),
}

// === impl Algorithm ===

impl Algorithm {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Gcra, Self::TokenBucket, Self::SlidingWindow];

    /// The word in files and messages.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Gcra => "gcra",
            Self::TokenBucket => "token-bucket",
            Self::SlidingWindow => "sliding-window",
        }
    }
}

impl FromStr for Algorithm {
    type Err = BadRate;

    fn from_str(text: &str) -> Result<Self, BadRate> {
        let named = Self::ALL.into_iter().find(|algorithm| algorithm.as_str() == text);
        named.ok_or_else(|| BadRate::Unknown { name: text.to_owned() })
    }
}

// === impl Rate ===

impl Rate {
    /// `count` in each `per`; as many at once, unless [`with_burst`](Self::with_burst) says otherwise.
    ///
    /// # Errors
    ///
    /// [`BadRate`] when nothing would ever be let in, or when `per` is longer than can be counted.
    pub fn new(algorithm: Algorithm, count: u32, per: Duration) -> Result<Self, BadRate> {
        let per = u64::try_from(per.as_nanos()).map_err(|_long| BadRate::LongPer { per })?;
        match (count, per) {
            (0, _) => Err(BadRate::NoCount),
            (_, 0) => Err(BadRate::NoPer),
            _ => Ok(Self { algorithm, count, per, burst: count }),
        }
    }

    /// The same rate, with `burst` at once.
    ///
    /// # Errors
    ///
    /// [`BadRate`] for a burst of nothing, and for a sliding window: what it lets in at once is its count.
    pub fn with_burst(self, burst: u32) -> Result<Self, BadRate> {
        match self.algorithm {
            Algorithm::SlidingWindow => Err(BadRate::BurstOfWindow),
            _ if burst == 0 => Err(BadRate::NoBurst),
            _ => Ok(Self { burst, ..self }),
        }
    }

    /// How it counts.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// How many in each [`per`](Self::per).
    #[must_use]
    pub fn count(&self) -> u32 {
        self.count
    }

    /// The time in which [`count`](Self::count) are let in.
    #[must_use]
    pub fn per(&self) -> Duration {
        Duration::from_nanos(self.per)
    }

    /// The most that can be taken at once.
    #[must_use]
    pub fn burst(&self) -> u32 {
        self.burst
    }

    /// Refuses what could not be had at once even if nothing had been taken.
    fn check(&self, asked: u32) -> Result<(), Denied> {
        let most = self.burst;
        if asked > most { Err(Denied::TooLarge { asked, most }) } else { Ok(()) }
    }
}

// === impl State ===

impl State {
    /// A state that has used nothing. Times are counted from `origin`; two states with one origin and the same uses
    /// decide alike.
    #[must_use]
    pub fn new(rate: Rate, origin: Instant) -> Self {
        match rate.algorithm {
            Algorithm::Gcra => Self::Gcra(Gcra::new(rate, origin)),
            Algorithm::TokenBucket => Self::TokenBucket(TokenBucket::new(rate, origin)),
            Algorithm::SlidingWindow => Self::SlidingWindow(SlidingWindow::new(rate, origin)),
        }
    }

    /// Takes `n`, or says when they can be had.
    ///
    /// # Errors
    ///
    /// [`Denied`]; nothing is taken then.
    pub fn take(&mut self, now: Instant, n: u32) -> Result<(), Denied> {
        match self {
            Self::Gcra(state) => state.take(now, n),
            Self::TokenBucket(state) => state.take(now, n),
            Self::SlidingWindow(state) => state.take(now, n),
        }
    }

    /// From when on it is as if nothing had been taken, unless more is.
    #[must_use]
    pub fn full_at(&self) -> Instant {
        match self {
            Self::Gcra(state) => state.full_at(),
            Self::TokenBucket(state) => state.full_at(),
            Self::SlidingWindow(state) => state.full_at(),
        }
    }
}

impl Idle for State {
    fn idle_at(&self, _: Instant) -> Instant {
        self.full_at()
    }
}

#[cfg(test)]
mod tests;
