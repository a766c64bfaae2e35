//! A cache in front of a flight.

use std::fmt;
use std::future::Future;
use std::hash::Hash;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hotcell_call::Clock;

use super::{Answer, Bounds, Cache, Contents, Flight};

/// Answers that are worked out once and remembered. Clones share it.
///
/// What is asked while it is worked out is joined to that; what was answered before is found, until it ends or must make
/// room. Errors and answers that are their caller's [own](Answer::Own) are never remembered.
///
/// `R` is what keeps askers apart while they wait, although an answer is one for all of them: those of one class join each other,
/// and none waits for a leader that is less urgent.
pub struct Memo<K: Clone + Eq + Hash, V: Clone, R: Clone + Eq + Hash = ()>(Arc<Shared<K, V, R>>);

struct Shared<K: Clone + Eq + Hash, V: Clone, R: Clone + Eq + Hash> {
    flight: Flight<(K, R), V>,
    state: Mutex<State<K, V>>,
    clock: Arc<dyn Clock>,
    weigh: fn(&V) -> u64,
}

struct State<K, V> {
    cache: Cache<K, V>,
    counts: Counts,
}

/// How many were answered, and how. Exact: each call that got an answer is one of these, also one that shared an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// By an answer that was remembered.
    pub hits: u64,
    /// By the answer of a leader.
    pub joined: u64,
    /// By work, well or not; work that was dropped counts too.
    pub worked: u64,
}

/// How one call was answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Source {
    /// By an answer that was remembered.
    Memory,
    /// By the answer of a leader.
    Leader,
    /// By work of its own.
    Work,
}

impl<K: Clone + Eq + Hash, V: Clone> Memo<K, V> {
    /// A memory within `bounds`, by the time of `clock`; `weigh` says how many bytes an answer weighs.
    #[must_use]
    pub fn new(bounds: Bounds, clock: Arc<dyn Clock>, weigh: fn(&V) -> u64) -> Self {
        Self::with_classes(bounds, clock, weigh)
    }

    /// The answer to `key`: remembered, or of one who works on it now, or of `work`.
    ///
    /// Safe to cancel, as [`Flight::run`] is.
    ///
    /// # Errors
    ///
    /// That of `work`.
    pub async fn get<E, F>(&self, key: K, work: impl FnOnce() -> F) -> Result<V, E>
    where
        F: Future<Output = Result<Answer<V>, E>>,
    {
        self.ask(key, (), None, work).await.map(|(value, _)| value)
    }
}

impl<K: Clone + Eq + Hash, V: Clone, R: Clone + Eq + Hash> Memo<K, V, R> {
    /// How many different questions are worked out together; those beyond it are worked out alone.
    const MOST_FLIGHTS: NonZeroUsize = NonZeroUsize::MIN.saturating_add(65_535);

    /// As [`new`](Memo::new), for askers of several classes.
    #[must_use]
    pub fn with_classes(bounds: Bounds, clock: Arc<dyn Clock>, weigh: fn(&V) -> u64) -> Self {
        let state = Mutex::new(State { cache: Cache::new(bounds), counts: Counts::default() });
        Self(Arc::new(Shared { flight: Flight::new(Self::MOST_FLIGHTS), state, clock, weigh }))
    }

    /// As [`get`](Memo::get), and says how it was answered. Joined are those who ask with the same `class`. What `work` gives is
    /// remembered for `ttl`, if that is said; for none at all, it is only shared with those who ask at the same time.
    ///
    /// # Errors
    ///
    /// That of `work`.
    pub async fn ask<E, F>(
        &self,
        key: K,
        class: R,
        ttl: Option<Duration>,
        work: impl FnOnce() -> F,
    ) -> Result<(V, Source), E>
    where
        F: Future<Output = Result<Answer<V>, E>>,
    {
        let shared = &*self.0;
        if let Some(value) = shared.remembered(&key) {
            shared.count(Source::Memory);
            return Ok((value, Source::Memory));
        }
        let mut source = Source::Leader;
        let question = (key, class);
        let key = &question.0;
        let lead = async || {
            // Another leader may have landed since.
            if let Some(value) = shared.remembered(key) {
                source = Source::Memory;
                return Ok(Answer::Sound(value));
            }
            source = Source::Work;
            shared.count(Source::Work);
            let answer = work().await?;
            if let Answer::Sound(value) = &answer {
                shared.remember(ttl, key.clone(), value.clone());
            }
            Ok(answer)
        };
        let result = shared.flight.run(&question, lead).await;
        if source != Source::Work {
            shared.count(source);
        }
        result.map(|value| (value, source))
    }

    /// How calls were answered.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.0.lock().counts
    }

    /// What is remembered.
    #[must_use]
    pub fn contents(&self) -> Contents {
        self.0.lock().cache.contents()
    }

    /// How many questions are being worked out.
    #[must_use]
    pub fn under_way(&self) -> usize {
        self.0.flight.under_way()
    }

    /// Forgets all. What is being worked out is remembered still.
    pub fn clear(&self) {
        self.0.lock().cache.clear();
    }
}

impl<K: Clone + Eq + Hash, V: Clone, R: Clone + Eq + Hash> Shared<K, V, R> {
    fn lock(&self) -> MutexGuard<'_, State<K, V>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn remembered(&self, key: &K) -> Option<V> {
        self.lock().cache.get(self.clock.now(), key).cloned()
    }

    fn remember(&self, ttl: Option<Duration>, key: K, value: V) {
        let (bytes, now) = ((self.weigh)(&value), self.clock.now());
        let cache = &mut self.lock().cache;
        match ttl {
            Some(ttl) => cache.put_for(ttl, now, key, value, bytes),
            None => cache.put(now, key, value, bytes),
        }
    }

    fn count(&self, source: Source) {
        let counts = &mut self.lock().counts;
        match source {
            Source::Memory => counts.hits += 1,
            Source::Leader => counts.joined += 1,
            Source::Work => counts.worked += 1,
        }
    }
}

impl<K: Clone + Eq + Hash, V: Clone, R: Clone + Eq + Hash> Clone for Memo<K, V, R> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<K: Clone + Eq + Hash, V: Clone, R: Clone + Eq + Hash> fmt::Debug for Memo<K, V, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.0.lock();
        f.debug_struct("Memo").field("counts", &state.counts).field("contents", &state.cache.contents()).finish()
    }
}
