//! Answers kept for later.

use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::BadBounds;

/// How much a [`Cache`] keeps, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    entries: usize,
    bytes: u64,
    ttl: Duration,
}

/// Values by key, for a time. What was used longest ago makes room for what is new.
///
/// The decision alone: time is an argument, and whoever shares it locks it.
#[derive(Debug, Clone)]
pub struct Cache<K, V> {
    bounds: Bounds,
    entries: HashMap<Arc<K>, Entry<V>>,
    /// Keys by when they were last used, and by when they end.
    by_use: BTreeMap<u64, Arc<K>>,
    by_end: BTreeMap<(Instant, u64), Arc<K>>,
    /// Rises with each use.
    turn: u64,
    bytes: u64,
    evicted: u64,
    expired: u64,
}

#[derive(Debug, Clone)]
struct Entry<V> {
    value: V,
    bytes: u64,
    used: u64,
    made: u64,
    expires: Instant,
}

/// What is in a [`Cache`], and what was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Contents {
    /// How many entries.
    pub entries: usize,
    /// What they weigh together.
    pub bytes: u64,
    /// How many had to make room.
    pub evicted: u64,
    /// How many came to their end.
    pub expired: u64,
}

impl Bounds {
    /// Room for nothing.
    pub const NOTHING: Self = Self { entries: 0, bytes: 0, ttl: Duration::from_secs(1) };

    /// At most so many `entries` that weigh at most so many `bytes`, each for `ttl`. No entries or no bytes: nothing is
    /// kept.
    ///
    /// # Errors
    ///
    /// [`BadBounds::NoTime`] for a `ttl` of nothing.
    pub fn new(entries: usize, bytes: u64, ttl: Duration) -> Result<Self, BadBounds> {
        if ttl.is_zero() { Err(BadBounds::NoTime) } else { Ok(Self { entries, bytes, ttl }) }
    }
}

impl<K: Eq + Hash, V> Cache<K, V> {
    /// An empty cache.
    #[must_use]
    pub fn new(bounds: Bounds) -> Self {
        Self {
            bounds,
            entries: HashMap::new(),
            by_use: BTreeMap::new(),
            by_end: BTreeMap::new(),
            turn: 0,
            bytes: 0,
            evicted: 0,
            expired: 0,
        }
    }

    /// The value of `key`, if it is there and has not come to its end. It counts as used.
    pub fn get(&mut self, now: Instant, key: &K) -> Option<&V> {
        self.expire(now);
        let entry = self.entries.get_mut(key)?;
        if let Some(key) = self.by_use.remove(&entry.used) {
            self.turn += 1;
            entry.used = self.turn;
            self.by_use.insert(self.turn, key);
        }
        Some(&entry.value)
    }

    /// Keeps `value`, in place of what `key` had, and removes what there is no room for beside it. A value that weighs
    /// more than the whole cache may hold is not kept; nothing else has to go for it.
    pub fn put(&mut self, now: Instant, key: K, value: V, bytes: u64) {
        self.put_for(self.bounds.ttl, now, key, value, bytes);
    }

    /// As [`put`](Self::put), for another time than that of the bounds; not at all for none.
    pub fn put_for(&mut self, ttl: Duration, now: Instant, key: K, value: V, bytes: u64) {
        self.expire(now);
        self.remove(&key);
        let expires = now.checked_add(ttl).filter(|_| !ttl.is_zero());
        let (Some(expires), true) = (expires, bytes <= self.bounds.bytes && self.bounds.entries > 0) else {
            return;
        };
        while self.entries.len() >= self.bounds.entries || self.bytes + bytes > self.bounds.bytes {
            let Some((_, oldest)) = self.by_use.first_key_value() else { return };
            let oldest = Arc::clone(oldest);
            self.remove(&oldest);
            self.evicted += 1;
        }
        self.turn += 1;
        let key = Arc::new(key);
        self.by_use.insert(self.turn, Arc::clone(&key));
        self.by_end.insert((expires, self.turn), Arc::clone(&key));
        self.bytes += bytes;
        self.entries.insert(key, Entry { value, bytes, used: self.turn, made: self.turn, expires });
    }

    /// Forgets `key`; whether it was there.
    pub fn remove(&mut self, key: &K) -> bool {
        let Some(entry) = self.entries.remove(key) else {
            return false;
        };
        self.bytes -= entry.bytes;
        self.by_use.remove(&entry.used);
        self.by_end.remove(&(entry.expires, entry.made));
        true
    }

    /// Forgets all.
    pub fn clear(&mut self) {
        self.entries.clear();
        self.by_use.clear();
        self.by_end.clear();
        self.bytes = 0;
    }

    /// Forgets whatever came to its end. It is never found in any case; this frees what it holds.
    pub fn expire(&mut self, now: Instant) {
        while let Some(((end, _), key)) = self.by_end.first_key_value() {
            if *end > now {
                return;
            }
            let key = Arc::clone(key);
            self.remove(&key);
            self.expired += 1;
        }
    }

    /// What is in it, and what was.
    #[must_use]
    pub fn contents(&self) -> Contents {
        let Self { bytes, evicted, expired, .. } = *self;
        Contents { entries: self.entries.len(), bytes, evicted, expired }
    }
}
