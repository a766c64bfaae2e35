//! Stops calling what fails.
//!
//! A tool whose backend is gone fails each call, and often slowly: each one holds a permit until it runs out of time.
//! Calling it on is no use to the caller and takes places from others. A breaker counts the ends of calls. *Closed*, it
//! lets all through; when enough of them fail it *opens*, and refuses at once, with the time when it is worth asking
//! again. After that time it is *half-open*: exactly one call is let through as a probe. If it goes well the breaker
//! closes; if not, it opens for longer, up to a bound (Nygard, *Release It!*; the ratio over a window with a least number of
//! calls is that of Hystrix and resilience4j).
//!
//! A probe must not be lost: one that is dropped without an end frees its place for another. And what was let through
//! before the breaker opened says nothing about what came after: its end is not counted.
//!
//! [`Breaker`] is the decision alone. [`Breakers`] keeps one for each key, bounded, and tells of changes. Keys beyond the
//! bound are let through unobserved: a breaker saves work, and must not become the outage that it is to prevent.
//!
//! ```
//! use std::num::NonZeroUsize;
//! use std::time::Duration;
//!
//! use hotcell_call::{Clock, ManualClock};
//! use hotcell_flow::breaker::{Breakers, Policy, Verdict};
//!
//! let clock = ManualClock::default();
//! let breakers = Breakers::new(Policy::default(), NonZeroUsize::MIN, clock.now());
//! for _ in 0..5 {
//!     breakers.pass(clock.now(), &"calc").unwrap().settle(clock.now(), Verdict::Failed);
//! }
//! assert_eq!(breakers.pass(clock.now(), &"calc").unwrap_err().retry_after, Duration::from_secs(60));
//! clock.advance(Duration::from_secs(60));
//! breakers.pass(clock.now(), &"calc").unwrap().settle(clock.now(), Verdict::Well);
//! assert!(breakers.pass(clock.now(), &"calc").is_ok());
//! ```

mod breakers;
mod error;
mod policy;

use std::ops::{AddAssign, SubAssign};
use std::time::Instant;

pub use breakers::{Breakers, Change, Guard};
pub use error::{BadPolicy, Open};
pub use policy::Policy;

use crate::keyed::Idle;
use crate::rolling::Rolling;

/// One circuit breaker: when to let a call through.
#[derive(Debug, Clone)]
pub struct Breaker {
    policy: Policy,
    state: State,
    seen: Rolling<Tally>,
    /// How often it opened since it was last closed.
    openings: u32,
    /// Rises with each change of state: passes of an earlier term count for nothing.
    term: u64,
}

/// Where a breaker stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// All pass.
    Closed,
    /// None pass before `until`; the first who asks then is the probe.
    Open {
        /// When that is.
        until: Instant,
    },
    /// One was let through as a probe or may be; nobody else.
    HalfOpen {
        /// Since when.
        since: Instant,
        /// Whether there is a probe on its way.
        probing: bool,
    },
}

/// Leave to go through, to be settled or given up.
#[derive(Debug)]
#[must_use = "a pass that is neither settled nor given up keeps a half-open breaker waiting"]
pub struct Pass {
    term: u64,
    probe: bool,
}

/// How a call ended. Ends that say nothing about what is behind (cancelled, refused, the caller's own fault) are no
/// verdict: [give them up](Breaker::give_up).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// What is behind is well.
    Well,
    /// It is not.
    Failed,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Tally {
    well: u64,
    failed: u64,
}

/// Into how many slices the window is cut.
const SLICES: u32 = 10;

// === impl State ===

impl State {
    /// Its word: `closed`, `open`, `half-open`.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open { .. } => "open",
            Self::HalfOpen { .. } => "half-open",
        }
    }

    /// Whether both are the same state, whenever they began.
    fn is_like(&self, other: &Self) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other)
    }
}

// === impl Pass ===

impl Pass {
    /// Whether it is the probe of a half-open breaker.
    fn is_probe(&self) -> bool {
        self.probe
    }
}

// === impl Breaker ===

impl Breaker {
    /// A closed breaker that has seen nothing. `origin` is any time that is not in the future.
    #[must_use]
    pub fn new(policy: Policy, origin: Instant) -> Self {
        let seen = Rolling::new(policy.window(), SLICES, origin);
        Self { policy, state: State::Closed, seen, openings: 0, term: 0 }
    }

    /// Lets one call through, or says when to ask again.
    ///
    /// # Errors
    ///
    /// [`Open`].
    pub fn try_pass(&mut self, now: Instant) -> Result<Pass, Open> {
        match self.state {
            State::Closed => Ok(Pass { term: self.term, probe: false }),
            State::Open { until } if now < until => Err(Open { retry_after: until - now }),
            State::HalfOpen { probing: true, .. } => Err(Open { retry_after: self.policy.cool_down() }),
            State::Open { .. } => {
                self.change(State::HalfOpen { since: now, probing: true });
                Ok(Pass { term: self.term, probe: true })
            }
            State::HalfOpen { since, probing: false } => {
                self.state = State::HalfOpen { since, probing: true };
                Ok(Pass { term: self.term, probe: true })
            }
        }
    }

    /// Learns how the call ended that `pass` let through.
    pub fn settle(&mut self, now: Instant, pass: Pass, verdict: Verdict) {
        if pass.term != self.term {
            return;
        }
        match (self.state, verdict) {
            (State::Closed, verdict) => {
                let failed = u64::from(verdict == Verdict::Failed);
                self.seen.add(now, Tally { well: 1 - failed, failed });
                if failed == 1 && self.policy.opens_at(self.seen.sum(now)) {
                    self.open(now);
                }
            }
            (State::HalfOpen { .. }, Verdict::Well) if pass.probe => {
                self.seen.clear();
                self.openings = 0;
                self.change(State::Closed);
            }
            (State::HalfOpen { .. }, Verdict::Failed) if pass.probe => self.open(now),
            _ => {}
        }
    }

    /// Takes back a pass whose call says nothing; a probe makes place for another.
    pub fn give_up(&mut self, pass: Pass) {
        if let State::HalfOpen { since, probing: true } = self.state
            && pass.term == self.term
            && pass.probe
        {
            self.state = State::HalfOpen { since, probing: false };
        }
    }

    /// Where it stands.
    #[must_use]
    pub fn state(&self) -> State {
        self.state
    }

    fn open(&mut self, now: Instant) {
        let rest = self.policy.rest(self.openings);
        self.openings = self.openings.saturating_add(1);
        self.change(State::Open { until: now.checked_add(rest).unwrap_or(now) });
    }

    fn change(&mut self, state: State) {
        self.state = state;
        self.term += 1;
    }
}

impl Idle for Breaker {
    fn idle_at(&self, now: Instant) -> Instant {
        let longest = self.policy.longest();
        let at = match self.state {
            State::Closed => return self.seen.empty_at(),
            State::HalfOpen { probing: true, .. } => now.checked_add(longest),
            // Nobody asked for so long that what it knew is of no use.
            State::Open { until } => until.checked_add(longest),
            State::HalfOpen { since, probing: false } => since.checked_add(longest),
        };
        at.unwrap_or(now)
    }
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.well += other.well;
        self.failed += other.failed;
    }
}

impl SubAssign for Tally {
    fn sub_assign(&mut self, other: Self) {
        self.well -= other.well;
        self.failed -= other.failed;
    }
}

#[cfg(test)]
mod tests;
