//! Why a task is not taken, and why there is nothing to wait for.

use std::fmt;

use hotcell_call::{Code, Failure};

use crate::{Refused, fair};

/// A task was not taken. Nothing has changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SubmitError<I: fmt::Debug> {
    /// A task of this name is under way, or is remembered.
    #[error("there is a task {0:?} already")]
    Duplicate(I),
    /// It needs a task that is neither under way nor remembered.
    #[error("{task:?} needs {need:?}, which does not exist")]
    UnknownNeed {
        /// The task.
        task: I,
        /// What it needs.
        need: I,
    },
    /// Tasks that need each other, each the next; the first is also the last.
    #[error("these tasks need each other: {0:?}")]
    Cycle(Vec<I>),
    /// It needs more tasks than one may.
    #[error("{task:?} needs {count} tasks, which is more than {bound}")]
    TooManyNeeds {
        /// The task.
        task: I,
        /// How many it needs.
        count: usize,
        /// How many it may need.
        bound: usize,
    },
    /// Its deadline has passed, or the time until when it would wait at the door.
    #[error("{0:?} is too late")]
    Late(I),
    /// It may not start before its deadline.
    #[error("{0:?} may not start before its deadline")]
    NeverInTime(I),
    /// There is no room for it.
    #[error(transparent)]
    Full(#[from] fair::Full),
    /// Nothing is taken any more.
    #[error("no new tasks are taken")]
    Closed,
}

/// Waiting for the end of a task gave none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WaitError {
    /// There is no such task, or it ended so long ago that it is forgotten.
    #[error("no such task is known")]
    Unknown,
    /// It had not ended by the time that was named. It goes on.
    #[error("the task has not ended yet")]
    NotYet,
}

impl<I: fmt::Debug> From<SubmitError<I>> for Failure {
    fn from(error: SubmitError<I>) -> Self {
        match error {
            SubmitError::Late(_) => Refused::Late.into(),
            SubmitError::Closed => Refused::Closed.into(),
            SubmitError::Full(
                fair::Full::Items { bound }
                | fair::Full::Tenant { bound }
                | fair::Full::Door { bound }
                | fair::Full::Tenants { bound },
            ) => Refused::Full { room: bound }.into(),
            _ => Self::new(Code::Input, "the task can't be scheduled").why(error.to_string()),
        }
    }
}
