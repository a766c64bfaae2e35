//! How many connections there may be, and whose turn it is when there are enough.
//!
//! A tenant may have as many as are still free: so alone it gets half of all, and of several each gets as much as is left for the next.
//! Whoever has none finds some free, also while others have all that they may. A fixed share would be too much where there are many
//! tenants and too little where there is one.
//!
//! Who may have no more waits. Each place that is given back goes to the tenant with the fewest, and of its requests to the one that
//! came first; nothing here ends the waiting but the request's own time.
//!
//! What it does not do: take a connection away from a request. Who came early and has half keeps it until its requests end.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hotcell_call::TenantId;
use tokio::sync::oneshot;

/// The places of a host.
#[derive(Clone)]
pub(super) struct Room(Arc<Mutex<State>>);

/// The right to one connection, until it is dropped.
pub(super) struct Place {
    room: Room,
    tenant: TenantId,
}

struct State {
    free: usize,
    tenants: HashMap<TenantId, Tenant>,
    /// Requests that came to wait so far.
    came: u64,
}

/// One that has places, or waits for some.
#[derive(Default)]
struct Tenant {
    has: usize,
    waiting: VecDeque<Waiting>,
}

struct Waiting {
    number: u64,
    hears: oneshot::Sender<Place>,
}

// === impl Room ===

impl Room {
    pub(super) fn new(places: usize) -> Self {
        Self(Arc::new(Mutex::new(State { free: places, tenants: HashMap::new(), came: 0 })))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Stands in line for a place; whoever drops what this gives waits no longer. If there is one, it is there already.
    pub(super) fn enter(&self, tenant: &TenantId) -> oneshot::Receiver<Place> {
        let (hears, place) = oneshot::channel();
        let mut state = self.lock();
        state.came += 1;
        let waiting = Waiting { number: state.came, hears };
        state.tenants.entry(tenant.clone()).or_default().waiting.push_back(waiting);
        self.hand_out(state);
        place
    }

    fn leave(&self, tenant: &TenantId) {
        let mut state = self.lock();
        state.free += 1;
        if let Some(of) = state.tenants.get_mut(tenant) {
            of.has = of.has.saturating_sub(1);
        }
        state.forget(tenant);
        self.hand_out(state);
    }

    /// Gives places to whoever may have one, for as long as there is such a one.
    fn hand_out(&self, mut state: MutexGuard<'_, State>) {
        let mut unheard = Vec::new();
        while let Some(tenant) = state.next() {
            let Some(of) = state.tenants.get_mut(&tenant) else { break };
            let Some(waiting) = of.waiting.pop_front() else { break };
            of.has += 1;
            state.free -= 1;
            let place = Place { room: self.clone(), tenant };
            if let Err(place) = waiting.hears.send(place) {
                unheard.push(place);
            }
        }
        // Each is given back, which takes the lock.
        drop(state);
        drop(unheard);
    }
}

// === impl State ===

impl State {
    /// The tenant whose request is the next to have a place; none if nobody who waits may.
    fn next(&mut self) -> Option<TenantId> {
        let free = self.free;
        let mut gone = Vec::new();
        let mut next: Option<((usize, u64), &TenantId)> = None;
        for (tenant, of) in &mut self.tenants {
            // Who has gone away meanwhile is not to stand before others.
            while of.waiting.front().is_some_and(|waiting| waiting.hears.is_closed()) {
                of.waiting.pop_front();
            }
            let Some(first) = of.waiting.front() else {
                gone.extend((of.has == 0).then(|| tenant.clone()));
                continue;
            };
            let rank = (of.has, first.number);
            if of.has < free && next.is_none_or(|(before, _)| rank < before) {
                next = Some((rank, tenant));
            }
        }
        let next = next.map(|(_, tenant)| tenant.clone());
        gone.iter().for_each(|tenant| self.forget(tenant));
        next
    }

    /// Of whom has nothing and wants nothing, nothing is kept.
    fn forget(&mut self, tenant: &TenantId) {
        if self.tenants.get(tenant).is_some_and(|of| of.has == 0 && of.waiting.is_empty()) {
            self.tenants.remove(tenant);
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.room.leave(&self.tenant);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tenant(name: &str) -> TenantId {
        name.parse().unwrap()
    }

    /// Takes what there is for this tenant.
    fn fill(room: &Room, name: &str) -> Vec<Place> {
        let mut places = Vec::new();
        while let Ok(place) = room.enter(&tenant(name)).try_recv() {
            places.push(place);
        }
        places
    }

    /// Free places, and tenants that are known.
    fn left(room: &Room) -> (usize, usize) {
        let state = room.lock();
        (state.free, state.tenants.len())
    }

    #[test]
    fn each_tenant_gets_as_many_as_it_leaves_to_the_next() {
        let room = Room::new(512);
        let alone = fill(&room, "a");
        assert_eq!(alone.len(), 256);
        let counts: Vec<_> = ["b", "c", "d"].map(|name| fill(&room, name)).into_iter().collect();
        assert_eq!(counts.iter().map(Vec::len).collect::<Vec<_>>(), [128, 64, 32]);
        drop((alone, counts));
        // Where they come at the same time, each gets the same.
        let mut all: [Vec<Place>; 3] = Default::default();
        loop {
            let before: usize = all.iter().map(Vec::len).sum();
            for (places, name) in all.iter_mut().zip(["a", "b", "c"]) {
                places.extend(room.enter(&tenant(name)).try_recv());
            }
            if all.iter().map(Vec::len).sum::<usize>() == before {
                break;
            }
        }
        assert_eq!(all.map(|places| places.len()), [128; 3]);
        assert_eq!(left(&room), (512, 0), "nothing is left of anybody");
    }

    #[test]
    fn a_place_that_is_given_back_goes_to_who_has_fewest_and_then_to_who_came_first() {
        let room = Room::new(8);
        let mut greedy = fill(&room, "greedy");
        let mut second = fill(&room, "second");
        assert_eq!((greedy.len(), second.len()), (4, 2));
        let mut waits: Vec<_> = (0..3).map(|_| room.enter(&tenant("greedy"))).collect();
        let mut late: Vec<_> = (0..2).map(|_| room.enter(&tenant("second"))).collect();
        drop(greedy.pop());
        assert!(waits.iter_mut().all(|place| place.try_recv().is_err()), "it has more than is free");
        assert!(late[1].try_recv().is_err());
        let first = late[0].try_recv().unwrap();
        // Now they have the same number, and the greedy one came first.
        drop(second.drain(..));
        drop(greedy.pop());
        drop((first, late));
        greedy.clear();
        let got: Vec<_> = waits.iter_mut().map(|place| place.try_recv().is_ok()).collect();
        assert_eq!(got, [true; 3]);
    }

    #[test]
    fn who_goes_away_while_waiting_keeps_no_place_and_nobody_up() {
        let room = Room::new(2);
        let held = fill(&room, "a");
        assert_eq!(held.len(), 1);
        let (gone, mut waits) = (room.enter(&tenant("a")), room.enter(&tenant("a")));
        drop(gone);
        drop(held);
        let place = waits.try_recv().unwrap();
        // Also where the place had come already.
        drop(place);
        let unheard = room.enter(&tenant("b"));
        assert_eq!(room.lock().free, 1);
        drop(unheard);
        assert_eq!(left(&room), (2, 0));
    }
}
