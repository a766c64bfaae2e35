//! Waiting at the door, until there is room for one more task.
//!
//! Who is let in next is for [`fair`](crate::fair) to say; here is how the callers wait. A place that comes free is handed to its
//! caller under the lock in which it came free: it is kept until the caller fetches it, and goes to the next one if that caller is
//! gone. So no wake-up is lost, and nobody has to ask again.

use std::collections::BTreeMap;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use super::Id;
use super::capacity::Capacity;
use super::error::SubmitError;
use super::plan::Key;
use super::shared::{Cell, Shared, State};
use super::signal::Signals;
use super::task::Task;
use super::ticket::Ticket;
use crate::fair::{Arrival, Knock, Place};
use crate::timer::before;

/// Those who wait, by their knock.
#[derive(Debug, Default)]
pub(super) struct Callers {
    callers: BTreeMap<Knock, Caller>,
    closed: bool,
}

#[derive(Debug)]
struct Caller {
    /// As long as it waits.
    waker: Option<Waker>,
    /// What was handed to it, and is not fetched yet.
    place: Option<Place>,
}

/// One caller's wait.
struct Wait<'a, I: Id, K: Id, C: Capacity> {
    shared: &'a Arc<Shared<I, K, C>>,
    /// Until it is taken or refused.
    asked: Option<Asked<I, K, C::Permit>>,
    /// Its place at the door, once it has arrived there.
    knock: Option<Knock>,
}

/// What it wants in.
struct Asked<I, K, P> {
    task: Task<I, K>,
    cell: Cell<I, P>,
    signals: Arc<Signals<I>>,
}

/// What a wait gives.
type Entered<I, K, C> = Result<Ticket<I, K, C>, SubmitError<I>>;

/// Takes a task, or waits at the door for a place until `until`, and at most until the task's deadline.
pub(super) async fn enter<I: Id, K: Id, C: Capacity>(
    shared: &Arc<Shared<I, K, C>>,
    task: Task<I, K>,
    until: Instant,
) -> Entered<I, K, C> {
    let (id, until) = (task.id.clone(), task.terms.deadline.map_or(until, |deadline| deadline.min(until)));
    let (cell, signals) = Cell::new();
    let mut wait = Wait { shared, asked: Some(Asked { task, cell, signals }), knock: None };
    // With room there is nothing to set a timer for.
    if let Poll::Ready(entered) = poll_fn(|context| Poll::Ready(wait.poll_now(context))).await {
        return entered;
    }
    match before(&*shared.timer, Some(until), wait).await {
        Some(entered) => entered,
        None => Err(shared.change(|state, _| state.plan.refuse(SubmitError::Late(id)))),
    }
}

// === impl Wait ===

impl<I: Id, K: Id, C: Capacity> Wait<'_, I, K, C> {
    fn poll_now(&mut self, context: &Context<'_>) -> Poll<Entered<I, K, C>> {
        match self.knock {
            None => self.arrive(context),
            Some(knock) if self.shared.look(|state| state.callers.waits(knock, context)) => Poll::Pending,
            Some(knock) => {
                self.knock = None;
                self.fetch(knock)
            }
        }
    }

    /// Takes the task if there is room, or else goes to the door.
    fn arrive(&mut self, context: &Context<'_>) -> Poll<Entered<I, K, C>> {
        let (shared, asked, knock) = (self.shared, &mut self.asked, &mut self.knock);
        let taken = shared.change_then(
            |state, now| match state.plan.arrive(now, &asked.as_ref()?.task) {
                Ok(Arrival::In(place)) => Some(asked.take()?.take_in(state, now, place)),
                Ok(Arrival::AtDoor(number)) => {
                    state.callers.join(number, context);
                    *knock = Some(number);
                    None
                }
                Err(error) => Some(Err(error)),
            },
            |state, taken| taken.map(|taken| taken.map(|(key, signals)| (key, signals, state.fetch(key)))),
        );
        match taken {
            Some(taken) => Poll::Ready(taken.map(|(key, signals, grant)| Ticket::new(shared, key, signals, grant))),
            None => Poll::Pending,
        }
    }

    /// Takes the task in the place that was handed over, if one was.
    fn fetch(&mut self, knock: Knock) -> Poll<Entered<I, K, C>> {
        let Some(asked) = self.asked.take() else {
            return Poll::Pending;
        };
        let taken = self.shared.change_then(
            |state, now| match state.callers.leave(knock) {
                Some(place) => asked.take_in(state, now, place),
                None => {
                    state.plan.leave(knock);
                    Err(state.plan.refuse(SubmitError::Closed))
                }
            },
            |state, taken| taken.map(|(key, signals)| (key, signals, state.fetch(key))),
        );
        Poll::Ready(taken.map(|(key, signals, grant)| Ticket::new(self.shared, key, signals, grant)))
    }
}

impl<I: Id, K: Id, P> Asked<I, K, P> {
    fn take_in(
        self,
        state: &mut State<I, K, P>,
        now: Instant,
        place: Place,
    ) -> Result<(Key, Arc<Signals<I>>), SubmitError<I>> {
        let Self { task, cell, signals } = self;
        state.plan.submit_in(now, place, task, cell).map(|key| (key, signals))
    }
}

impl<I: Id, K: Id, C: Capacity> Future for Wait<'_, I, K, C> {
    type Output = Entered<I, K, C>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.get_mut().poll_now(context)
    }
}

impl<I: Id, K: Id, C: Capacity> Unpin for Wait<'_, I, K, C> {}

impl<I: Id, K: Id, C: Capacity> Drop for Wait<'_, I, K, C> {
    fn drop(&mut self) {
        if let Some(knock) = self.knock {
            // What it was handed is free again, and goes to the next with this same change.
            self.shared.change(|state, _| match state.callers.leave(knock) {
                Some(place) => state.plan.release_place(place),
                None => state.plan.leave(knock),
            });
        }
    }
}

// === impl Callers ===

impl Callers {
    /// Whether nobody is there, not even one who was handed a place.
    pub(super) fn is_empty(&self) -> bool {
        self.callers.is_empty()
    }

    fn join(&mut self, knock: Knock, context: &Context<'_>) {
        self.callers.insert(knock, Caller { waker: Some(context.waker().clone()), place: None });
    }

    /// Whether a caller still waits; if so, `context` is woken when it no longer does.
    fn waits(&mut self, knock: Knock, context: &Context<'_>) -> bool {
        let waker = self.callers.get_mut(&knock).and_then(|caller| caller.waker.as_mut());
        waker.is_some_and(|waker| {
            waker.clone_from(context.waker());
            true
        })
    }

    /// Goes away, with what was handed over and not fetched.
    #[must_use = "what was handed over must be used or given back"]
    fn leave(&mut self, knock: Knock) -> Option<Place> {
        self.callers.remove(&knock)?.place
    }

    /// Hands a place to a caller that waits; gets whom to wake, or the place back.
    pub(super) fn serve(&mut self, knock: Knock, place: Place) -> Result<Waker, Place> {
        let caller = self.callers.get_mut(&knock).and_then(|caller| Some((caller.waker.take()?, &mut caller.place)));
        match caller {
            Some((waker, handed)) => {
                *handed = Some(place);
                Ok(waker)
            }
            None => Err(place),
        }
    }

    /// Sends away all who wait, once and for all; gets whom to wake.
    pub(super) fn disperse(&mut self) -> Vec<Waker> {
        if std::mem::replace(&mut self.closed, true) {
            return Vec::new();
        }
        self.callers.values_mut().filter_map(|caller| caller.waker.take()).collect()
    }
}
