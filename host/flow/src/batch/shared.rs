//! What the handles and the loop share: the groups behind a lock, and a bell.

use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tokio::sync::{Notify, oneshot};

use super::groups::{Closed, Groups, Rule, Ticket};
use super::{Error, Status, Urgency};
use crate::queue::{self, Queue};
use crate::{Refused, Timer};

pub(super) struct Shared<K, I, T, E> {
    pub(super) room: Queue,
    pub(super) timer: Arc<dyn Timer>,
    /// Rung when the loop must look again; the loop alone listens.
    pub(super) bell: Notify,
    state: Mutex<State<K, I, T, E>>,
}

struct State<K, I, T, E> {
    groups: Groups<K, Entry<I, T, E>>,
    closed: bool,
    /// What the loop sleeps until, and whether it could start a batch: who changes what it would do rings the bell.
    alarm: Option<Instant>,
    free: bool,
    status: Status,
}

/// An item that waits, and where its result goes.
pub(super) struct Entry<I, T, E> {
    pub(super) item: I,
    pub(super) answer: oneshot::Sender<Result<T, Error<E>>>,
    /// Its place in the room, given back when its batch begins.
    _place: queue::Ticket,
}

impl<I, T, E> Entry<I, T, E> {
    pub(super) fn new(item: I, answer: oneshot::Sender<Result<T, Error<E>>>, place: queue::Ticket) -> Self {
        Self { item, answer, _place: place }
    }
}

/// What the loop has to do now.
pub(super) struct Turn<K, I, T, E> {
    pub(super) batches: Vec<Closed<K, Entry<I, T, E>>>,
    pub(super) late: Vec<Entry<I, T, E>>,
    pub(super) alarm: Option<Instant>,
    /// Nothing waits and nothing will.
    pub(super) over: bool,
}

impl<K: Clone + Eq + Hash, I, T, E> Shared<K, I, T, E> {
    pub(super) fn new(rule: Rule, waiting: usize, timer: Arc<dyn Timer>) -> Self {
        let state =
            State { groups: Groups::new(rule), closed: false, alarm: None, free: true, status: Status::default() };
        let room = Queue::new(waiting, Arc::clone(&timer));
        Self { room, timer, bell: Notify::new(), state: Mutex::new(state) }
    }

    pub(super) fn add(&self, key: K, urgency: Urgency, entry: Entry<I, T, E>) -> Result<Ticket, Refused> {
        let now = self.timer.now();
        let mut state = self.state();
        if state.closed {
            return Err(Refused::Closed);
        }
        let ticket = state.groups.add(now, key, urgency, entry);
        state.status.accepted += 1;
        let next = state.groups.alarm(state.free);
        let sooner = next.is_some_and(|next| state.alarm.is_none_or(|alarm| next < alarm));
        if sooner {
            state.alarm = next;
            drop(state);
            self.bell.notify_one();
        }
        Ok(ticket)
    }

    /// Takes an item back whose caller has gone, if its batch has not begun.
    pub(super) fn withdraw(&self, ticket: Ticket) {
        let now = self.timer.now();
        let mut state = self.state();
        let entry = state.groups.withdraw(ticket, now);
        state.status.withdrawn += u64::from(entry.is_some());
        drop(state);
        // What others wrote drops here, outside the lock. The loop need not know: an alarm for it finds nothing to do.
        drop(entry);
    }

    /// Decides what the loop does now, with `running` batches under way of at most `limit`.
    pub(super) fn turn(&self, running: usize, limit: usize) -> Turn<K, I, T, E> {
        let now = self.timer.now();
        let mut guard = self.state();
        let state = &mut *guard;
        let late: Vec<_> = std::iter::from_fn(|| state.groups.expired(now)).collect();
        let free = limit.saturating_sub(running);
        let batches: Vec<_> = std::iter::from_fn(|| state.groups.close(now)).take(free).collect();
        state.free = batches.len() < free;
        state.alarm = state.groups.alarm(state.free);
        state.status.late += late.len() as u64;
        state.status.running = running + batches.len();
        state.status.batches += batches.len() as u64;
        state.status.batched += batches.iter().map(|batch| batch.items.len() as u64).sum::<u64>();
        let over = state.closed && state.groups.len() == 0;
        Turn { batches, late, alarm: state.alarm, over }
    }

    /// Lets nothing in any more; what waits is due at once.
    pub(super) fn close(&self) {
        self.room.close();
        let mut state = self.state();
        state.closed = true;
        state.groups.drain();
        drop(state);
        self.bell.notify_one();
    }

    /// The loop is gone: refuses what waits, and all that come.
    pub(super) fn abandon(&self) {
        self.room.close();
        let mut state = self.state();
        state.closed = true;
        state.status.running = 0;
        let rest = state.groups.clear();
        state.status.refused += rest.len() as u64;
        drop(state);
        for entry in rest {
            let _gone = entry.answer.send(Err(Refused::Closed.into()));
        }
    }

    pub(super) fn status(&self) -> Status {
        let state = self.state();
        Status { waiting: state.groups.len(), ..state.status }
    }

    fn state(&self) -> MutexGuard<'_, State<K, I, T, E>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
