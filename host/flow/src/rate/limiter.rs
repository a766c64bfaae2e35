//! A rate for each key.

use std::fmt;
use std::hash::Hash;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use super::{Denied, Rate, State};
use crate::keyed::Keyed;

/// The same rate for each key. Clones share it.
///
/// It remembers no more than so many keys. A key that has its whole allowance again is forgotten when room is needed,
/// which changes no decision. Only when more keys than that are in use *at the same time* does the bound show: keys for
/// which there is no room share one allowance among them. They are refused more often than alone, never less: no key
/// gets more than its rate by coming when the room is full, nor by leaving the shared allowance for a place of its own,
/// since a new place begins with what the shared one has used.
pub struct Limiter<K>(Arc<Mutex<Inner<K>>>);

struct Inner<K> {
    rate: Rate,
    origin: Instant,
    keys: Keyed<K, State>,
    /// What keys without a place share.
    shared: State,
}

impl<K: Clone + Eq + Hash> Limiter<K> {
    /// A limiter that knows at most `most_keys` keys apart. `origin` is any time that is not in the future.
    #[must_use]
    pub fn new(rate: Rate, most_keys: NonZeroUsize, origin: Instant) -> Self {
        let (keys, shared) = (Keyed::new(most_keys), State::new(rate, origin));
        Self(Arc::new(Mutex::new(Inner { rate, origin, keys, shared })))
    }

    /// Takes `n` from the allowance of `key`, or says when they can be had.
    ///
    /// # Errors
    ///
    /// [`Denied`]; nothing is taken then.
    pub fn take(&self, now: Instant, key: &K, n: u32) -> Result<(), Denied> {
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Inner { rate, origin, keys, shared } = &mut *inner;
        let fresh = || if shared.full_at() > now { shared.clone() } else { State::new(*rate, *origin) };
        match keys.entry(now, key, fresh) {
            Some(state) => state.take(now, n),
            None => shared.take(now, n),
        }
    }

    /// How many keys are remembered.
    #[must_use]
    pub fn keys(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).keys.len()
    }

    /// The rate of each key.
    #[must_use]
    pub fn rate(&self) -> Rate {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).rate
    }
}

impl<K> Clone for Limiter<K> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<K> fmt::Debug for Limiter<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        f.debug_struct("Limiter").field("rate", &inner.rate).finish_non_exhaustive()
    }
}
