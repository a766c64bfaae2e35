//! Those who wait, in the order in which they came.
//!
//! What becomes free is handed to the first in line, not put back for whoever comes by: nobody overtakes, and one wake-up
//! serves one waiter. A waiter that goes away after something was handed to it gives it back, so that it can be handed on.
//!
//! The line knows no lock. Its owner wakes whom it names after the owner's own lock is open again.

use std::collections::BTreeMap;
use std::task::{Context, Poll, Waker};

/// A line of waiters for a `T`.
#[derive(Debug)]
pub(crate) struct Line<T> {
    next: u64,
    waiting: BTreeMap<u64, Waker>,
    served: BTreeMap<u64, T>,
}

/// A place in a [`Line`], held by one waiter.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place(u64);

impl<T> Line<T> {
    pub(crate) fn new() -> Self {
        Self { next: 0, waiting: BTreeMap::new(), served: BTreeMap::new() }
    }

    /// Goes to the end of the line.
    pub(crate) fn join(&mut self, context: &Context<'_>) -> Place {
        let place = Place(self.next);
        self.next += 1;
        self.waiting.insert(place.0, context.waker().clone());
        place
    }

    /// What was handed to `place`; none if it was [sent away](Self::disperse). The place is used up when this is ready.
    pub(crate) fn poll(&mut self, place: Place, context: &Context<'_>) -> Poll<Option<T>> {
        if let Some(waker) = self.waiting.get_mut(&place.0) {
            waker.clone_from(context.waker());
            return Poll::Pending;
        }
        Poll::Ready(self.served.remove(&place.0))
    }

    /// Leaves the line; gets what had been handed to it already.
    #[must_use = "what was handed over must be handed on"]
    pub(crate) fn leave(&mut self, place: Place) -> Option<T> {
        self.waiting.remove(&place.0);
        self.served.remove(&place.0)
    }

    /// Hands `what` to the first in line; gets whom to wake. With nobody in line there is nobody to hand it to.
    pub(crate) fn serve(&mut self, what: T) -> Option<Waker> {
        let (place, waker) = self.waiting.pop_first()?;
        self.served.insert(place, what);
        Some(waker)
    }

    /// Sends away all who have not been served; gets whom to wake.
    pub(crate) fn disperse(&mut self) -> Vec<Waker> {
        std::mem::take(&mut self.waiting).into_values().collect()
    }

    /// How many wait to be served.
    pub(crate) fn len(&self) -> usize {
        self.waiting.len()
    }
}
