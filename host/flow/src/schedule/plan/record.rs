//! One task that is under way.

use std::collections::BTreeSet;
use std::time::Instant;

use crate::fair::{Charge, Entry, Place, Terms};
use crate::schedule::status::Status;
use crate::schedule::task::Stop;

/// Names a task that is or was under way in a [`Plan`](super::Plan). Keys are never used again, and are in the order of
/// submission.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    pub(super) number: u64,
    pub(super) slot: usize,
}

#[derive(Debug)]
pub(super) struct Record<I, T> {
    pub(super) id: I,
    pub(super) number: u64,
    pub(super) terms: Terms,
    pub(super) start_at: Option<Instant>,
    pub(super) stage: Stage,
    /// What it still waits for.
    pub(super) needs: BTreeSet<Key>,
    /// What waits for it.
    pub(super) dependents: BTreeSet<Key>,
    /// When something is to be done about it.
    pub(super) alarm: Option<Instant>,
    pub(super) stop: Option<Stop>,
    pub(super) value: T,
}

/// Where a task stands, with what it holds there.
#[derive(Debug)]
pub(super) enum Stage {
    Blocked(Place),
    Delayed(Place),
    Waiting(Entry),
    Running(Charge),
    /// On the way from one to another.
    Moving,
}

/// Where a task stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Standing<E> {
    /// It waits for a task that it needs.
    Blocked,
    /// It waits for its time.
    Delayed,
    /// It waits for its turn and a place.
    Waiting,
    /// It was started.
    Running,
    /// It has ended so.
    Ended(E),
}

impl<I, T> Record<I, T> {
    /// The next instant at which something is to be done about it.
    pub(super) fn next_alarm(&self) -> Option<Instant> {
        match self.stage {
            Stage::Delayed(_) => match (self.start_at, self.terms.deadline) {
                (Some(start), Some(deadline)) => Some(start.min(deadline)),
                (start, deadline) => start.or(deadline),
            },
            Stage::Running(_) if self.stop.is_some() => None,
            _ => self.terms.deadline,
        }
    }

    pub(super) fn is_late(&self, now: Instant) -> bool {
        self.terms.deadline.is_some_and(|deadline| deadline <= now)
    }

    pub(super) fn may_start(&self, now: Instant) -> bool {
        self.start_at.is_none_or(|at| at <= now)
    }
}

impl Stage {
    /// The count of the tasks that stand here.
    pub(super) fn count<'s>(&self, status: &'s mut Status) -> Option<&'s mut usize> {
        match self {
            Self::Blocked(_) => Some(&mut status.blocked),
            Self::Delayed(_) => Some(&mut status.delayed),
            Self::Waiting(_) => Some(&mut status.waiting),
            Self::Running(_) => Some(&mut status.running),
            Self::Moving => None,
        }
    }
}
