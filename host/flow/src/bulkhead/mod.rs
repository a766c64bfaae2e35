//! So many of each kind at a time, beside the bound over all.
//!
//! One tool that hangs takes permit after permit, until the bound over all is used up by calls that never end and every
//! other tool stands still with it. A bulkhead gives each key a bound of its own, below the one over all: what hangs
//! fills its own compartment and no other (Nygard, *Release It!*).
//!
//! A compartment exists while somebody runs or waits in it, so there are no more of them than there are callers. Should
//! keys come in such numbers that even this is too many, the caller with a new key beyond
//! [`most_keys`](Bulkhead::new) is refused; those with keys that are in use go on.
//!
//! Take the permit of the bulkhead *before* the one over all: who waits for its own compartment must not hold a place
//! that others could use.
//!
//! ```
//! use std::num::NonZeroUsize;
//!
//! use hotcell_flow::bulkhead::Bulkhead;
//!
//! let bulkhead = Bulkhead::new(NonZeroUsize::MIN, NonZeroUsize::new(64).unwrap());
//! let first = bulkhead.try_take(&"calc.eval")?;
//! assert!(first.is_some() && bulkhead.try_take(&"calc.eval")?.is_none());
//! assert!(bulkhead.try_take(&"text.diff")?.is_some(), "another tool has its own");
//! # Ok::<(), hotcell_flow::Refused>(())
//! ```

use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;
use std::num::NonZeroUsize;
use std::sync::{Arc, PoisonError};

use crate::Refused;
use crate::permit::{self, Permits};
use crate::sync::{Mutex, MutexGuard};

/// A bound for each key on what runs at the same time. Clones share it.
pub struct Bulkhead<K: Eq + Hash>(Arc<Shared<K>>);

/// Leave to run in the compartment of a key, given back when dropped.
#[must_use = "a permit that is dropped is given back"]
pub struct Permit<K: Eq + Hash> {
    // Before the visit: the compartment must not go while this counts in it.
    inner: permit::Permit,
    visit: Visit<K>,
}

struct Shared<K> {
    limit: NonZeroUsize,
    most_keys: NonZeroUsize,
    state: Mutex<State<K>>,
}

struct State<K> {
    /// Those in use.
    compartments: HashMap<K, Compartment>,
    /// Bounds that differ from the one for all keys; as many as the operator set.
    own: HashMap<K, NonZeroUsize>,
    closed: bool,
}

struct Compartment {
    permits: Permits,
    /// How many run or wait.
    visits: usize,
}

/// Keeps the compartment of a key in being.
struct Visit<K: Eq + Hash> {
    shared: Arc<Shared<K>>,
    key: K,
}

impl<K: Clone + Eq + Hash> Bulkhead<K> {
    /// A bound of `limit` for each key, and `most_keys` keys in use at a time.
    #[must_use]
    pub fn new(limit: NonZeroUsize, most_keys: NonZeroUsize) -> Self {
        let state = State { compartments: HashMap::new(), own: HashMap::new(), closed: false };
        Self(Arc::new(Shared { limit, most_keys, state: Mutex::new(state) }))
    }

    /// Gives `key` a bound of its own, from now on; one that is in use takes it at once.
    pub fn set(&self, key: K, limit: NonZeroUsize) {
        let mut state = self.0.lock();
        let permits = state.compartments.get(&key).map(|compartment| compartment.permits.clone());
        state.own.insert(key, limit);
        drop(state);
        if let Some(permits) = permits {
            permits.steer(crate::limit::Fixed::new(limit.get()));
        }
    }

    /// Takes a permit of `key` if one is free and nobody waits for it; none otherwise.
    ///
    /// # Errors
    ///
    /// [`Refused::Crowded`] when there is no room for one more key, [`Refused::Closed`] after [`close`](Self::close).
    pub fn try_take(&self, key: &K) -> Result<Option<Permit<K>>, Refused> {
        let (visit, permits) = self.visit(key)?;
        Ok(permits.try_take()?.map(|inner| Permit { inner, visit }))
    }

    /// Waits for a permit of `key`, behind those who came before. The number of those who wait here is not bounded: whoever
    /// lets callers in bounds it.
    ///
    /// Safe to cancel: dropped before it ends, it has taken nothing.
    ///
    /// # Errors
    ///
    /// As [`try_take`](Self::try_take).
    pub async fn take(&self, key: &K) -> Result<Permit<K>, Refused> {
        let (visit, permits) = self.visit(key)?;
        let inner = permits.take().await?;
        Ok(Permit { inner, visit })
    }

    /// How many more of `key` may run now.
    #[must_use]
    pub fn free(&self, key: &K) -> usize {
        let state = self.0.lock();
        match state.compartments.get(key) {
            Some(compartment) => compartment.permits.free(),
            None => self.0.limit_of(&state, key).get(),
        }
    }

    /// How many of `key` run now.
    #[must_use]
    pub fn running(&self, key: &K) -> usize {
        self.0.lock().compartments.get(key).map_or(0, |compartment| compartment.permits.running())
    }

    /// How many keys are in use.
    #[must_use]
    pub fn keys(&self) -> usize {
        self.0.lock().compartments.len()
    }

    /// Gives out no more permits, and sends away who waits for one. Those given out stay good.
    pub fn close(&self) {
        let mut state = self.0.lock();
        state.closed = true;
        let all: Vec<Permits> = state.compartments.values().map(|compartment| compartment.permits.clone()).collect();
        drop(state);
        all.iter().for_each(Permits::close);
    }

    fn visit(&self, key: &K) -> Result<(Visit<K>, Permits), Refused> {
        let mut state = self.0.lock();
        if state.closed {
            return Err(Refused::Closed);
        }
        if !state.compartments.contains_key(key) && state.compartments.len() >= self.0.most_keys.get() {
            return Err(Refused::Crowded { most: self.0.most_keys.get() });
        }
        let limit = self.0.limit_of(&state, key);
        let fresh = || Compartment { permits: Permits::new(limit.get()), visits: 0 };
        let compartment = state.compartments.entry(key.clone()).or_insert_with(fresh);
        compartment.visits += 1;
        let permits = compartment.permits.clone();
        drop(state);
        Ok((Visit { shared: Arc::clone(&self.0), key: key.clone() }, permits))
    }
}

impl<K: Eq + Hash> Permit<K> {
    /// Whose compartment it belongs to.
    #[must_use]
    pub fn key(&self) -> &K {
        &self.visit.key
    }
}

// === impl Shared ===

impl<K> Shared<K> {
    fn lock(&self) -> MutexGuard<'_, State<K>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Eq + Hash> Shared<K> {
    fn limit_of(&self, state: &State<K>, key: &K) -> NonZeroUsize {
        state.own.get(key).copied().unwrap_or(self.limit)
    }
}

impl<K: Eq + Hash> Drop for Visit<K> {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        if let Some(compartment) = state.compartments.get_mut(&self.key) {
            compartment.visits = compartment.visits.saturating_sub(1);
            if compartment.visits == 0 {
                state.compartments.remove(&self.key);
            }
        }
    }
}

impl<K: Eq + Hash> Clone for Bulkhead<K> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<K: Eq + Hash> fmt::Debug for Bulkhead<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bulkhead").field("limit", &self.0.limit).finish_non_exhaustive()
    }
}

impl<K: Eq + Hash + fmt::Debug> fmt::Debug for Permit<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Permit").field("key", self.key()).field("inner", &self.inner).finish()
    }
}

#[cfg(test)]
mod tests;
