//! Why there is no batcher, or no result.

use hotcell_call::{Code, Failure};

use crate::{Panicked, Refused};

/// Settings that no batcher can keep.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BadSettings {
    /// A batch of no items.
    #[error("a batch needs room for at least one item")]
    Size,
    /// No batch could ever run.
    #[error("at least one batch must be able to run")]
    InFlight,
    /// Nothing could ever wait.
    #[error("the waiting room needs at least as many places as a batch: {size}, but has {waiting}")]
    Waiting {
        /// The size of a batch.
        size: usize,
        /// The places in the waiting room.
        waiting: usize,
    },
}

/// Why an item has no result. Each caller gets its own.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error<E> {
    /// The item was not let in, or its deadline passed before its batch began. It was not worked on.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// The work gave this error for this item.
    #[error("{0}")]
    Item(E),
    /// The work gave this error for the batch as a whole; each of its items has it.
    #[error("{0}")]
    Batch(E),
    /// The work gave more or fewer results than there were items, so that none can be told whose it is.
    #[error("a batch of {items} items gave {results} results")]
    Length {
        /// How many went in.
        items: usize,
        /// How many came out.
        results: usize,
    },
    /// The work panicked, and with it the whole batch.
    #[error(transparent)]
    Panicked(#[from] Panicked),
    /// The batcher's loop was dropped while the item was worked on. What became of it is not known.
    #[error("the batcher stopped in the middle of the work")]
    Stopped,
}

impl From<Error<Self>> for Failure {
    fn from(error: Error<Self>) -> Self {
        let why = error.to_string();
        match error {
            Error::Refused(refused) => refused.into(),
            Error::Item(failure) | Error::Batch(failure) => failure,
            Error::Length { .. } | Error::Panicked(_) => Self::new(Code::Fault, "the batch went wrong").why(why),
            Error::Stopped => Self::new(Code::Indeterminate, "the batch was cut off").why(why),
        }
    }
}
