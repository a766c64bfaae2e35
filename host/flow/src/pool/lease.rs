//! What is lent.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use tokio::sync::{Mutex, OwnedMutexGuard};

use super::shared::Shared;
use super::{AcquireError, Source};
use crate::Refused;
use crate::permit::Permit;

/// A resource that is lent, given back when dropped.
#[must_use = "a lease that is dropped is given back"]
pub struct Lease<S: Source> {
    // In the order of drops: let go of the resource, put it back, then let the next in line look for it.
    item: OwnedMutexGuard<S::Item>,
    place: Place<S>,
    _permit: Permit,
}

/// A resource, behind a lock that is never waited for: it makes whoever lends it out its only holder.
pub(super) type Slot<T> = Arc<Mutex<T>>;

/// A lease, whether or not it has its resource yet. It owns it from the first moment, and gives it back on any way out.
pub(super) struct Place<S: Source> {
    shared: Arc<Shared<S>>,
    slot: Option<Slot<S::Item>>,
}

impl<S: Source> Lease<S> {
    /// Finds something to lend.
    pub(super) async fn find(shared: &Arc<Shared<S>>, permit: Permit) -> Result<Self, AcquireError<S::Error>> {
        let mut place = Place::new(shared);
        while let Some(slot) = shared.warmest() {
            let slot = place.slot.insert(slot);
            let works = match Arc::get_mut(slot) {
                Some(item) => shared.source.check(item.get_mut()).await,
                None => false,
            };
            if works {
                return place.lend(permit);
            }
            if let Some(broken) = place.slot.take() {
                shared.lock().counts.broken += 1;
                shared.close_untold(broken).await;
            }
        }
        place.slot = Some(shared.make().await.map_err(AcquireError::Make)?);
        place.lend(permit)
    }

    /// Gives the resource up: it is closed, not lent again.
    ///
    /// # Errors
    ///
    /// If it could not be closed well.
    pub async fn discard(self) -> Result<(), S::Error> {
        let Self { item, mut place, _permit } = self;
        drop(item);
        match place.slot.take() {
            Some(slot) => place.shared.close(slot).await.map_or(Ok(()), Err),
            None => Ok(()),
        }
    }
}

// === impl Place ===

impl<S: Source> Place<S> {
    fn new(shared: &Arc<Shared<S>>) -> Self {
        shared.lock().leases += 1;
        Self { shared: Arc::clone(shared), slot: None }
    }

    /// Lends what it has, unless the pool was closed meanwhile.
    fn lend(self, permit: Permit) -> Result<Lease<S>, AcquireError<S::Error>> {
        let closed = self.shared.lock().closed;
        let item = self.slot.clone().and_then(|slot| slot.try_lock_owned().ok());
        match item {
            Some(item) if !closed => Ok(Lease { item, place: self, _permit: permit }),
            _ => Err(Refused::Closed.into()),
        }
    }
}

impl<S: Source> Drop for Place<S> {
    fn drop(&mut self) {
        if let Some(slot) = self.slot.take() {
            self.shared.put(slot);
        }
        let mut state = self.shared.lock();
        state.leases = state.leases.saturating_sub(1);
        let closed = state.closed;
        drop(state);
        if closed {
            self.shared.ended.notify_one();
        }
    }
}

// === impl Lease ===

impl<S: Source> Deref for Lease<S> {
    type Target = S::Item;

    fn deref(&self) -> &S::Item {
        &self.item
    }
}

impl<S: Source> DerefMut for Lease<S> {
    fn deref_mut(&mut self) -> &mut S::Item {
        &mut self.item
    }
}

impl<S: Source> fmt::Debug for Lease<S>
where
    S::Item: fmt::Debug,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Lease").field(&**self).finish()
    }
}
