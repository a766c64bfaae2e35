//! What is no way to retry.

use std::time::Duration;

/// Settings that make no [`Policy`](super::Policy) and no [`Budget`](super::Budget).
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum BadRetry {
    /// Not even once.
    #[error("the first attempt counts too: there must be at least 1")]
    NoAttempts,
    /// Waits that shrink, or not a number.
    #[error("waits grow by a factor from 1 to 100, not by {factor}")]
    Factor {
        /// The factor.
        factor: f64,
    },
    /// A longest wait below the first.
    #[error("a first wait of {base:?} is longer than the longest, {cap:?}")]
    Cap {
        /// The first wait.
        base: Duration,
        /// The longest.
        cap: Duration,
    },
    /// Retries as a part of the calls: less than none, more than ten for each, or not a number.
    #[error("retries are a part of the calls from 0 to 10, not {ratio}")]
    Ratio {
        /// The part.
        ratio: f64,
    },
    /// A window in which nothing can be seen.
    #[error("a window of no time sees no call")]
    NoWindow,
}
