//! A task's place in the line, and its leave to run.

use std::fmt;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use futures::future::{Either, select};

use super::Id;
use super::capacity::Capacity;
use super::plan::Key;
use super::shared::{Grant, Shared};
use super::signal::Signals;
use super::task::{End, Report, Stop};
use crate::permit::Permits;

/// A task that was taken: a future that gives leave to run it, or says how it ended without having run.
///
/// Whoever drops it no longer wants the task: it ends as [`End::Cancelled`] at once and costs nothing, also when its turn had
/// come but not been noticed.
#[must_use = "a task is cancelled when its ticket is dropped"]
pub struct Ticket<I: Id, K: Id, C: Capacity = Permits>(State<I, K, C>);

enum State<I: Id, K: Id, C: Capacity> {
    Waiting { shared: Arc<Shared<I, K, C>>, key: Key, signals: Arc<Signals<I>> },
    Ready(Started<I, K, C>),
    Ended(End<I>),
    Fetched,
}

/// Leave to run, with its place. The task has ended when this is gone: [finished](Self::finish) with a report, or dropped
/// without one, which is [`End::Abandoned`]; unless it is to run [again](Self::again).
#[must_use = "a task that is started has ended when this is dropped"]
pub struct Started<I: Id, K: Id, C: Capacity = Permits> {
    shared: Arc<Shared<I, K, C>>,
    key: Key,
    signals: Arc<Signals<I>>,
    permit: Option<C::Permit>,
    waited: Duration,
    over: bool,
}

/// Says when a task that runs should stop. Clones listen to the same.
pub struct StopSignal<I>(Arc<Signals<I>>);

// === impl Ticket ===

impl<I: Id, K: Id, C: Capacity> Ticket<I, K, C> {
    /// A ticket for a task that was just taken; `grant` if its turn has come already.
    pub(super) fn new(
        shared: &Arc<Shared<I, K, C>>,
        key: Key,
        signals: Arc<Signals<I>>,
        grant: Option<Grant<C::Permit>>,
    ) -> Self {
        let shared = Arc::clone(shared);
        Self(match grant {
            Some(grant) => State::Ready(Started::new(shared, key, signals, grant)),
            None => State::Waiting { shared, key, signals },
        })
    }

    /// Asks whether its turn has come; if not, `context` is woken when it does.
    fn ask(&mut self, context: &Context<'_>) {
        let State::Waiting { shared, key, signals } = &self.0 else {
            return;
        };
        let asked = shared.look(|state| {
            let Some(cell) = state.plan.get_mut(*key) else {
                return Some(None);
            };
            if let Some(grant) = cell.grant.take() {
                return Some(Some(grant));
            }
            match &mut cell.waker {
                Some(waker) => waker.clone_from(context.waker()),
                none => *none = Some(context.waker().clone()),
            }
            None
        });
        match asked {
            None => {}
            Some(Some(grant)) => {
                let started = Started::new(Arc::clone(shared), *key, Arc::clone(signals), grant);
                self.0 = State::Ready(started);
            }
            // Its end was set before it left the plan.
            Some(None) => self.0 = State::Ended(signals.end.get().unwrap_or(End::Abandoned)),
        }
    }
}

impl<I: Id, K: Id, C: Capacity> Future for Ticket<I, K, C> {
    type Output = Result<Started<I, K, C>, End<I>>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let ticket = self.get_mut();
        ticket.ask(context);
        if matches!(ticket.0, State::Waiting { .. }) {
            return Poll::Pending;
        }
        match std::mem::replace(&mut ticket.0, State::Fetched) {
            State::Ready(started) => Poll::Ready(Ok(started)),
            State::Ended(end) => Poll::Ready(Err(end)),
            // Asked again after it has answered.
            State::Waiting { .. } | State::Fetched => Poll::Pending,
        }
    }
}

impl<I: Id, K: Id, C: Capacity> Unpin for Ticket<I, K, C> {}

impl<I: Id, K: Id, C: Capacity> Drop for Ticket<I, K, C> {
    fn drop(&mut self) {
        match std::mem::replace(&mut self.0, State::Fetched) {
            State::Waiting { shared, key, .. } => {
                shared.change(|state, now| state.plan.withdraw(now, key));
            }
            State::Ready(started) => started.decline(),
            State::Ended(_) | State::Fetched => {}
        }
    }
}

impl<I: Id, K: Id, C: Capacity> fmt::Debug for Ticket<I, K, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match &self.0 {
            State::Waiting { .. } => "Waiting",
            State::Ready(_) => "Ready",
            State::Ended(_) => "Ended",
            State::Fetched => "Fetched",
        };
        f.debug_tuple("Ticket").field(&state).finish()
    }
}

// === impl Started ===

impl<I: Id, K: Id, C: Capacity> Started<I, K, C> {
    fn new(shared: Arc<Shared<I, K, C>>, key: Key, signals: Arc<Signals<I>>, grant: Grant<C::Permit>) -> Self {
        Self { shared, key, signals, permit: Some(grant.permit), waited: grant.waited, over: false }
    }

    /// How long the task waited for its turn and a place, after its time had come and its needs were met. If it runs
    /// [again](Self::again), this time.
    #[must_use]
    pub fn waited(&self) -> Duration {
        self.waited
    }

    /// Says when it should stop.
    #[must_use]
    pub fn stop_signal(&self) -> StopSignal<I> {
        StopSignal(Arc::clone(&self.signals))
    }

    /// Ends the task.
    pub fn finish(mut self, report: Report) {
        self.end(Some(report), drop);
    }

    /// Ends the task, and gives its place back in a way of its own: [`Permit::settle`](crate::permit::Permit::settle) tells a
    /// limit that learns how it went. `give_back` must be quick and must not call the scheduler.
    pub fn finish_with(mut self, report: Report, give_back: impl FnOnce(C::Permit)) {
        self.end(Some(report), give_back);
    }

    /// Runs `work` until it ends, or the task is told to stop; then `work` is dropped, and only then has the task ended.
    ///
    /// # Errors
    ///
    /// Why it was told to stop.
    pub async fn run<R>(mut self, work: impl Future<Output = R>, report: impl FnOnce(&R) -> Report) -> Result<R, Stop> {
        let ended = self.attempt(work).await;
        match &ended {
            Ok(result) => self.finish(report(result)),
            Err(_) => drop(self),
        }
        ended
    }

    /// Runs `work` until it ends, or the task is told to stop; then `work` is dropped. The task has not ended: whoever calls
    /// this finishes it, or lets it run [again](Self::again).
    ///
    /// # Errors
    ///
    /// Why it was told to stop.
    pub async fn attempt<R>(&mut self, work: impl Future<Output = R>) -> Result<R, Stop> {
        match select(pin!(work), pin!(self.signals.stop.wait())).await {
            Either::Left((result, _)) => Ok(result),
            Either::Right((stop, _)) => Err(stop),
        }
    }

    /// Lets the task run again, not before `at`; a time that has passed is at once. `report` says what this run cost; how it
    /// went is of no account, since the task has not ended.
    ///
    /// Its permit, its charge and its place in the compartment are given back now: a back-off holds nothing that runs. It keeps
    /// its place in line: it has its class, the age that it has reached since it first came, and goes before all of its tenant that
    /// came later. It needs no room for that, so what waits may be more than the bound by as many as run at most. Deadline, cancel
    /// and closing apply to it as to any task that waits; it is still the one task, with one end.
    ///
    /// The ticket may say that it has ended already: as it was told, if it was told to stop; as [`End::Late`], if `at` is not before its
    /// deadline.
    pub fn again(self, at: Instant, report: Report) -> Ticket<I, K, C> {
        self.again_with(at, report, drop)
    }

    /// As [`again`](Self::again), and gives its place back in a way of its own, as [`finish_with`](Self::finish_with) does.
    pub fn again_with(mut self, at: Instant, report: Report, give_back: impl FnOnce(C::Permit)) -> Ticket<I, K, C> {
        let (permit, key) = (self.permit.take(), self.key);
        self.over = true;
        let grant = self.shared.change_then(
            |state, now| {
                permit.map(give_back);
                state.plan.again(now, key, at, report)
            },
            |state, _ran| state.fetch(key),
        );
        Ticket::new(&self.shared, key, Arc::clone(&self.signals), grant)
    }

    /// Ends a task whose turn has come and that has done nothing: it costs nothing, and ends as [`End::Cancelled`].
    pub fn decline(mut self) {
        self.over = true;
        let (permit, key) = (self.permit.take(), self.key);
        self.shared.change(|state, now| {
            drop(permit);
            state.plan.withdraw(now, key)
        });
    }

    fn end(&mut self, report: Option<Report>, give_back: impl FnOnce(C::Permit)) {
        let (permit, key) = (self.permit.take(), self.key);
        self.over = true;
        self.shared.change(|state, now| {
            // Under the lock, so that what runs and the places that are taken agree at every instant.
            permit.map(give_back);
            state.plan.finish(now, key, report)
        });
    }
}

impl<I: Id, K: Id, C: Capacity> Drop for Started<I, K, C> {
    fn drop(&mut self) {
        if !self.over {
            self.end(None, drop);
        }
    }
}

impl<I: Id, K: Id, C: Capacity> fmt::Debug for Started<I, K, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Started").field("key", &self.key).field("waited", &self.waited).finish_non_exhaustive()
    }
}

// === impl StopSignal ===

impl<I> StopSignal<I> {
    /// Why it should stop, if it should.
    #[must_use]
    pub fn get(&self) -> Option<Stop> {
        self.0.stop.get()
    }

    /// Ends when it should stop.
    pub async fn wait(&self) -> Stop {
        self.0.stop.wait().await
    }
}

impl<I> Clone for StopSignal<I> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<I> fmt::Debug for StopSignal<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("StopSignal").field(&self.get()).finish()
    }
}
