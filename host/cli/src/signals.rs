//! A person who has seen enough.

use std::future::Future;
use std::pin::pin;

use tokio::signal::unix::{SignalKind, signal};

/// How work ended that could be interrupted.
#[derive(Debug)]
pub(crate) enum Ended<T> {
    /// With its result.
    Done(T),
    /// A second signal came before it had ended.
    Abandoned,
}

/// Waits for `work`. At the first signal `cancel` is told, and the work goes on to its end; at the second it is left alone.
pub(crate) async fn interruptible<T>(work: impl Future<Output = T>, cancel: impl FnOnce()) -> Ended<T> {
    let mut work = pin!(work);
    // Dropping either side loses nothing: a signal that was not waited for is none.
    tokio::select! {
        result = &mut work => return Ended::Done(result),
        () = interrupted() => cancel(),
    }
    tokio::select! {
        result = &mut work => Ended::Done(result),
        () = interrupted() => Ended::Abandoned,
    }
}

/// Ends with the next Ctrl-C or request to terminate.
pub(crate) async fn interrupted() {
    let (Ok(mut interrupt), Ok(mut terminate)) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    else {
        // Without handlers the signals end the process by themselves.
        return std::future::pending().await;
    };
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
}
