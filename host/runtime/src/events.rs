//! What happens, told to whoever listens.
//!
//! A listener has a bounded buffer. One that is too slow loses the oldest events and is told how many: it can never hold up a
//! call. When nobody listens, telling costs a counter.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use hotcell_call::{CallId, Event, Happening, RunId};
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;

/// Events that a listener may be behind.
const BUFFER: usize = 4_096;

/// The stream of all events.
#[derive(Debug)]
pub(crate) struct Events {
    sender: broadcast::Sender<Arc<Event>>,
    next: AtomicU64,
}

/// A listener; stops listening when dropped.
#[derive(Debug)]
pub struct Subscription(broadcast::Receiver<Arc<Event>>);

/// What a listener hears.
#[derive(Debug, Clone)]
pub enum Heard {
    /// An event, which all listeners share.
    Event(Arc<Event>),
    /// So many events were lost because this listener was too slow.
    Missed(u64),
}

impl Events {
    pub(crate) fn new() -> Self {
        Self { sender: broadcast::Sender::new(BUFFER), next: AtomicU64::new(0) }
    }

    pub(crate) fn subscribe(&self) -> Subscription {
        Subscription(self.sender.subscribe())
    }

    /// Tells what happened; `what` is not even made when nobody listens.
    pub(crate) fn tell(&self, call: Option<CallId>, run: Option<RunId>, what: impl FnOnce() -> Happening) {
        let seq = self.next.fetch_add(1, Ordering::Relaxed);
        if self.sender.receiver_count() == 0 {
            return;
        }
        let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let at_ms = u64::try_from(since_1970.as_millis()).unwrap_or(u64::MAX);
        // Nobody listening any more is no error.
        let _ = self.sender.send(Arc::new(Event { seq, at_ms, call, run, what: what() }));
    }
}

impl Subscription {
    /// The next event, or how many were missed; none when the host is gone.
    pub async fn next(&mut self) -> Option<Heard> {
        match self.0.recv().await {
            Ok(event) => Some(Heard::Event(event)),
            Err(RecvError::Lagged(missed)) => Some(Heard::Missed(missed)),
            Err(RecvError::Closed) => None,
        }
    }
}
