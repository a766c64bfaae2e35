//! Why there is no channel, or why an item is not in it.

use std::error::Error;
use std::fmt;

use hotcell_call::{Code, Failure};

use crate::Refused;

/// Settings that no channel can keep.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum BadSettings {
    /// Room for nothing.
    #[error("a channel needs room for at least one item")]
    Items,
    /// Room for no weight.
    #[error("a channel that weighs its items needs room for some weight")]
    Weight,
    /// Marks between which pressure could not go up and down.
    #[error("the water marks need 0 ≤ low < high ≤ 1, but are {low} and {high}")]
    Marks {
        /// The low one.
        low: f64,
        /// The high one.
        high: f64,
    },
}

/// An item was not let in. Here it is again.
pub struct SendError<T> {
    /// The item.
    pub item: T,
    /// Why.
    pub reason: Reason,
}

/// Why an item was not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Reason {
    /// There is no room, or others wait for it, and the sender does not wait.
    #[error("the channel is full")]
    Full,
    /// There was no room until the deadline.
    #[error("the channel was full until the deadline")]
    Late,
    /// Nothing is let in any more.
    #[error("the channel is closed")]
    Closed,
    /// It weighs more than the whole channel holds: no wait would help.
    #[error("the item weighs {weight}, more than the {limit} that the channel holds")]
    TooHeavy {
        /// What it weighs.
        weight: usize,
        /// What all items together may weigh.
        limit: usize,
    },
}

/// There is no item now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Nothing {
    /// None is in the channel, but one may come.
    #[error("the channel is empty")]
    Yet,
    /// None is in the channel, and none will come.
    #[error("the channel is closed and empty")]
    Ever,
}

impl<T> fmt::Debug for SendError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SendError").field("reason", &self.reason).finish_non_exhaustive()
    }
}

impl<T> fmt::Display for SendError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.reason.fmt(f)
    }
}

impl<T> Error for SendError<T> {}

impl From<Reason> for Failure {
    fn from(reason: Reason) -> Self {
        match reason {
            Reason::Full => Self::new(Code::Overloaded, "the queue is full").why(reason.to_string()),
            Reason::Late => Refused::Late.into(),
            Reason::Closed => Refused::Closed.into(),
            Reason::TooHeavy { weight, limit } => Self::new(Code::InputTooLarge, "the item is larger than its queue")
                .why(reason.to_string())
                .reached(weight, limit),
        }
    }
}
