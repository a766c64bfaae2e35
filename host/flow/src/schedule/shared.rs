//! The plan behind its lock, and what follows from each change of it.

use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, PoisonError};
use std::task::Waker;
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use super::Id;
use super::capacity::Capacity;
use super::door::Callers;
use super::error::SubmitError;
use super::plan::{Change, Key, Plan};
use super::signal::Signals;
use super::task::Task;
use crate::Timer;
use crate::few::Few;
use crate::pressure::{Level, Reading, Readings};
use crate::sync::Mutex;

/// What all handles, guards and the loop of one scheduler share.
pub(super) struct Shared<I, K, C: Capacity> {
    state: Mutex<State<I, K, C::Permit>>,
    pub(super) capacity: C,
    pub(super) timer: Arc<dyn Timer>,
    /// Wakes the loop: something is due sooner than it thinks, or all is over.
    pub(super) wake: Notify,
    /// Wakes those who wait until nothing is under way.
    pub(super) idle: Notify,
    pub(super) readings: Readings,
    pub(super) handles: AtomicUsize,
}

pub(super) struct State<I, K, P> {
    pub(super) plan: Plan<I, K, Cell<I, P>>,
    /// Who waits at the door.
    pub(super) callers: Callers,
    level: Level,
    /// Until when the loop sleeps.
    armed: Option<Instant>,
    /// Whether the loop listens for places that come free elsewhere.
    listening: bool,
}

/// What is kept with each task.
pub(super) struct Cell<I, P> {
    pub(super) signals: Arc<Signals<I>>,
    /// Who waits for its turn.
    pub(super) waker: Option<Waker>,
    /// Its place, until it is fetched.
    pub(super) grant: Option<Grant<P>>,
}

/// A turn that has come.
pub(super) struct Grant<P> {
    pub(super) permit: P,
    pub(super) waited: Duration,
}

/// What the loop waits for.
pub(super) struct Turn {
    /// Nothing any more.
    pub(super) over: bool,
    /// The next instant at which something is due.
    pub(super) next: Option<Instant>,
    /// A place for a task that waits.
    pub(super) blocked: bool,
}

/// What is to be done once the lock is gone: wakers and drops run the code of others.
struct After<I, P> {
    wakers: Few<Waker>,
    ended: Few<Cell<I, P>>,
    stopped: Few<Arc<Signals<I>>>,
    wake: bool,
    idle: bool,
    reading: Option<Reading>,
}

impl<I: Id, K: Id, C: Capacity> Shared<I, K, C> {
    pub(super) fn new(plan: Plan<I, K, Cell<I, C::Permit>>, level: Level, capacity: C, timer: Arc<dyn Timer>) -> Self {
        Self {
            state: Mutex::new(State { plan, callers: Callers::default(), level, armed: None, listening: false }),
            capacity,
            timer,
            wake: Notify::new(),
            idle: Notify::new(),
            readings: Readings::new(),
            handles: AtomicUsize::new(1),
        }
    }

    /// Changes the plan, and does what follows: starts what may start, tells who is to be told, and wakes the loop if something
    /// is due sooner than it thinks.
    pub(super) fn change<R>(&self, step: impl FnOnce(&mut State<I, K, C::Permit>, Instant) -> R) -> R {
        self.change_then(step, |_, result| result)
    }

    /// As [`change`](Self::change), with a look at what came of it.
    pub(super) fn change_then<R, S>(
        &self,
        step: impl FnOnce(&mut State<I, K, C::Permit>, Instant) -> R,
        then: impl FnOnce(&mut State<I, K, C::Permit>, R) -> S,
    ) -> S {
        let now = self.timer.now();
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let mut after = After::new();
        state.plan.advance(now);
        // Whoever waits at the door goes before whoever comes with this step.
        after.admit(&mut state);
        let result = step(&mut state, now);
        self.follow(&mut state, now, &mut after);
        let result = then(&mut state, result);
        drop(state);
        self.tell(after);
        result
    }

    /// Takes a task; with its place, if nothing waits and there is one: then it need not go through the queue.
    #[expect(clippy::type_complexity, reason = "a key, and a place if it has one")]
    pub(super) fn submit(
        &self,
        state: &mut State<I, K, C::Permit>,
        now: Instant,
        task: Task<I, K>,
        cell: Cell<I, C::Permit>,
    ) -> Result<(Key, Option<Grant<C::Permit>>), SubmitError<I>> {
        let permit = if state.plan.is_clear() { self.capacity.try_take() } else { None };
        let Some(permit) = permit else {
            return Ok((state.plan.submit(now, task, cell)?, None));
        };
        match state.plan.submit_alone(now, task, cell)? {
            Ok(key) => Ok((key, Some(Grant { permit, waited: Duration::ZERO }))),
            Err((task, cell)) => {
                drop(permit);
                Ok((state.plan.submit(now, task, cell)?, None))
            }
        }
    }

    /// Looks at the plan and changes nothing in it.
    pub(super) fn look<R>(&self, look: impl FnOnce(&mut State<I, K, C::Permit>) -> R) -> R {
        look(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// What the loop does each time that it wakes, and what it then waits for.
    pub(super) fn turn(&self) -> Turn {
        let now = self.timer.now();
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let mut after = After::new();
        state.plan.advance(now);
        self.follow(&mut state, now, &mut after);
        state.armed = state.plan.next_instant();
        state.listening = state.plan.is_ready();
        let turn = Turn { over: state.plan.is_over(), next: state.armed, blocked: state.listening };
        after.wake = false;
        drop(state);
        self.tell(after);
        turn
    }

    fn follow(&self, state: &mut State<I, K, C::Permit>, now: Instant, after: &mut After<I, C::Permit>) {
        after.gather(state);
        let mut ready = state.plan.is_ready();
        while ready
            && let Some(permit) = self.capacity.try_take()
            && let Some(start) = state.plan.start(now)
        {
            ready = state.plan.is_ready();
            if let Some(cell) = state.plan.get_mut(start.key) {
                cell.grant = Some(Grant { permit, waited: start.waited });
                after.wakers.extend(cell.waker.take());
            }
        }
        after.gather(state);
        after.admit(state);
        // Last: a place that is taken again at once was not free.
        after.reading = state.level.measure(state.plan.taken());
        after.idle = !after.ended.is_empty() && state.plan.is_idle();
        let sooner = match (state.plan.next_instant(), state.armed) {
            (Some(next), Some(armed)) => next < armed,
            (next, None) => next.is_some(),
            (None, Some(_)) => false,
        };
        if sooner {
            state.armed = state.plan.next_instant();
        }
        let blocked = ready && !state.listening;
        state.listening |= blocked;
        after.wake = sooner || blocked || state.plan.is_over();
    }

    fn tell(&self, after: After<I, C::Permit>) {
        for waker in after.wakers {
            waker.wake();
        }
        for signals in after.stopped {
            signals.stop.tell();
        }
        for cell in after.ended {
            cell.signals.end.tell();
            if let Some(waker) = cell.waker {
                waker.wake();
            }
        }
        if after.wake {
            self.wake.notify_one();
        }
        if after.idle {
            self.idle.notify_waiters();
        }
        if let Some(reading) = after.reading {
            self.readings.tell(reading);
        }
    }
}

impl<I, P> Cell<I, P> {
    /// What is kept with a task, and what its ticket listens to.
    pub(super) fn new() -> (Self, Arc<Signals<I>>) {
        let signals = Arc::new(Signals::default());
        (Self { signals: Arc::clone(&signals), waker: None, grant: None }, signals)
    }
}

impl<I: Id, K: Id, P> State<I, K, P> {
    /// The turn of a task, if it has come.
    pub(super) fn fetch(&mut self, key: Key) -> Option<Grant<P>> {
        self.plan.get_mut(key)?.grant.take()
    }
}

impl<I: Id, P> After<I, P> {
    fn new() -> Self {
        Self { wakers: Few::new(), ended: Few::new(), stopped: Few::new(), wake: false, idle: false, reading: None }
    }

    /// Hands places that are free to those who wait at the door; sends them away when nothing is taken any more.
    fn admit<K: Id>(&mut self, state: &mut State<I, K, P>) {
        if state.callers.is_empty() {
            return;
        }
        while let Some((knock, place)) = state.plan.admit() {
            match state.callers.serve(knock, place) {
                Ok(waker) => self.wakers.push(waker),
                Err(place) => state.plan.release_place(place),
            }
        }
        if state.plan.is_closed() {
            self.wakers.extend(state.callers.disperse());
        }
    }

    /// Sees to the changes of the plan, as far as that is done under the lock.
    fn gather<K: Id>(&mut self, state: &mut State<I, K, P>) {
        while let Some(change) = state.plan.next_change() {
            match change {
                Change::Stop { key, stop } => {
                    if let Some(cell) = state.plan.get_mut(key) {
                        cell.signals.stop.set(stop);
                        self.stopped.push(Arc::clone(&cell.signals));
                    }
                }
                Change::Ended { end, mut value, .. } => {
                    // Under the lock: whoever no longer finds the task must find its end.
                    value.signals.end.set(end);
                    // And the place is free before anyone can count what runs.
                    drop(value.grant.take());
                    self.ended.push(value);
                }
            }
        }
    }
}
