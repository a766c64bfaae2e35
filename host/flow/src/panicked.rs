//! Work of others that panics ends its own call, not the loop that drives it.

use std::any::Any;
use std::future::Future;
use std::panic::AssertUnwindSafe;

use futures::FutureExt;

/// Work panicked. What it held was dropped.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the work panicked: {message}")]
#[non_exhaustive]
pub struct Panicked {
    /// What the panic said.
    pub message: String,
}

/// What `start` and its future give, or that one of them panicked.
///
/// The future is not polled again after a panic, and `start` gives nothing else away: no broken state is seen by others
/// unless the caller shares it by hand, behind a lock that tells.
pub(crate) async fn caught<F: Future>(start: impl FnOnce() -> F) -> Result<F::Output, Panicked> {
    AssertUnwindSafe(async { start().await }).catch_unwind().await.map_err(|payload| Panicked::from(&*payload))
}

impl From<&(dyn Any + Send)> for Panicked {
    fn from(payload: &(dyn Any + Send)) -> Self {
        let message = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
        let message = message.or_else(|| payload.downcast_ref::<String>().cloned());
        Self { message: message.unwrap_or_else(|| "it left no message".to_owned()) }
    }
}

/// As [`caught`], for work that ends at once.
pub(crate) fn caught_call<T>(call: impl FnOnce() -> T) -> Result<T, Panicked> {
    std::panic::catch_unwind(AssertUnwindSafe(call)).map_err(|payload| Panicked::from(&*payload))
}
