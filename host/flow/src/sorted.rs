//! A sorted map that needs no memory for its first entry.
//!
//! Where work comes and goes one by one, an order of what waits has mostly one entry or none. A tree takes a node from the heap for
//! that one and gives it back, each time; here it stands in front of the tree.

use std::collections::BTreeMap;

/// Entries in the order of their keys, none of which comes twice.
#[derive(Debug)]
pub(crate) struct Sorted<K, V = ()> {
    /// Below all of the rest; there if anything is.
    first: Option<(K, V)>,
    rest: BTreeMap<K, V>,
}

impl<K: Ord, V> Sorted<K, V> {
    pub(crate) fn first(&self) -> Option<&(K, V)> {
        self.first.as_ref()
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        usize::from(self.first.is_some()) + self.rest.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.first.is_none()
    }

    /// Puts an entry in. Its key must not be there.
    pub(crate) fn insert(&mut self, key: K, value: V) {
        match self.first.as_mut() {
            None => self.first = Some((key, value)),
            Some(first) if key < first.0 => {
                let (key, value) = std::mem::replace(first, (key, value));
                self.rest.insert(key, value);
            }
            Some(_) => {
                self.rest.insert(key, value);
            }
        }
    }

    /// Takes an entry out. Whether it was there.
    pub(crate) fn remove(&mut self, key: &K) -> bool {
        if self.first.as_ref().is_some_and(|(first, _)| first == key) {
            self.first = self.rest.pop_first();
            return true;
        }
        self.rest.remove(key).is_some()
    }
}

impl<K: Ord, V> Default for Sorted<K, V> {
    fn default() -> Self {
        Self { first: None, rest: BTreeMap::new() }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_is_as_a_sorted_map(steps in prop::collection::vec((0_u8..12, any::<bool>()), 0..200)) {
            let (mut sorted, mut plain) = (Sorted::default(), BTreeMap::new());
            for (number, (key, insert)) in steps.into_iter().enumerate() {
                if insert && !plain.contains_key(&key) {
                    sorted.insert(key, number);
                    plain.insert(key, number);
                } else {
                    prop_assert_eq!(sorted.remove(&key), plain.remove(&key).is_some());
                }
                prop_assert_eq!((sorted.len(), sorted.is_empty()), (plain.len(), plain.is_empty()));
                prop_assert_eq!(sorted.first().copied(), plain.first_key_value().map(|(key, value)| (*key, *value)));
            }
        }
    }
}
