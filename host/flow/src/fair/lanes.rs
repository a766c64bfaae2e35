//! Moving items and tenants about: which item stands in which lane, and which tenant in which ring.
//!
//! A tenant stands in the ring of a class if and only if it has something there and is below its cap.

use std::hash::Hash;
use std::time::Instant;

use hotcell_call::Priority;

use super::age::Item;
use super::class::above;
use super::compartment::Compartment;
use super::tenant::Turn;
use super::{Charge, Queue};

impl<K: Clone + Eq + Hash, T> Queue<K, T> {
    /// Lets what has been in its class for an age step rise. Lowest class first, so what is long overdue rises more than once.
    pub(super) fn promote(&mut self, now: Instant) {
        if self.items.is_empty() {
            return;
        }
        for class in Priority::ALL.into_iter().rev() {
            let Some(above) = above(class) else {
                continue;
            };
            while let Some(place) = self.ages.get(class).oldest(&self.items)
                && let Some(item) = self.items.get(place)
                && let Some(due) = item.since.checked_add(self.settings.age_step)
                && due <= now
            {
                let (tenant, compartment) = (item.tenant, item.compartment);
                self.line_down(place);
                self.follow_up(tenant, class, compartment);
                self.ages.get_mut(class).remove(&mut self.items, place);
                if let Some(item) = self.items.get_mut(place) {
                    (item.class, item.since) = (above, due);
                }
                self.ages.get_mut(above).push(&mut self.items, place);
                self.line_up(place);
            }
        }
    }

    /// Charges the start of an item; a tenant that has reached its cap leaves all rings.
    pub(super) fn start(&mut self, mut charge: Charge, estimate: Option<u64>, grant: u64) -> Charge {
        let (place, class, compartment) = (charge.tenant, charge.class, charge.compartment);
        if let Some(compartment) = compartment {
            self.compartments.start(compartment);
            self.bring_back(compartment, place, class);
        }
        let Some(tenant) = self.tenants.get_mut(place) else {
            return charge;
        };
        // What costs nothing at the start would let a tenant start without end in one turn.
        charge.estimate = estimate.unwrap_or(tenant.usual).max(1);
        tenant.running += 1;
        self.running += 1;
        let full = !tenant.may_run();
        let account = &mut tenant.lanes.get_mut(class).account;
        self.rings.get_mut(class).charge(account, place, grant, i128::from(charge.estimate));
        if full {
            self.line_off(place);
        }
        self.tidy(place, class);
        charge
    }

    pub(super) fn end(&mut self, charge: &Charge, difference: i128) {
        let Some(tenant) = self.tenants.get_mut(charge.tenant) else {
            return;
        };
        let grant = tenant.grant(self.settings.quantum);
        let account = &mut tenant.lanes.get_mut(charge.class).account;
        self.rings.get_mut(charge.class).charge(account, charge.tenant, grant, difference);
        let was_full = !tenant.may_run();
        tenant.running = tenant.running.saturating_sub(1);
        self.running = self.running.saturating_sub(1);
        if was_full {
            self.line_on(charge.tenant);
        }
        self.tidy(charge.tenant, charge.class);
        self.tenants.left(charge.tenant);
        if let Some(compartment) = charge.compartment {
            self.compartments.end(compartment);
            self.open(compartment);
        }
    }

    pub(super) fn unhold(&mut self, tenant: usize) {
        self.held = self.held.saturating_sub(1);
        if let Some(tenant) = self.tenants.get_mut(tenant) {
            tenant.held = tenant.held.saturating_sub(1);
        }
    }

    /// Takes an item out of every list.
    pub(super) fn step_out(&mut self, place: usize) -> Option<Item<T>> {
        self.line_down(place);
        let class = self.items.get(place)?.class;
        self.ages.get_mut(class).remove(&mut self.items, place);
        let item = self.items.try_remove(place)?;
        if let Some(tenant) = self.tenants.get_mut(item.tenant) {
            tenant.queued = tenant.queued.saturating_sub(1);
        }
        self.line_up_at_door(item.tenant);
        Some(item)
    }

    /// Puts an item in its tenant's lane, and the tenant in the ring if it may run.
    pub(super) fn line_up(&mut self, place: usize) {
        let Some(item) = self.items.get(place) else {
            return;
        };
        let Some(tenant) = self.tenants.get_mut(item.tenant) else {
            return;
        };
        let (may_run, grant) = (tenant.may_run(), tenant.grant(self.settings.quantum));
        let (lane, class, tenant) = (tenant.lanes.get_mut(item.class), item.class, item.tenant);
        let turn = Turn { urgency: item.rank.urgency, number: item.rank.number, item: place };
        if let Some(compartment) = item.compartment
            && let Some(aside) = lane.aside.get_mut(&compartment)
        {
            // Behind those that were put aside before, unless it is more urgent.
            aside.insert(turn);
            return self.bring_back(compartment, tenant, class);
        }
        lane.items.insert(turn, ());
        if may_run {
            self.rings.get_mut(class).join(&mut lane.account, tenant, grant);
        }
    }

    /// Takes an item out of its tenant's lane, and the tenant out of the ring if that was the last.
    fn line_down(&mut self, place: usize) {
        let Some(item) = self.items.get(place) else {
            return;
        };
        let Some(tenant) = self.tenants.get_mut(item.tenant) else {
            return;
        };
        let lane = tenant.lanes.get_mut(item.class);
        let turn = Turn { urgency: item.rank.urgency, number: item.rank.number, item: place };
        if lane.remove(&turn, item.compartment)
            && let Some(compartment) = item.compartment
        {
            self.compartments.forget(compartment, item.tenant, item.class);
        }
        if lane.items.is_empty() {
            self.rings.get_mut(item.class).leave(&mut lane.account);
        }
    }

    /// Sees to a lane that an item has left without having had its turn: the next of its compartment may have waited for it.
    pub(super) fn follow_up(&mut self, tenant: usize, class: Priority, compartment: Option<Compartment>) {
        if let Some(compartment) = compartment {
            self.bring_back(compartment, tenant, class);
        }
        self.tidy(tenant, class);
    }

    /// Leaves nothing saved up where nothing waits.
    pub(super) fn tidy(&mut self, place: usize, class: Priority) {
        if let Some(tenant) = self.tenants.get_mut(place) {
            let lane = tenant.lanes.get_mut(class);
            if lane.items.is_empty() && lane.aside.is_empty() {
                lane.account.emptied();
            }
        }
    }

    /// Takes a tenant out of all rings.
    pub(super) fn line_off(&mut self, place: usize) {
        if let Some(tenant) = self.tenants.get_mut(place) {
            for class in Priority::ALL {
                self.rings.get_mut(class).leave(&mut tenant.lanes.get_mut(class).account);
            }
        }
    }

    /// Puts a tenant back in the rings where it has something waiting, if it may run.
    pub(super) fn line_on(&mut self, place: usize) {
        let Some(tenant) = self.tenants.get_mut(place).filter(|tenant| tenant.may_run()) else {
            return;
        };
        let grant = tenant.grant(self.settings.quantum);
        for class in Priority::ALL {
            let lane = tenant.lanes.get_mut(class);
            if !lane.items.is_empty() {
                self.rings.get_mut(class).join(&mut lane.account, place, grant);
            }
        }
    }
}
