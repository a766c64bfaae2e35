//! How many run at a time.
//!
//! A call holds a [`Permit`] from before its cell is made until after the cell is gone. The bound protects what has no
//! queue of its own: memory slots, mappings of the kernel, the patience of everything that shares the processor.
//!
//! How large the bound is, is for a [`Limit`] to say: a number that stays, or one that learns from what the permits tell
//! when they are [settled](Permit::settle). Here it is only compared with how many run. It may fall below that: then
//! nothing is stopped, and no permit is given until enough have come back. The count is never replaced, so it can't
//! forget who runs when the limit changes.
//!
//! Permits go to waiters in the order in which they asked, and a freed one is handed to the first waiter rather than put
//! back for whoever comes by. A waiter that is dropped after it was chosen passes the permit on.
//!
//! ```
//! use std::time::Duration;
//!
//! use hotcell_flow::limit::{Aimd, Bounds, Ended};
//! use hotcell_flow::permit::Permits;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let permits = Permits::steered(Aimd::new(Bounds::new(1, 8, 64)?));
//! let permit = permits.take().await?;
//! // ... the work ...
//! permit.settle(Duration::from_millis(3), Ended::Well);
//! assert_eq!((permits.running(), permits.limit()), (0, 8));
//! # Ok(())
//! # }
//! ```

use std::future::poll_fn;
use std::sync::{Arc, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::sync::Notify;

use crate::Refused;
use crate::few::Few;
use crate::limit::{Ended, Fixed, Limit, Sample};
use crate::line::{Line, Place};
use crate::sync::{Mutex, MutexGuard};

/// A bound on what runs at the same time. Clones share it.
#[derive(Debug, Clone)]
pub struct Permits {
    shared: Arc<Shared>,
}

/// Leave to run, given back when dropped.
#[derive(Debug)]
#[must_use = "a permit that is dropped is given back"]
pub struct Permit {
    shared: Arc<Shared>,
    /// How many were given before it.
    ordinal: u64,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    /// Rung when a permit is free and nobody in line for it.
    freed: Notify,
}

#[derive(Debug)]
struct State {
    limit: Box<dyn Limit>,
    /// Those given out, those included that a waiter has been handed and not yet noticed.
    running: usize,
    /// How many were ever given.
    given: u64,
    line: Line<u64>,
    closed: bool,
}

impl Permits {
    /// How many calls are in flight at most, unless set.
    pub const DEFAULT_LIMIT: usize = 1_024;

    /// `limit` permits: at least one.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self::steered(Fixed::new(limit))
    }

    /// As many permits as `limit` says, from one moment to the next.
    #[must_use]
    pub fn steered(limit: impl Limit + 'static) -> Self {
        let state = State { limit: Box::new(limit), running: 0, given: 0, line: Line::new(), closed: false };
        Self { shared: Arc::new(Shared { state: Mutex::new(state), freed: Notify::new() }) }
    }

    /// Puts another limit in place of the one there is. What runs goes on, and is counted.
    pub fn steer(&self, limit: impl Limit + 'static) {
        let mut state = self.shared.lock();
        state.limit = Box::new(limit);
        self.shared.hand_out(state);
    }

    /// Takes a permit if one is free and nobody waits for it; none otherwise.
    ///
    /// # Errors
    ///
    /// [`Refused::Closed`] after [`close`](Self::close).
    pub fn try_take(&self) -> Result<Option<Permit>, Refused> {
        let mut state = self.shared.lock();
        if state.closed {
            return Err(Refused::Closed);
        }
        Ok(state.next().map(|ordinal| Permit { shared: Arc::clone(&self.shared), ordinal }))
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
        let mut turn = Turn { shared: &self.shared, place: None };
        let ordinal = poll_fn(|context| turn.poll(context)).await?;
        Ok(Permit { shared: Arc::clone(&self.shared), ordinal })
    }

    /// Waits until a permit may be free that nobody stands in line for. For owners of queues of their own, who ask with
    /// [`try_take`](Self::try_take): each is told of all that becomes free from when this is made, polled or not, because
    /// there may be several (a queue that is emptied, and the one in its place), and not each has something for it. So it is
    /// made before looking. It may also be told when there is none any more.
    ///
    /// Safe to cancel.
    pub fn freed(&self) -> impl Future<Output = ()> + Send + '_ {
        self.shared.freed.notified()
    }

    /// How many run now.
    #[must_use]
    pub fn running(&self) -> usize {
        self.shared.lock().running
    }

    /// How many may run.
    #[must_use]
    pub fn limit(&self) -> usize {
        self.shared.lock().limit.current()
    }

    /// How many more may run now; none while what runs is more than the limit.
    #[must_use]
    pub fn free(&self) -> usize {
        let state = self.shared.lock();
        state.limit.current().saturating_sub(state.running)
    }

    /// How many wait for a permit.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.shared.lock().line.len()
    }

    /// Gives out no more permits, and sends away who waits for one. Those given out stay good.
    pub fn close(&self) {
        let mut state = self.shared.lock();
        state.closed = true;
        let sent_away = state.line.disperse();
        drop(state);
        sent_away.into_iter().for_each(Waker::wake);
        self.shared.freed.notify_waiters();
    }
}

impl Permit {
    /// Gives the permit back and tells the limit how the work went: how long it *ran*, without any time in a queue, and
    /// whether that was a sign of overload. A permit that is only dropped tells nothing, which is right for work that was
    /// cancelled, and for failures that say nothing about load.
    pub fn settle(self, run: Duration, ended: Ended) {
        let mut state = self.shared.lock();
        let sample = Sample { run, ended, running: state.running, ordinal: self.ordinal, given: state.given };
        state.limit.sample(&sample);
        // Dropping it gives it back, and hands out what a higher limit allows.
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        state.running = state.running.saturating_sub(1);
        self.shared.hand_out(state);
    }
}

// === impl Shared ===

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Hands what is free to those who wait, then wakes them.
    fn hand_out(&self, mut state: MutexGuard<'_, State>) {
        let mut served = Few::new();
        while state.running < state.limit.current() {
            let ordinal = state.given;
            let Some(waker) = state.line.serve(ordinal) else {
                self.freed.notify_waiters();
                break;
            };
            state.running += 1;
            state.given += 1;
            served.push(waker);
        }
        drop(state);
        served.into_iter().for_each(Waker::wake);
    }
}

impl State {
    /// Counts one more, if there is room and nobody before it.
    fn next(&mut self) -> Option<u64> {
        if self.line.len() > 0 || self.running >= self.limit.current() {
            return None;
        }
        let ordinal = self.given;
        self.running += 1;
        self.given += 1;
        Some(ordinal)
    }
}

/// The wait of one caller.
struct Turn<'a> {
    shared: &'a Shared,
    place: Option<Place>,
}

impl Turn<'_> {
    fn poll(&mut self, context: &Context<'_>) -> Poll<Result<u64, Refused>> {
        let mut state = self.shared.lock();
        let Some(place) = self.place else {
            if state.closed {
                return Poll::Ready(Err(Refused::Closed));
            }
            if let Some(ordinal) = state.next() {
                return Poll::Ready(Ok(ordinal));
            }
            self.place = Some(state.line.join(context));
            return Poll::Pending;
        };
        let handed = std::task::ready!(state.line.poll(place, context));
        self.place = None;
        Poll::Ready(handed.ok_or(Refused::Closed))
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let Some(place) = self.place else { return };
        let mut state = self.shared.lock();
        if state.line.leave(place).is_some() {
            state.running = state.running.saturating_sub(1);
            self.shared.hand_out(state);
        }
    }
}

#[cfg(test)]
mod tests;
