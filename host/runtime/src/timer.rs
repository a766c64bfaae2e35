//! The real clock, for the policies of `flow`.

use std::time::Instant;

use futures::future::BoxFuture;
use hotcell_call::Clock;
use hotcell_flow::Timer;

/// Waits until `at`; for ever if there is no such time.
pub(crate) async fn until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at.into()).await,
        None => std::future::pending().await,
    }
}

/// Tokio's clock: the machine's, or a test's when it is paused.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TokioTimer;

impl Clock for TokioTimer {
    fn now(&self) -> Instant {
        tokio::time::Instant::now().into_std()
    }
}

impl Timer for TokioTimer {
    fn sleep_until(&self, at: Instant) -> BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep_until(at.into()))
    }
}
