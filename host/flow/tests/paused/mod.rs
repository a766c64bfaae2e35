//! Time for tests: tokio's, which stands still until nothing else can happen.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::FutureExt;
use futures::future::BoxFuture;
use hotcell_call::Clock;
use hotcell_flow::Timer;

struct Paused;

impl Clock for Paused {
    fn now(&self) -> Instant {
        tokio::time::Instant::now().into_std()
    }
}

impl Timer for Paused {
    fn sleep_until(&self, at: Instant) -> BoxFuture<'static, ()> {
        tokio::time::sleep_until(at.into()).boxed()
    }
}

/// The paused clock.
pub(crate) fn paused() -> Arc<dyn Timer> {
    Arc::new(Paused)
}

/// The paused time in so many milliseconds.
pub(crate) fn after(millis: u64) -> Instant {
    Paused.now() + Duration::from_millis(millis)
}

/// Lets so many milliseconds of paused time pass.
pub(crate) async fn pass(millis: u64) {
    Paused.sleep_until(after(millis)).await;
}

/// How many milliseconds of paused time have passed.
pub(crate) fn since(start: Instant) -> u128 {
    (after(0) - start).as_millis()
}
