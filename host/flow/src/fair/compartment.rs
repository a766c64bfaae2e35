//! Compartments: a cap on what runs of one kind, whoever it is for.
//!
//! An item whose compartment is full must not hold up those behind it. When it comes up it is put aside, and its lane goes
//! on with the next. When a place of the compartment comes free, each lane gets the first of what it has put aside back, and
//! the order between them is the order of all. So an item is put aside and brought back a few times at most, and nothing is
//! looked through.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::Hash;

use hotcell_call::Priority;

use super::Queue;
use super::error::SettingsError;
use super::tenant::Turn;

/// What an item is counted with beside its tenant: a tool, by any number that the caller gives it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Compartment(pub u64);

/// How many run at most in each compartment: its own number, or the one for all others.
#[derive(Debug, Clone)]
pub struct Caps {
    others: usize,
    own: HashMap<Compartment, usize>,
}

/// The compartments in which something runs or is put aside.
#[derive(Debug, Default)]
pub(super) struct Compartments {
    caps: Caps,
    used: HashMap<Compartment, Used>,
}

#[derive(Debug, Default)]
struct Used {
    running: usize,
    /// The lanes that have put something of it aside.
    lanes: BTreeSet<(usize, Priority)>,
}

/// What one lane has put aside, by compartment. None of these is empty.
pub(super) type Aside = BTreeMap<Compartment, BTreeSet<Turn>>;

// === impl Caps ===

impl Caps {
    /// The same cap for every compartment.
    ///
    /// # Errors
    ///
    /// [`SettingsError`] for a cap of zero.
    pub fn equal(others: usize) -> Result<Self, SettingsError> {
        if others == 0 { Err(SettingsError::Zero { name: "cap" }) } else { Ok(Self { others, own: HashMap::new() }) }
    }

    /// Gives one compartment a cap of its own.
    ///
    /// # Errors
    ///
    /// [`SettingsError`] for a cap of zero.
    pub fn with(mut self, compartment: Compartment, cap: usize) -> Result<Self, SettingsError> {
        if cap == 0 {
            return Err(SettingsError::Zero { name: "cap" });
        }
        self.own.insert(compartment, cap);
        Ok(self)
    }

    fn of(&self, compartment: Compartment) -> usize {
        self.own.get(&compartment).copied().unwrap_or(self.others)
    }
}

impl Default for Caps {
    /// No caps.
    fn default() -> Self {
        Self { others: usize::MAX, own: HashMap::new() }
    }
}

// === impl Compartments ===

impl Compartments {
    pub(super) fn is_full(&self, compartment: Compartment) -> bool {
        self.used.get(&compartment).is_some_and(|used| used.running >= self.caps.of(compartment))
    }

    pub(super) fn running(&self, compartment: Compartment) -> usize {
        self.used.get(&compartment).map_or(0, |used| used.running)
    }

    pub(super) fn start(&mut self, compartment: Compartment) {
        self.used.entry(compartment).or_default().running += 1;
    }

    pub(super) fn end(&mut self, compartment: Compartment) {
        if let Some(used) = self.used.get_mut(&compartment) {
            used.running = used.running.saturating_sub(1);
        }
        self.tidy(compartment);
    }

    fn note(&mut self, compartment: Compartment, tenant: usize, class: Priority) {
        self.used.entry(compartment).or_default().lanes.insert((tenant, class));
    }

    pub(super) fn forget(&mut self, compartment: Compartment, tenant: usize, class: Priority) {
        if let Some(used) = self.used.get_mut(&compartment) {
            used.lanes.remove(&(tenant, class));
        }
        self.tidy(compartment);
    }

    fn tidy(&mut self, compartment: Compartment) {
        if self.used.get(&compartment).is_some_and(|used| used.running == 0 && used.lanes.is_empty()) {
            self.used.remove(&compartment);
        }
    }

    fn lanes(&self, compartment: Compartment) -> Vec<(usize, Priority)> {
        self.used.get(&compartment).map_or_else(Vec::new, |used| used.lanes.iter().copied().collect())
    }
}

// === impl Queue ===

impl<K: Clone + Eq + Hash, T> Queue<K, T> {
    /// Sets other caps. What runs beyond a lowered one runs to its end.
    pub fn set_caps(&mut self, caps: Caps) {
        self.compartments.caps = caps;
        let used: Vec<Compartment> = self.compartments.used.keys().copied().collect();
        for compartment in used {
            self.open(compartment);
        }
    }

    /// How many run in a compartment.
    #[must_use]
    pub fn running_in(&self, compartment: Compartment) -> usize {
        self.compartments.running(compartment)
    }

    #[cfg(test)]
    pub(super) fn compartments_in_use(&self) -> usize {
        self.compartments.used.len()
    }

    /// Puts aside what comes up and may not run, until something comes up that may; says whose it is.
    pub(super) fn look(&mut self) -> Option<(Priority, usize)> {
        loop {
            let class = Priority::ALL.into_iter().find(|class| !self.rings.get(*class).is_empty())?;
            let place = self.rings.get(class).head()?;
            let lane = self.tenants.get_mut(place)?.lanes.get_mut(class);
            let (turn, ()) = *lane.items.first()?;
            let compartment = self.items.get(turn.item)?.compartment;
            let Some(full) = compartment.filter(|compartment| self.compartments.is_full(*compartment)) else {
                return Some((class, place));
            };
            lane.items.remove(&turn);
            lane.aside.entry(full).or_default().insert(turn);
            self.compartments.note(full, place, class);
            if lane.items.is_empty() {
                self.rings.get_mut(class).leave(&mut lane.account);
            }
        }
    }

    /// Brings back the first of what each lane has put aside of a compartment, if that has a place.
    pub(super) fn open(&mut self, compartment: Compartment) {
        if self.compartments.is_full(compartment) {
            return;
        }
        for (tenant, class) in self.compartments.lanes(compartment) {
            self.bring_back(compartment, tenant, class);
        }
    }

    /// Brings back the first of what one lane has put aside of a compartment, if that has a place.
    pub(super) fn bring_back(&mut self, compartment: Compartment, place: usize, class: Priority) {
        if self.compartments.is_full(compartment) {
            return;
        }
        let Some(tenant) = self.tenants.get_mut(place) else {
            return;
        };
        let (may_run, grant) = (tenant.may_run(), tenant.grant(self.settings.quantum));
        let lane = tenant.lanes.get_mut(class);
        let Some(aside) = lane.aside.get_mut(&compartment) else {
            return;
        };
        if let Some(turn) = aside.pop_first() {
            lane.items.insert(turn, ());
        }
        if aside.is_empty() {
            lane.aside.remove(&compartment);
            self.compartments.forget(compartment, place, class);
        }
        if may_run {
            self.rings.get_mut(class).join(&mut lane.account, place, grant);
        }
    }
}
