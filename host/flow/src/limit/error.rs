//! What is no limit.

/// Numbers that make no limit.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum BadLimit {
    /// A limit at which nothing could run.
    #[error("a limit of nothing would never let anything run; the least is 1")]
    Nothing,
    /// Bounds that are not in order.
    #[error("a limit must be at least {min}, begin at {start} and be at most {max}: these are not in order")]
    OutOfOrder {
        /// The least.
        min: usize,
        /// Where it begins.
        start: usize,
        /// The most.
        max: usize,
    },
    /// More than can run on any machine.
    #[error("a limit of {max} is more than the {} that can be counted", super::Bounds::MOST)]
    TooHigh {
        /// The most that was asked for.
        max: usize,
    },
    /// A ratio that leads nowhere.
    #[error("{name} is {value}, but must lie from {from} to {to}")]
    Ratio {
        /// Which.
        name: &'static str,
        /// What it was.
        value: f64,
        /// The least that makes sense.
        from: f64,
        /// The most.
        to: f64,
    },
    /// A time in which nothing could end.
    #[error("work that may take no time at all is always too slow")]
    NoTime,
}

/// `value`, if it lies from `from` to `to`; what is not a number does not.
pub(super) fn ratio(name: &'static str, value: f64, from: f64, to: f64) -> Result<f64, BadLimit> {
    if (from..=to).contains(&value) { Ok(value) } else { Err(BadLimit::Ratio { name, value, from, to }) }
}
