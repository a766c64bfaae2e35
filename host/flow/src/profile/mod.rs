//! How long things take, by key.
//!
//! A mean hides what hurts: one call in a hundred that takes a minute. A histogram shows it, and costs the same however
//! many calls it has seen: here (HdrHistogram, Gil Tene) some 18 KiB at most, with each value known to 1 %, from a
//! nanosecond to an hour. Longer than that counts as an hour.
//!
//! Three things are kept apart, because together they tell nothing. The time in the *queue* tells of the load, the time of
//! the *run* of the tool. And what *failed* says nothing about how long it takes to succeed: failures are often very fast
//! or exactly the timeout, and would draw the percentiles to either side.
//!
//! At most so many keys are known, the first that come. Those beyond are measured together, as *others*: nothing is lost
//! but the name.
//!
//! ```
//! use std::num::NonZeroUsize;
//! use std::time::Duration;
//!
//! use hotcell_flow::profile::{Ended, Profile};
//!
//! let profile = Profile::new(NonZeroUsize::new(100).unwrap());
//! for millis in 1..=20 {
//!     profile.record(&"calc", Duration::ZERO, Duration::from_millis(millis), Ended::Well);
//! }
//! let calc = profile.summary(&"calc").unwrap();
//! assert_eq!(calc.run.p50.as_millis(), 10);
//! ```

use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hdrhistogram::Histogram;

/// Run times by key. Clones share it.
pub struct Profile<K>(Arc<Shared<K>>);

/// How one run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// With an answer.
    Well,
    /// In any other way.
    Failed,
}

/// What is known of one key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Summary {
    /// Time in the queue, of all.
    pub queue: Times,
    /// Time of the runs that ended well.
    pub run: Times,
    /// Time of the runs that failed.
    pub failed: Times,
}

/// How long something took. Percentiles are what so many in a hundred took at most, to 1 %.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Times {
    /// How many there were.
    pub count: u64,
    /// The shortest.
    pub min: Duration,
    /// The mean.
    pub mean: Duration,
    /// Half of them.
    pub p50: Duration,
    /// 95 in a hundred.
    pub p95: Duration,
    /// 99 in a hundred.
    pub p99: Duration,
    /// The longest.
    pub max: Duration,
}

struct Shared<K> {
    most_keys: NonZeroUsize,
    state: Mutex<State<K>>,
}

struct State<K> {
    keys: HashMap<K, Measured>,
    others: Measured,
}

/// The histograms of one key: none before there is something in it.
#[derive(Default)]
struct Measured {
    queue: Spread,
    run: Spread,
    failed: Spread,
}

/// How one thing is spread: the histogram of a key, for who has just one.
///
/// It takes numbers of any kind; a time is its nanoseconds. What is beyond 3.6 · 10¹² counts as that.
#[derive(Debug, Clone, Default)]
pub struct Spread(Option<Histogram<u32>>);

/// How exact a value is kept: two digits, which is 1 %.
const DIGITS: u8 = 2;
/// The longest time that is told apart.
const LONGEST: u64 = 3_600_000_000_000;

impl<K: Clone + Eq + Hash> Profile<K> {
    /// Nothing measured yet; at most `most_keys` keys are known apart.
    #[must_use]
    pub fn new(most_keys: NonZeroUsize) -> Self {
        let state = State { keys: HashMap::new(), others: Measured::default() };
        Self(Arc::new(Shared { most_keys, state: Mutex::new(state) }))
    }

    /// Counts one run of `key`: how long it was `queued`, how long it `ran`, and how it ended.
    pub fn record(&self, key: &K, queued: Duration, ran: Duration, ended: Ended) {
        let mut state = self.0.lock();
        let State { keys, others } = &mut *state;
        let measured = if keys.contains_key(key) || keys.len() < self.0.most_keys.get() {
            keys.entry(key.clone()).or_default()
        } else {
            others
        };
        measured.queue.time(queued);
        match ended {
            Ended::Well => measured.run.time(ran),
            Ended::Failed => measured.failed.time(ran),
        }
    }

    /// What is known of `key`, if it is known by its name.
    #[must_use]
    pub fn summary(&self, key: &K) -> Option<Summary> {
        self.0.lock().keys.get(key).map(Measured::summary)
    }

    /// All keys with what is known of them, in no order, and all others together.
    #[must_use]
    pub fn snapshot(&self) -> (Vec<(K, Summary)>, Summary) {
        let state = self.0.lock();
        let keys = state.keys.iter().map(|(key, measured)| (key.clone(), measured.summary())).collect();
        (keys, state.others.summary())
    }

    /// Forgets `key`, and what was measured of it: a tool that is gone, or one that is another now.
    pub fn forget(&self, key: &K) {
        self.0.lock().keys.remove(key);
    }

    /// Forgets all: what is measured from now on is not drawn by what was before.
    pub fn clear(&self) {
        let mut state = self.0.lock();
        state.keys.clear();
        state.others = Measured::default();
    }
}

impl<K> Shared<K> {
    fn lock(&self) -> MutexGuard<'_, State<K>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl Measured ===

impl Measured {
    fn summary(&self) -> Summary {
        Summary { queue: self.queue.times(), run: self.run.times(), failed: self.failed.times() }
    }
}

impl Spread {
    /// Counts a time.
    pub fn time(&mut self, time: Duration) {
        self.number(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX));
    }

    /// Counts a number.
    pub fn number(&mut self, number: u64) {
        let number = number.min(LONGEST);
        // It grows with what it sees, up to the longest: most keys are far below that.
        if self.0.is_none() {
            self.0 = Histogram::new(DIGITS).ok();
        }
        if let Some(histogram) = &mut self.0
            && histogram.record(number).is_err()
        {
            // It could not grow.
            histogram.saturating_record(number);
        }
    }

    /// The number that half of them do not pass, to 1 %; none of nothing.
    #[must_use]
    pub fn median(&self) -> Option<u64> {
        let histogram = self.0.as_ref()?;
        Some(histogram.value_at_quantile(0.5).min(histogram.max()))
    }

    /// What was counted, as times.
    #[must_use]
    pub fn times(&self) -> Times {
        let Some(histogram) = &self.0 else {
            return Times::default();
        };
        let percentile = |part| Duration::from_nanos(histogram.value_at_quantile(part).min(histogram.max()));
        Times {
            count: histogram.len(),
            min: Duration::from_nanos(histogram.min()),
            mean: Duration::try_from_secs_f64(histogram.mean() / 1e9).unwrap_or_default(),
            p50: percentile(0.5),
            p95: percentile(0.95),
            p99: percentile(0.99),
            max: Duration::from_nanos(histogram.max()),
        }
    }
}

impl<K> Clone for Profile<K> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<K> fmt::Debug for Profile<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Profile").field("keys", &self.0.lock().keys.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
