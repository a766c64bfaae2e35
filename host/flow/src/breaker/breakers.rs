//! A breaker for each key.

use std::fmt;
use std::hash::Hash;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tokio::sync::broadcast;

use super::{Breaker, Open, Pass, Policy, State, Verdict};
use crate::keyed::Keyed;

/// A breaker for each key. Clones share them.
///
/// At most so many keys are known. One that is closed and has seen nothing for its whole window is forgotten when room is
/// needed, and so is an open one that nobody asked again for the longest rest. See the [module](super) for what happens to
/// keys beyond the bound.
pub struct Breakers<K: Clone + Eq + Hash>(Arc<Shared<K>>);

/// The way through a breaker for one call. Dropped unsettled, it says nothing; a probe makes place for another.
#[must_use = "a guard that is dropped says nothing about the call"]
pub struct Guard<K: Clone + Eq + Hash> {
    shared: Arc<Shared<K>>,
    key: K,
    /// None once it is settled, and for keys that are not observed.
    pass: Option<Pass>,
}

/// A breaker changed its state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change<K> {
    /// Whose breaker.
    pub key: K,
    /// Where it stood.
    pub from: State,
    /// Where it stands.
    pub to: State,
}

struct Shared<K> {
    policy: Policy,
    origin: Instant,
    keys: Mutex<Keyed<K, Breaker>>,
    changes: broadcast::Sender<Change<K>>,
}

/// How many changes are kept for a subscriber who is slow. One who is slower is told how many it missed.
const CHANGES_KEPT: usize = 256;

impl<K: Clone + Eq + Hash> Breakers<K> {
    /// Closed breakers for at most `most_keys` keys. `origin` is any time that is not in the future.
    #[must_use]
    pub fn new(policy: Policy, most_keys: NonZeroUsize, origin: Instant) -> Self {
        let keys = Mutex::new(Keyed::new(most_keys));
        Self(Arc::new(Shared { policy, origin, keys, changes: broadcast::Sender::new(CHANGES_KEPT) }))
    }

    /// Lets one call of `key` through, or says when to ask again.
    ///
    /// # Errors
    ///
    /// [`Open`].
    pub fn pass(&self, now: Instant, key: &K) -> Result<Guard<K>, Open> {
        let Shared { policy, origin, .. } = &*self.0;
        let mut keys = self.0.lock();
        let pass = match keys.entry(now, key, || Breaker::new(*policy, *origin)) {
            Some(breaker) => Some(self.0.watched(key, breaker, |breaker| breaker.try_pass(now))?),
            None => None,
        };
        drop(keys);
        Ok(Guard { shared: Arc::clone(&self.0), key: key.clone(), pass })
    }

    /// Says whether a call of `key` would be refused now, and changes nothing: for whoever asks long before the call is made.
    ///
    /// # Errors
    ///
    /// [`Open`].
    pub fn check(&self, now: Instant, key: &K) -> Result<(), Open> {
        match self.state(key) {
            State::Open { until } if until > now => Err(Open { retry_after: until.saturating_duration_since(now) }),
            _ => Ok(()),
        }
    }

    /// Where the breaker of `key` stands: closed, if it is not known.
    #[must_use]
    pub fn state(&self, key: &K) -> State {
        self.0.lock().get_mut(key).map_or(State::Closed, |breaker| breaker.state())
    }

    /// Where all known breakers stand, in no order.
    #[must_use]
    pub fn states(&self) -> Vec<(K, State)> {
        self.0.lock().iter().map(|(key, breaker)| (key.clone(), breaker.state())).collect()
    }

    /// Each change from now on, in order. A breaker becomes half-open when the first call comes after its rest, not before.
    #[must_use]
    pub fn changes(&self) -> broadcast::Receiver<Change<K>> {
        self.0.changes.subscribe()
    }
}

impl<K: Clone + Eq + Hash> Guard<K> {
    /// Says how the call ended; gives the state that the breaker changed to by that, if it did.
    pub fn settle(mut self, now: Instant, verdict: Verdict) -> Option<State> {
        let pass = self.pass.take()?;
        let mut keys = self.shared.lock();
        let breaker = keys.get_mut(&self.key)?;
        let from = breaker.state();
        self.shared.watched(&self.key, breaker, |breaker| breaker.settle(now, pass, verdict));
        let to = breaker.state();
        (!from.is_like(&to)).then_some(to)
    }

    /// Whether it is the probe of a half-open breaker.
    #[must_use]
    pub fn is_probe(&self) -> bool {
        self.pass.as_ref().is_some_and(Pass::is_probe)
    }
}

impl<K: Clone + Eq + Hash> Drop for Guard<K> {
    fn drop(&mut self) {
        if let Some(pass) = self.pass.take()
            && let Some(breaker) = self.shared.lock().get_mut(&self.key)
        {
            breaker.give_up(pass);
        }
    }
}

// === impl Shared ===

impl<K> Shared<K> {
    fn lock(&self) -> MutexGuard<'_, Keyed<K, Breaker>> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Clone> Shared<K> {
    /// Does something to a breaker, and tells if that changed its state.
    fn watched<T>(&self, key: &K, breaker: &mut Breaker, act: impl FnOnce(&mut Breaker) -> T) -> T {
        let from = breaker.state();
        let result = act(breaker);
        let to = breaker.state();
        if !from.is_like(&to) {
            // Nobody listens: nobody to tell.
            let _none = self.changes.send(Change { key: key.clone(), from, to });
        }
        result
    }
}

impl<K: Clone + Eq + Hash> Clone for Breakers<K> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<K: Clone + Eq + Hash> fmt::Debug for Breakers<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Breakers").field("policy", &self.0.policy).finish_non_exhaustive()
    }
}

impl<K: Clone + Eq + Hash + fmt::Debug> fmt::Debug for Guard<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guard").field("key", &self.key).field("pass", &self.pass).finish_non_exhaustive()
    }
}
