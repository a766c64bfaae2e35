//! What is no pool, and who gets nothing from one.

use std::fmt;
use std::time::Duration;

use crate::Refused;

/// Numbers that make no [`Settings`](super::Settings).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BadSettings {
    /// A pool of nothing.
    #[error("a pool of nothing would have nothing to lend; the most is at least 1")]
    Nothing,
    /// Bounds that are not in order.
    #[error("a pool can't keep at least {min} and at most {max}")]
    OutOfOrder {
        /// The least.
        min: usize,
        /// The most.
        max: usize,
    },
    /// Resources that are idle at once.
    #[error("a resource that may be idle for {idle:?} would be closed as soon as it is given back")]
    NoIdle {
        /// The time.
        idle: Duration,
    },
}

/// Nothing was lent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AcquireError<E> {
    /// The deadline came first, or the pool is closed.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// There was none, and none could be made.
    #[error("no resource could be made")]
    Make(#[source] E),
}

/// A pool could not be opened. Whatever was made for it was closed again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("resource {} of {of} could not be made", made + 1)]
pub struct OpenError<E: fmt::Debug + std::error::Error + 'static> {
    /// How many were made before it.
    pub made: usize,
    /// How many there should be.
    pub of: usize,
    /// Why this one was not.
    #[source]
    pub error: E,
    /// What went wrong while the others were closed.
    pub closing: Vec<E>,
}
