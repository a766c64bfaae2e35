//! The line itself: what is in it, who waits at its ends, and how full it is. Pure but for the wakers that it keeps.

use std::collections::VecDeque;
use std::task::{Context, Poll, Waker};

use super::{Nothing, Pressure, Reading, Reason, SendError};

/// How much goes in, and where pressure turns.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    pub(super) items: Gauge,
    pub(super) weight: Option<Gauge>,
}

/// One measure of fullness. `low < high ≤ limit`, and `high` is at least 1.
#[derive(Debug, Clone, Copy)]
pub(super) struct Gauge {
    pub(super) limit: usize,
    pub(super) high: usize,
    pub(super) low: usize,
}

/// Numbers go up along `room` and on along `parked`: first come, first served, and an item is found by its number.
pub(super) struct Line<T> {
    bounds: Bounds,
    room: VecDeque<Item<T>>,
    weight: usize,
    /// Items whose senders wait. They are let in from here, in order, by whoever makes room: no sender needs to be woken
    /// first, so none can be overtaken and no wake-up can be lost on the way.
    parked: VecDeque<Parked<T>>,
    takers: VecDeque<Taker>,
    next: u64,
    closed: bool,
    reading: Reading,
}

struct Item<T> {
    number: u64,
    weight: usize,
    item: T,
}

struct Parked<T> {
    inner: Item<T>,
    waker: Option<Waker>,
}

/// One who waits for an item. As many are woken as there are items, or all.
struct Taker {
    number: u64,
    waker: Waker,
    woken: bool,
}

/// Who is to be woken, once the lock is open again.
pub(super) type Wakers = Vec<Waker>;

/// What became of an item that was handed in.
pub(super) enum Entry<T> {
    In,
    Parked(u64),
    Refused(SendError<T>),
}

impl<T> Line<T> {
    pub(super) fn new(bounds: Bounds) -> Self {
        Self {
            bounds,
            room: VecDeque::new(),
            weight: 0,
            parked: VecDeque::new(),
            takers: VecDeque::new(),
            next: 0,
            closed: false,
            reading: Reading::default(),
        }
    }

    /// Hands an item in; without room it is parked if `wait`, and given back otherwise.
    pub(super) fn enter(&mut self, item: T, weight: usize, wait: bool, wakers: &mut Wakers) -> Entry<T> {
        let refuse = |item, reason| Entry::Refused(SendError { item, reason });
        if self.closed {
            return refuse(item, Reason::Closed);
        }
        if let Some(gauge) = self.bounds.weight
            && weight > gauge.limit
        {
            return refuse(item, Reason::TooHeavy { weight, limit: gauge.limit });
        }
        let fits = self.parked.is_empty() && self.fits(weight);
        if !fits && !wait {
            return refuse(item, Reason::Full);
        }
        self.next += 1;
        let inner = Item { number: self.next, weight, item };
        if fits {
            self.let_in(inner, wakers);
            self.measure();
            Entry::In
        } else {
            self.parked.push_back(Parked { inner, waker: None });
            Entry::Parked(self.next)
        }
    }

    /// Whether a parked item has been let in; given back if the line was closed before that.
    pub(super) fn poll_entered(&mut self, number: u64, cx: &Context<'_>) -> Poll<Result<(), SendError<T>>> {
        let Some(place) = place(&self.parked, number, |parked| parked.inner.number) else {
            return Poll::Ready(Ok(()));
        };
        if self.closed {
            let parked = self.parked.remove(place);
            let refused = |parked: Parked<T>| Err(SendError { item: parked.inner.item, reason: Reason::Closed });
            return Poll::Ready(parked.map_or(Ok(()), refused));
        }
        if let Some(parked) = self.parked.get_mut(place) {
            keep(&mut parked.waker, cx);
        }
        Poll::Pending
    }

    /// Takes an item back that is still parked.
    pub(super) fn unpark(&mut self, number: u64, wakers: &mut Wakers) -> Option<T> {
        let place = place(&self.parked, number, |parked| parked.inner.number)?;
        let parked = self.parked.remove(place)?;
        self.refill(wakers);
        Some(parked.inner.item)
    }

    /// Takes an item back wherever it is, unless a consumer has it.
    pub(super) fn withdraw(&mut self, number: u64, wakers: &mut Wakers) -> Option<T> {
        if let Some(item) = self.unpark(number, wakers) {
            return Some(item);
        }
        let place = place(&self.room, number, |item| item.number)?;
        let item = self.room.remove(place)?;
        self.weight -= item.weight;
        self.refill(wakers);
        Some(item.item)
    }

    /// The item that has been in line for longest.
    pub(super) fn take(&mut self, wakers: &mut Wakers) -> Result<T, Nothing> {
        let Some(item) = self.room.pop_front() else {
            return Err(if self.closed { Nothing::Ever } else { Nothing::Yet });
        };
        self.weight -= item.weight;
        self.refill(wakers);
        Ok(item.item)
    }

    /// The next item, or a place among those who wait for one: `number` is that place, and none again afterwards.
    pub(super) fn poll_take(
        &mut self,
        number: &mut Option<u64>,
        cx: &Context<'_>,
        wakers: &mut Wakers,
    ) -> Poll<Option<T>> {
        if self.room.is_empty() && !self.closed {
            self.wait(number, cx);
            return Poll::Pending;
        }
        // It goes before it takes: what comes in behind the item must wake one who stays.
        if let Some(place) = number.take().and_then(|number| self.taker(number)) {
            self.takers.remove(place);
        }
        Poll::Ready(self.take(wakers).ok())
    }

    /// One who waited for an item goes away; if it was woken, another one is woken in its stead.
    pub(super) fn leave(&mut self, number: u64, wakers: &mut Wakers) {
        let gone = self.taker(number).and_then(|place| self.takers.remove(place));
        if gone.is_some_and(|taker| taker.woken) && !self.room.is_empty() {
            self.wake_taker(wakers);
        }
    }

    /// Lets nothing in any more. What is in stays to be taken; what is parked goes back to its senders.
    pub(super) fn close(&mut self, wakers: &mut Wakers) {
        self.closed = true;
        wakers.extend(self.parked.iter_mut().filter_map(|parked| parked.waker.take()));
        for taker in &mut self.takers {
            taker.woken = true;
            wakers.push(taker.waker.clone());
        }
    }

    /// Takes out all that is in and all that is parked, in order; to their senders it is as if they had been let in.
    pub(super) fn drain(&mut self, wakers: &mut Wakers) -> Vec<T> {
        let parked = std::mem::take(&mut self.parked).into_iter().map(|parked| {
            wakers.extend(parked.waker);
            parked.inner
        });
        let all = std::mem::take(&mut self.room).into_iter().chain(parked).map(|item| item.item).collect();
        self.weight = 0;
        self.measure();
        all
    }

    /// Takes out all that is in; what is parked is left to its senders.
    pub(super) fn clear(&mut self) -> Vec<T> {
        let all = std::mem::take(&mut self.room).into_iter().map(|item| item.item).collect();
        self.weight = 0;
        self.measure();
        all
    }

    pub(super) fn closed(&self) -> bool {
        self.closed
    }

    pub(super) fn len(&self) -> usize {
        self.room.len()
    }

    pub(super) fn weight(&self) -> usize {
        self.weight
    }

    pub(super) fn parked(&self) -> usize {
        self.parked.len()
    }

    pub(super) fn reading(&self) -> Reading {
        self.reading
    }

    pub(super) fn bounds(&self) -> Bounds {
        self.bounds
    }

    fn fits(&self, weight: usize) -> bool {
        let light = |gauge: Gauge| gauge.limit.checked_sub(self.weight).is_some_and(|left| weight <= left);
        self.room.len() < self.bounds.items.limit && self.bounds.weight.is_none_or(light)
    }

    fn let_in(&mut self, item: Item<T>, wakers: &mut Wakers) {
        self.weight += item.weight;
        self.room.push_back(item);
        self.wake_taker(wakers);
    }

    /// Lets in who is parked and fits now, then looks how full it is: an item that is replaced at once has not left.
    fn refill(&mut self, wakers: &mut Wakers) {
        while !self.closed
            && self.parked.front().is_some_and(|parked| self.fits(parked.inner.weight))
            && let Some(parked) = self.parked.pop_front()
        {
            wakers.extend(parked.waker);
            self.let_in(parked.inner, wakers);
        }
        self.measure();
    }

    fn wake_taker(&mut self, wakers: &mut Wakers) {
        if let Some(taker) = self.takers.iter_mut().find(|taker| !taker.woken) {
            taker.woken = true;
            wakers.push(taker.waker.clone());
        }
    }

    fn wait(&mut self, number: &mut Option<u64>, cx: &Context<'_>) {
        if let Some(taker) = number.and_then(|number| self.taker(number)).and_then(|place| self.takers.get_mut(place)) {
            taker.waker.clone_from(cx.waker());
            taker.woken = false;
            return;
        }
        self.next += 1;
        *number = Some(self.next);
        self.takers.push_back(Taker { number: self.next, waker: cx.waker().clone(), woken: false });
    }

    fn taker(&self, number: u64) -> Option<usize> {
        place(&self.takers, number, |taker| taker.number)
    }

    fn measure(&mut self) {
        let (items, weight) = (self.bounds.items, self.bounds.weight);
        let turns = match self.reading.pressure {
            Pressure::Low => self.room.len() >= items.high || weight.is_some_and(|gauge| self.weight >= gauge.high),
            Pressure::High => self.room.len() <= items.low && weight.is_none_or(|gauge| self.weight <= gauge.low),
        };
        if turns {
            self.reading.turn();
        }
    }
}

/// Where `number` stands in a list whose numbers go up.
fn place<I>(list: &VecDeque<I>, number: u64, of: impl Fn(&I) -> u64) -> Option<usize> {
    list.binary_search_by_key(&number, of).ok()
}

fn keep(waker: &mut Option<Waker>, cx: &Context<'_>) {
    match waker {
        Some(waker) => waker.clone_from(cx.waker()),
        None => *waker = Some(cx.waker().clone()),
    }
}
