//! What is no breaker, and who is not let through one.

use std::time::Duration;

use hotcell_call::{Code, Failure, format_duration};

/// Settings that make no [`Policy`](super::Policy).
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum BadPolicy {
    /// A part of nothing, of more than all, or not a number.
    #[error("a breaker opens when some part of the calls fails; {ratio} is not between 0 and 1")]
    Ratio {
        /// The part.
        ratio: f64,
    },
    /// Nothing to judge by.
    #[error("a breaker must have seen at least one call before it opens")]
    NoCalls,
    /// A window in which nothing can be seen.
    #[error("a window of no time sees no call")]
    NoWindow,
    /// A rest that is none.
    #[error("a cool-down of no time is no rest")]
    NoCoolDown,
    /// A rest that shrinks, or not a number.
    #[error("a cool-down grows by a factor from 1 to 100, not by {growth}")]
    Growth {
        /// The factor.
        growth: f64,
    },
    /// A longest rest below the first.
    #[error("a cool-down of {first:?} is longer than the longest, {longest:?}")]
    Cap {
        /// The first rest.
        first: Duration,
        /// The longest.
        longest: Duration,
    },
}

/// Not let through: what is behind has failed too often, and rests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many calls failed; one is tried again in {}", format_duration(*retry_after))]
pub struct Open {
    /// When it is worth asking again: when the next probe may go, or for those behind a probe the first cool-down.
    pub retry_after: Duration,
}

impl From<Open> for Failure {
    fn from(open: Open) -> Self {
        Self::new(Code::Open, "the circuit breaker is open").why(open.to_string()).retry_after(open.retry_after)
    }
}
