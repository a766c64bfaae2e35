//! Why the host ended a guest: the typed errors that host functions return.
//!
//! They travel through the engine as the cause of its error and are found again by their type, never by their text.

use hotcell_call::{Denial, Resource};

/// The host ended the guest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Stop {
    /// The wall clock ran out while the guest was running.
    #[error("the wall clock ran out")]
    Late,
    /// It left by `exit`.
    #[error("exit({0})")]
    Exit(u8),
    /// A limit of ours was reached.
    #[error("{0:?} is used up")]
    Exhausted(Resource, Spent),
    /// Something was not granted, and the interface has no error to tell the guest so.
    #[error("denied: {0:?}")]
    Denied(Denial),
}

/// How much was wanted, of how much.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Spent {
    /// What the sum would have become.
    pub(crate) wanted: u64,
    /// The limit.
    pub(crate) limit: u64,
}
