//! What waits, by key, and when it is due: a count of items and instants, nothing else.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::Hash;
use std::time::{Duration, Instant};

use hotcell_call::Priority;

use super::Urgency;
use crate::alarm::later;

/// The items that wait, in groups of one key.
///
/// A group is *due* when it is full, when its first item has lingered, or when one of its items must not wait longer. Each
/// operation costs the logarithm of how many wait.
#[derive(Debug)]
pub(super) struct Groups<K, I> {
    rule: Rule,
    groups: BTreeMap<u64, Group<K, I>>,
    by_key: HashMap<K, u64>,
    /// Groups whose time has not been seen to come, earliest first.
    lingering: BTreeSet<(Instant, u64)>,
    /// Groups whose time has come, in the order in which they go.
    due: BTreeSet<(Priority, Instant, u64)>,
    /// Items that must have started by then.
    deadlines: BTreeSet<(Instant, Ticket)>,
    /// Every group is due, whatever its time.
    draining: bool,
    sequence: u64,
    len: usize,
}

/// When a batch closes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rule {
    pub(super) size: usize,
    pub(super) linger: Duration,
    pub(super) lead: Duration,
}

#[derive(Debug)]
struct Group<K, I> {
    key: K,
    items: BTreeMap<Place, Item<I>>,
    /// When each item wants the group to close.
    closes: BTreeSet<(Instant, Place)>,
    /// Since when it has as many items as a batch holds.
    full: Option<Instant>,
    /// Where it stands in `lingering` or `due`.
    at: Instant,
    class: Priority,
}

#[derive(Debug)]
struct Item<I> {
    item: I,
    closes: Instant,
    deadline: Option<Instant>,
}

/// The order inside a group: the more urgent first, then first come, first served.
type Place = (Priority, u64);

/// Where an item stands. It is never given out again, so that an old one finds nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Ticket {
    group: u64,
    place: Place,
}

/// A batch that is closed: items of one key.
#[derive(Debug)]
pub(super) struct Closed<K, I> {
    pub(super) key: K,
    pub(super) items: Vec<I>,
}

impl<K: Clone + Eq + Hash, I> Groups<K, I> {
    pub(super) fn new(rule: Rule) -> Self {
        Self {
            rule,
            groups: BTreeMap::new(),
            by_key: HashMap::new(),
            lingering: BTreeSet::new(),
            due: BTreeSet::new(),
            deadlines: BTreeSet::new(),
            draining: false,
            sequence: 0,
            len: 0,
        }
    }

    /// How many items wait.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Takes an item in.
    pub(super) fn add(&mut self, now: Instant, key: K, urgency: Urgency, item: I) -> Ticket {
        self.sequence += 1;
        let place = (urgency.priority, self.sequence);
        let lingered = later(now, self.rule.linger);
        let hurried = urgency.deadline.map(|deadline| deadline.checked_sub(self.rule.lead).unwrap_or(now));
        let closes = hurried.map_or(lingered, |hurried| hurried.min(lingered)).max(now);
        let group = *self.by_key.entry(key.clone()).or_insert(self.sequence);
        let ticket = Ticket { group, place };
        self.deadlines.extend(urgency.deadline.map(|deadline| (deadline, ticket)));
        let entry = self.groups.entry(group).or_insert_with(|| Group::new(key, now));
        entry.closes.insert((closes, place));
        entry.items.insert(place, Item { item, closes, deadline: urgency.deadline });
        self.len += 1;
        self.settle(group, now);
        ticket
    }

    /// Takes an item out again, if it still waits.
    pub(super) fn withdraw(&mut self, ticket: Ticket, now: Instant) -> Option<I> {
        let item = self.take(ticket.group, ticket.place)?;
        self.settle(ticket.group, now);
        Some(item)
    }

    /// The next item whose deadline has come before its batch began.
    pub(super) fn expired(&mut self, now: Instant) -> Option<I> {
        let (deadline, ticket) = self.deadlines.first().copied()?;
        if deadline > now { None } else { self.withdraw(ticket, now) }
    }

    /// Closes the most urgent group that is due; of equals, the one that has been due for longest. What is more than a
    /// batch holds stays, and stands by the age of what is left.
    pub(super) fn close(&mut self, now: Instant) -> Option<Closed<K, I>> {
        self.promote(now);
        let (_, _, id) = self.due.first().copied()?;
        let group = self.groups.get_mut(&id)?;
        let key = group.key.clone();
        group.full = None;
        let places: Vec<Place> = group.items.keys().take(self.rule.size).copied().collect();
        let items = places.into_iter().filter_map(|place| self.take(id, place)).collect();
        self.settle(id, now);
        Some(Closed { key, items })
    }

    /// When something is to be done next: a deadline comes, or, if there is room for a batch, a group is due.
    pub(super) fn alarm(&self, room: bool) -> Option<Instant> {
        let late = self.deadlines.first().map(|(at, _)| *at);
        let due = self.due.iter().map(|(_, at, _)| *at).next();
        let next = self.lingering.first().map(|(at, _)| *at);
        let close = due.into_iter().chain(next).min().filter(|_| room);
        late.into_iter().chain(close).min()
    }

    /// From now on every group is due at once.
    pub(super) fn drain(&mut self) {
        self.draining = true;
    }

    /// Takes everything out.
    pub(super) fn clear(&mut self) -> Vec<I> {
        let rest = std::mem::take(&mut self.groups);
        self.by_key.clear();
        self.lingering.clear();
        self.due.clear();
        self.deadlines.clear();
        self.len = 0;
        rest.into_values().flat_map(|group| group.items.into_values()).map(|item| item.item).collect()
    }

    /// How much each part holds: nothing, once nothing waits.
    #[cfg(test)]
    pub(super) fn sizes(&self) -> [usize; 6] {
        let Self { groups, by_key, lingering, due, deadlines, len, .. } = self;
        [groups.len(), by_key.len(), lingering.len(), due.len(), deadlines.len(), *len]
    }

    /// Moves the groups whose time has come to those that are due.
    fn promote(&mut self, now: Instant) {
        while let Some((at, id)) = self.lingering.first().copied()
            && (self.draining || at <= now)
        {
            self.lingering.remove(&(at, id));
            if let Some(group) = self.groups.get_mut(&id) {
                group.class = group.items.keys().next().map_or(Priority::Background, |(class, _)| *class);
                self.due.insert((group.class, at, id));
            }
        }
    }

    fn take(&mut self, id: u64, place: Place) -> Option<I> {
        let group = self.groups.get_mut(&id)?;
        let item = group.items.remove(&place)?;
        group.closes.remove(&(item.closes, place));
        if let Some(deadline) = item.deadline {
            self.deadlines.remove(&(deadline, Ticket { group: id, place }));
        }
        self.len -= 1;
        Some(item.item)
    }

    /// Puts a group where it belongs after its items have changed; an empty one is forgotten.
    fn settle(&mut self, id: u64, now: Instant) {
        let Some(group) = self.groups.get_mut(&id) else {
            return;
        };
        self.lingering.remove(&(group.at, id));
        self.due.remove(&(group.class, group.at, id));
        if group.items.len() < self.rule.size {
            group.full = None;
        } else {
            group.full.get_or_insert(now);
        }
        match group.closes.first().map(|(at, _)| *at) {
            Some(at) => {
                group.at = group.full.map_or(at, |full| full.min(at));
                self.lingering.insert((group.at, id));
            }
            None => {
                self.by_key.remove(&group.key);
                self.groups.remove(&id);
            }
        }
    }
}

impl<K, I> Group<K, I> {
    fn new(key: K, now: Instant) -> Self {
        Self { key, items: BTreeMap::new(), closes: BTreeSet::new(), full: None, at: now, class: Priority::Background }
    }
}
