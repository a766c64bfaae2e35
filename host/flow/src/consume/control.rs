//! What the loop and its handles share: how it is to end, and the count of all items.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use tokio::sync::watch;

use super::{Ended, Error, Tally};
use crate::panicked::caught_call;

/// Ends a loop, or looks how far it is. Clones share it.
#[derive(Debug, Clone)]
pub struct Control {
    pub(super) ending: Arc<watch::Sender<Ending>>,
    pub(super) tally: Arc<Mutex<Tally>>,
}

/// How a loop is to end; it can only get more urgent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Ending {
    /// Nothing more is taken from the source.
    pub(super) drain: bool,
    /// Nothing more is begun.
    pub(super) stop: bool,
    /// When what runs still is cut off.
    pub(super) deadline: Option<Instant>,
}

impl Control {
    pub(super) fn new() -> Self {
        Self { ending: Arc::new(watch::Sender::new(Ending::default())), tally: Arc::default() }
    }

    /// Takes nothing more from the source, and lets the consumers work off what was taken. What is not done at
    /// `deadline`, if there is one, is given back or cut off.
    pub fn drain(&self, deadline: Option<Instant>) {
        self.end(Ending { drain: true, stop: false, deadline });
    }

    /// Takes nothing more from the source, begins nothing more, and gives back what waits. What runs is waited for, until
    /// `deadline` if there is one.
    pub fn stop(&self, deadline: Option<Instant>) {
        self.end(Ending { drain: true, stop: true, deadline });
    }

    /// How far it is. Once the loop has ended, or was dropped, it is the whole count.
    #[must_use]
    pub fn tally(&self) -> Tally {
        *self.tally.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn end(&self, wanted: Ending) {
        self.ending.send_if_modified(|ending| {
            let deadline = ending.deadline.into_iter().chain(wanted.deadline).min();
            let next = Ending { drain: true, stop: ending.stop || wanted.stop, deadline };
            let changed = *ending != next;
            *ending = next;
            changed
        });
    }

    pub(super) fn count(&self, change: impl FnOnce(&mut Tally)) {
        change(&mut self.tally.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

/// Counts the ends of items and tells them, one at a time.
pub(super) struct Teller<F> {
    control: Control,
    told: Mutex<F>,
}

impl<F> Teller<F> {
    pub(super) fn new(control: Control, told: F) -> Self {
        Self { control, told: Mutex::new(told) }
    }

    pub(super) fn tell<I, T, E>(&self, place: u64, result: Result<T, Error<I, E>>)
    where
        F: FnMut(Ended<I, T, E>),
    {
        self.control.count(|tally| match &result {
            Ok(_) => tally.done += 1,
            Err(Error::Failed(_)) => tally.failed += 1,
            Err(Error::Panicked(_)) => tally.panicked += 1,
            Err(Error::Cut) => tally.cut += 1,
            Err(Error::Returned(_) | Error::TooHeavy { .. }) => tally.returned += 1,
        });
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        // It may run while a panic of the source unwinds: a second one would abort the process.
        if caught_call(|| told(Ended { place, result })).is_err() {
            drop(told);
            self.control.count(|tally| tally.untold += 1);
        }
    }
}
