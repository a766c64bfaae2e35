//! The waiting room in front of the permits.
//!
//! It bounds how many calls wait, not how many run. Without a bound a host under load takes in work for hours ahead,
//! answers all of it too late, and holds every input in memory meanwhile. With one it says so at the door: a caller
//! without a deadline is refused at once, because nothing tells how long it would put up with; a caller with one waits
//! for a place until then. Those who wait at the door hold no place and cost what a suspended future costs; what
//! bounds them is their own deadline.
//!
//! First come, first served, at the door and inside: a newcomer never overtakes one who waits. A place is a [`Ticket`];
//! whoever gives up, by a deadline or by being dropped, leaves nothing behind, and a wake-up meant for it goes to the next.

use std::sync::Arc;
use std::time::Instant;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, TryAcquireError};

use crate::permit::{Permit, Permits};
use crate::timer::before;
use crate::{Refused, Timer};

/// A bounded waiting room. Clones share it.
#[derive(Clone)]
pub struct Queue {
    room: Arc<Semaphore>,
    size: usize,
    timer: Arc<dyn Timer>,
}

/// A place in the queue, given back when dropped.
pub struct Ticket {
    place: OwnedSemaphorePermit,
    deadline: Option<Instant>,
    timer: Arc<dyn Timer>,
}

impl Queue {
    /// How many wait at most, unless set.
    pub const DEFAULT_SIZE: usize = 4_096;

    /// A room for `size` waiting calls: at least one, at most what a semaphore can count.
    #[must_use]
    pub fn new(size: usize, timer: Arc<dyn Timer>) -> Self {
        let size = size.clamp(1, Semaphore::MAX_PERMITS);
        Self { room: Arc::new(Semaphore::new(size)), size, timer }
    }

    /// Takes a place, or waits for one until `deadline`.
    ///
    /// Safe to cancel: dropped before it ends, it has taken nothing.
    ///
    /// # Errors
    ///
    /// [`Refused::Full`] at once when there is no place and no deadline, [`Refused::Late`] when the deadline comes first or
    /// has passed already, [`Refused::Closed`] after [`close`](Self::close).
    pub async fn enter(&self, deadline: Option<Instant>) -> Result<Ticket, Refused> {
        if deadline.is_some_and(|deadline| deadline <= self.timer.now()) {
            return Err(Refused::Late);
        }
        let place = match Arc::clone(&self.room).try_acquire_owned() {
            Ok(place) => place,
            Err(TryAcquireError::Closed) => return Err(Refused::Closed),
            Err(TryAcquireError::NoPermits) if deadline.is_none() => {
                return Err(Refused::Full { room: self.size });
            }
            Err(TryAcquireError::NoPermits) => before(&*self.timer, deadline, Arc::clone(&self.room).acquire_owned())
                .await
                .ok_or(Refused::Late)?
                .map_err(|_closed| Refused::Closed)?,
        };
        Ok(Ticket { place, deadline, timer: Arc::clone(&self.timer) })
    }

    /// How many hold a place and wait for a permit.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.size.saturating_sub(self.room.available_permits())
    }

    /// How many may wait.
    #[must_use]
    pub fn size(&self) -> usize {
        self.size
    }

    /// Lets nobody in any more, and sends away who waits at the door. Tickets that were given out stay good.
    pub fn close(&self) {
        self.room.close();
    }
}

impl Ticket {
    /// Waits for a permit until the deadline, and leaves the room with it.
    ///
    /// Safe to cancel: dropped before it ends, the place is free and no permit is lost.
    ///
    /// # Errors
    ///
    /// [`Refused::Late`] when the deadline comes first, [`Refused::Closed`] when the permits are closed.
    pub async fn permit(self, permits: &Permits) -> Result<Permit, Refused> {
        if let Some(permit) = permits.try_take()? {
            return Ok(permit);
        }
        let permit = before(&*self.timer, self.deadline, permits.take()).await;
        // The place is held while waiting: that is what the room counts.
        drop(self.place);
        permit.ok_or(Refused::Late)?
    }

    /// Until when its holder waits.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        self.deadline
    }
}

#[cfg(test)]
mod tests;
