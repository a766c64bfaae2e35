//! What each key has left to spend: an account that is paid into, not a window that begins anew.
//!
//! A [quota](crate::quota) says how much in each hour. Credit says how much at all: a tenant begins with so much, an operator
//! adds to it, and, if the [`Plan`] says so, what was spent comes back over time until there is as much as at the
//! beginning. What was added stays until it is spent, and stands beside the opening balance: for a key that was never seen
//! before, `add` gives both.
//!
//! As with a quota, a call *holds* an estimate before it starts and is *settled* with what it cost; a hold that is dropped
//! costs nothing. All that is left may be held: who spends exactly what there is, runs. What cost more than was held is owed,
//! and nothing more is lent until that is paid.
//!
//! At most so many keys have a balance. One that has what a newcomer has is forgotten when room is needed, which changes
//! nothing; when there is none like that, a newcomer is [refused](Short::Keys), because to forget a balance is to give or to
//! take away credit. Balances live as long as the value: whoever sells credit keeps the books elsewhere and adds what is in them.
//!
//! ```
//! use std::num::NonZeroUsize;
//!
//! use hotcell_call::{Clock, ManualClock};
//! use hotcell_flow::credit::{Credit, Plan};
//!
//! # let clock = ManualClock::default();
//! let credit = Credit::new(Plan::prepaid(100), NonZeroUsize::new(1_000).unwrap());
//! credit.add(clock.now(), &"tenant", 50)?;
//! let hold = credit.hold(clock.now(), &"tenant", 150)?;
//! hold.settle(clock.now(), 30);
//! assert_eq!(credit.left(clock.now(), &"tenant"), 120);
//! # Ok::<(), hotcell_flow::credit::Short>(())
//! ```

mod balance;
mod error;

use std::fmt;
use std::hash::Hash;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

pub use balance::Balance;
pub use error::{BadPlan, Short};

use crate::keyed::Keyed;

/// How credit begins and comes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plan {
    opening: u64,
    /// So many units in so many nanoseconds.
    refill: Option<(u64, u128)>,
}

/// A balance for each key. Clones share them.
pub struct Credit<K: Clone + Eq + Hash>(Arc<Shared<K>>);

/// Credit that is held for one call. Dropped, it is given back.
#[must_use = "credit that is held is given back when this is dropped"]
pub struct Hold<K: Clone + Eq + Hash> {
    shared: Arc<Shared<K>>,
    key: K,
    units: u64,
    settled: bool,
}

struct Shared<K> {
    plan: Plan,
    most_keys: NonZeroUsize,
    balances: Mutex<Keyed<K, Balance>>,
}

// === impl Plan ===

impl Plan {
    /// So much at the beginning, and no more but what is added. It may be nothing: then all is added.
    #[must_use]
    pub const fn prepaid(opening: u64) -> Self {
        Self { opening, refill: None }
    }

    /// So much at the beginning; of what is spent, `units` come back in each `every`.
    ///
    /// # Errors
    ///
    /// [`BadPlan`] for a refill of nothing, in no time, or over a time too long to be counted.
    pub fn refilled(opening: u64, units: u64, every: Duration) -> Result<Self, BadPlan> {
        if units == 0 {
            return Err(BadPlan::Nothing);
        }
        if every.is_zero() {
            return Err(BadPlan::NoTime);
        }
        u64::try_from(every.as_nanos()).map_err(|_long| BadPlan::LongTime { every })?;
        Ok(Self { opening, refill: Some((units, every.as_nanos())) })
    }
}

// === impl Credit ===

impl<K: Clone + Eq + Hash> Credit<K> {
    /// The same plan for each of at most `most_keys` keys.
    #[must_use]
    pub fn new(plan: Plan, most_keys: NonZeroUsize) -> Self {
        Self(Arc::new(Shared { plan, most_keys, balances: Mutex::new(Keyed::new(most_keys)) }))
    }

    /// Holds `units` of what `key` has.
    ///
    /// # Errors
    ///
    /// [`Short`]; nothing is held then.
    pub fn hold(&self, now: Instant, key: &K, units: u64) -> Result<Hold<K>, Short> {
        self.with(now, key, |balance| balance.hold(now, units))??;
        Ok(Hold { shared: Arc::clone(&self.0), key: key.clone(), units, settled: false })
    }

    /// Adds to what `key` has; says what that is now.
    ///
    /// # Errors
    ///
    /// [`Short::Keys`] when there is no room for its balance; nothing is added then.
    pub fn add(&self, now: Instant, key: &K, units: u64) -> Result<u64, Short> {
        self.with(now, key, |balance| {
            balance.add(now, units);
            balance.left(now)
        })
    }

    /// What `key` may spend now.
    #[must_use]
    pub fn left(&self, now: Instant, key: &K) -> u64 {
        self.0.lock().get_mut(key).map_or(self.0.plan.opening, |balance| balance.left(now))
    }

    /// How many keys have a balance of their own.
    #[must_use]
    pub fn keys(&self) -> usize {
        self.0.lock().len()
    }

    fn with<R>(&self, now: Instant, key: &K, act: impl FnOnce(&mut Balance) -> R) -> Result<R, Short> {
        let mut balances = self.0.lock();
        let balance = balances.entry(now, key, || Balance::new(self.0.plan, now));
        balance.map(act).ok_or(Short::Keys { most: self.0.most_keys.get() })
    }
}

impl<K: Clone + Eq + Hash> Clone for Credit<K> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<K: Clone + Eq + Hash> fmt::Debug for Credit<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credit").field("plan", &self.0.plan).finish_non_exhaustive()
    }
}

// === impl Hold ===

impl<K: Clone + Eq + Hash> Hold<K> {
    /// Spends what it really cost, more or less than was held.
    pub fn settle(mut self, now: Instant, cost: u64) {
        self.settled = true;
        // A balance with something held is never forgotten.
        if let Some(balance) = self.shared.lock().get_mut(&self.key) {
            balance.settle(now, self.units, cost);
        }
    }

    /// How much is held.
    #[must_use]
    pub fn units(&self) -> u64 {
        self.units
    }
}

impl<K: Clone + Eq + Hash> Drop for Hold<K> {
    fn drop(&mut self) {
        if !self.settled
            && let Some(balance) = self.shared.lock().get_mut(&self.key)
        {
            balance.give_back(self.units);
        }
    }
}

impl<K: Clone + Eq + Hash> fmt::Debug for Hold<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hold").field("units", &self.units).finish_non_exhaustive()
    }
}

// === impl Shared ===

impl<K> Shared<K> {
    fn lock(&self) -> MutexGuard<'_, Keyed<K, Balance>> {
        self.balances.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
