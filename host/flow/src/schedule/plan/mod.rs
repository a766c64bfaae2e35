//! What is scheduled, as a plain value: no task waits here, nothing sleeps and nothing runs.

mod graph;
mod record;
mod steps;

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use slab::Slab;

use super::Id;
use super::error::SubmitError;
use super::history::{History, Known};
use super::status::Status;
use super::task::{End, Stop, Task};
use crate::fair::{self, Arrival, Knock, Place, Shares};
use crate::pressure::Level;
use crate::sorted::Sorted;

use record::{Record, Stage};

pub use record::{Key, Standing};

/// The bounds of a [`Plan`], and of the scheduler around it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// The order of what waits, and how much may.
    pub fair: fair::Settings,
    /// How many places are taken when the [pressure](super::Scheduler::gauge) turns high; none: three quarters of all.
    pub high: Option<usize>,
    /// How many are when it turns low again; none: half of all, and below `high`.
    pub low: Option<usize>,
    /// How many tasks one may need.
    pub needs: usize,
    /// How many ended tasks are remembered.
    pub remembered: usize,
    /// For how long an ended task is remembered.
    pub remember_for: Duration,
}

/// All tasks that are under way, and the last ends. `I` names a task, `K` a tenant, `T` is what the owner keeps with each task.
///
/// Whoever owns it says what happens and at which time, does what the [changes](Self::next_change) say, and starts tasks
/// while there are places for them. [`Scheduler`](super::Scheduler) is such an owner.
#[derive(Debug)]
pub struct Plan<I, K, T> {
    queue: fair::Queue<K, Key>,
    tasks: Slab<Record<I, T>>,
    alarms: Sorted<(Instant, Key)>,
    history: History<I>,
    changes: VecDeque<Change<I, T>>,
    status: Status,
    numbers: u64,
    needs: usize,
    closed: bool,
}

/// What the owner of a [`Plan`] must see to.
#[derive(Debug)]
#[non_exhaustive]
pub enum Change<I, T> {
    /// A task that runs should be told to stop. If changes are not seen to at once, it may have ended since.
    Stop {
        /// Which.
        key: Key,
        /// Why.
        stop: Stop,
    },
    /// A task has ended. What was kept with it comes back.
    Ended {
        /// Which.
        key: Key,
        /// How.
        end: End<I>,
        /// What was kept with it.
        value: T,
    },
}

/// A task that may start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Start {
    /// Which.
    pub key: Key,
    /// How long it waited for its turn and a place, after its time had come and its needs were met; if it runs again, this time.
    pub waited: Duration,
}

/// How a scheduler ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Closing {
    /// What was taken runs to its end.
    Drain,
    /// What has not started never does, and what runs is told to stop.
    Stop,
}

// === impl Settings ===

impl Default for Settings {
    fn default() -> Self {
        Self {
            fair: fair::Settings::default(),
            high: None,
            low: None,
            needs: 256,
            remembered: 1_024,
            remember_for: Duration::from_secs(60),
        }
    }
}

impl Settings {
    /// The marks of its pressure.
    pub(super) fn level(&self) -> Result<Level, fair::SettingsError> {
        let items = self.fair.items;
        let high = self.high.unwrap_or(items - items / 4);
        let low = self.low.unwrap_or((items / 2).min(high.saturating_sub(1)));
        if low < high && high <= items {
            Ok(Level::new(high, low))
        } else {
            Err(fair::SettingsError::Marks { low, high, items })
        }
    }
}

// === impl Plan ===

impl<I: Id, K: Id, T> Plan<I, K, T> {
    /// A plan with nothing in it.
    ///
    /// # Errors
    ///
    /// [`fair::SettingsError`] when a setting makes no sense.
    pub fn new(settings: Settings, shares: Shares<K>) -> Result<Self, fair::SettingsError> {
        Ok(Self {
            queue: fair::Queue::new(settings.fair, shares)?,
            tasks: Slab::new(),
            alarms: Sorted::default(),
            history: History::new(settings.remembered, settings.remember_for),
            changes: VecDeque::new(),
            status: Status::default(),
            numbers: 0,
            needs: settings.needs,
            closed: false,
        })
    }

    /// Takes a task. It ends once, which is told by [`Change::Ended`].
    ///
    /// A need that has already ended well is met; one that has not ends the task at once as [`End::Skipped`].
    ///
    /// # Errors
    ///
    /// [`SubmitError`] says why it is not taken.
    pub fn submit(&mut self, now: Instant, task: Task<I, K>, value: T) -> Result<Key, SubmitError<I>> {
        self.advance(now);
        let place = self.check(now, &task).and_then(|()| Ok(self.queue.hold(&task.tenant)?));
        match place {
            Ok(place) => Ok(self.take_in(now, place, task, value)),
            Err(error) => Err(self.refuse(error)),
        }
    }

    /// Keeps a place for a task that may be [submitted](Self::submit_in) to it, or without room a place at the door: one that comes
    /// free is [handed over](Self::admit).
    ///
    /// # Errors
    ///
    /// [`SubmitError`] says why it would not be taken.
    pub fn arrive(&mut self, now: Instant, task: &Task<I, K>) -> Result<Arrival, SubmitError<I>> {
        self.advance(now);
        let arrival = self.check(now, task).and_then(|()| Ok(self.queue.arrive(&task.tenant)?));
        arrival.map_err(|error| self.refuse(error))
    }

    /// Takes a task in a place that was kept for it.
    ///
    /// # Errors
    ///
    /// [`SubmitError`] says why it is not taken: since it arrived that may have changed. Its place is free again then.
    pub fn submit_in(&mut self, now: Instant, place: Place, task: Task<I, K>, value: T) -> Result<Key, SubmitError<I>> {
        self.advance(now);
        match self.check(now, &task) {
            Ok(()) => Ok(self.take_in(now, place, task, value)),
            Err(error) => {
                self.queue.release(place);
                Err(self.refuse(error))
            }
        }
    }

    /// Hands a place that is free to the one at the door whose turn it is. None if there is none, and when nothing is taken any
    /// more. The owner asks after each change, until there is none.
    pub fn admit(&mut self) -> Option<(Knock, Place)> {
        if self.closed { None } else { self.queue.admit() }
    }

    /// Gives up the wait at the door.
    pub fn leave(&mut self, knock: Knock) {
        self.queue.leave(knock);
    }

    /// Gives back a place that was kept for a task which will not come.
    pub fn release_place(&mut self, place: Place) {
        self.queue.release(place);
    }

    /// Counts a task that its owner does not submit, for this reason.
    pub fn refuse(&mut self, error: SubmitError<I>) -> SubmitError<I> {
        self.status.refused += 1;
        error
    }

    /// Cancels a task: one that has not started ends now, one that runs is told to stop. Whether it will have ended as
    /// cancelled; not so if it has ended, or was told to stop for another reason.
    pub fn cancel(&mut self, now: Instant, key: Key) -> bool {
        self.advance(now);
        match self.record(key).map(|record| (&record.stage, record.stop)) {
            None => false,
            Some((Stage::Running(_), _)) => self.stop(key, Stop::Cancelled) == Some(Stop::Cancelled),
            Some(_) => {
                self.end(now, key, End::Cancelled);
                true
            }
        }
    }

    /// Takes nothing any more. To drain and then to stop is to stop.
    pub fn close(&mut self, now: Instant, closing: Closing) {
        self.closed = true;
        if closing == Closing::Drain {
            return;
        }
        let mut keys: Vec<Key> = self.tasks.iter().map(|(slot, record)| Key { number: record.number, slot }).collect();
        // The last first: what needs another one has stopped before that one has.
        keys.sort_unstable_by(|a, b| b.cmp(a));
        for key in keys {
            if matches!(self.record(key).map(|record| &record.stage), Some(Stage::Running(_))) {
                self.stop(key, Stop::Stopped);
            } else {
                self.end(now, key, End::Stopped);
            }
        }
    }

    /// The next thing that the owner must see to.
    pub fn next_change(&mut self) -> Option<Change<I, T>> {
        self.changes.pop_front()
    }

    /// When [`advance`](Self::advance) has something to do.
    #[must_use]
    pub fn next_instant(&self) -> Option<Instant> {
        let alarm = self.alarms.first().map(|((at, _), ())| *at);
        match (alarm, self.history.until()) {
            (Some(alarm), Some(until)) => Some(alarm.min(until)),
            (alarm, until) => alarm.or(until),
        }
    }

    /// Whether nothing waits for its turn.
    #[must_use]
    pub fn is_clear(&self) -> bool {
        self.queue.is_clear()
    }

    /// Whether a task waits that [`start`](Self::start) would give.
    #[must_use]
    pub fn is_ready(&mut self) -> bool {
        self.queue.is_ready()
    }

    /// Whether nothing is taken any more.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.closed
    }

    /// Whether nothing is taken any more, and nothing is under way.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.closed && self.tasks.is_empty()
    }

    /// Whether nothing is under way.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.tasks.is_empty()
    }

    /// The key of a task that is under way.
    #[must_use]
    pub fn key(&self, id: &I) -> Option<Key> {
        match self.history.get(id) {
            Some(Known::Live(key)) => Some(*key),
            Some(Known::Ended(_)) | None => None,
        }
    }

    /// What is kept with a task that is under way.
    #[must_use]
    pub fn get_mut(&mut self, key: Key) -> Option<&mut T> {
        self.record_mut(key).map(|record| &mut record.value)
    }

    /// Where a task stands; none if it is not known, or forgotten.
    #[must_use]
    pub fn standing(&self, id: &I) -> Option<Standing<End<I>>> {
        let record = match self.history.get(id)? {
            Known::Live(key) => self.record(*key)?,
            Known::Ended(end) => return Some(Standing::Ended(end.clone())),
        };
        Some(match record.stage {
            Stage::Blocked(_) => Standing::Blocked,
            Stage::Delayed(_) => Standing::Delayed,
            Stage::Waiting(_) | Stage::Moving => Standing::Waiting,
            Stage::Running(_) => Standing::Running,
        })
    }

    /// How many tasks are where.
    #[must_use]
    pub fn status(&self) -> Status {
        Status { remembered: self.history.len(), door: self.queue.at_door(), ..self.status }
    }

    /// How many places are taken, of those to wait in.
    #[must_use]
    pub fn taken(&self) -> usize {
        self.queue.waiting()
    }

    /// What a tenant has here.
    #[must_use]
    pub fn usage(&self, tenant: &K) -> fair::Usage {
        self.queue.usage(tenant)
    }

    /// Sets other shares for the tenants.
    pub fn set_shares(&mut self, shares: Shares<K>) {
        self.queue.set_shares(shares);
    }

    /// Sets other caps for the compartments.
    pub fn set_caps(&mut self, caps: fair::Caps) {
        self.queue.set_caps(caps);
    }

    fn check(&self, now: Instant, task: &Task<I, K>) -> Result<(), SubmitError<I>> {
        self.check_alone(now, task)?;
        for need in &task.needs {
            if *need == task.id {
                return Err(SubmitError::Cycle(vec![task.id.clone(), task.id.clone()]));
            }
            if !self.knows(need) {
                return Err(SubmitError::UnknownNeed { task: task.id.clone(), need: need.clone() });
            }
        }
        Ok(())
    }

    /// All that can be said of a task without looking at what it needs.
    fn check_alone(&self, now: Instant, task: &Task<I, K>) -> Result<(), SubmitError<I>> {
        let id = || task.id.clone();
        if self.closed {
            return Err(SubmitError::Closed);
        }
        if self.knows(&task.id) {
            return Err(SubmitError::Duplicate(id()));
        }
        if task.needs.len() > self.needs {
            return Err(SubmitError::TooManyNeeds { task: id(), count: task.needs.len(), bound: self.needs });
        }
        match (task.start_at, task.terms.deadline) {
            (_, Some(deadline)) if deadline <= now => Err(SubmitError::Late(id())),
            (Some(start), Some(deadline)) if deadline <= start => Err(SubmitError::NeverInTime(id())),
            _ => Ok(()),
        }
    }

    fn knows(&self, id: &I) -> bool {
        self.history.get(id).is_some()
    }

    fn record(&self, key: Key) -> Option<&Record<I, T>> {
        self.tasks.get(key.slot).filter(|record| record.number == key.number)
    }

    fn record_mut(&mut self, key: Key) -> Option<&mut Record<I, T>> {
        self.tasks.get_mut(key.slot).filter(|record| record.number == key.number)
    }
}

#[cfg(test)]
impl<I: Id, K: Id, T> Plan<I, K, T> {
    /// The lengths of all that grows: tasks, alarms, names, changes, places in the queue, and tenants.
    pub(super) fn lengths(&self) -> [usize; 6] {
        let names = self.history.names();
        [self.tasks.len(), self.alarms.len(), names, self.changes.len(), self.queue.waiting(), self.queue.tenants()]
    }
}

#[cfg(test)]
mod tests;
