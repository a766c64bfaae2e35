//! A state for each key, and never more than so many.
//!
//! Keys come from outside: a tenant, a tool, an agent. A map that keeps one state for each key ever seen is a leak that
//! any caller can open, so there is a bound, and room is made by forgetting states that say nothing any more: a state is
//! *idle* when it is as good as a new one, so that forgetting it changes no decision. What happens to a key for which
//! there is no room is for each policy to say; here it is `None`.
//!
//! Idle states are found by a heap of the times at which each was last known to be busy until. Such a time is only a
//! lower bound, and is brought up to date when it is reached: using a state costs nothing here, and each of these
//! corrections is paid for by a use that came before it.

use std::cmp::Ordering;
use std::collections::{BinaryHeap, HashMap};
use std::hash::Hash;
use std::num::NonZeroUsize;
use std::time::Instant;

/// What can be told from a new state until some time, and not after it.
pub(crate) trait Idle {
    /// From when on it is as good as new, if nothing else happens to it. At or before `now` it is so already; what can't
    /// tell when it will be answers when to ask again.
    fn idle_at(&self, now: Instant) -> Instant;
}

/// States by key. See the [module](self).
#[derive(Debug)]
pub(crate) struct Keyed<K, V> {
    most: NonZeroUsize,
    states: HashMap<K, V>,
    due: BinaryHeap<Due<K>>,
}

/// A key, and when to look whether its state is idle. Exactly one for each state.
#[derive(Debug)]
struct Due<K> {
    at: Instant,
    key: K,
}

// === impl Keyed ===

impl<K: Clone + Eq + Hash, V: Idle> Keyed<K, V> {
    pub(crate) fn new(most: NonZeroUsize) -> Self {
        Self { most, states: HashMap::new(), due: BinaryHeap::new() }
    }

    /// The state of `key`, made if there is none; none if there are as many as there may be and all are busy.
    pub(crate) fn entry(&mut self, now: Instant, key: &K, make: impl FnOnce() -> V) -> Option<&mut V> {
        if !self.states.contains_key(key) {
            if self.states.len() >= self.most.get() && !self.forget_one(now) {
                return None;
            }
            self.states.insert(key.clone(), make());
            self.due.push(Due { at: now, key: key.clone() });
        }
        self.states.get_mut(key)
    }

    pub(crate) fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        self.states.get_mut(key)
    }

    /// All states, in no order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.states.iter()
    }

    pub(crate) fn len(&self) -> usize {
        self.states.len()
    }

    /// Forgets an idle state, if there is one. Only when there is no room: keys that come again and again are often idle
    /// in between, and to forget and make them each time costs more than to keep them.
    fn forget_one(&mut self, now: Instant) -> bool {
        while self.due.peek().is_some_and(|due| due.at <= now)
            && let Some(due) = self.due.pop()
        {
            match self.states.get(&due.key).map(|state| state.idle_at(now)) {
                Some(at) if at > now => self.due.push(Due { at, key: due.key }),
                _ => {
                    self.states.remove(&due.key);
                    return true;
                }
            }
        }
        false
    }
}

// === impl Due: the earliest is the greatest, for the heap ===

impl<K> PartialEq for Due<K> {
    fn eq(&self, other: &Self) -> bool {
        self.at == other.at
    }
}

impl<K> Eq for Due<K> {}

impl<K> PartialOrd for Due<K> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<K> Ord for Due<K> {
    fn cmp(&self, other: &Self) -> Ordering {
        other.at.cmp(&self.at)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::time::Duration;

    use hotcell_call::{Clock, ManualClock};
    use proptest::prelude::*;

    use super::*;

    /// Busy until a time.
    struct Until(Instant);

    impl Idle for Until {
        fn idle_at(&self, _: Instant) -> Instant {
            self.0
        }
    }

    proptest! {
        #[test]
        fn a_key_has_no_room_only_when_all_are_busy_and_no_busy_state_is_forgotten(
            most in 1_usize..6,
            steps in prop::collection::vec((0_u64..12, 0_u64..20, 0_u64..30), 1..200),
        ) {
            let clock = ManualClock::default();
            let start = clock.now();
            let mut keyed = Keyed::new(NonZeroUsize::new(most).unwrap());
            let mut busy: BTreeMap<u64, Instant> = BTreeMap::new();
            for (key, pass, hold) in steps {
                clock.advance(Duration::from_millis(pass));
                let now = clock.now();
                busy.retain(|_, until| *until > now);
                let until = now + Duration::from_millis(hold);
                let known = busy.contains_key(&key);
                match keyed.entry(now, &key, || Until(start)) {
                    Some(state) => {
                        prop_assert_eq!(state.0 > now, known, "a busy state is the one that was there");
                        state.0 = state.0.max(until);
                        let until = state.0;
                        if until > now {
                            busy.insert(key, until);
                        }
                    }
                    None => prop_assert!(!known && busy.len() == most),
                }
                prop_assert!(keyed.len() <= most && keyed.due.len() == keyed.len());
            }
        }
    }
}
