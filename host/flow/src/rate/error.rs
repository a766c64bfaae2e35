//! What is no rate, and who is not let in.

use std::time::Duration;

use hotcell_call::{Code, Failure, format_duration};

/// Numbers that make no [`Rate`](super::Rate).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BadRate {
    /// A rate that lets nothing in.
    #[error("a rate of nothing would never let anything in; the least is 1")]
    NoCount,
    /// So many in no time at all.
    #[error("a rate is so many in a time, and the time is zero")]
    NoPer,
    /// A time too long to be counted in nanoseconds.
    #[error("a rate over {per:?} can't be counted; the longest time is 584 years")]
    LongPer {
        /// The time.
        per: Duration,
    },
    /// A burst that lets nothing in.
    #[error("a burst of nothing would never let anything in; the least is 1")]
    NoBurst,
    /// A burst for what has none.
    #[error("a sliding window has no burst: what it lets in at once is its count")]
    BurstOfWindow,
    /// No algorithm has this name.
    #[error("`{name}` is no way to count a rate; there are `gcra`, `token-bucket` and `sliding-window`")]
    Unknown {
        /// The name.
        name: String,
    },
}

/// Not let in. Nothing was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Denied {
    /// Not yet.
    #[error("the rate is reached; more can be had in {}", format_duration(*retry_after))]
    TooSoon {
        /// When it could be had, if nobody else takes it first.
        retry_after: Duration,
    },
    /// Never: more than can be had at once.
    #[error("{asked} at once is more than the {most} that can ever be had at once")]
    TooLarge {
        /// How many were asked for.
        asked: u32,
        /// How many there can be.
        most: u32,
    },
}

impl From<Denied> for Failure {
    fn from(denied: Denied) -> Self {
        match denied {
            Denied::TooSoon { retry_after } => {
                Self::new(Code::Rate, "too many calls in a short time").why(denied.to_string()).retry_after(retry_after)
            }
            Denied::TooLarge { asked, most } => Self::new(Code::Input, "more is asked for than can be had at once")
                .why(denied.to_string())
                .reached(asked, most)
                .fix("ask for less at once, or raise the burst of the rate"),
        }
    }
}
