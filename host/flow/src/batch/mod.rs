//! Many small calls as one.
//!
//! Where the price of a call is paid once however much it carries (a cell, a request, a transaction), callers who wait a
//! moment for each other pay it together. A [`Batcher`] takes items one by one and gives each caller its own result; its
//! [`Service`] closes a batch when the first of three things happens:
//!
//! - it is full ([`Settings::size`]);
//! - its first item has waited for company ([`Settings::linger`]);
//! - one of its items must not wait longer: its deadline, less the [`Settings::lead`] that the work needs.
//!
//! What is bounded: the items in a batch, the batches that run at a time, and the items that wait (as in a
//! [`Queue`](crate::queue::Queue): whoever has a deadline waits for a place until then, others are refused at once). A
//! batch holds items of one key, whatever else is mixed in the waiting room, so that the key may be a tenant or a set of
//! grants. Among the batches that are due the most urgent goes first, then the one that is due for longest; inside a key
//! the more urgent item goes first when there are more than a batch holds. The order is strict: under lasting overload
//! only a deadline gets an item out that is less urgent than all others.
//!
//! One loop owns the batches and their time, and the callers hold nothing but their own place and their own result.
//! A timer that flushes from a task of its own can cancel itself; a caller that flushes for all takes them down when it is
//! cancelled; results dealt out in another order than the items went in reach strangers. Here a caller that leaves takes
//! back its own item, if the batch has not begun, and nothing else; and results are matched by place only if there are as
//! many as items: otherwise each caller gets [`Error::Length`].
//!
//! The idea is that of Nagle's algorithm (RFC 896) and of the `linger.ms` of Kafka's producer.
//!
//! What it does not do: it never runs an item twice, and does not retry. An item whose batch has begun is not ended by its
//! deadline: who wants out drops the future, and when all of a batch have left, its work is dropped.
//!
//! ```
//! # use std::{sync::Arc, time::{Duration, Instant}};
//! # use futures::{FutureExt, future::BoxFuture};
//! # use hotcell_call::{Clock, SystemClock};
//! # struct Tokio;
//! # impl Clock for Tokio { fn now(&self) -> Instant { SystemClock.now() } }
//! # impl hotcell_flow::Timer for Tokio {
//! #     fn sleep_until(&self, at: Instant) -> BoxFuture<'static, ()> { tokio::time::sleep_until(at.into()).boxed() }
//! # }
//! use hotcell_flow::batch::{Batcher, Error, Settings, Urgency};
//!
//! # tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(async {
//! let squares = |_key: &'static str, items: Vec<u64>| async move {
//!     Ok::<_, String>(items.into_iter().map(|item| item.checked_mul(item).ok_or("too large".to_owned())).collect())
//! };
//! let settings = Settings { size: 3, linger: Duration::from_millis(2), ..Settings::default() };
//! let (batcher, service) = Batcher::new(settings, Arc::new(Tokio), squares)?;
//! let callers = async move {
//!     let one = async |item| batcher.submit("squares", item, Urgency::default()).await;
//!     let (two, large, three) = futures::join!(one(2), one(u64::MAX), one(3));
//!     assert_eq!((two, three), (Ok(4), Ok(9)));
//!     assert_eq!(large, Err(Error::Item("too large".to_owned())));
//! };
//! futures::join!(service.run(), callers); // the loop ends when the last handle is gone
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod error;
mod groups;
mod service;
mod shared;

use std::future::Future;
use std::hash::Hash;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hotcell_call::Priority;
use tokio::sync::oneshot;

pub use error::{BadSettings, Error};
pub use service::Service;

use self::groups::{Rule, Ticket};
use self::shared::{Entry, Shared};
use crate::Timer;

/// When a batch closes, and how much there may be of everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// How many items a batch holds at most: at least 1.
    pub size: usize,
    /// How long the first item waits for others. With none, whatever is there when a batch can run goes at once.
    pub linger: Duration,
    /// How long before the deadline of an item its batch closes, so that time is left for the work.
    pub lead: Duration,
    /// How many batches run at a time: at least 1. When so many run, what is due waits, and batches grow up to their size.
    pub in_flight: usize,
    /// How many items wait at most: at least as many as a batch holds.
    pub waiting: usize,
}

/// How much an item is in a hurry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Urgency {
    /// Who goes first when not all can.
    pub priority: Priority,
    /// By when its batch must have begun; otherwise it is [`Refused::Late`](crate::Refused::Late).
    pub deadline: Option<Instant>,
}

/// How many items are where. `accepted = waiting + withdrawn + late + refused + batched`, at all times.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Status {
    /// Items let in.
    pub accepted: u64,
    /// Items that wait for their batch.
    pub waiting: usize,
    /// Items whose caller left before their batch began.
    pub withdrawn: u64,
    /// Items whose deadline came before their batch began.
    pub late: u64,
    /// Items that waited when the loop was dropped.
    pub refused: u64,
    /// Items whose batch has begun.
    pub batched: u64,
    /// Batches begun.
    pub batches: u64,
    /// Batches that run.
    pub running: usize,
}

/// Takes items one by one. Clones share it; when the last is dropped, it is [closed](Self::close).
pub struct Batcher<K: Clone + Eq + Hash, I, T, E> {
    door: Arc<Door<K, I, T, E>>,
}

/// Closes the batcher with its last handle.
struct Door<K: Clone + Eq + Hash, I, T, E>(Arc<Shared<K, I, T, E>>);

/// Takes an item back when its caller leaves.
struct Waiting<'a, K: Clone + Eq + Hash, I, T, E> {
    shared: &'a Shared<K, I, T, E>,
    ticket: Option<Ticket>,
}

// === impl Settings ===

impl Default for Settings {
    /// 32 items, 2 ms of linger, 5 ms of lead, 8 batches at a time, 4 096 items waiting.
    fn default() -> Self {
        Self {
            size: 32,
            linger: Duration::from_millis(2),
            lead: Duration::from_millis(5),
            in_flight: 8,
            waiting: 4_096,
        }
    }
}

impl Settings {
    fn check(&self) -> Result<(), BadSettings> {
        let Self { size, in_flight, waiting, .. } = *self;
        match () {
            () if size == 0 => Err(BadSettings::Size),
            () if in_flight == 0 => Err(BadSettings::InFlight),
            () if waiting < size => Err(BadSettings::Waiting { size, waiting }),
            () => Ok(()),
        }
    }
}

// === impl Batcher ===

impl<K: Clone + Eq + Hash, I, T, E> Batcher<K, I, T, E> {
    /// A handle, and the loop that must be run. `work` gets a key and the items, most urgent first, and gives one result
    /// for each, in the same order.
    ///
    /// # Errors
    ///
    /// [`BadSettings`] that nothing could keep.
    #[expect(clippy::type_complexity, reason = "a handle and its loop, whatever they carry")]
    pub fn new<W, F>(
        settings: Settings,
        timer: Arc<dyn Timer>,
        work: W,
    ) -> Result<(Self, Service<K, I, T, E, W>), BadSettings>
    where
        W: Fn(K, Vec<I>) -> F,
        F: Future<Output = Result<Vec<Result<T, E>>, E>>,
    {
        settings.check()?;
        let Settings { size, linger, lead, in_flight, waiting } = settings;
        let shared = Arc::new(Shared::new(Rule { size, linger, lead }, waiting, timer));
        let door = Arc::new(Door(Arc::clone(&shared)));
        Ok((Self { door }, Service { shared, work, in_flight }))
    }

    /// Hands in an item and waits for its result.
    ///
    /// Safe to cancel: dropped before its batch begins, the item is taken back and never worked on; after that, only its
    /// own result is lost.
    ///
    /// # Errors
    ///
    /// [`Error`], its own. [`Refused::Closed`](crate::Refused::Closed) in it once the batcher is closed or its loop is gone.
    pub async fn submit(&self, key: K, item: I, urgency: Urgency) -> Result<T, Error<E>> {
        let shared = &*self.door.0;
        let place = shared.room.enter(urgency.deadline).await?;
        let (answer, result) = oneshot::channel();
        let ticket = shared.add(key, urgency, Entry::new(item, answer, place))?;
        let mut waiting = Waiting { shared, ticket: Some(ticket) };
        let result = result.await;
        waiting.ticket = None;
        result.unwrap_or(Err(Error::Stopped))
    }

    /// Lets nothing in any more, and closes every batch at once rather than wait for company. The loop ends when all that
    /// was let in has its result. To refuse what waits instead, drop the loop.
    pub fn close(&self) {
        self.door.0.close();
    }

    /// How many items are where.
    #[must_use]
    pub fn status(&self) -> Status {
        self.door.0.status()
    }
}

impl<K: Clone + Eq + Hash, I, T, E> Clone for Batcher<K, I, T, E> {
    fn clone(&self) -> Self {
        Self { door: Arc::clone(&self.door) }
    }
}

impl<K: Clone + Eq + Hash, I, T, E> Drop for Door<K, I, T, E> {
    fn drop(&mut self) {
        self.0.close();
    }
}

impl<K: Clone + Eq + Hash, I, T, E> Drop for Waiting<'_, K, I, T, E> {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket {
            self.shared.withdraw(ticket);
        }
    }
}

#[cfg(test)]
mod tests;
