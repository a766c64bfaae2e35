//! What retries are paid from.

use std::fmt;
use std::hash::Hash;
use std::num::NonZeroUsize;
use std::ops::{AddAssign, SubAssign};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::BadRetry;
use crate::keyed::{Idle, Keyed};
use crate::rolling::Rolling;

/// How many retries there may be for so many calls: a part of them, and a few each second beside, so that one call alone
/// can try again too.
///
/// Unless set: a fifth of the calls of the last ten seconds, and ten a second (as Finagle has it).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Share {
    ratio: f64,
    floor: u32,
    window: Duration,
}

/// A budget of retries. Clones share it.
#[derive(Debug, Clone)]
pub struct Budget(Arc<Mutex<Purse>>);

/// A budget for each key. Clones share them.
///
/// At most so many keys are known; one without a call in its window is forgotten when room is needed, which changes
/// nothing. Keys beyond the bound share one budget.
pub struct Budgets<K>(Arc<Mutex<Inner<K>>>);

struct Inner<K> {
    share: Share,
    origin: Instant,
    keys: Keyed<K, Budget>,
    /// What keys without a place share.
    shared: Budget,
}

#[derive(Debug)]
struct Purse {
    share: Share,
    seen: Rolling<Tally>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Tally {
    calls: u64,
    retries: u64,
}

/// Into how many slices the window is cut.
const SLICES: u32 = 10;

// === impl Share ===

impl Default for Share {
    fn default() -> Self {
        Self { ratio: 0.2, floor: 10, window: Duration::from_secs(10) }
    }
}

impl Share {
    /// `ratio` of the calls of the last `window`, and `floor` each second.
    ///
    /// # Errors
    ///
    /// [`BadRetry`] unless 0 ≤ `ratio` ≤ 10, and for a window of no time.
    pub fn new(ratio: f64, floor: u32, window: Duration) -> Result<Self, BadRetry> {
        if !(0.0..=10.0).contains(&ratio) {
            return Err(BadRetry::Ratio { ratio });
        }
        if window.is_zero() {
            return Err(BadRetry::NoWindow);
        }
        Ok(Self { ratio, floor, window })
    }

    fn allows(&self, seen: Tally) -> bool {
        let allowed = self.ratio * seen.calls as f64 + f64::from(self.floor) * self.window.as_secs_f64();
        (seen.retries as f64) + 1.0 <= allowed
    }
}

// === impl Budget ===

impl Budget {
    /// A budget that has seen nothing. `origin` is any time that is not in the future.
    #[must_use]
    pub fn new(share: Share, origin: Instant) -> Self {
        let seen = Rolling::new(share.window, SLICES, origin);
        Self(Arc::new(Mutex::new(Purse { share, seen })))
    }

    /// Counts a call, which pays in.
    pub fn call(&self, now: Instant) {
        self.lock().seen.add(now, Tally { calls: 1, retries: 0 });
    }

    /// Pays for one retry, if there is enough left.
    #[must_use]
    pub fn withdraw(&self, now: Instant) -> bool {
        let mut purse = self.lock();
        let seen = purse.seen.sum(now);
        let paid = purse.share.allows(seen);
        if paid {
            purse.seen.add(now, Tally { calls: 0, retries: 1 });
        }
        paid
    }

    fn lock(&self) -> MutexGuard<'_, Purse> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Idle for Budget {
    fn idle_at(&self, now: Instant) -> Instant {
        // Whoever holds it may still use it.
        let held = Arc::strong_count(&self.0) > 1;
        let purse = self.lock();
        let again = if held { now.checked_add(purse.share.window).unwrap_or(now) } else { now };
        purse.seen.empty_at().max(again)
    }
}

// === impl Budgets ===

impl<K: Clone + Eq + Hash> Budgets<K> {
    /// Budgets for at most `most_keys` keys. `origin` is any time that is not in the future.
    #[must_use]
    pub fn new(share: Share, most_keys: NonZeroUsize, origin: Instant) -> Self {
        let (keys, shared) = (Keyed::new(most_keys), Budget::new(share, origin));
        Self(Arc::new(Mutex::new(Inner { share, origin, keys, shared })))
    }

    /// The budget of `key`.
    #[must_use]
    pub fn of(&self, now: Instant, key: &K) -> Budget {
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Inner { share, origin, keys, shared } = &mut *inner;
        keys.entry(now, key, || Budget::new(*share, *origin)).unwrap_or(shared).clone()
    }
}

impl<K> Clone for Budgets<K> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<K> fmt::Debug for Budgets<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Budgets").finish_non_exhaustive()
    }
}

// === impl Tally ===

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.calls += other.calls;
        self.retries += other.retries;
    }
}

impl SubAssign for Tally {
    fn sub_assign(&mut self, other: Self) {
        self.calls -= other.calls;
        self.retries -= other.retries;
    }
}
