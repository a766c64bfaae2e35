//! When to try again.
//!
//! A retry helps against a failure that passes, and makes one worse that does not: callers who all try again at once
//! are a second load on top of the first, at the worst time. So a retry must be worth it in five ways:
//!
//! - **The failure passes.** Which failures do is for the caller to say, by their kind and never by their text:
//!   [`transient`] is the answer that fits most.
//! - **It does no harm.** [`repeatable`] knows what a tool says that it does, and what the host saw it do.
//! - **It waits**, longer each time, up to a bound, and by chance: full jitter (Brooker, *Exponential Backoff And Jitter*)
//!   spreads those who failed together over the whole wait, so that they don't meet again.
//! - **There is a budget.** Retries are a part of all calls and a few beside (the *retry budget* of Finagle, also in Envoy
//!   and linkerd): when everything fails, the load grows by that part and not by the number of attempts.
//! - **There is time.** An attempt that could not start before the deadline is not waited for.
//!
//! While it waits it holds nothing. What an attempt needs (a permit, a breaker's pass) it takes and gives back itself.
//!
//! ```
//! use hotcell_call::{Code, Effect, Failure};
//! use hotcell_flow::Timer;
//! use hotcell_flow::retry::{Policy, Retry, Seen, judge, transient};
//!
//! async fn call(timer: &dyn Timer, mut chance: impl FnMut() -> f64) -> Result<u32, Failure> {
//!     let retry = Retry { policy: &Policy::default(), timer, deadline: None, budget: None };
//!     let verdict = |failure: &Failure| judge(failure, transient, Effect::Read, Seen::Nothing);
//!     retry.run(&mut chance, verdict, async |attempt| {
//!         if attempt < 2 { Err(Failure::new(Code::ToolUnavailable, "not yet")) } else { Ok(attempt) }
//!     }).await
//! }
//! ```

mod budget;
mod error;
mod run;

use std::time::Duration;

pub use budget::{Budget, Budgets, Share};
pub use error::BadRetry;
use hotcell_call::{Code, Effect, Failure, Kind, Refusal};
pub use run::Retry;

use crate::nanos::grown;

/// How often to try, and how long to wait between.
///
/// Unless set: three attempts, waits of up to 100 ms, 200 ms and so on up to 10 s, with full jitter.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Policy {
    attempts: u32,
    base: Duration,
    factor: f64,
    cap: Duration,
    jitter: Jitter,
}

/// What chance does to a wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Jitter {
    /// Anything from none of it to all of it.
    #[default]
    Full,
    /// Nothing: for those who are alone.
    None,
}

/// What to do about a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is final.
    Final,
    /// Try again, and not before so long if that is said.
    Again {
        /// What whoever refused asked for.
        after: Option<Duration>,
    },
}

/// What the host saw a call do to the world, up to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seen {
    /// It used nothing that changes anything.
    Nothing,
    /// It did.
    Something,
    /// That can't be known.
    Unknown,
}

// === impl Policy ===

impl Default for Policy {
    fn default() -> Self {
        let (base, cap) = (Duration::from_millis(100), Duration::from_secs(10));
        Self { attempts: 3, base, factor: 2.0, cap, jitter: Jitter::Full }
    }
}

impl Policy {
    /// So many attempts, the first included.
    ///
    /// # Errors
    ///
    /// [`BadRetry::NoAttempts`] for none.
    pub fn attempting(self, attempts: u32) -> Result<Self, BadRetry> {
        if attempts == 0 { Err(BadRetry::NoAttempts) } else { Ok(Self { attempts, ..self }) }
    }

    /// Waits `base` after the first failure and `factor` times as long after each further one, up to `cap`.
    ///
    /// # Errors
    ///
    /// [`BadRetry`] unless 1 ≤ `factor` ≤ 100 and `base` ≤ `cap`.
    pub fn waiting(self, base: Duration, factor: f64, cap: Duration) -> Result<Self, BadRetry> {
        if !(1.0..=100.0).contains(&factor) {
            return Err(BadRetry::Factor { factor });
        }
        if base > cap {
            return Err(BadRetry::Cap { base, cap });
        }
        Ok(Self { base, factor, cap, ..self })
    }

    /// With more or less chance.
    #[must_use]
    pub fn with_jitter(self, jitter: Jitter) -> Self {
        Self { jitter, ..self }
    }

    /// How many attempts there are, the first included.
    #[must_use]
    pub fn attempts(&self) -> u32 {
        self.attempts
    }

    /// The longest wait, chance aside.
    #[must_use]
    pub fn longest(&self) -> Duration {
        self.cap
    }

    /// How long to wait after `failed` attempts, for a `chance` from 0 to 1; none when there is no further attempt.
    #[must_use]
    pub fn wait(&self, failed: u32, chance: f64) -> Option<Duration> {
        if failed >= self.attempts {
            return None;
        }
        let longest = grown(self.base, self.factor, failed.saturating_sub(1), self.cap);
        Some(match self.jitter {
            Jitter::None => longest,
            // Chance that is none (a bug of whoever brings it) must not end waits: it counts as all of it.
            Jitter::Full if !(0.0..1.0).contains(&chance) => longest,
            Jitter::Full => Duration::try_from_secs_f64(longest.as_secs_f64() * chance).unwrap_or(longest),
        })
    }
}

/// Whether a call with this effect, of which this was seen, may be made again.
///
/// A tool's word is not enough where the host saw otherwise: one that says it only reads and was seen to change something
/// is treated as one that writes. And one that writes may try again after all if nothing has left its cell.
#[must_use]
pub fn repeatable(effect: Effect, seen: Seen) -> bool {
    match (effect, seen) {
        (_, Seen::Nothing) | (Effect::Idempotent, _) => true,
        (Effect::Pure | Effect::Read, Seen::Unknown) => true,
        (Effect::Pure | Effect::Read, Seen::Something) | (Effect::Write, _) => false,
    }
}

/// Whether a failure is likely to pass: the tool said that it is not available for the moment, or the call was refused
/// for a load that passes. All else would most likely end the same way.
#[must_use]
pub fn transient(failure: &Failure) -> bool {
    let passes = matches!(failure.kind(), Kind::Refused(Refusal::Rate | Refusal::Overloaded | Refusal::Open));
    (passes && failure.code() != Code::Draining) || failure.code() == Code::ToolUnavailable
}

/// What to do about `failure`: again if `passes` says that it may pass and the effect allows it. What was refused never
/// ran, so its effect does not matter.
#[must_use]
pub fn judge(failure: &Failure, passes: impl FnOnce(&Failure) -> bool, effect: Effect, seen: Seen) -> Verdict {
    let ran = !matches!(failure.kind(), Kind::Refused(_));
    if (ran && !repeatable(effect, seen)) || !passes(failure) {
        return Verdict::Final;
    }
    Verdict::Again { after: failure.wait() }
}

#[cfg(test)]
mod tests;
