//! How many run at a time.
//!
//! A call holds a [`Permit`] from before its cell is made until after the cell is gone. The bound protects what has no
//! queue of its own: memory slots, mappings of the kernel, the patience of everything that shares the processor.
//!
//! Permits go to waiters in the order in which they asked, and a freed one is handed to the first waiter rather than put
//! back for whoever comes by. A waiter that is dropped after it was chosen passes the permit on.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, TryAcquireError};

use crate::Refused;

/// A bound on what runs at the same time. Clones share it.
#[derive(Debug, Clone)]
pub struct Permits {
    free: Arc<Semaphore>,
    limit: usize,
}

/// Leave to run, given back when dropped.
#[derive(Debug)]
#[must_use = "a permit that is dropped is given back"]
pub struct Permit {
    _one: OwnedSemaphorePermit,
}

impl Permits {
    /// How many calls are in flight at most, unless set.
    pub const DEFAULT_LIMIT: usize = 1_024;

    /// `limit` permits: at least one, at most what a semaphore can count.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        let limit = limit.clamp(1, Semaphore::MAX_PERMITS);
        Self { free: Arc::new(Semaphore::new(limit)), limit }
    }

    /// Takes a permit if one is free and nobody waits for it; none otherwise.
    ///
    /// # Errors
    ///
    /// [`Refused::Closed`] after [`close`](Self::close).
    pub fn try_take(&self) -> Result<Option<Permit>, Refused> {
        match Arc::clone(&self.free).try_acquire_owned() {
            Ok(one) => Ok(Some(Permit { _one: one })),
            Err(TryAcquireError::NoPermits) => Ok(None),
            Err(TryAcquireError::Closed) => Err(Refused::Closed),
        }
    }

    /// Waits for a permit, however long it takes. The number of those who wait here is not bounded: calls come through
    /// [`Ticket::permit`](crate::queue::Ticket::permit), whose number is.
    ///
    /// Safe to cancel: dropped before it ends, it has taken nothing.
    ///
    /// # Errors
    ///
    /// [`Refused::Closed`] after [`close`](Self::close).
    pub async fn take(&self) -> Result<Permit, Refused> {
        match Arc::clone(&self.free).acquire_owned().await {
            Ok(one) => Ok(Permit { _one: one }),
            Err(_closed) => Err(Refused::Closed),
        }
    }

    /// How many run now.
    #[must_use]
    pub fn running(&self) -> usize {
        self.limit.saturating_sub(self.free.available_permits())
    }

    /// How many may run.
    #[must_use]
    pub fn limit(&self) -> usize {
        self.limit
    }

    /// Gives out no more permits, and sends away who waits for one. Those given out stay good.
    pub fn close(&self) {
        self.free.close();
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    #[test]
    fn no_more_run_than_the_limit_and_a_dropped_permit_is_free_again() {
        let permits = Permits::new(2);
        let first = permits.try_take().unwrap().unwrap();
        let _second = permits.try_take().unwrap().unwrap();
        assert!(permits.try_take().unwrap().is_none());
        assert_eq!((permits.running(), permits.limit()), (2, 2));
        drop(first);
        assert_eq!(permits.running(), 1);
        assert!(permits.try_take().unwrap().is_some());
    }

    #[test]
    fn a_newcomer_does_not_overtake_one_who_waits() {
        let permits = Permits::new(1);
        let held = permits.try_take().unwrap();
        let mut waiter = Box::pin(permits.take());
        assert!((&mut waiter).now_or_never().is_none());
        drop(held);
        assert!(permits.try_take().unwrap().is_none(), "it is the waiter's");
        assert!(waiter.now_or_never().unwrap().is_ok());
    }

    #[test]
    fn a_limit_of_nothing_is_a_limit_of_one() {
        assert_eq!(Permits::new(0).limit(), 1);
        assert!(Permits::new(usize::MAX).limit() < usize::MAX);
    }

    #[test]
    fn closing_sends_waiters_away_and_leaves_runners_alone() {
        let permits = Permits::new(1);
        let held = permits.try_take().unwrap();
        let mut waiter = Box::pin(permits.take());
        assert!((&mut waiter).now_or_never().is_none());
        permits.close();
        assert!(matches!(waiter.now_or_never(), Some(Err(Refused::Closed))));
        assert!(matches!(permits.try_take(), Err(Refused::Closed)));
        assert_eq!(permits.running(), 1);
        drop(held);
        assert_eq!(permits.running(), 0);
    }
}
