//! The loop that owns the batches: closes them, runs them, hands out their results.

use std::future::{Future, poll_fn};
use std::hash::Hash;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;

use futures::StreamExt;
use futures::future::{Either, select};
use futures::stream::FuturesUnordered;
use tokio::sync::{Notify, oneshot};

use super::Error;
use super::groups::Closed;
use super::shared::{Entry, Shared};
use crate::alarm::Alarm;
use crate::panicked::caught;
use crate::{Panicked, Refused};

/// The loop of a batcher, to be spawned or awaited by whoever made it.
///
/// Dropping it, whether it runs or not, ends everything: items that wait are [`Refused::Closed`], those in a batch that
/// runs end as [`Error::Stopped`], and the work is dropped.
#[must_use = "nothing is worked on until `run` is polled"]
pub struct Service<K: Clone + Eq + Hash, I, T, E, W> {
    pub(super) shared: Arc<Shared<K, I, T, E>>,
    pub(super) work: W,
    pub(super) in_flight: usize,
}

type Answer<T, E> = oneshot::Sender<Result<T, Error<E>>>;

impl<K, I, T, E, W, F> Service<K, I, T, E, W>
where
    K: Clone + Eq + Hash,
    E: Clone,
    W: Fn(K, Vec<I>) -> F,
    F: Future<Output = Result<Vec<Result<T, E>>, E>>,
{
    /// Works until the batcher is closed, or its last handle dropped, and all that was let in has its result.
    pub async fn run(self) {
        let mut running = FuturesUnordered::new();
        let mut alarm = Alarm::new(Arc::clone(&self.shared.timer));
        loop {
            let turn = self.shared.turn(running.len(), self.in_flight);
            running.extend(turn.batches.into_iter().map(|batch| perform(&self.work, batch)));
            for entry in turn.late {
                let _gone = entry.answer.send(Err(Refused::Late.into()));
            }
            if turn.over && running.is_empty() {
                return;
            }
            alarm.set(turn.alarm);
            something(&mut running, &self.shared.bell, &mut alarm).await;
        }
    }
}

impl<K: Clone + Eq + Hash, I, T, E, W> Drop for Service<K, I, T, E, W> {
    fn drop(&mut self) {
        self.shared.abandon();
    }
}

/// Waits until a batch ends, the bell is rung, or the alarm rings. Each may be left in the middle: the first stays in
/// `running`, the bell keeps a ring that nobody heard, and the alarm is set anew each turn.
async fn something<F: Future<Output = ()>>(running: &mut FuturesUnordered<F>, bell: &Notify, alarm: &mut Alarm) {
    let mut rung = pin!(bell.notified());
    poll_fn(|cx| {
        let ended = matches!(running.poll_next_unpin(cx), Poll::Ready(Some(())));
        let rung = rung.as_mut().poll(cx).is_ready();
        let rings = Pin::new(&mut *alarm).poll(cx).is_ready();
        if ended || rung || rings { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}

/// Runs one batch, unless and until nobody waits for any of its results.
async fn perform<K, I, T, E, W, F>(work: &W, batch: Closed<K, Entry<I, T, E>>)
where
    E: Clone,
    W: Fn(K, Vec<I>) -> F,
    F: Future<Output = Result<Vec<Result<T, E>>, E>>,
{
    let key = batch.key;
    let (items, mut answers): (Vec<I>, Vec<Answer<T, E>>) =
        batch.items.into_iter().map(|Entry { item, answer, .. }| (item, answer)).unzip();
    let count = answers.len();
    let results = {
        let nobody = async {
            for answer in &mut answers {
                answer.closed().await;
            }
        };
        match select(pin!(caught(|| work(key, items))), pin!(nobody)).await {
            Either::Left((results, _)) => results,
            Either::Right(((), _)) => return,
        }
    };
    for (answer, result) in answers.into_iter().zip(shares(count, results)) {
        let _gone = answer.send(result);
    }
}

/// What each caller gets, in the order of the items. `count` results are told apart by their place alone, so a batch that
/// gave more or fewer gave none.
fn shares<T, E: Clone>(
    count: usize,
    results: Result<Result<Vec<Result<T, E>>, E>, Panicked>,
) -> Vec<Result<T, Error<E>>> {
    let error = match results {
        Ok(Ok(results)) if results.len() == count => {
            return results.into_iter().map(|result| result.map_err(Error::Item)).collect();
        }
        Ok(Ok(results)) => Error::Length { items: count, results: results.len() },
        Ok(Err(error)) => Error::Batch(error),
        Err(panicked) => Error::Panicked(panicked),
    };
    (0..count).map(|_| Err(error.clone())).collect()
}
