//! What a running call may ask of its host and tell it.
//!
//! Natively there is no host: progress goes nowhere and time doesn't run out, so a tool's own tests need no set-up.

use std::time::Duration;

/// Tells how far the call is: `done` of `total` (`None` if the end isn't known), and what it does just now.
///
/// The host may drop reports that come faster than it can show them.
///
/// ```
/// hotcell::progress(3, 10, "reading data.csv");
/// hotcell::progress(3, None, "reading data.csv");
/// ```
pub fn progress(done: u64, total: impl Into<Option<u64>>, message: impl AsRef<str>) {
    host::progress(done, total.into(), message.as_ref());
}

/// How much time is left until the host stops the call; natively, as much as there is.
#[must_use]
pub fn time_left() -> Duration {
    host::time_left()
}

#[cfg(target_family = "wasm")]
mod host {
    use std::time::Duration;

    use crate::guest::bindings::hotcell::tool::context;

    pub(super) fn progress(done: u64, total: Option<u64>, message: &str) {
        context::progress(done, total, message);
    }

    pub(super) fn time_left() -> Duration {
        Duration::from_millis(context::time_left())
    }
}

#[cfg(not(target_family = "wasm"))]
mod host {
    use std::time::Duration;

    pub(super) fn progress(_done: u64, _total: Option<u64>, _message: &str) {}

    pub(super) fn time_left() -> Duration {
        Duration::MAX
    }
}
