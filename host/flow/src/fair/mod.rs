//! Who is next.
//!
//! It orders what waits, and bounds it. Without an order one tenant that sends ten thousand calls makes all others wait for
//! all of them; an order by arrival is no help, and one by priority alone starves whoever says "background". Three rules,
//! one inside the other:
//!
//! 1. **Class.** Five [priorities](Priority), strictly in order, with ageing: what has waited for
//!    [`age_step`](Settings::age_step) rises to the next class. After at most four steps it stands in the highest.
//! 2. **Tenant.** Within a class by *deficit round robin* (Shreedhar & Varghese, "Efficient Fair Queuing Using Deficit
//!    Round Robin", SIGCOMM 1995): each backlogged tenant gets cost in proportion to its weight. Cost is whatever
//!    unit the caller measures in, fuel or microseconds. It is known only afterwards, so an estimate is charged at the start
//!    and the difference settled at the end; a tenant whose calls turn out dear waits longer for its next turn. With calls
//!    counted in place of cost, whoever makes the longest calls would get the most.
//! 3. **Deadline.** Within a tenant the earliest deadline first, and first come, first served among equals. What has no
//!    deadline, or one far away, is treated as if it had to be served within [`patience`](Settings::patience), so
//!    urgent work of the same tenant can't hold it back for ever.
//!
//! **Nothing starves.** After four age steps, or after `patience` if that is longer, an item is in the highest class and no
//! newcomer of its own tenant goes before it; other tenants go before it only with their share.
//!
//! Beside its tenant an item can be counted with its [`Compartment`], its tool: what hangs fills its own compartment and no
//! other (Nygard's bulkhead). Items whose tenant or compartment is at its cap are passed over, and keep their place.
//!
//! **The tenant is the key.** All callers of a tenant share its turn, so splitting work over many keys, runs or connections
//! gains nothing. Whoever has nothing waiting saves nothing up, and its share goes to the others; a debt is remembered, and
//! paid by the rounds that pass meanwhile.
//!
//! What ran and is to run [again](Queue::again) keeps its place in line, and its age; only its cost is paid so far.
//!
//! Bounded are the items ([`Full::Items`]), those of one tenant ([`Full::Tenant`]), and the tenants ([`Full::Tenants`]): at that
//! bound the one that has been idle for longest is forgotten, and its debt with it; only when all have work a newcomer is
//! refused. What runs again needs no room. So that few tenants can't fill the room, each can be bounded by what is still free
//! in it ([`Settings::factor`]): Choudhury & Hahne, "Dynamic Queue Length Thresholds for Shared-Memory Packet Switches",
//! IEEE/ACM Transactions on Networking 1998. A caller may [wait at the door](Queue::arrive) for a place; how many do is bounded
//! as well ([`Full::Door`]).
//!
//! Each operation takes O(log n), ageing amortised (an item rises four times at most); when a full compartment has a place
//! again, once for each tenant that waits for it. Deadlines order, they don't end anything: whoever owns the queue
//! [removes](Queue::remove) what is late, as [`schedule`](crate::schedule) does.
//!
//! ```
//! use std::time::{Duration, Instant};
//! use hotcell_flow::fair::{Queue, Settings, Share, Shares, Terms};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let shares = Shares::default().with("paying", Share { weight: 3, ..Share::default() })?;
//! let mut queue = Queue::new(Settings::default(), shares)?;
//! # let now = Instant::now();
//! for call in 0..100 {
//!     queue.push(now, &"free", Terms::default(), call)?;
//! }
//! queue.push(now, &"paying", Terms::default(), 100)?;
//!
//! let first = queue.pop(now).ok_or("something waits")?;
//! assert_eq!(first.value, 0);
//! queue.settle(first.charge, 25_000); // it cost far more than was thought
//! let second = queue.pop(now).ok_or("something waits")?;
//! assert_eq!(second.value, 100, "so it is the other's turn");
//! queue.settle(second.charge, 10);
//! # Ok(())
//! # }
//! ```

mod age;
mod class;
mod compartment;
mod door;
mod error;
mod lanes;
mod ring;
mod share;
mod tenant;

use std::hash::Hash;
use std::time::{Duration, Instant};

use hotcell_call::Priority;
use slab::Slab;

use age::{Ages, Item, Rank, risen};
use class::PerClass;
use compartment::Compartments;
use door::Door;
use ring::Ring;
use tenant::Tenants;

pub use compartment::{Caps, Compartment};
pub use door::{Arrival, Knock};
pub use error::{Full, SettingsError};
pub use share::{Settings, Share, Shares};

/// What waits, and who is next. `K` names a tenant, `T` is what waits.
#[derive(Debug)]
pub struct Queue<K, T> {
    settings: Settings,
    shares: Shares<K>,
    items: Slab<Item<T>>,
    tenants: Tenants<K>,
    rings: PerClass<Ring>,
    ages: PerClass<Ages>,
    compartments: Compartments,
    door: Door,
    numbers: u64,
    held: usize,
    running: usize,
}

/// On what terms an item waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Terms {
    /// Its class.
    pub priority: Priority,
    /// By when it should be served; none: as if within [`Settings::patience`].
    pub deadline: Option<Instant>,
    /// What it is thought to cost; none: what the tenant's items usually cost.
    pub estimate: Option<u64>,
    /// What it is counted with beside its tenant.
    pub compartment: Option<Compartment>,
}

/// A place that is kept for an item which does not wait for its turn yet. It counts like one that does.
#[derive(Debug)]
#[must_use = "the place is kept until it is entered or released"]
pub struct Place {
    tenant: usize,
    /// Where the item stood, if it was here before.
    rank: Option<Rank>,
}

/// An item that waits. It names one item for ever, also after that is gone or waits [again](Queue::again).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Entry {
    item: usize,
    number: u64,
}

/// An item whose turn has come.
#[derive(Debug)]
pub struct Popped<T> {
    /// The item.
    pub value: T,
    /// How long it waited for its turn.
    pub waited: Duration,
    /// The class that it had risen to.
    pub class: Priority,
    /// What it was charged.
    pub charge: Charge,
}

/// What an item was charged at its start. As long as it isn't settled, the item counts as running.
#[derive(Debug)]
#[must_use = "an item runs until its charge is settled"]
pub struct Charge {
    tenant: usize,
    class: Priority,
    compartment: Option<Compartment>,
    estimate: u64,
    rank: Rank,
}

/// What a tenant has here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    /// Items that wait, those that a place is held for included.
    pub waiting: usize,
    /// Items that run.
    pub running: usize,
}

// === impl Queue ===

impl<K: Clone + Eq + Hash, T> Queue<K, T> {
    /// An empty queue.
    ///
    /// # Errors
    ///
    /// [`SettingsError`] when a setting is zero or longer than a year.
    pub fn new(settings: Settings, shares: Shares<K>) -> Result<Self, SettingsError> {
        let settings = settings.check()?;
        Ok(Self {
            tenants: Tenants::new(settings.tenants),
            door: Door::new(settings.door.unwrap_or(settings.items)),
            settings,
            shares,
            items: Slab::new(),
            rings: PerClass::default(),
            ages: PerClass::default(),
            compartments: Compartments::default(),
            numbers: 0,
            held: 0,
            running: 0,
        })
    }

    /// Puts an item in.
    ///
    /// # Errors
    ///
    /// [`Full`] when there is no room for it.
    pub fn push(&mut self, now: Instant, tenant: &K, terms: Terms, value: T) -> Result<Entry, Full> {
        let place = self.hold(tenant)?;
        Ok(self.enter(now, place, terms, value))
    }

    /// Keeps a place for an item that may not be served yet: one that starts later, or waits for another one.
    ///
    /// # Errors
    ///
    /// [`Full`] when there is no room for it.
    pub fn hold(&mut self, tenant: &K) -> Result<Place, Full> {
        // A place that is free and not handed over yet belongs to who waits at the door.
        if self.free() == 0 || self.may_admit().is_some() {
            return Err(Full::Items { bound: self.settings.items });
        }
        let most = self.settings.most(self.free());
        let tenant = self.tenants.hold(tenant, &self.shares, self.settings.quantum, most)?;
        self.held += 1;
        Ok(Place { tenant, rank: None })
    }

    /// Puts an item in the place that was kept for it. Its waiting begins now; one that was here [before](Self::again) takes up
    /// its old place in line.
    pub fn enter(&mut self, now: Instant, place: Place, terms: Terms, value: T) -> Entry {
        self.promote(now);
        self.unhold(place.tenant);
        self.numbers += 1;
        let (number, tenant) = (self.numbers, place.tenant);
        let urgency = self.urgency(now, terms);
        let rank = place.rank.unwrap_or(Rank { urgency, number, entered: now });
        let (class, since) = risen(terms.priority, rank.entered, now, self.settings.age_step);
        let item = self.items.insert(Item {
            value,
            tenant,
            compartment: terms.compartment,
            class,
            number,
            rank,
            estimate: terms.estimate,
            entered: now,
            since,
            older: None,
            younger: None,
        });
        self.ages.get_mut(class).push(&mut self.items, item);
        if let Some(tenant) = self.tenants.get_mut(tenant) {
            tenant.queued += 1;
        }
        self.line_up(item);
        Entry { item, number }
    }

    /// Gives back a place that was kept for an item which will not come.
    pub fn release(&mut self, place: Place) {
        self.unhold(place.tenant);
        self.line_up_at_door(place.tenant);
        self.tenants.left(place.tenant);
    }

    /// Takes an item out before its turn. None if it has had its turn, or was taken out before. It costs its tenant nothing.
    pub fn remove(&mut self, entry: Entry) -> Option<T> {
        self.items.get(entry.item).filter(|item| item.number == entry.number)?;
        let item = self.step_out(entry.item)?;
        self.follow_up(item.tenant, item.class, item.compartment);
        self.tenants.left(item.tenant);
        Some(item.value)
    }

    /// Takes the next item out, and charges its tenant. None if nothing waits, or only what may not run now: its tenant or
    /// its compartment is at its cap.
    pub fn pop(&mut self, now: Instant) -> Option<Popped<T>> {
        self.promote(now);
        let (class, place) = self.look()?;
        let tenant = self.tenants.get_mut(place)?;
        let grant = tenant.grant(self.settings.quantum);
        let lane = tenant.lanes.get_mut(class);
        self.rings.get_mut(class).visit(&mut lane.account, grant);
        let (turn, ()) = *lane.items.first()?;
        let item = self.step_out(turn.item)?;
        let (tenant, class, compartment, rank) = (item.tenant, item.class, item.compartment, item.rank);
        let charge = self.start(Charge { tenant, class, compartment, estimate: 0, rank }, item.estimate, grant);
        let waited = now.saturating_duration_since(item.entered);
        Some(Popped { value: item.value, waited, class, charge })
    }

    /// Starts an item while nothing waits, as if it had been [pushed](Self::push) and [popped](Self::pop): the usual case,
    /// without its way through the lanes and rings. None if something waits that might go before it, or if its tenant or its
    /// compartment is at its cap.
    ///
    /// # Errors
    ///
    /// [`Full`] when there is no room for it.
    pub fn start_alone(&mut self, now: Instant, tenant: &K, terms: Terms) -> Result<Option<Charge>, Full> {
        let full = terms.compartment.is_some_and(|compartment| self.compartments.is_full(compartment));
        if full || !self.items.is_empty() {
            return Ok(None);
        }
        let place = self.hold(tenant)?;
        let class = terms.priority;
        let may_run = self.tenants.get_mut(place.tenant).filter(|tenant| tenant.may_run());
        let Some(grant) = may_run.map(|tenant| tenant.grant(self.settings.quantum)) else {
            self.release(place);
            return Ok(None);
        };
        self.unhold(place.tenant);
        if let Some(tenant) = self.tenants.get_mut(place.tenant) {
            self.rings.get_mut(class).pass(&mut tenant.lanes.get_mut(class).account, grant);
        }
        self.numbers += 1;
        let rank = Rank { urgency: self.urgency(now, terms), number: self.numbers, entered: now };
        let charge = Charge { tenant: place.tenant, class, compartment: terms.compartment, estimate: 0, rank };
        Ok(Some(self.start(charge, terms.estimate, grant)))
    }

    /// By when an item that comes now should be served.
    fn urgency(&self, now: Instant, terms: Terms) -> Instant {
        let patient = now.checked_add(self.settings.patience).unwrap_or(now);
        terms.deadline.map_or(patient, |deadline| deadline.min(patient))
    }

    /// Whether [`pop`](Self::pop) would give something.
    #[must_use]
    pub fn is_ready(&mut self) -> bool {
        self.look().is_some()
    }

    /// Ends an item that ran, at what it really cost.
    pub fn settle(&mut self, charge: Charge, cost: u64) {
        if let Some(tenant) = self.tenants.get_mut(charge.tenant) {
            tenant.learn(cost);
        }
        self.end(&charge, i128::from(cost) - i128::from(charge.estimate));
    }

    /// Ends an item that had its turn and didn't use it: it costs nothing, and nothing is learned from it.
    pub fn refund(&mut self, charge: Charge) {
        self.end(&charge, -i128::from(charge.estimate));
    }

    /// Ends a run of an item at what that run cost, and keeps a place for the next one, in which the item stands where it first
    /// stood: it has aged since then, and none of its tenant that came later goes before it.
    ///
    /// It is never refused, so that what was taken once is not lost for want of room: what waits can be more than
    /// [`Settings::items`], and more than [`Share::waiting`], by as many as ran. Newcomers are refused until it no longer is.
    pub fn again(&mut self, charge: Charge, cost: u64) -> Place {
        let place = Place { tenant: charge.tenant, rank: Some(charge.rank) };
        self.held += 1;
        if let Some(tenant) = self.tenants.get_mut(charge.tenant) {
            // Before the run ends: in between it must not seem to have nothing here.
            tenant.held += 1;
        }
        self.line_up_at_door(charge.tenant);
        self.settle(charge, cost);
        place
    }

    /// Sets other shares, for those who are here too. What runs beyond a lowered cap runs to its end.
    pub fn set_shares(&mut self, shares: Shares<K>) {
        self.shares = shares;
        for place in self.tenants.places() {
            self.line_off(place);
        }
        self.tenants.reshare(&self.shares);
        for place in self.tenants.places() {
            self.line_on(place);
            self.line_up_at_door(place);
        }
    }

    /// How many wait, those that a place is held for included.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.items.len() + self.held
    }

    /// Whether nothing waits for its turn.
    #[must_use]
    pub fn is_clear(&self) -> bool {
        self.items.is_empty()
    }

    /// How many places are free.
    #[must_use]
    pub fn free(&self) -> usize {
        self.settings.items.saturating_sub(self.waiting())
    }

    /// How many run.
    #[must_use]
    pub fn running(&self) -> usize {
        self.running
    }

    /// How many tenants are known, those who are only remembered included.
    #[must_use]
    pub fn tenants(&self) -> usize {
        self.tenants.len()
    }

    /// What a tenant has here.
    #[must_use]
    pub fn usage(&self, tenant: &K) -> Usage {
        self.tenants
            .find(tenant)
            .map_or_else(Usage::default, |tenant| Usage { waiting: tenant.waiting(), running: tenant.running })
    }
}

// === impl Charge ===

impl Charge {
    /// What was charged.
    #[must_use]
    pub fn estimate(&self) -> u64 {
        self.estimate
    }
}

#[cfg(test)]
mod tests;
