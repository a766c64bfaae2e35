//! What each tenant may have, as set by whoever runs the host.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::Hash;
use std::time::Duration;

use super::error::SettingsError;

/// What one tenant may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Share {
    /// How much it gets against the others: 2 is twice as much as 1. At least 1.
    pub weight: u32,
    /// How many of its items run at most. At least 1.
    pub running: usize,
    /// How many of its items wait at most, those that are only held for included. At least 1.
    pub waiting: usize,
}

/// The share of each tenant: its own, or the one for all others.
///
/// Shares are looked up by name when a tenant comes, so a tenant can be forgotten and lose nothing that was set for it.
#[derive(Debug, Clone)]
pub struct Shares<K> {
    others: Share,
    own: HashMap<K, Share>,
}

/// How a [`Queue`](super::Queue) orders what waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// After how long an item rises to the next class. At most [`Settings::LONGEST`].
    pub age_step: Duration,
    /// By when an item should be served that has no deadline, or a later one. At most [`Settings::LONGEST`].
    pub patience: Duration,
    /// What a tenant of weight 1 may use in a turn, in units of cost: the smaller, the finer turns are interleaved.
    pub quantum: u64,
    /// How many items wait at most.
    pub items: usize,
    /// Leaves room for others: a tenant waits with at most so many times the places that are still free; none: with as many as its
    /// [share](Share::waiting) says. The same holds for places at the door.
    ///
    /// With 1 a tenant that floods the room takes up half of it, with 8 eight ninths, and with each further one that does all of
    /// them have less. So a newcomer finds room as long as any place is free.
    pub factor: Option<u32>,
    /// How many wait at the [door](super::Queue::arrive) at most; none: as many as `items`.
    pub door: Option<usize>,
    /// How many tenants are remembered at most, those with work included.
    pub tenants: usize,
}

// === impl Share ===

impl Share {
    fn check(self) -> Result<(), SettingsError> {
        positive("weight", self.weight != 0)?;
        positive("running", self.running != 0)?;
        positive("waiting", self.waiting != 0)
    }
}

impl Default for Share {
    /// As much as everyone, and no caps of its own.
    fn default() -> Self {
        Self { weight: 1, running: usize::MAX, waiting: usize::MAX }
    }
}

// === impl Shares ===

impl<K: Eq + Hash> Shares<K> {
    /// The same share for every tenant.
    ///
    /// # Errors
    ///
    /// [`SettingsError`] when a weight or a cap is zero.
    pub fn equal(others: Share) -> Result<Self, SettingsError> {
        others.check()?;
        Ok(Self { others, own: HashMap::new() })
    }

    /// Gives one tenant a share of its own.
    ///
    /// # Errors
    ///
    /// [`SettingsError`] when its weight or a cap is zero.
    pub fn with(mut self, tenant: K, share: Share) -> Result<Self, SettingsError> {
        share.check()?;
        self.own.insert(tenant, share);
        Ok(self)
    }

    /// The share of a tenant.
    #[must_use]
    pub fn of<Q: Eq + Hash + ?Sized>(&self, tenant: &Q) -> Share
    where
        K: Borrow<Q>,
    {
        self.own.get(tenant).copied().unwrap_or(self.others)
    }
}

impl<K> Default for Shares<K> {
    fn default() -> Self {
        Self { others: Share::default(), own: HashMap::new() }
    }
}

// === impl Settings ===

impl Settings {
    /// The longest step or patience that can be set: a year.
    pub const LONGEST: Duration = Duration::from_secs(365 * 24 * 60 * 60);

    pub(super) fn check(self) -> Result<Self, SettingsError> {
        positive("quantum", self.quantum != 0)?;
        positive("items", self.items != 0)?;
        positive("tenants", self.tenants != 0)?;
        positive("factor", self.factor != Some(0))?;
        for (name, value) in [("age_step", self.age_step), ("patience", self.patience)] {
            positive(name, !value.is_zero())?;
            if value > Self::LONGEST {
                return Err(SettingsError::TooLong { name });
            }
        }
        Ok(self)
    }

    /// How many places a tenant may have while so many are free.
    pub(super) fn most(&self, free: usize) -> usize {
        let times = |factor| free.saturating_mul(usize::try_from(factor).unwrap_or(usize::MAX));
        self.factor.map_or(usize::MAX, times)
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            age_step: Duration::from_secs(5),
            patience: Duration::from_secs(30),
            quantum: 1_000,
            items: 4_096,
            factor: None,
            door: None,
            tenants: 1_024,
        }
    }
}

fn positive(name: &'static str, is: bool) -> Result<(), SettingsError> {
    if is { Ok(()) } else { Err(SettingsError::Zero { name }) }
}
