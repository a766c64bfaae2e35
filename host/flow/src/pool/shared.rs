//! What all handles and leases of a pool share.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tokio::sync::Notify;

use super::lease::Slot;
use super::{Counts, Settings, Source};
use crate::Timer;
use crate::permit::Permits;

pub(super) struct Shared<S: Source> {
    pub(super) source: S,
    pub(super) settings: Settings,
    pub(super) timer: Arc<dyn Timer>,
    /// One for each that is lent, or being made or checked for that.
    pub(super) permits: Permits,
    state: Mutex<State<S::Item>>,
    /// Rung for whoever closes the pool, when a lease has ended after that began.
    pub(super) ended: Notify,
    /// Rung for whoever runs it, when it is closed.
    pub(super) closing: Notify,
}

pub(super) struct State<T> {
    /// What nobody uses, that which was given back last at the end: the longest idle are closed, the warmest lent.
    pub(super) idle: VecDeque<Idle<T>>,
    pub(super) leases: usize,
    /// How many are being closed.
    closing: usize,
    pub(super) closed: bool,
    pub(super) counts: Counts,
}

pub(super) struct Idle<T> {
    slot: Slot<T>,
    since: Instant,
}

impl<S: Source> Shared<S> {
    pub(super) fn new(source: S, settings: Settings, timer: Arc<dyn Timer>) -> Self {
        let state = State { idle: VecDeque::new(), leases: 0, closing: 0, closed: false, counts: Counts::default() };
        Self {
            source,
            settings,
            timer,
            permits: Permits::new(settings.max()),
            state: Mutex::new(state),
            ended: Notify::new(),
            closing: Notify::new(),
        }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State<S::Item>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) async fn make(&self) -> Result<Slot<S::Item>, S::Error> {
        let item = self.source.make().await?;
        self.lock().counts.made += 1;
        Ok(Arc::new(tokio::sync::Mutex::new(item)))
    }

    pub(super) async fn close(&self, slot: Slot<S::Item>) -> Option<S::Error> {
        // It has no other holder: whoever had it let go of it before it could be found.
        let item = Arc::into_inner(slot)?.into_inner();
        let _closing = Closing::of(self);
        self.source.close(item).await.err()
    }

    /// Closes one where nobody can be told how that went.
    pub(super) async fn close_untold(&self, slot: Slot<S::Item>) {
        if self.close(slot).await.is_some() {
            self.lock().counts.close_failures += 1;
        }
    }

    pub(super) fn put(&self, slot: Slot<S::Item>) {
        let since = self.timer.now();
        self.lock().idle.push_back(Idle { slot, since });
    }

    /// The one that was given back last.
    pub(super) fn warmest(&self) -> Option<Slot<S::Item>> {
        self.lock().idle.pop_back().map(|idle| idle.slot)
    }

    /// The one that was given back first.
    pub(super) fn longest_idle(&self) -> Option<Slot<S::Item>> {
        self.lock().idle.pop_front().map(|idle| idle.slot)
    }

    /// One that was idle for too long, unless it is one of those that are kept.
    pub(super) fn too_long_idle(&self) -> Option<Slot<S::Item>> {
        let now = self.timer.now();
        let mut state = self.lock();
        let first = state.idle.front()?;
        let spare = state.idle.len() + state.leases > self.settings.min();
        if !spare || now.saturating_duration_since(first.since) < self.settings.idle() {
            return None;
        }
        state.idle.pop_front().map(|idle| idle.slot)
    }

    /// Whether nothing is lent, idle or being closed.
    pub(super) fn is_empty(&self) -> bool {
        let state = self.lock();
        state.leases == 0 && state.closing == 0 && state.idle.is_empty()
    }
}

/// Counts one that is being closed, until that has ended in any way.
struct Closing<'a, S: Source>(&'a Shared<S>);

impl<'a, S: Source> Closing<'a, S> {
    fn of(shared: &'a Shared<S>) -> Self {
        let mut state = shared.lock();
        state.closing += 1;
        state.counts.closed += 1;
        drop(state);
        Self(shared)
    }
}

impl<S: Source> Drop for Closing<'_, S> {
    fn drop(&mut self) {
        self.0.lock().closing -= 1;
        self.0.ended.notify_one();
    }
}
