//! Who has work here, and what each has used.

use std::collections::HashMap;
use std::hash::Hash;
use std::time::Instant;

use slab::Slab;

use super::class::PerClass;
use super::compartment::{Aside, Compartment};
use super::door::Callers;
use super::error::Full;
use super::ring::Account;
use super::share::{Share, Shares};
use crate::sorted::Sorted;

/// What is known of one tenant.
#[derive(Debug)]
pub(super) struct Tenant<K> {
    key: K,
    pub(super) share: Share,
    pub(super) running: usize,
    /// Places given out whose items have not come yet.
    pub(super) held: usize,
    pub(super) queued: usize,
    /// What its items cost, on a moving average: the estimate where none is given.
    pub(super) usual: u64,
    pub(super) lanes: PerClass<Lane>,
    pub(super) callers: Callers,
    /// Whether it is among the idle ones.
    idle: bool,
    /// Its neighbours there: who went idle before it, and after it.
    before: Option<usize>,
    after: Option<usize>,
}

/// What one tenant has waiting in one class: the most urgent first, then in the order of arrival.
#[derive(Debug, Default)]
pub(super) struct Lane {
    pub(super) items: Sorted<Turn>,
    /// What came up while its compartment was full.
    pub(super) aside: Aside,
    pub(super) account: Account,
}

/// The order within a tenant. The number tells apart what is equally urgent, and finds the item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Turn {
    pub(super) urgency: Instant,
    pub(super) number: u64,
    pub(super) item: usize,
}

/// All that are known, at most so many. Whoever has nothing here is remembered for its debts until the place is needed;
/// then the one that has been idle for longest is forgotten.
#[derive(Debug)]
pub(super) struct Tenants<K> {
    list: Slab<Tenant<K>>,
    places: HashMap<K, usize>,
    /// Who has been idle for longest, and who for the shortest time: the ends of a list through the tenants themselves.
    longest: Option<usize>,
    shortest: Option<usize>,
    bound: usize,
}

// === impl Lane ===

impl Lane {
    /// Takes an item out, wherever it is; says whether it was the last that was put aside of its compartment.
    pub(super) fn remove(&mut self, turn: &Turn, compartment: Option<Compartment>) -> bool {
        if self.items.remove(turn) {
            return false;
        }
        let Some(compartment) = compartment else {
            return false;
        };
        let emptied = self.aside.get_mut(&compartment).is_some_and(|aside| aside.remove(turn) && aside.is_empty());
        if emptied {
            self.aside.remove(&compartment);
        }
        emptied
    }
}

// === impl Tenant ===

impl<K> Tenant<K> {
    /// What it may use in a round.
    pub(super) fn grant(&self, quantum: u64) -> u64 {
        quantum.saturating_mul(u64::from(self.share.weight))
    }

    /// Whether one more of it may run.
    pub(super) fn may_run(&self) -> bool {
        self.running < self.share.running
    }

    /// Learns what an item really cost: an eighth of the news each time.
    pub(super) fn learn(&mut self, cost: u64) {
        if cost >= self.usual {
            self.usual += (cost - self.usual).div_ceil(8);
        } else {
            self.usual -= (self.usual - cost).div_ceil(8);
        }
    }

    /// How many places it has.
    pub(super) fn waiting(&self) -> usize {
        self.held + self.queued
    }

    fn is_idle(&self) -> bool {
        self.running == 0 && self.waiting() == 0 && self.callers.is_empty()
    }
}

// === impl Tenants ===

impl<K: Clone + Eq + Hash> Tenants<K> {
    pub(super) fn new(bound: usize) -> Self {
        Self { list: Slab::new(), places: HashMap::new(), longest: None, shortest: None, bound }
    }

    pub(super) fn get_mut(&mut self, tenant: usize) -> Option<&mut Tenant<K>> {
        self.list.get_mut(tenant)
    }

    pub(super) fn find(&self, key: &K) -> Option<&Tenant<K>> {
        self.list.get(*self.places.get(key)?)
    }

    pub(super) fn len(&self) -> usize {
        self.list.len()
    }

    /// All that are known, by their place.
    pub(super) fn places(&self) -> Vec<usize> {
        self.list.iter().map(|(place, _)| place).collect()
    }

    /// Holds a place for one more item of `key`, if it has fewer than `most`.
    pub(super) fn hold(&mut self, key: &K, shares: &Shares<K>, usual: u64, most: usize) -> Result<usize, Full> {
        let place = self.meet(key, shares, usual)?;
        let Some(tenant) = self.list.get_mut(place) else {
            return Err(Full::Tenants { bound: self.bound });
        };
        // Whoever is at the door waits for nothing else.
        let bound = most.min(tenant.share.waiting);
        if tenant.waiting() >= bound || !tenant.callers.is_empty() {
            return Err(Full::Tenant { bound });
        }
        tenant.held += 1;
        self.came(place);
        Ok(place)
    }

    /// Notes that a tenant has something here: it can't be forgotten.
    pub(super) fn came(&mut self, place: usize) {
        let Some(tenant) = self.list.get_mut(place).filter(|tenant| tenant.idle) else {
            return;
        };
        tenant.idle = false;
        let (before, after) = (tenant.before.take(), tenant.after.take());
        match before.and_then(|place| self.list.get_mut(place)) {
            Some(tenant) => tenant.after = after,
            None => self.longest = after,
        }
        match after.and_then(|place| self.list.get_mut(place)) {
            Some(tenant) => tenant.before = before,
            None => self.shortest = before,
        }
    }

    /// The place of a tenant; one that is not known is noted, and must then get [something here](Self::came).
    pub(super) fn meet(&mut self, key: &K, shares: &Shares<K>, usual: u64) -> Result<usize, Full> {
        if let Some(place) = self.places.get(key) {
            return Ok(*place);
        }
        if self.list.len() >= self.bound {
            let longest = self.longest.ok_or(Full::Tenants { bound: self.bound })?;
            self.came(longest);
            if let Some(gone) = self.list.try_remove(longest) {
                self.places.remove(&gone.key);
            }
        }
        let share = shares.of(key);
        let place = self.list.insert(Tenant {
            key: key.clone(),
            share,
            running: 0,
            held: 0,
            queued: 0,
            usual,
            lanes: PerClass::default(),
            callers: Callers::default(),
            idle: false,
            before: None,
            after: None,
        });
        self.places.insert(key.clone(), place);
        Ok(place)
    }

    /// Notes that something of a tenant has left: with the last of it, it may be forgotten.
    pub(super) fn left(&mut self, place: usize) {
        let Some(tenant) = self.list.get_mut(place) else {
            return;
        };
        if !tenant.is_idle() || tenant.idle {
            return;
        }
        tenant.idle = true;
        tenant.before = self.shortest.replace(place);
        match tenant.before.and_then(|place| self.list.get_mut(place)) {
            Some(tenant) => tenant.after = Some(place),
            None => self.longest = Some(place),
        }
    }

    /// Looks up the shares anew.
    pub(super) fn reshare(&mut self, shares: &Shares<K>) {
        for (_, tenant) in &mut self.list {
            tenant.share = shares.of(&tenant.key);
        }
    }
}
