//! One leader, many followers.

use std::collections::HashMap;
use std::fmt;
use std::future::{Future, poll_fn};
use std::hash::Hash;
use std::num::NonZeroUsize;
use std::sync::{Arc, PoisonError};
use std::task::{Context, Poll, Waker, ready};

use crate::line::{Line, Place};
use crate::sync::{Mutex, MutexGuard};

/// Joins those who ask the same at the same time. Clones share it.
///
/// There are at most so many questions at a time, and 1 024 who wait for the answer to one. One more than that is worked out by
/// whoever asks it, alone.
pub struct Flight<K: Clone + Eq + Hash, V: Clone>(Arc<Shared<K, V>>);

/// What came of the work, and who may have it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer<V> {
    /// It depends on the key alone: it is everybody's.
    Sound(V),
    /// It is only for who asked.
    Own(V),
}

struct Shared<K, V> {
    most: NonZeroUsize,
    flights: Mutex<HashMap<K, Arc<Followers<V>>>>,
}

/// Who may wait for one leader.
const MOST_FOLLOWERS: usize = 1_024;

/// Those who wait for a leader. Locked only by who holds the map's lock, or no other.
type Followers<V> = Mutex<Line<Handed<V>>>;

/// What a follower is handed.
enum Handed<V> {
    Answer(V),
    /// The leader was lost; it is this one's turn.
    Lead,
    /// The leader has nothing to share: each for itself.
    Alone,
}

/// The one who works. Dropped before it landed, it lets the next lead.
struct Leader<'a, K: Clone + Eq + Hash, V: Clone> {
    shared: &'a Shared<K, V>,
    key: K,
    followers: Option<Arc<Followers<V>>>,
}

/// One who asks, until it has an answer or leads.
struct Asker<'a, K: Clone + Eq + Hash, V: Clone> {
    shared: &'a Shared<K, V>,
    key: &'a K,
    /// Where it waits, while it does.
    follows: Option<(Arc<Followers<V>>, Place)>,
}

/// What one who asks gets.
enum Turn<V> {
    Answer(V),
    /// To lead those who follow; nobody can follow where there was no room for one more question.
    Lead(Option<Arc<Followers<V>>>),
}

impl<K: Clone + Eq + Hash, V: Clone> Flight<K, V> {
    /// For at most `most` questions at a time.
    #[must_use]
    pub fn new(most: NonZeroUsize) -> Self {
        Self(Arc::new(Shared { most, flights: Mutex::new(HashMap::new()) }))
    }

    /// The answer to `key`: that of a leader, if there is one and its answer is [sound](Answer::Sound); otherwise `work`
    /// gives it. Work that fails is not repeated here: its error is its caller's, and those who followed then work alone.
    ///
    /// Safe to cancel: a leader that is dropped lets the first follower lead; a follower that is dropped affects nobody.
    ///
    /// # Errors
    ///
    /// That of `work`.
    pub async fn run<E, F>(&self, key: &K, work: impl FnOnce() -> F) -> Result<V, E>
    where
        F: Future<Output = Result<Answer<V>, E>>,
    {
        let mut asker = Asker { shared: &self.0, key, follows: None };
        let followers = match poll_fn(|context| asker.poll(context)).await {
            Turn::Answer(answer) => return Ok(answer),
            Turn::Lead(followers) => followers,
        };
        let leader = Leader { shared: &self.0, key: key.clone(), followers };
        match work().await {
            Ok(Answer::Sound(value)) => {
                leader.land(|| Handed::Answer(value.clone()));
                Ok(value)
            }
            Ok(Answer::Own(value)) => {
                leader.land(|| Handed::Alone);
                Ok(value)
            }
            Err(error) => {
                leader.land(|| Handed::Alone);
                Err(error)
            }
        }
    }

    /// How many questions are being worked out.
    #[must_use]
    pub fn under_way(&self) -> usize {
        self.0.lock().len()
    }
}

// === impl Shared ===

impl<K: Clone + Eq + Hash, V: Clone> Shared<K, V> {
    fn lock(&self) -> MutexGuard<'_, HashMap<K, Arc<Followers<V>>>> {
        self.flights.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets the next lead; with nobody left, the flight is over.
    fn pass_on(&self, key: &K, followers: &Followers<V>) {
        let mut flights = self.lock();
        let next = line(followers).serve(Handed::Lead);
        if next.is_none() {
            flights.remove(key);
        }
        drop(flights);
        next.into_iter().for_each(Waker::wake);
    }
}

fn line<V>(followers: &Followers<V>) -> MutexGuard<'_, Line<Handed<V>>> {
    followers.lock().unwrap_or_else(PoisonError::into_inner)
}

// === impl Leader ===

impl<K: Clone + Eq + Hash, V: Clone> Leader<'_, K, V> {
    /// Hands something to all who followed. Whoever comes after this leads anew.
    fn land(mut self, handed: impl Fn() -> Handed<V>) {
        let Some(followers) = self.followers.take() else { return };
        let mut flights = self.shared.lock();
        flights.remove(&self.key);
        drop(flights);
        let mut wake = Vec::new();
        let mut waiting = line(&followers);
        while waiting.len() > 0 {
            wake.extend(waiting.serve(handed()));
        }
        drop(waiting);
        wake.into_iter().for_each(Waker::wake);
    }
}

impl<K: Clone + Eq + Hash, V: Clone> Drop for Leader<'_, K, V> {
    fn drop(&mut self) {
        if let Some(followers) = self.followers.take() {
            self.shared.pass_on(&self.key, &followers);
        }
    }
}

// === impl Asker ===

impl<K: Clone + Eq + Hash, V: Clone> Asker<'_, K, V> {
    fn poll(&mut self, context: &Context<'_>) -> Poll<Turn<V>> {
        let Some((followers, place)) = &self.follows else {
            return self.ask(context);
        };
        let handed = ready!(line(followers).poll(*place, context));
        let followers = self.follows.take().map(|(followers, _)| followers);
        Poll::Ready(match handed {
            Some(Handed::Answer(value)) => Turn::Answer(value),
            Some(Handed::Alone) => Turn::Lead(None),
            Some(Handed::Lead) | None => Turn::Lead(followers),
        })
    }

    /// Follows who leads, or leads. Under the map's lock, so that no leader lands or is lost in between.
    fn ask(&mut self, context: &Context<'_>) -> Poll<Turn<V>> {
        let mut flights = self.shared.lock();
        if let Some(followers) = flights.get(self.key) {
            let mut line = line(followers);
            if line.len() >= MOST_FOLLOWERS {
                return Poll::Ready(Turn::Lead(None));
            }
            let place = line.join(context);
            drop(line);
            self.follows = Some((Arc::clone(followers), place));
            return Poll::Pending;
        }
        if flights.len() >= self.shared.most.get() {
            return Poll::Ready(Turn::Lead(None));
        }
        let followers = Arc::new(Mutex::new(Line::new()));
        flights.insert(self.key.clone(), Arc::clone(&followers));
        Poll::Ready(Turn::Lead(Some(followers)))
    }
}

impl<K: Clone + Eq + Hash, V: Clone> Drop for Asker<'_, K, V> {
    fn drop(&mut self) {
        let Some((followers, place)) = self.follows.take() else { return };
        let handed = line(&followers).leave(place);
        if let Some(Handed::Lead) = handed {
            self.shared.pass_on(self.key, &followers);
        }
    }
}

impl<K: Clone + Eq + Hash, V: Clone> Clone for Flight<K, V> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<K: Clone + Eq + Hash, V: Clone> fmt::Debug for Flight<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Flight").field("under_way", &self.under_way()).finish_non_exhaustive()
    }
}
