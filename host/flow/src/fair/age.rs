//! Who has been in a class for longest: a list through the items themselves, so that leaving it costs nothing.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use hotcell_call::Priority;
use slab::Slab;

use super::class::above;
use super::compartment::Compartment;

/// An item that waits.
#[derive(Debug)]
pub(super) struct Item<T> {
    pub(super) value: T,
    pub(super) tenant: usize,
    pub(super) compartment: Option<Compartment>,
    /// Where it has risen to.
    pub(super) class: Priority,
    /// Names this wait of it, and no other.
    pub(super) number: u64,
    pub(super) rank: Rank,
    pub(super) estimate: Option<u64>,
    pub(super) entered: Instant,
    /// Since when it is in its class.
    pub(super) since: Instant,
    pub(super) older: Option<usize>,
    pub(super) younger: Option<usize>,
}

/// What gives an item its place in line. It is from its first entry, also when it waits again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Rank {
    pub(super) urgency: Instant,
    pub(super) number: u64,
    /// Since when it ages.
    pub(super) entered: Instant,
}

/// The items of one class, oldest first.
///
/// What comes for the first time is younger than all that are there, and goes to the end of a list. What comes back is as old
/// as it is, and stands in an order beside it: in the list its place would have to be looked for.
#[derive(Debug, Default)]
pub(super) struct Ages {
    oldest: Option<usize>,
    youngest: Option<usize>,
    back: BTreeSet<(Instant, usize)>,
}

impl<T> Item<T> {
    /// Whether it waits again, and not for the first time.
    fn is_back(&self) -> bool {
        self.rank.number != self.number
    }
}

impl Ages {
    pub(super) fn oldest<T>(&self, items: &Slab<Item<T>>) -> Option<usize> {
        let Some((since, back)) = self.back.first() else {
            return self.oldest;
        };
        let is_older = |place: &usize| items.get(*place).is_some_and(|item| item.since <= *since);
        self.oldest.filter(is_older).or(Some(*back))
    }

    /// Puts an item in: at the young end, unless it has been here before.
    pub(super) fn push<T>(&mut self, items: &mut Slab<Item<T>>, place: usize) {
        if let Some(item) = items.get(place).filter(|item| item.is_back()) {
            self.back.insert((item.since, place));
            return;
        }
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
        if item.is_back() {
            self.back.remove(&(item.since, place));
            return;
        }
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

/// Where an item stands at `now` that has aged since `entered`, and since when it stands there.
pub(super) fn risen(mut class: Priority, entered: Instant, now: Instant, step: Duration) -> (Priority, Instant) {
    let mut since = entered;
    while let Some(above) = above(class)
        && let Some(due) = since.checked_add(step)
        && due <= now
    {
        (class, since) = (above, due);
    }
    (class, since)
}
