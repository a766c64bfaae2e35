//! Instants as counts of nanoseconds from an origin, for arithmetic that loses nothing.

use std::time::{Duration, Instant};

/// Time since `origin` in nanoseconds; what came before it is its beginning.
pub(crate) fn since(origin: Instant, now: Instant) -> u64 {
    u64::try_from(now.saturating_duration_since(origin).as_nanos()).unwrap_or(u64::MAX)
}

/// `origin` and so many nanoseconds, as far as an instant reaches.
pub(crate) fn at(origin: Instant, nanos: u128) -> Instant {
    let nanos = Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX));
    // A century on: later than anything that is waited for.
    origin.checked_add(nanos).or_else(|| origin.checked_add(Duration::from_secs(3_155_760_000))).unwrap_or(origin)
}

/// `base × factor^steps`, and `cap` where that is more.
pub(crate) fn grown(base: Duration, factor: f64, steps: u32, cap: Duration) -> Duration {
    let steps = i32::try_from(steps).unwrap_or(i32::MAX);
    Duration::try_from_secs_f64(base.as_secs_f64() * factor.powi(steps)).map_or(cap, |grown| grown.min(cap))
}
