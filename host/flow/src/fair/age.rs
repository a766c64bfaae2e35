//! Who has been in a class for longest: a list through the items themselves, so that leaving it costs nothing.

use std::time::Instant;

use hotcell_call::Priority;
use slab::Slab;

use super::compartment::Compartment;

/// An item that waits.
#[derive(Debug)]
pub(super) struct Item<T> {
    pub(super) value: T,
    pub(super) tenant: usize,
    pub(super) compartment: Option<Compartment>,
    /// Where it has risen to.
    pub(super) class: Priority,
    pub(super) urgency: Instant,
    pub(super) number: u64,
    pub(super) estimate: Option<u64>,
    pub(super) entered: Instant,
    /// Since when it is in its class.
    pub(super) since: Instant,
    pub(super) older: Option<usize>,
    pub(super) younger: Option<usize>,
}

/// The items of one class, oldest first.
#[derive(Debug, Default)]
pub(super) struct Ages {
    oldest: Option<usize>,
    youngest: Option<usize>,
}

impl Ages {
    pub(super) fn oldest(&self) -> Option<usize> {
        self.oldest
    }

    /// Puts an item at the young end.
    pub(super) fn push<T>(&mut self, items: &mut Slab<Item<T>>, place: usize) {
        let before = self.youngest.replace(place);
        match before.and_then(|place| items.get_mut(place)) {
            Some(item) => item.younger = Some(place),
            None => self.oldest = Some(place),
        }
        if let Some(item) = items.get_mut(place) {
            (item.older, item.younger) = (before, None);
        }
    }

    /// Takes an item out, wherever it stands.
    pub(super) fn remove<T>(&mut self, items: &mut Slab<Item<T>>, place: usize) {
        let Some(item) = items.get_mut(place) else {
            return;
        };
        let (older, younger) = (item.older.take(), item.younger.take());
        match older.and_then(|place| items.get_mut(place)) {
            Some(item) => item.younger = younger,
            None => self.oldest = younger,
        }
        match younger.and_then(|place| items.get_mut(place)) {
            Some(item) => item.older = older,
            None => self.youngest = older,
        }
    }
}
