//! Why there is no pace, and why not now.

use std::time::Duration;

use hotcell_call::{Code, Failure};

use crate::Refused;

/// Settings that no pace can keep.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum BadSettings {
    /// Bounds that are not a range of rates.
    #[error("the rate needs 0 < min ≤ start ≤ max, but these are {min}, {start} and {max}")]
    Rate {
        /// The slowest.
        min: f64,
        /// The first.
        start: f64,
        /// The fastest.
        max: f64,
    },
    /// A rate that would not grow.
    #[error("the rate must grow by more than nothing, not by {0}")]
    Grow(f64),
    /// A rate that would not shrink, or shrink to nothing.
    #[error("the rate must shrink to a share between 0 and 1, not to {0}")]
    Shrink(f64),
    /// Changes without time between them.
    #[error("the rate must keep for some time before it changes again")]
    Interval,
    /// Nothing could ever start.
    #[error("at least one must be able to start at once")]
    Burst,
}

/// Not now. Nothing was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotNow {
    /// It would be too fast.
    #[error("the pace allows it in {} ms", after.as_millis())]
    TooSoon {
        /// When it would be allowed, at the present rate and if nobody else comes first.
        after: Duration,
    },
    /// More than may ever start together: no wait would help.
    #[error("{wanted} at once are more than the burst of {burst}")]
    TooMany {
        /// How many were wanted.
        wanted: u32,
        /// How many may start together.
        burst: u32,
    },
    /// The deadline came first.
    #[error("the pace did not allow it before the deadline")]
    Late,
}

impl From<NotNow> for Failure {
    fn from(not_now: NotNow) -> Self {
        let why = not_now.to_string();
        match not_now {
            NotNow::TooSoon { after } => {
                Self::new(Code::Overloaded, "what is downstream is under pressure").why(why).retry_after(after)
            }
            NotNow::TooMany { wanted, burst } => {
                Self::new(Code::Overloaded, "more at once than the pace allows").why(why).reached(wanted, burst)
            }
            NotNow::Late => Refused::Late.into(),
        }
    }
}
