//! A person who has seen enough.
//!
//! From the first wait for a signal on, Ctrl-C ends nothing by itself any more. So every command is waited for here, whatever it
//! is doing, and whatever blocks a thread (a read of stdin, a compiler) is given one of its own.

use std::future::Future;
use std::pin::pin;

use hotcell_call::{Code, Failure};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{Mutex, MutexGuard};

/// How work ended that was to be cancelled rather than dropped.
#[derive(Debug)]
pub(crate) enum Ended<T> {
    /// With its result.
    Done(T),
    /// A second signal came before it had ended.
    Abandoned,
}

/// Waits for `work`, and drops it at the first signal.
///
/// # Errors
///
/// [`Code::Cancelled`] if a signal came first.
pub(crate) async fn or_cancelled<T, E: From<Failure>>(work: impl Future<Output = Result<T, E>>) -> Result<T, E> {
    // What is dropped here stops by being dropped: calls, runs, what they hold.
    tokio::select! {
        // The listener before the work: a signal that comes when something of it is seen must find one.
        biased;
        () = interrupted() => Err(Failure::new(Code::Cancelled, "the command was cancelled").why("by a signal").into()),
        result = work => result,
    }
}

/// Waits for `work`. At the first signal `cancel` is told, and the work goes on to its end; at the second it is left alone.
pub(crate) async fn cancelling<T>(work: impl Future<Output = T>, cancel: impl FnOnce()) -> Ended<T> {
    let mut work = pin!(work);
    // Neither side loses anything by not being waited for: the work is polled on, and a missed signal is just none. But the work
    // comes first: a signal may be there already, and what has not begun can't be cancelled.
    tokio::select! {
        biased;
        result = &mut work => return Ended::Done(result),
        () = interrupted() => cancel(),
    }
    tokio::select! {
        result = &mut work => Ended::Done(result),
        () = interrupted() => Ended::Abandoned,
    }
}

/// Does something that blocks on a thread of its own. When it is not waited for any more, the thread ends with the process.
///
/// # Errors
///
/// What `work` fails with, or [`Code::Fault`] if it panicked.
pub(crate) async fn blocking<T, E>(work: impl FnOnce() -> Result<T, E> + Send + 'static) -> Result<T, E>
where
    T: Send + 'static,
    E: From<Failure> + Send + 'static,
{
    let lost = |error| Failure::new(Code::Fault, "a thread was lost").caused_by(error);
    tokio::task::spawn_blocking(work).await.map_err(lost)?
}

/// Those who listen, from the first wait on: a signal that comes between two waits is found by the second.
static LISTENERS: Mutex<Option<(Signal, Signal)>> = Mutex::const_new(None);

/// Listens from here on: a signal that comes before anybody waits for one is found by the first who does.
pub(crate) async fn listen() {
    drop(listeners().await);
}

async fn listeners() -> MutexGuard<'static, Option<(Signal, Signal)>> {
    let mut listeners = LISTENERS.lock().await;
    if listeners.is_none() {
        let both = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()));
        *listeners = if let (Ok(interrupt), Ok(terminate)) = both { Some((interrupt, terminate)) } else { None };
    }
    listeners
}

/// Ends with the next Ctrl-C or request to terminate.
pub(crate) async fn interrupted() {
    let mut listeners = listeners().await;
    let Some((interrupt, terminate)) = listeners.as_mut() else {
        // Without handlers the signals end the process by themselves.
        return std::future::pending().await;
    };
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
}
