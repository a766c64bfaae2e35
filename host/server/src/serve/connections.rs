//! The connections that are open, and who has to go when there are too many.
//!
//! A connection without a request under way costs its client nothing and the server a place. So when all places are taken, the one
//! that has been idle longest is closed for the newcomer; connections that send their first request slowly are idle, too. Only when
//! every place has a request under way does a newcomer wait, in the kernel's line.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// All that are open.
#[derive(Debug, Default)]
pub(crate) struct Connections {
    open: Mutex<Open>,
    /// One has ended, or has no request under way any more.
    changed: Notify,
}

#[derive(Debug, Default)]
struct Open {
    /// Counts what happens, so that what is older has the lower number.
    clock: u64,
    places: HashMap<u64, Place>,
}

#[derive(Debug)]
struct Place {
    /// Requests under way.
    busy: usize,
    /// Since when there are none.
    idle_since: u64,
    /// Whether an answer stands that its client has not taken yet.
    unsent: Arc<AtomicBool>,
    close: CancellationToken,
}

/// The place of one connection, as long as it is held.
#[derive(Debug)]
pub(crate) struct Held {
    connections: Arc<Connections>,
    id: u64,
    /// Set by whoever writes on it, while something is not taken.
    pub(crate) unsent: Arc<AtomicBool>,
    /// When it has to go.
    pub(crate) close: CancellationToken,
}

/// A request under way on a connection, until its answer is sent.
#[derive(Debug)]
pub(crate) struct Busy {
    connections: Arc<Connections>,
    id: u64,
}

impl Connections {
    /// A place for one more of at most so many; waits until there is one.
    pub(crate) async fn place(self: &Arc<Self>, most: usize) -> Held {
        loop {
            let changed = self.changed.notified();
            if let Some(held) = self.take(most) {
                return held;
            }
            changed.await;
        }
    }

    fn take(self: &Arc<Self>, most: usize) -> Option<Held> {
        let mut open = self.lock();
        if open.places.len() >= most {
            let idle = open.places.iter().filter(|(_, place)| place.busy == 0 && !place.unsent.load(Ordering::Relaxed));
            let longest = *idle.min_by_key(|(_, place)| place.idle_since)?.0;
            open.places.remove(&longest)?.close.cancel();
        }
        open.clock += 1;
        let (id, unsent, close) = (open.clock, Arc::<AtomicBool>::default(), CancellationToken::new());
        open.places.insert(id, Place { busy: 0, idle_since: id, unsent: Arc::clone(&unsent), close: close.clone() });
        Some(Held { connections: Arc::clone(self), id, unsent, close })
    }

    /// How many are open.
    pub(crate) fn count(&self) -> usize {
        self.lock().places.len()
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Held {
    /// A request begins.
    pub(crate) fn busy(&self) -> Busy {
        if let Some(place) = self.connections.lock().places.get_mut(&self.id) {
            place.busy += 1;
        }
        Busy { connections: Arc::clone(&self.connections), id: self.id }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.connections.lock().places.remove(&self.id);
        self.connections.changed.notify_one();
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        let mut open = self.connections.lock();
        open.clock += 1;
        let now = open.clock;
        if let Some(place) = open.places.get_mut(&self.id) {
            place.busy = place.busy.saturating_sub(1);
            place.idle_since = now;
        }
        drop(open);
        self.connections.changed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    #[tokio::test]
    async fn the_one_that_has_been_idle_longest_goes_and_none_with_a_request_does() {
        let connections = Arc::new(Connections::default());
        let first = connections.place(3).await;
        let second = connections.place(3).await;
        let third = connections.place(3).await;
        let request = first.busy();
        let fourth = connections.place(3).await;
        let closed = |held: &[&Held]| held.iter().map(|held| held.close.is_cancelled()).collect::<Vec<_>>();
        assert_eq!(closed(&[&first, &second, &third, &fourth]), [false, true, false, false]);
        assert_eq!(connections.count(), 3);
        // One that was just used is idle from then on.
        drop(third.busy());
        drop(request);
        let fifth = connections.place(3).await;
        assert_eq!(closed(&[&first, &third, &fourth, &fifth]), [false, false, true, false]);
        let _all: Vec<Busy> = [&first, &third, &fifth].map(Held::busy).into_iter().collect();
        assert!(connections.place(3).now_or_never().is_none(), "all have requests under way");
    }

    #[tokio::test]
    async fn who_waits_gets_the_place_of_one_that_ends() {
        let connections = Arc::new(Connections::default());
        let held = connections.place(1).await;
        let request = held.busy();
        let waiting = connections.place(1);
        tokio::pin!(waiting);
        assert!(waiting.as_mut().now_or_never().is_none());
        drop(request);
        let newcomer = waiting.as_mut().now_or_never();
        assert!(newcomer.is_some() && held.close.is_cancelled());
        drop(held);
        assert_eq!(connections.count(), 1, "its place was another's already");
    }
}
