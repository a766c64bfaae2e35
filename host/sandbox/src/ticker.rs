//! The one thread that moves the engine's epoch.
//!
//! Each tick is a moment at which running guests give way. There is one ticker for the whole engine and it only counts: whether
//! a call's time is up, each call decides by reading the clock, so one call's timeout can never end another call.
//!
//! Where there is no cell, there is nothing to tick for: after a while the thread rests, and a host that does nothing costs nothing.
//! Whoever furnishes a cell holds a [`Ticking`], and thereby wakes it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender};
use std::thread::JoinHandle;
use std::time::Duration;

use wasmtime::{Engine, EngineWeak};

use crate::settings::SetupError;

/// How long a guest runs before it gives way.
pub(crate) const SLICE: Duration = Duration::from_millis(1);
/// Ticks without a cell after which it rests: calls that follow one another do not wake it each time.
const REST_AFTER: u32 = 100;

/// Ticks until dropped, as long as there are cells.
#[derive(Debug)]
pub(crate) struct Ticker {
    beat: Arc<Beat>,
    thread: Option<JoinHandle<()>>,
}

/// What the thread and the cells know of each other.
#[derive(Debug)]
struct Beat {
    cells: AtomicUsize,
    rests: AtomicBool,
    stopped: AtomicBool,
    /// A word to the thread, whatever it is: to look again.
    look: SyncSender<()>,
}

/// Held by a cell: as long as there is one, the epoch moves.
#[derive(Debug)]
pub(crate) struct Ticking(Arc<Beat>);

impl Ticker {
    /// Starts the thread.
    ///
    /// # Errors
    ///
    /// [`SetupError`] when the system has no thread left.
    pub(crate) fn start(engine: &Engine) -> Result<Self, SetupError> {
        let (look, looked) = mpsc::sync_channel(1);
        let (cells, rests, stopped) = (AtomicUsize::new(0), AtomicBool::new(false), AtomicBool::new(false));
        let beat = Arc::new(Beat { cells, rests, stopped, look });
        let (its, engine) = (Arc::clone(&beat), engine.weak());
        let tick = move || its.go_on(&looked, &engine);
        let thread =
            std::thread::Builder::new().name("hotcell-ticker".to_owned()).spawn(tick).map_err(SetupError::thread)?;
        Ok(Self { beat, thread: Some(thread) })
    }

    /// Ticks at least until what is given is dropped.
    pub(crate) fn tick(&self) -> Ticking {
        self.beat.cells.fetch_add(1, Ordering::SeqCst);
        if self.beat.rests.load(Ordering::SeqCst) {
            self.beat.call();
        }
        Ticking(Arc::clone(&self.beat))
    }
}

impl Beat {
    fn go_on(&self, looked: &Receiver<()>, engine: &EngineWeak) {
        let mut idle = 0;
        while !self.stopped.load(Ordering::SeqCst) {
            idle = if self.cells.load(Ordering::SeqCst) == 0 { idle + 1 } else { 0 };
            if idle > REST_AFTER {
                self.rests.store(true, Ordering::SeqCst);
                // A cell that came before it could be seen that this rests has called nobody.
                if self.cells.load(Ordering::SeqCst) == 0 && !self.stopped.load(Ordering::SeqCst) {
                    let _ = looked.recv();
                }
                self.rests.store(false, Ordering::SeqCst);
                idle = 0;
            } else if looked.recv_timeout(SLICE) == Err(RecvTimeoutError::Timeout) {
                let Some(engine) = engine.upgrade() else { break };
                engine.increment_epoch();
            }
        }
    }

    fn call(&self) {
        // One word is enough: who looks sees all.
        let _ = self.look.try_send(());
    }
}

impl Drop for Ticking {
    fn drop(&mut self) {
        self.0.cells.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.beat.stopped.store(true, Ordering::SeqCst);
        self.beat.call();
        if let Some(thread) = self.thread.take() {
            // A ticker that panicked has stopped: that is all we want of it here.
            let _ = thread.join();
        }
    }
}
