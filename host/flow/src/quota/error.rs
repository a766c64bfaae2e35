//! What is no quota, and who has spent one.

use std::time::Duration;

use hotcell_call::{Code, Failure, format_duration};

/// Numbers that make no [`Allowance`](super::Allowance).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BadAllowance {
    /// Nothing to spend.
    #[error("an allowance of nothing would never let anything run; the least is 1")]
    Nothing,
    /// No time to spend it in.
    #[error("an allowance is so much in a time, and the time is zero")]
    NoWindow,
    /// A time too long to be counted in nanoseconds.
    #[error("an allowance over {window:?} can't be counted; the longest time is 584 years")]
    LongWindow {
        /// The time.
        window: Duration,
    },
}

/// Not reserved. Nothing was spent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Denied {
    /// There is not as much left.
    #[error(
        "{used} of {allowed} are used in this window, and {asked} more were asked for; try again in {}",
        format_duration(*retry_after)
    )]
    Spent {
        /// Spent and reserved.
        used: u64,
        /// What may be.
        allowed: u64,
        /// What was asked for.
        asked: u64,
        /// When so much may be had. Where it hangs on what others have reserved, a guess.
        retry_after: Duration,
    },
    /// There never is as much.
    #[error("{asked} is more than the {allowed} of a whole window")]
    TooLarge {
        /// What was asked for.
        asked: u64,
        /// What there is.
        allowed: u64,
    },
}

impl From<Denied> for Failure {
    fn from(denied: Denied) -> Self {
        let failure = Self::new(Code::Quota, "the quota is spent").why(denied.to_string());
        match denied {
            Denied::Spent { used, allowed, retry_after, .. } => failure.reached(used, allowed).retry_after(retry_after),
            Denied::TooLarge { asked, allowed } => {
                failure.reached(asked, allowed).fix("ask for less at once, or raise the quota")
            }
        }
    }
}
