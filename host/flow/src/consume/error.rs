//! Why there is no loop, and why an item has no result.

use crate::Panicked;
use crate::channel;

/// Settings that no loop can keep.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum BadSettings {
    /// Nobody to consume.
    #[error("at least one consumer is needed")]
    Consumers,
    /// The line between producer and consumers can't be.
    #[error(transparent)]
    Line(#[from] channel::BadSettings),
}

/// Why an item has no result. Whatever it is, the consumers go on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error<I, E> {
    /// The work gave this error.
    #[error("{0}")]
    Failed(E),
    /// The work panicked.
    #[error(transparent)]
    Panicked(Panicked),
    /// The work had begun, and was dropped: the time to drain was over, or the loop was dropped.
    #[error("the work was cut off")]
    Cut,
    /// The work had not begun when the loop stopped. Here is the item again.
    #[error("the loop stopped before the work began")]
    Returned(I),
    /// The item is larger than the whole line. Here it is again.
    #[error("{reason}")]
    TooHeavy {
        /// The item.
        item: I,
        /// How much too heavy.
        reason: channel::Reason,
    },
}
