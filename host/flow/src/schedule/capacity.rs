//! How many may run: the scheduler's view of it.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Notify;

use crate::fair::SettingsError;

/// Where a scheduler gets its places from: a fixed number, or a limit that learns.
///
/// Both methods are called while the scheduler is locked, and permits are dropped there too: they must be quick and must not
/// call the scheduler back.
pub trait Capacity: Send + Sync + 'static {
    /// A place to run in, given back when dropped. Whatever the limit wants to learn can be told through it:
    /// [`Started::permit`](super::Started::permit).
    type Permit: Send + 'static;

    /// Takes a place, if there is one.
    fn try_take(&self) -> Option<Self::Permit>;

    /// Ends when there may be a place that was not there when this future was made: the limit was raised, or somebody else
    /// gave one back. The scheduler's own tasks need not be told of: it looks again by itself when one of them ends.
    fn changed(&self) -> impl Future<Output = ()> + Send;
}

/// So many places. Clones share them. The number can be changed at any time; when it falls, what runs stays and nothing new
/// starts until fewer run.
///
/// They are for one scheduler: two that share them would not hear of each other.
#[derive(Clone)]
pub struct Slots(Arc<Places>);

/// One of the [`Slots`], free again when dropped.
#[must_use = "a slot that is dropped is free"]
pub struct Slot(Arc<Places>);

struct Places {
    limit: AtomicUsize,
    taken: AtomicUsize,
    raised: Notify,
}

// === impl Slots ===

impl Slots {
    /// `limit` places.
    ///
    /// # Errors
    ///
    /// [`SettingsError::Zero`] for none: nothing would ever run.
    pub fn new(limit: usize) -> Result<Self, SettingsError> {
        let slots =
            Self(Arc::new(Places { limit: AtomicUsize::new(1), taken: AtomicUsize::new(0), raised: Notify::new() }));
        slots.set(limit)?;
        Ok(slots)
    }

    /// Sets another number.
    ///
    /// # Errors
    ///
    /// [`SettingsError::Zero`] for none.
    pub fn set(&self, limit: usize) -> Result<(), SettingsError> {
        if limit == 0 {
            return Err(SettingsError::Zero { name: "limit" });
        }
        self.0.limit.store(limit, Ordering::Release);
        self.0.raised.notify_waiters();
        Ok(())
    }

    /// How many are taken.
    #[must_use]
    pub fn taken(&self) -> usize {
        self.0.taken.load(Ordering::Acquire)
    }
}

impl Capacity for Slots {
    type Permit = Slot;

    fn try_take(&self) -> Option<Slot> {
        let limit = self.0.limit.load(Ordering::Acquire);
        let more = |taken| (taken < limit).then_some(taken + 1);
        let taken = self.0.taken.fetch_update(Ordering::AcqRel, Ordering::Acquire, more);
        taken.is_ok().then(|| Slot(Arc::clone(&self.0)))
    }

    fn changed(&self) -> impl Future<Output = ()> + Send {
        self.0.raised.notified()
    }
}

impl fmt::Debug for Slots {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Slots").field("taken", &self.taken()).field("limit", &self.0.limit).finish()
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.0.taken.fetch_sub(1, Ordering::AcqRel);
    }
}

impl fmt::Debug for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Slot")
    }
}
