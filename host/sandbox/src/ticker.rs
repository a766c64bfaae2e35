//! The one thread that moves the engine's epoch.
//!
//! Each tick is a moment at which running guests give way. There is one ticker for the whole engine and it only counts: whether
//! a call's time is up, each call decides by reading the clock, so one call's timeout can never end another call.

use std::sync::mpsc::{self, RecvTimeoutError, SyncSender};
use std::thread::JoinHandle;
use std::time::Duration;

use wasmtime::Engine;

use crate::settings::SetupError;

/// How long a guest runs before it gives way.
pub(crate) const SLICE: Duration = Duration::from_millis(1);

/// Ticks until dropped.
#[derive(Debug)]
pub(crate) struct Ticker {
    stop: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Ticker {
    /// Starts the thread.
    ///
    /// # Errors
    ///
    /// [`SetupError`] when the system has no thread left.
    pub(crate) fn start(engine: &Engine) -> Result<Self, SetupError> {
        let (stop, stopped) = mpsc::sync_channel::<()>(0);
        let engine = engine.weak();
        let tick = move || {
            while stopped.recv_timeout(SLICE) == Err(RecvTimeoutError::Timeout) {
                let Some(engine) = engine.upgrade() else { break };
                engine.increment_epoch();
            }
        };
        let thread =
            std::thread::Builder::new().name("hotcell-ticker".to_owned()).spawn(tick).map_err(SetupError::thread)?;
        Ok(Self { stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A ticker that panicked has stopped: that is all we want of it here.
            let _ = thread.join();
        }
    }
}
