//! The two ends of a channel.

use std::future::poll_fn;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use super::line::{Bounds, Entry, Line, Wakers};
use super::{Gauge, Nothing, Reason, SendError, Status};
use crate::Timer;
use crate::pressure::Readings;
use crate::timer::before;

/// The end into which items go. Clones share the channel; with the last it is closed.
pub struct Sender<T> {
    end: Arc<SendEnd<T>>,
}

/// The end out of which items come. Clones share the channel, and each item goes to one of them; with the last the
/// channel is closed, and what is in it is dropped.
pub struct Receiver<T> {
    end: Arc<ReceiveEnd<T>>,
}

struct SendEnd<T>(Arc<Shared<T>>);
struct ReceiveEnd<T>(Arc<Shared<T>>);

struct Shared<T> {
    line: Mutex<Line<T>>,
    weigh: fn(&T) -> usize,
    readings: Readings,
    timer: Arc<dyn Timer>,
}

/// An item whose sender waits. Dropped before it is in, it goes back out.
struct Parked<'a, T> {
    shared: &'a Shared<T>,
    number: Option<u64>,
}

/// A place among those who wait for an item, given up when dropped.
struct Waiting<'a, T> {
    shared: &'a Shared<T>,
    number: Option<u64>,
}

pub(super) fn ends<T>(bounds: Bounds, weigh: fn(&T) -> usize, timer: Arc<dyn Timer>) -> (Sender<T>, Receiver<T>) {
    let readings = Readings::new();
    let shared = Arc::new(Shared { line: Mutex::new(Line::new(bounds)), weigh, readings, timer });
    let sender = Sender { end: Arc::new(SendEnd(Arc::clone(&shared))) };
    (sender, Receiver { end: Arc::new(ReceiveEnd(shared)) })
}

// === impl Shared ===

impl<T> Shared<T> {
    /// Does one thing to the line; then, with the lock open again, tells of the pressure and wakes who is to be woken.
    fn with<R>(&self, change: impl FnOnce(&mut Line<T>, &mut Wakers) -> R) -> R {
        let mut wakers = Wakers::new();
        let (result, before, after) = {
            let mut line = self.line.lock().unwrap_or_else(PoisonError::into_inner);
            let before = line.reading();
            (change(&mut line, &mut wakers), before, line.reading())
        };
        if before != after {
            self.readings.tell(after);
        }
        for waker in wakers {
            waker.wake();
        }
        result
    }

    fn gauge(&self) -> Gauge {
        self.readings.gauge()
    }

    fn status(&self) -> Status {
        self.with(|line, _| {
            let bounds = line.bounds();
            let share = |part: usize, of: usize| part as f64 / of as f64;
            let items = share(line.len(), bounds.items.limit);
            let weight = bounds.weight.map_or(0.0, |gauge| share(line.weight(), gauge.limit));
            Status {
                items: line.len(),
                weight: line.weight(),
                senders: line.parked(),
                fill: items.max(weight),
                reading: line.reading(),
                closed: line.closed(),
            }
        })
    }
}

// === impl Sender ===

impl<T> Sender<T> {
    /// Hands an item in, and waits for room.
    ///
    /// Safe to cancel: dropped before it ends, the item is taken back and dropped with it, unless a consumer already
    /// has it; so it is used at most once, and no room and no wake-up is lost.
    ///
    /// # Errors
    ///
    /// The item, if the channel is closed before it is in, or if it is too heavy to ever be.
    pub async fn send(&self, item: T) -> Result<(), SendError<T>> {
        self.send_by(item, None).await
    }

    /// As [`send`](Self::send), and waits until `deadline` at the longest.
    ///
    /// # Errors
    ///
    /// The item, also when the deadline comes first; with a deadline that has passed, it is let in only if it need not wait.
    pub async fn send_by(&self, item: T, deadline: Option<Instant>) -> Result<(), SendError<T>> {
        let shared = &*self.end.0;
        let weight = (shared.weigh)(&item);
        let number = match shared.with(|line, wakers| line.enter(item, weight, true, wakers)) {
            Entry::In => return Ok(()),
            Entry::Refused(error) => return Err(error),
            Entry::Parked(number) => number,
        };
        let mut parked = Parked { shared, number: Some(number) };
        let entered = poll_fn(|cx| shared.with(|line, _| line.poll_entered(number, cx)));
        let result = before(&*shared.timer, deadline, entered).await;
        parked.number = None;
        result.unwrap_or_else(|| match shared.with(|line, wakers| line.unpark(number, wakers)) {
            Some(item) => Err(SendError { item, reason: Reason::Late }),
            None => Ok(()), // let in at the last moment
        })
    }

    /// Hands an item in if there is room and nobody waits for it.
    ///
    /// # Errors
    ///
    /// The item otherwise.
    pub fn try_send(&self, item: T) -> Result<(), SendError<T>> {
        let weight = (self.end.0.weigh)(&item);
        match self.end.0.with(|line, wakers| line.enter(item, weight, false, wakers)) {
            Entry::Refused(error) => Err(error),
            Entry::In | Entry::Parked(_) => Ok(()),
        }
    }

    /// Lets nothing in any more: senders that wait get their items back, consumers get what is in and then the end.
    pub fn close(&self) {
        self.end.0.with(Line::close);
    }

    /// Follows the pressure.
    #[must_use]
    pub fn gauge(&self) -> Gauge {
        self.end.0.gauge()
    }

    /// How full it is.
    #[must_use]
    pub fn status(&self) -> Status {
        self.end.0.status()
    }
}

// === impl Receiver ===

impl<T> Receiver<T> {
    /// The next item; waits for one. None when the channel is closed and empty.
    ///
    /// Safe to cancel: dropped before it ends, it has taken nothing, and an item meant for it wakes another consumer.
    pub async fn recv(&self) -> Option<T> {
        let shared = &*self.end.0;
        let mut waiting = Waiting { shared, number: None };
        // Not `move`, which would copy the number out of the guard.
        poll_fn(|cx| shared.with(|line, wakers| line.poll_take(&mut waiting.number, cx, wakers))).await
    }

    /// As [`recv`](Self::recv), and waits until `deadline` at the longest.
    ///
    /// # Errors
    ///
    /// [`Nothing::Yet`] when the deadline comes first, [`Nothing::Ever`] at the end.
    pub async fn recv_by(&self, deadline: Instant) -> Result<T, Nothing> {
        match before(&*self.end.0.timer, Some(deadline), self.recv()).await {
            Some(item) => item.ok_or(Nothing::Ever),
            None => Err(Nothing::Yet),
        }
    }

    /// The next item, if there is one.
    ///
    /// # Errors
    ///
    /// [`Nothing`] otherwise.
    pub fn try_recv(&self) -> Result<T, Nothing> {
        self.end.0.with(Line::take)
    }

    /// Takes out all that is in, in order, and the items of those who wait for room: they are told that theirs are in.
    /// It is how nothing is lost at the end: [close](Self::close), then drain.
    #[must_use = "what is drained is nowhere else"]
    pub fn drain(&self) -> Vec<T> {
        self.end.0.with(Line::drain)
    }

    /// As [`Sender::close`].
    pub fn close(&self) {
        self.end.0.with(Line::close);
    }

    /// Follows the pressure.
    #[must_use]
    pub fn gauge(&self) -> Gauge {
        self.end.0.gauge()
    }

    /// How full it is.
    #[must_use]
    pub fn status(&self) -> Status {
        self.end.0.status()
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        Self { end: Arc::clone(&self.end) }
    }
}

impl<T> Clone for Receiver<T> {
    fn clone(&self) -> Self {
        Self { end: Arc::clone(&self.end) }
    }
}

impl<T> Drop for SendEnd<T> {
    fn drop(&mut self) {
        self.0.with(Line::close);
    }
}

impl<T> Drop for ReceiveEnd<T> {
    fn drop(&mut self) {
        let left = self.0.with(|line, wakers| {
            line.close(wakers);
            line.clear()
        });
        drop(left);
    }
}

impl<T> Drop for Parked<'_, T> {
    fn drop(&mut self) {
        if let Some(number) = self.number {
            drop(self.shared.with(|line, wakers| line.withdraw(number, wakers)));
        }
    }
}

impl<T> Drop for Waiting<'_, T> {
    fn drop(&mut self) {
        if let Some(number) = self.number {
            self.shared.with(|line, wakers| line.leave(number, wakers));
        }
    }
}
