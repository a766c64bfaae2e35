//! Time for tests: tokio's, which stands still until nothing else can happen.

use std::time::{Duration, Instant};

use futures::FutureExt;
use futures::future::BoxFuture;
use hotcell_call::Clock;

use crate::Timer;

/// A timer on tokio's paused clock.
pub(crate) struct Paused;

#[expect(clippy::disallowed_methods, reason = "a test's own clock, which tokio moves and no machine does")]
impl Clock for Paused {
    fn now(&self) -> Instant {
        tokio::time::Instant::now().into_std()
    }
}

#[expect(clippy::disallowed_methods, reason = "a test's own clock, which tokio moves and no machine does")]
impl Timer for Paused {
    fn sleep_until(&self, at: Instant) -> BoxFuture<'static, ()> {
        tokio::time::sleep_until(at.into()).boxed()
    }
}

/// The paused time in so many milliseconds.
pub(crate) fn after(millis: u64) -> Instant {
    Paused.now() + Duration::from_millis(millis)
}

/// Lets so many milliseconds of paused time pass.
pub(crate) async fn pass(millis: u64) {
    Paused.sleep_until(after(millis)).await;
}
