//! The handle of a scheduler, and its loop.

use std::fmt;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use futures::FutureExt;
use futures::future::{BoxFuture, Either, pending, select};

use super::Id;
use super::capacity::Capacity;
use super::door;
use super::error::{SubmitError, WaitError};
use super::plan::{Closing, Key, Plan, Settings, Standing};
use super::shared::{Cell, Grant, Shared};
use super::signal::Signals;
use super::status::Status;
use super::task::{End, Report, Task};
use super::ticket::{Started, Ticket};
use crate::Timer;
use crate::fair::{Caps, SettingsError, Shares, Usage};
use crate::permit::Permits;
use crate::pressure::Gauge;
use crate::timer::before;

/// The handle: tasks go in here. Clones are cheap and share everything. When the last one is dropped, the scheduler drains.
pub struct Scheduler<I: Id, K: Id, C: Capacity = Permits>(Arc<Shared<I, K, C>>);

/// The loop: it wakes when something is due, and when places come free elsewhere. It spawns nothing; whoever makes it has it
/// [run](Self::run). When it is dropped, the scheduler stops: nothing would end late tasks any more.
#[must_use = "without its loop a scheduler stops"]
pub struct Service<I: Id, K: Id, C: Capacity = Permits>(Arc<Shared<I, K, C>>);

/// A task that was just taken, with what its ticket is made of.
type Taken<I, P> = (Key, Arc<Signals<I>>, Option<Grant<P>>);

// === impl Scheduler ===

impl<I: Id, K: Id, C: Capacity> Scheduler<I, K, C> {
    /// A scheduler and its loop.
    ///
    /// # Errors
    ///
    /// [`SettingsError`] when a setting makes no sense.
    pub fn new(
        settings: Settings,
        shares: Shares<K>,
        capacity: C,
        timer: Arc<dyn Timer>,
    ) -> Result<(Self, Service<I, K, C>), SettingsError> {
        let plan = Plan::new(settings, shares)?;
        let shared = Arc::new(Shared::new(plan, settings.level()?, capacity, timer));
        Ok((Self(Arc::clone(&shared)), Service(shared)))
    }

    /// Takes a task. If there is a place for it, the ticket has it already.
    ///
    /// # Errors
    ///
    /// [`SubmitError`] says why it is not taken.
    pub fn submit(&self, task: Task<I, K>) -> Result<Ticket<I, K, C>, SubmitError<I>> {
        let (cell, signals) = Cell::new();
        let (key, grant) = self.0.change_then(
            |state, now| self.0.submit(state, now, task, cell),
            |state, taken| taken.map(|(key, grant)| (key, grant.or_else(|| state.fetch(key)))),
        )?;
        Ok(Ticket::new(&self.0, key, signals, grant))
    }

    /// Takes a task as [`submit`](Self::submit) does; without room it waits for a place at the door, if `until` says for how long,
    /// and at most until its deadline. Those of a tenant are let in in the order in which they came, and the tenants in turns:
    /// [`fair::Queue::arrive`](crate::fair::Queue::arrive). Waiting begins when the future is first polled.
    ///
    /// Safe to cancel: dropped before it ends, nothing was submitted, and a place that it was handed goes to the next.
    ///
    /// # Errors
    ///
    /// [`SubmitError`] says why it is not taken: [`SubmitError::Late`] when no place came free until then,
    /// [`SubmitError::Closed`] as soon as nothing is taken any more.
    pub async fn enter(&self, task: Task<I, K>, until: Option<Instant>) -> Result<Ticket<I, K, C>, SubmitError<I>> {
        match until {
            None => self.submit(task),
            Some(until) => door::enter(&self.0, task, until).await,
        }
    }

    /// Takes all of `tasks`, or none of them. They may need each other.
    ///
    /// # Errors
    ///
    /// [`SubmitError`] says why they are not taken.
    pub fn submit_all(
        &self,
        tasks: impl IntoIterator<Item = Task<I, K>>,
    ) -> Result<Vec<Ticket<I, K, C>>, SubmitError<I>> {
        let (tasks, signals): (Vec<_>, Vec<_>) = tasks
            .into_iter()
            .map(|task| {
                let (cell, signals) = Cell::new();
                ((task, cell), signals)
            })
            .unzip();
        let taken: Vec<Taken<I, C::Permit>> = self.0.change_then(
            |state, now| state.plan.submit_all(now, tasks),
            |state, keys| {
                let taken = keys?.into_iter().zip(signals);
                Ok::<_, SubmitError<I>>(taken.map(|(key, signals)| (key, signals, state.fetch(key))).collect())
            },
        )?;
        Ok(taken.into_iter().map(|(key, signals, grant)| Ticket::new(&self.0, key, signals, grant)).collect())
    }

    /// Takes a task and runs it by itself: `spawn` is given a future that waits for its turn, runs `work` and reports. `work`
    /// is dropped when the task is told to stop. A spawner that drops the future has the task cancelled.
    ///
    /// # Errors
    ///
    /// [`SubmitError`] says why it is not taken; then nothing is spawned.
    pub fn run<W>(
        &self,
        task: Task<I, K>,
        spawn: impl FnOnce(BoxFuture<'static, ()>),
        work: impl FnOnce(&mut Started<I, K, C>) -> W + Send + 'static,
    ) -> Result<(), SubmitError<I>>
    where
        W: Future<Output = Report> + Send + 'static,
    {
        let ticket = self.submit(task)?;
        let whole = async move {
            if let Ok(mut started) = ticket.await {
                let work = work(&mut started);
                let _how_it_ended_is_in_the_plan = started.run(work, |report| *report).await;
            }
        };
        spawn(whole.boxed());
        Ok(())
    }

    /// Cancels a task: one that has not started ends at once, one that runs is told to stop. Whether it will have ended as
    /// cancelled; not so if it is unknown, has ended, or was told to stop for another reason.
    pub fn cancel(&self, id: &I) -> bool {
        self.0.change(|state, now| state.plan.key(id).is_some_and(|key| state.plan.cancel(now, key)))
    }

    /// Waits for the end of a task, at most until `until`. Safe to cancel.
    ///
    /// # Errors
    ///
    /// [`WaitError::Unknown`] at once if it is not known, [`WaitError::NotYet`] when `until` comes first.
    pub async fn wait(&self, id: &I, until: Option<Instant>) -> Result<End<I>, WaitError> {
        let signals = self.0.look(|state| match state.plan.standing(id) {
            None => Err(WaitError::Unknown),
            Some(Standing::Ended(end)) => Ok(Err(end)),
            Some(_) => {
                let key = state.plan.key(id).ok_or(WaitError::Unknown)?;
                let cell = state.plan.get_mut(key).ok_or(WaitError::Unknown)?;
                Ok(Ok(Arc::clone(&cell.signals)))
            }
        })?;
        match signals {
            Err(end) => Ok(end),
            Ok(signals) => before(&*self.0.timer, until, signals.end.wait()).await.ok_or(WaitError::NotYet),
        }
    }

    /// Where a task stands; none if it is not known, or forgotten.
    #[must_use]
    pub fn standing(&self, id: &I) -> Option<Standing<End<I>>> {
        self.0.look(|state| state.plan.standing(id))
    }

    /// How many tasks are where: one snapshot, in which all counts add up.
    #[must_use]
    pub fn status(&self) -> Status {
        self.0.look(|state| state.plan.status())
    }

    /// Follows the pressure: whether the places to wait in get short. Nothing here waits for who follows it.
    #[must_use]
    pub fn gauge(&self) -> Gauge {
        self.0.readings.gauge()
    }

    /// What a tenant has here.
    #[must_use]
    pub fn usage(&self, tenant: &K) -> Usage {
        self.0.look(|state| state.plan.usage(tenant))
    }

    /// Sets other shares for the tenants.
    pub fn set_shares(&self, shares: Shares<K>) {
        self.0.change(|state, _| state.plan.set_shares(shares));
    }

    /// Sets other caps for the compartments.
    pub fn set_caps(&self, caps: Caps) {
        self.0.change(|state, _| state.plan.set_caps(caps));
    }

    /// Takes nothing any more, and does not wait for what that brings: [`closed`](Self::closed) does.
    pub fn close(&self, closing: Closing) {
        self.0.change(|state, now| state.plan.close(now, closing));
    }

    /// Takes nothing any more, and waits until nothing is under way. Dropped before it ends, the scheduler stays closed.
    pub async fn closed(&self, closing: Closing) {
        self.close(closing);
        self.idle().await;
    }

    /// The lengths of all that grows.
    #[cfg(test)]
    pub(super) fn lengths(&self) -> [usize; 6] {
        self.0.look(|state| state.plan.lengths())
    }

    /// Waits until nothing is under way. Safe to cancel.
    pub async fn idle(&self) {
        loop {
            let mut told = pin!(self.0.idle.notified());
            // Listens before it looks.
            told.as_mut().enable();
            if self.0.look(|state| state.plan.is_idle()) {
                return;
            }
            told.await;
        }
    }
}

impl<I: Id, K: Id, C: Capacity> Clone for Scheduler<I, K, C> {
    fn clone(&self) -> Self {
        self.0.handles.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(&self.0))
    }
}

impl<I: Id, K: Id, C: Capacity> Drop for Scheduler<I, K, C> {
    fn drop(&mut self) {
        if self.0.handles.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.close(Closing::Drain);
        }
    }
}

impl<I: Id, K: Id, C: Capacity> fmt::Debug for Scheduler<I, K, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Scheduler").field(&self.status()).finish()
    }
}

// === impl Service ===

impl<I: Id, K: Id, C: Capacity> Service<I, K, C> {
    /// Does what is due when it is due, until the scheduler is closed and nothing is under way. It has one sleep, to the
    /// earliest instant, and no tick. Dropped before it ends, it stops the scheduler as [`Closing::Stop`] does.
    pub async fn run(self) {
        loop {
            // Both listen from before the turn on: what changes during it is heard.
            let changed = self.0.capacity.changed();
            let woken = self.0.wake.notified();
            let turn = self.0.turn();
            if turn.over {
                return;
            }
            let due = turn.next.map_or_else(|| pending().boxed(), |next| self.0.timer.sleep_until(next));
            // Nobody waits for a place: then the end of each task should not wake the loop.
            let changed = if turn.blocked { Either::Left(changed) } else { Either::Right(pending()) };
            // Nothing is lost with those that don't win: each only says that there may be something to do, and the next turn
            // looks for all of it.
            select(select(pin!(changed), pin!(woken)), due).await;
        }
    }
}

impl<I: Id, K: Id, C: Capacity> Drop for Service<I, K, C> {
    fn drop(&mut self) {
        self.0.change(|state, now| state.plan.close(now, Closing::Stop));
    }
}

impl<I: Id, K: Id, C: Capacity> fmt::Debug for Service<I, K, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Service")
    }
}
