//! What is no target, and what is turned away.

use std::time::Duration;

use hotcell_call::{Code, Failure, format_duration};

/// Times that make no [`Shedder`](super::Shedder).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BadTarget {
    /// No wait at all would be too long.
    #[error("a target of no time would turn away whatever waits")]
    Nothing,
    /// A target that is not shorter than the interval.
    #[error("a target of {target:?} must be shorter than the interval of {interval:?}, best a tenth of it")]
    Interval {
        /// The target.
        target: Duration,
        /// The interval.
        interval: Duration,
    },
}

/// Turned away after it waited. Nothing of it was started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("calls wait too long, this one for {}; try again in {}", format_duration(*waited), format_duration(*retry_after))]
pub struct Shed {
    /// How long it had waited.
    pub waited: Duration,
    /// When it is worth trying again: as long as the wait is now, a guess.
    pub retry_after: Duration,
}

impl From<Shed> for Failure {
    fn from(shed: Shed) -> Self {
        Self::new(Code::Shed, "calls wait too long").why(shed.to_string()).retry_after(shed.retry_after)
    }
}
