//! Which names are taken: by the tasks that are under way, and by the last that ended.

use std::collections::VecDeque;
use std::collections::hash_map::{Entry, HashMap};
use std::hash::Hash;
use std::time::{Duration, Instant};

use super::plan::Key;
use super::task::End;

/// All names that are known. How a task ended is kept for so many tasks and for so long: it bounds what a scheduler that
/// runs for months keeps; whoever wants to know later asks a journal.
#[derive(Debug)]
pub(super) struct History<I> {
    known: HashMap<I, Known<I>>,
    ended: VecDeque<(Instant, I)>,
    most: usize,
    longest: Duration,
}

/// What is known of a task.
#[derive(Debug)]
pub(super) enum Known<I> {
    /// It is under way.
    Live(Key),
    /// It has ended.
    Ended(End<I>),
}

impl<I: Clone + Eq + Hash> History<I> {
    pub(super) fn new(most: usize, longest: Duration) -> Self {
        Self { known: HashMap::new(), ended: VecDeque::new(), most, longest }
    }

    pub(super) fn get(&self, id: &I) -> Option<&Known<I>> {
        self.known.get(id)
    }

    /// How many that have ended are known.
    pub(super) fn len(&self) -> usize {
        self.ended.len()
    }

    /// How many names are known at all.
    #[cfg(test)]
    pub(super) fn names(&self) -> usize {
        self.known.len()
    }

    /// Notes that a task is under way. Its name must not be known.
    pub(super) fn begin(&mut self, id: I, key: Key) {
        self.known.insert(id, Known::Live(key));
    }

    /// Notes how a task that was under way has ended.
    pub(super) fn end(&mut self, now: Instant, id: I, end: End<I>) {
        if self.most == 0 || self.longest.is_zero() {
            self.known.remove(&id);
            return;
        }
        if self.ended.len() >= self.most {
            self.forget_one();
        }
        if let Entry::Occupied(mut known) = self.known.entry(id.clone()) {
            known.insert(Known::Ended(end));
            self.ended.push_back((now, id));
        }
    }

    /// Forgets what is too old.
    pub(super) fn forget(&mut self, now: Instant) {
        while self.until().is_some_and(|until| until <= now) {
            self.forget_one();
        }
    }

    /// When the oldest is to be forgotten.
    pub(super) fn until(&self) -> Option<Instant> {
        self.ended.front().and_then(|(at, _)| at.checked_add(self.longest))
    }

    fn forget_one(&mut self) {
        if let Some((_, id)) = self.ended.pop_front() {
            self.known.remove(&id);
        }
    }
}
