//! The loop: one producer, so many consumers, and the ear for how it is to end.

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;

use futures::future::{Either, join, join_all, select};
use futures::{Stream, StreamExt};
use tokio::sync::watch;

use super::control::{Ending, Teller};
use super::{Control, Ended, Error, Settings, Tally};
use crate::Timer;
use crate::channel::{Reason, Receiver, SendError, Sender, channel};
use crate::panicked::caught;
use crate::timer::before;

/// The loop from a source to the consumers, to be spawned or awaited by whoever made it.
#[must_use = "nothing is taken from the source until `run` is polled"]
pub struct Service<S: Stream, W> {
    pub(super) source: S,
    pub(super) weigh: fn(&S::Item) -> usize,
    pub(super) settings: Settings,
    pub(super) timer: Arc<dyn Timer>,
    pub(super) work: W,
    pub(super) control: Control,
}

/// An item in the line.
struct Waiting<I> {
    place: u64,
    weight: usize,
    item: I,
}

/// Does something when it is dropped, unless told otherwise.
struct Otherwise<F: FnOnce()>(Option<F>);

impl<S, W, F, T, E> Service<S, W>
where
    S: Stream,
    W: Fn(S::Item) -> F,
    F: Future<Output = Result<T, E>>,
{
    /// Works until the source ends, or the loop is [drained](Control::drain) or [stopped](Control::stop), and calls `told`
    /// once for each item, in the order in which they end.
    ///
    /// `told` should be short: it is called between the steps of the loop. One that panics is counted, and called again for
    /// the next item. Dropped before it ends, the loop tells of all that it has taken.
    pub async fn run(self, told: impl FnMut(Ended<S::Item, T, E>)) -> Tally {
        let Self { source, weigh, settings, timer, work, control } = self;
        let teller = Teller::new(control.clone(), told);
        // What was checked when the loop was made can be made.
        if let Ok((sender, receiver)) =
            channel(settings.line, |waiting: &Waiting<_>| waiting.weight, Arc::clone(&timer))
        {
            let (control, teller) = (&control, &teller);
            let source = pin!(source);
            let produce = produce(source, weigh, sender, control, teller);
            let consumers = (0..settings.consumers).map(|_| consume(&receiver, &work, control, teller));
            let all = pin!(join(produce, join_all(consumers)));
            let give_back = || give_back(&receiver, teller);
            // Dropped before `all`, and so before a send that waits takes its item back in silence.
            let _rest = Otherwise(Some(give_back));
            let ending = pin!(listen(control.ending.subscribe(), &*timer, give_back));
            select(all, ending).await;
        }
        control.tally()
    }
}

/// Moves items from the source into the line, until the source ends or is to be left alone. With it goes the only sender: the
/// consumers see the end.
async fn produce<I, T, E, F>(
    mut source: Pin<&mut impl Stream<Item = I>>,
    weigh: fn(&I) -> usize,
    sender: Sender<Waiting<I>>,
    control: &Control,
    teller: &Teller<F>,
) where
    F: FnMut(Ended<I, T, E>),
{
    let mut endings = control.ending.subscribe();
    for place in 0.. {
        // Asked first: once it is to end, not one item more. An item is either taken or still in the source.
        let drained = pin!(endings.wait_for(|ending| ending.drain));
        let Either::Right((Some(item), _)) = select(drained, source.next()).await else {
            return;
        };
        let weight = weigh(&item);
        control.count(|tally| tally.taken += 1);
        if let Err(SendError { item: Waiting { item, .. }, reason }) =
            sender.send(Waiting { place, weight, item }).await
        {
            let error = match reason {
                Reason::TooHeavy { .. } => Error::TooHeavy { item, reason },
                _ => Error::Returned(item),
            };
            teller.tell(place, Err(error));
        }
    }
}

/// Works off one item after another, whatever becomes of each, until the line is closed and empty.
async fn consume<I, T, E, W, F>(
    receiver: &Receiver<Waiting<I>>,
    work: &W,
    control: &Control,
    teller: &Teller<impl FnMut(Ended<I, T, E>)>,
) where
    W: Fn(I) -> F,
    F: Future<Output = Result<T, E>>,
{
    while let Some(Waiting { place, item, .. }) = receiver.recv().await {
        control.count(|tally| tally.begun += 1);
        let mut cut = Otherwise(Some(|| teller.tell(place, Err(Error::Cut))));
        let result = caught(|| work(item)).await;
        cut.0 = None;
        teller.tell(place, result.map_err(Error::Panicked).and_then(|result| result.map_err(Error::Failed)));
    }
}

/// Hears how the loop is to end, and is done when its time is over.
async fn listen(mut endings: watch::Receiver<Ending>, timer: &dyn Timer, give_back: impl Fn()) {
    loop {
        let ending = *endings.borrow_and_update();
        if ending.stop {
            give_back();
        }
        match before(timer, ending.deadline, endings.changed()).await {
            Some(Ok(())) => {}
            Some(Err(_nobody_can_say_more)) => std::future::pending().await,
            None => return,
        }
    }
}

/// Closes the line and tells of what is in it.
fn give_back<I, T, E>(receiver: &Receiver<Waiting<I>>, teller: &Teller<impl FnMut(Ended<I, T, E>)>) {
    receiver.close();
    for Waiting { place, item, .. } in receiver.drain() {
        teller.tell(place, Err(Error::Returned(item)));
    }
}

impl<F: FnOnce()> Drop for Otherwise<F> {
    fn drop(&mut self) {
        if let Some(act) = self.0.take() {
            act();
        }
    }
}
