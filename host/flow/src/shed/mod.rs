//! Turns work away that has waited too long, the least urgent first.
//!
//! A queue that is bounded by number is still too long when what it holds is slow: a thousand calls of a second each are
//! a quarter of an hour on one core, and all of them are answered after their callers gave up. What tells a burst, which
//! a queue is for, from a standing queue, which it is not, is not its length but its *sojourn time*: in a burst somebody gets
//! through quickly now and then; in a standing queue even the luckiest waits long. That is CoDel (Nichols & Jacobson 2012,
//! RFC 8289), in the form that Facebook gave it for servers (Maurer, *Fail at Scale*, 2015; `folly::Codel`): callers don't
//! slow down when one of them is dropped, so instead of dropping one now and then, whatever has waited more than twice
//! the target is turned away while the queue stands.
//!
//! A class of calls is overloaded when the *shortest* wait of a whole interval was above the target. Each class is judged
//! by its own waits: urgent calls always get through quickly, and say nothing about the others. Then, of what has
//! waited for its turn:
//!
//! - what is less urgent than an overloaded class goes when it has waited for the target;
//! - an overloaded class itself goes when it has waited for twice the target, but not while anything less urgent is still
//!   let through.
//!
//! **Nothing that waited less than the target is ever turned away**, so a queue that moves is never touched. Ask when a
//! call's turn has come, just before it starts: that is when its wait is known, and it frees the way for one that still
//! has time.
//!
//! ```
//! use std::time::Duration;
//!
//! use hotcell_call::{Clock, ManualClock, Priority};
//! use hotcell_flow::shed::Shedder;
//!
//! let (clock, second) = (ManualClock::default(), Duration::from_secs(1));
//! let mut shedder = Shedder::new(Duration::from_millis(100), second)?;
//! assert!(shedder.judge(clock.now(), Priority::Normal, 3 * second).is_ok(), "one wait is no standing queue");
//! clock.advance(second);
//! assert!(shedder.judge(clock.now(), Priority::Normal, 3 * second).is_err());
//! # Ok::<(), hotcell_flow::shed::BadTarget>(())
//! ```

mod error;

use std::time::{Duration, Instant};

pub use error::{BadTarget, Shed};
use hotcell_call::Priority;

/// When to turn away what has waited.
#[derive(Debug, Clone)]
pub struct Shedder {
    target: Duration,
    interval: Duration,
    classes: [Class; Priority::ALL.len()],
}

/// What is known of the waits of one class.
#[derive(Debug, Clone, Copy, Default)]
struct Class {
    overloaded: bool,
    /// The shortest wait of the interval, and when that ends.
    shortest: Option<(Duration, Instant)>,
    /// When one was last asked about.
    asked: Option<Instant>,
    /// When one was last let through.
    passed: Option<Instant>,
}

impl Shedder {
    /// The wait that a queue may always cost, unless set.
    pub const DEFAULT_TARGET: Duration = Duration::from_millis(100);
    /// The time for which waits may be longer, unless set: long enough for a burst to pass.
    pub const DEFAULT_INTERVAL: Duration = Duration::from_secs(1);

    /// Turns away what has waited for `target` or more, once waits have been longer than that for a whole `interval`.
    ///
    /// # Errors
    ///
    /// [`BadTarget`] for a target of nothing, or one that is not shorter than the interval.
    pub fn new(target: Duration, interval: Duration) -> Result<Self, BadTarget> {
        if target.is_zero() {
            return Err(BadTarget::Nothing);
        }
        if target >= interval {
            return Err(BadTarget::Interval { target, interval });
        }
        Ok(Self { target, interval, classes: Default::default() })
    }

    /// Says whether a call whose turn has come, after it `waited` for it, may start.
    ///
    /// # Errors
    ///
    /// [`Shed`] if it must make way.
    pub fn judge(&mut self, now: Instant, priority: Priority, waited: Duration) -> Result<(), Shed> {
        let place = priority as usize;
        let interval = self.interval;
        if let Some(class) = self.classes.get_mut(place) {
            class.note(now, waited, self.target, interval);
        }
        let behind_overload = self.classes.iter().take(place).any(|class| class.is_overloaded(now, interval));
        let overloaded = self.is_overloaded(now, priority);
        let others_first = self.classes.iter().skip(place + 1).any(|class| class.passes(now, interval));
        let most = match (behind_overload, overloaded && !others_first) {
            (true, _) => Some(self.target),
            (false, true) => Some(self.target.saturating_mul(2)),
            (false, false) => None,
        };
        if most.is_some_and(|most| waited >= most) {
            return Err(Shed { waited, retry_after: waited.max(interval) });
        }
        if let Some(class) = self.classes.get_mut(place) {
            class.passed = Some(now);
        }
        Ok(())
    }

    /// Whether even the shortest wait of a class was too long in the last interval.
    #[must_use]
    pub fn is_overloaded(&self, now: Instant, priority: Priority) -> bool {
        self.classes.get(priority as usize).is_some_and(|class| class.is_overloaded(now, self.interval))
    }
}

impl Class {
    /// Learns of one more wait.
    fn note(&mut self, now: Instant, waited: Duration, target: Duration, interval: Duration) {
        // Who came after the last one was asked about found an empty queue, or one that moved.
        let was_empty = self.asked.is_none_or(|asked| now.saturating_duration_since(asked) > waited.max(interval));
        self.asked = Some(now);
        let end = now.checked_add(interval).unwrap_or(now);
        match self.shortest {
            Some((shortest, until)) if !was_empty => {
                if now >= until {
                    self.overloaded = shortest > target;
                    self.shortest = Some((waited, end));
                } else {
                    self.shortest = Some((shortest.min(waited), until));
                }
            }
            _ => {
                self.overloaded = false;
                self.shortest = Some((waited, end));
            }
        }
    }

    /// Whether it is overloaded, as far as is known: of a class that is not asked about any more, nothing is.
    fn is_overloaded(&self, now: Instant, interval: Duration) -> bool {
        self.overloaded && self.asked.is_some_and(|asked| now.saturating_duration_since(asked) <= interval)
    }

    fn passes(&self, now: Instant, interval: Duration) -> bool {
        self.passed.is_some_and(|passed| now.saturating_duration_since(passed) <= interval)
    }
}

#[cfg(test)]
mod tests;
