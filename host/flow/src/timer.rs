//! Waiting until a time, without knowing how.

use std::future::Future;
use std::pin::pin;
use std::time::Instant;

use futures::future::{BoxFuture, Either, select};
use hotcell_call::Clock;

/// A clock that can wake a sleeper.
///
/// The runtime brings the real one; tests bring one that stands still until they move it.
pub trait Timer: Clock {
    /// A future that ends at `at`, or at once if that has passed.
    fn sleep_until(&self, at: Instant) -> BoxFuture<'static, ()>;
}

/// What `wait` gives, or none if `deadline` came first.
///
/// `wait` is asked first each time: what arrives together with the deadline has arrived. When the deadline wins, `wait` is
/// dropped, so it must be safe to cancel.
pub(crate) async fn before<T>(
    timer: &dyn Timer,
    deadline: Option<Instant>,
    wait: impl Future<Output = T>,
) -> Option<T> {
    let Some(deadline) = deadline else {
        return Some(wait.await);
    };
    match select(pin!(wait), timer.sleep_until(deadline)).await {
        Either::Left((value, _)) => Some(value),
        Either::Right(((), _)) => None,
    }
}
