//! So much in a window, by key: calls, fuel, time.
//!
//! A [rate](crate::rate) counts starts, and a start costs the same for all. What a call really uses is known when it has
//! ended, and may be a thousand times what another uses. So a quota is *reserved* before the call, with an estimate, and
//! *settled* after it with what it cost. While a call runs its estimate counts as spent: a hundred calls that start
//! together can't each see the same rest. A reservation is a guard; dropped without an end, it gives all of it back.
//!
//! An estimate that was too low is spent all the same, and counts against what comes after: in a fixed window the excess is
//! carried into the next, so that to estimate low gains nothing. An estimate that is larger than a whole window could
//! never be had, and is refused at once.
//!
//! | window | begins | may hold |
//! |---|---|---|
//! | [`Window::Fixed`] | at multiples of its length | twice the allowance around a boundary, and never more in the long run |
//! | [`Window::Rolling`] | anywhere | the allowance; what was spent counts up to a 60th of the window longer |
//!
//! Both in constant time and memory for each key, whatever the window and the numbers.
//!
//! ```
//! use std::num::NonZeroUsize;
//! use std::time::Duration;
//!
//! use hotcell_call::{Clock, ManualClock};
//! use hotcell_flow::quota::{Allowance, Quota, Window};
//!
//! let clock = ManualClock::default();
//! let fuel = Allowance::new(1_000, Duration::from_secs(3_600), Window::Rolling)?;
//! let quota = Quota::new(fuel, NonZeroUsize::MIN, clock.now());
//! let reserved = quota.reserve(clock.now(), &"tenant", 800).unwrap();
//! assert!(quota.reserve(clock.now(), &"tenant", 800).is_err());
//! reserved.settle(clock.now(), 50);
//! assert!(quota.reserve(clock.now(), &"tenant", 800).is_ok());
//! # Ok::<(), hotcell_flow::quota::BadAllowance>(())
//! ```

mod account;
mod error;

use std::fmt;
use std::hash::Hash;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

pub use account::{Account, Standing};
pub use error::{BadAllowance, Denied};

use crate::keyed::{Idle, Keyed};

/// How much may be spent in which time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowance {
    units: u64,
    window: Duration,
    kind: Window,
}

/// Where a window begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Window {
    /// At multiples of its length: all is there again at once.
    #[default]
    Fixed,
    /// Anywhere: what was spent is there again when it is a window old.
    Rolling,
}

/// An allowance for each key. Clones share it.
///
/// At most so many keys are known. One that has spent and reserved nothing any more is forgotten when room is needed, which
/// changes no decision. Keys beyond the bound share one allowance, and take what it has spent with them when they get
/// a place of their own: no key gains by the bound.
pub struct Quota<K: Clone + Eq + Hash>(Arc<Shared<K>>);

/// So much, held for one call. Dropped, it is given back.
#[must_use = "a reservation that is dropped is given back"]
pub struct Reservation<K: Clone + Eq + Hash> {
    shared: Arc<Shared<K>>,
    /// None for the account that keys without a place share.
    key: Option<K>,
    estimate: u64,
    settled: bool,
}

struct Shared<K> {
    allowance: Allowance,
    origin: Instant,
    accounts: Mutex<Accounts<K>>,
}

struct Accounts<K> {
    keys: Keyed<K, Account>,
    shared: Account,
}

// === impl Allowance ===

impl Allowance {
    /// `units` in each `window`.
    ///
    /// # Errors
    ///
    /// [`BadAllowance`] for nothing, for no time, and for a time too long to be counted.
    pub fn new(units: u64, window: Duration, kind: Window) -> Result<Self, BadAllowance> {
        if units == 0 {
            return Err(BadAllowance::Nothing);
        }
        if window.is_zero() {
            return Err(BadAllowance::NoWindow);
        }
        u64::try_from(window.as_nanos()).map_err(|_long| BadAllowance::LongWindow { window })?;
        Ok(Self { units, window, kind })
    }

    /// How much.
    #[must_use]
    pub fn units(&self) -> u64 {
        self.units
    }

    /// In which time.
    #[must_use]
    pub fn window(&self) -> Duration {
        self.window
    }

    /// Where that begins.
    #[must_use]
    pub fn kind(&self) -> Window {
        self.kind
    }
}

// === impl Quota ===

impl<K: Clone + Eq + Hash> Quota<K> {
    /// The same allowance for each of at most `most_keys` keys. Fixed windows are counted from `origin`, any time that is
    /// not in the future.
    #[must_use]
    pub fn new(allowance: Allowance, most_keys: NonZeroUsize, origin: Instant) -> Self {
        let accounts = Accounts { keys: Keyed::new(most_keys), shared: Account::new(allowance, origin) };
        Self(Arc::new(Shared { allowance, origin, accounts: Mutex::new(accounts) }))
    }

    /// Holds `estimate` of the allowance of `key`, and at least one unit of it: what costs nothing needs no quota.
    ///
    /// # Errors
    ///
    /// [`Denied`]; nothing is held then.
    pub fn reserve(&self, now: Instant, key: &K, estimate: u64) -> Result<Reservation<K>, Denied> {
        let estimate = estimate.max(1);
        let Shared { allowance, origin, .. } = &*self.0;
        let mut accounts = self.0.lock();
        let Accounts { keys, shared } = &mut *accounts;
        let fresh = || if shared.idle_at(now) > now { shared.heir(now) } else { Account::new(*allowance, *origin) };
        let key = match keys.entry(now, key, fresh) {
            Some(account) => {
                account.reserve(now, estimate)?;
                Some(key.clone())
            }
            None => {
                shared.reserve(now, estimate)?;
                None
            }
        };
        drop(accounts);
        Ok(Reservation { shared: Arc::clone(&self.0), key, estimate, settled: false })
    }

    /// What `key` has spent, holds and may still have.
    #[must_use]
    pub fn standing(&self, now: Instant, key: &K) -> Standing {
        match self.0.lock().keys.get_mut(key) {
            Some(account) => account.standing(now),
            None => Account::new(self.0.allowance, self.0.origin).standing(now),
        }
    }

    /// What each key may spend.
    #[must_use]
    pub fn allowance(&self) -> Allowance {
        self.0.allowance
    }

    /// How many keys are known.
    #[must_use]
    pub fn keys(&self) -> usize {
        self.0.lock().keys.len()
    }
}

// === impl Reservation ===

impl<K: Clone + Eq + Hash> Reservation<K> {
    /// Spends what it really cost, more or less than was held.
    pub fn settle(mut self, now: Instant, cost: u64) {
        self.settled = true;
        let estimate = self.estimate;
        self.with(|account| account.settle(now, estimate, cost));
    }

    /// How much is held.
    #[must_use]
    pub fn estimate(&self) -> u64 {
        self.estimate
    }

    fn with(&self, act: impl FnOnce(&mut Account)) {
        let mut accounts = self.shared.lock();
        let Accounts { keys, shared } = &mut *accounts;
        // An account with something reserved is never forgotten.
        let account = match &self.key {
            Some(key) => keys.get_mut(key),
            None => Some(shared),
        };
        if let Some(account) = account {
            act(account);
        }
    }
}

impl<K: Clone + Eq + Hash> Drop for Reservation<K> {
    fn drop(&mut self) {
        if !self.settled {
            let estimate = self.estimate;
            self.with(|account| account.give_back(estimate));
        }
    }
}

impl<K> Shared<K> {
    fn lock(&self) -> MutexGuard<'_, Accounts<K>> {
        self.accounts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Clone + Eq + Hash> Clone for Quota<K> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<K: Clone + Eq + Hash> fmt::Debug for Quota<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Quota").field("allowance", &self.0.allowance).finish_non_exhaustive()
    }
}

impl<K: Clone + Eq + Hash> fmt::Debug for Reservation<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reservation").field("estimate", &self.estimate).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
