//! Something that is said once, to whoever listens and whoever comes later.

use std::pin::pin;
use std::sync::OnceLock;

use tokio::sync::Notify;

use super::task::{End, Stop};

/// A value that is set once. Setting and telling are two steps, so that it can be set under a lock and told outside.
#[derive(Debug)]
pub(super) struct Signal<T> {
    value: OnceLock<T>,
    told: Notify,
}

/// What those who run a task and those who wait for it are told.
#[derive(Debug)]
pub(super) struct Signals<I> {
    pub(super) stop: Signal<Stop>,
    pub(super) end: Signal<End<I>>,
}

impl<T: Clone> Signal<T> {
    pub(super) fn get(&self) -> Option<T> {
        self.value.get().cloned()
    }

    /// Sets it, unless it is set.
    pub(super) fn set(&self, value: T) {
        let _first_wins = self.value.set(value);
    }

    /// Wakes who waits for it.
    pub(super) fn tell(&self) {
        self.told.notify_waiters();
    }

    pub(super) async fn wait(&self) -> T {
        loop {
            let mut told = pin!(self.told.notified());
            // Listens before it looks: what is set in between is heard.
            told.as_mut().enable();
            if let Some(value) = self.get() {
                return value;
            }
            told.await;
        }
    }
}

impl<I> Default for Signals<I> {
    fn default() -> Self {
        Self { stop: Signal::default(), end: Signal::default() }
    }
}

impl<T> Default for Signal<T> {
    fn default() -> Self {
        Self { value: OnceLock::new(), told: Notify::new() }
    }
}
