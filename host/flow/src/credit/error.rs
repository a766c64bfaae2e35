//! What is no credit, and who has too little.

use std::time::Duration;

use hotcell_call::{Code, Failure};

/// Numbers that make no [`Plan`](super::Plan).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BadPlan {
    /// Refilled with nothing.
    #[error("credit that is refilled is refilled with at least 1")]
    Nothing,
    /// Refilled all the time.
    #[error("credit is refilled with so much in a time, and the time is zero")]
    NoTime,
    /// A time too long to be counted in nanoseconds.
    #[error("a refill over {every:?} can't be counted; the longest time is 584 years")]
    LongTime {
        /// The time.
        every: Duration,
    },
}

/// Not lent. Nothing was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Short {
    /// There is less than was asked for.
    #[error("{left} is left, and {asked} was asked for")]
    Credit {
        /// What there is.
        left: u64,
        /// What was asked for.
        asked: u64,
        /// When there is enough, if nothing else happens; none if only a top-up helps.
        retry_after: Option<Duration>,
    },
    /// As many keys have a balance of their own as can be kept, and nobody's is forgotten for a newcomer.
    #[error("{most} keys have a balance already")]
    Keys {
        /// How many can be kept.
        most: usize,
    },
}

impl From<Short> for Failure {
    fn from(short: Short) -> Self {
        match short {
            Short::Credit { left, asked, retry_after } => {
                let failure = Self::new(Code::Quota, "the credit is spent").why(short.to_string()).reached(asked, left);
                match retry_after {
                    Some(wait) => failure.retry_after(wait),
                    None => failure.fix("add credit, or ask for less"),
                }
            }
            Short::Keys { most } => {
                Self::new(Code::Overloaded, "there are too many with credit").why(short.to_string()).reached(most, most)
            }
        }
    }
}
