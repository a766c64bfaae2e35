//! The door: who waits for a place to wait in.
//!
//! When the room is full a caller may put up with waiting outside, and then has no place in line yet, only one at the door:
//!
//! - **Among those of a tenant** it is first come, first served, and no newcomer of theirs goes before them.
//! - **Between tenants** they take turns, one place each, so the ten thousand of one delay the first of another by no more than
//!   one place. A tenant that has all places that it may have is passed over, and keeps its turn. Where what a tenant may have
//!   depends on [what is free](super::Settings::factor), the one that has the fewest goes first, and equals take turns.
//!
//! A place that comes free is [handed over](Queue::admit) to the one whose turn it is: it can't be taken by someone else on the way,
//! and a wake-up can't come too late. How many wait here is bounded too: at that bound a caller is refused.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::Hash;

use super::{Full, Place, Queue};

/// One who waits at the door. It names one wait for ever, also after that is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Knock {
    number: u64,
    tenant: usize,
}

/// What comes of arriving.
#[derive(Debug)]
#[must_use = "the place, or the wait for one, is kept until it is given up"]
pub enum Arrival {
    /// There is a place.
    In(Place),
    /// There is none yet: one is [handed over](Queue::admit) to this wait.
    AtDoor(Knock),
}

/// Those who wait, of all tenants.
#[derive(Debug)]
pub(super) struct Door {
    /// The tenants that may have one more place by their share, in the order in which they get it.
    turns: BTreeMap<Turn, usize>,
    numbers: u64,
    callers: usize,
    bound: usize,
}

/// The order between tenants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Turn {
    /// How many places it has, where that counts.
    places: usize,
    number: u64,
}

/// Those of one tenant.
#[derive(Debug, Default)]
pub(super) struct Callers {
    /// In the order in which they came.
    numbers: BTreeSet<u64>,
    /// The tenant's turn, from when the first of them came or one of them was last let in.
    number: u64,
    /// Where the tenant stands among the turns, if it does.
    turn: Option<Turn>,
}

// === impl Door ===

impl Door {
    pub(super) fn new(bound: usize) -> Self {
        Self { turns: BTreeMap::new(), numbers: 0, callers: 0, bound }
    }

    fn next_number(&mut self) -> u64 {
        self.numbers += 1;
        self.numbers
    }
}

impl Callers {
    pub(super) fn is_empty(&self) -> bool {
        self.numbers.is_empty()
    }
}

// === impl Queue ===

impl<K: Clone + Eq + Hash, T> Queue<K, T> {
    /// As [`hold`](Self::hold); without room it waits at the door instead.
    ///
    /// # Errors
    ///
    /// [`Full::Door`] when as many wait there as may, [`Full::Tenants`] when as many tenants as can be told apart have something here.
    pub fn arrive(&mut self, tenant: &K) -> Result<Arrival, Full> {
        match self.hold(tenant) {
            Ok(place) => return Ok(Arrival::In(place)),
            Err(Full::Items { .. } | Full::Tenant { .. }) => {}
            Err(full) => return Err(full),
        }
        let free = self.door.bound.saturating_sub(self.door.callers);
        let most = self.settings.most(free).min(self.door.bound);
        let own = self.tenants.find(tenant).map_or(0, |tenant| tenant.callers.numbers.len());
        if free == 0 || own >= most {
            return Err(Full::Door { bound: if free == 0 { self.door.bound } else { most } });
        }
        let place = self.tenants.meet(tenant, &self.shares, self.settings.quantum)?;
        let number = self.door.next_number();
        self.door.callers += 1;
        if let Some(tenant) = self.tenants.get_mut(place) {
            if tenant.callers.is_empty() {
                tenant.callers.number = number;
            }
            tenant.callers.numbers.insert(number);
        }
        self.tenants.came(place);
        self.line_up_at_door(place);
        Ok(Arrival::AtDoor(Knock { number, tenant: place }))
    }

    /// Hands a place that is free to the one at the door whose turn it is. None if no place is free, or nobody may have it. Whoever
    /// gives back places asks until there is none, or else nobody new gets in.
    pub fn admit(&mut self) -> Option<(Knock, Place)> {
        let place = self.may_admit()?;
        let turn = self.door.next_number();
        let tenant = self.tenants.get_mut(place)?;
        let number = tenant.callers.numbers.pop_first()?;
        tenant.held += 1;
        self.held += 1;
        self.door.callers -= 1;
        tenant.callers.number = turn;
        self.line_up_at_door(place);
        Some((Knock { number, tenant: place }, Place { tenant: place, rank: None }))
    }

    /// Leaves the door, without having been handed a place. Whether it was there.
    pub fn leave(&mut self, knock: Knock) -> bool {
        let Some(tenant) = self.tenants.get_mut(knock.tenant) else {
            return false;
        };
        if !tenant.callers.numbers.remove(&knock.number) {
            return false;
        }
        self.door.callers -= 1;
        self.line_up_at_door(knock.tenant);
        self.tenants.left(knock.tenant);
        true
    }

    /// How many wait at the door.
    #[must_use]
    pub fn at_door(&self) -> usize {
        self.door.callers
    }

    /// The tenant whose turn it is at the door, if there is a place for it.
    pub(super) fn may_admit(&self) -> Option<usize> {
        let (turn, place) = self.door.turns.first_key_value()?;
        let free = self.free();
        (free > 0 && turn.places < self.settings.most(free)).then_some(*place)
    }

    /// Puts a tenant where it belongs among the turns: it is there if somebody of it is at the door and its share allows a place.
    pub(super) fn line_up_at_door(&mut self, place: usize) {
        let Some(tenant) = self.tenants.get_mut(place) else {
            return;
        };
        let belongs = !tenant.callers.is_empty() && tenant.waiting() < tenant.share.waiting;
        let places = if self.settings.factor.is_some() { tenant.waiting() } else { 0 };
        let turn = belongs.then_some(Turn { places, number: tenant.callers.number });
        if tenant.callers.turn == turn {
            return;
        }
        if let Some(turn) = std::mem::replace(&mut tenant.callers.turn, turn) {
            self.door.turns.remove(&turn);
        }
        if let Some(turn) = turn {
            self.door.turns.insert(turn, place);
        }
    }
}
