//! What happens, told to whoever listens.
//!
//! An event goes one way: middleware may change it or keep it back, redaction first; then it is numbered, kept in the history of its
//! run, and handed to all listeners, who share it. A listener has a bounded buffer. One that is too slow loses the oldest events and
//! is told how many: it can hold up neither a call nor another listener. When nobody listens, and an event belongs to no run, telling
//! it costs a counter.

mod history;
mod middleware;
mod property;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use hotcell_call::{CallId, Event, Happening, RunId, TenantId, ToolCall};
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;

use self::history::History;
pub use self::history::RunHistory;
pub use self::middleware::{Middleware, Pass, Redact};
pub use self::property::{Observed, Property};

/// Events that a listener may be behind.
const BUFFER: usize = 4_096;

/// The stream of all events. A [`Host`](crate::Host) has one; a program may have others of its own.
pub struct Events {
    sender: broadcast::Sender<Arc<Event>>,
    next: AtomicU64,
    middleware: Vec<Box<dyn Middleware>>,
    /// Events that no listener was told, because middleware broke on them.
    broken: AtomicU64,
    history: Mutex<History>,
    /// How many runs are under way.
    pub(crate) runs: Property<usize>,
}

/// What an event is about; nothing of it: the host itself.
#[derive(Debug, Clone, Copy, Default)]
pub struct About<'a> {
    /// On whose behalf it happened.
    pub tenant: Option<&'a TenantId>,
    /// Which call.
    pub call: Option<CallId>,
    /// Which run, or the one that the call belongs to.
    pub run: Option<RunId>,
}

impl<'a> About<'a> {
    /// A call.
    #[must_use]
    pub fn call(call: &'a ToolCall) -> Self {
        Self { tenant: Some(&call.tenant), call: Some(call.id), run: call.run }
    }

    /// A run.
    #[must_use]
    pub fn run(tenant: &'a TenantId, run: RunId) -> Self {
        Self { tenant: Some(tenant), call: None, run: Some(run) }
    }
}

/// A listener; stops listening when dropped.
pub struct Subscription {
    receiver: broadcast::Receiver<Arc<Event>>,
    wants: Option<Wants>,
}

/// Whether a listener wants to be told of an event.
type Wants = Box<dyn Fn(&Event) -> bool + Send + Sync>;

/// What a listener hears.
#[derive(Debug, Clone)]
pub enum Heard {
    /// An event, which all listeners share.
    Event(Arc<Event>),
    /// So many events were lost because this listener was too slow.
    Missed(u64),
}

impl Events {
    /// One whose events are told as they are.
    #[must_use]
    pub fn new() -> Self {
        Self::through(Vec::new())
    }

    /// A stream whose events go through middleware, one after the other.
    #[must_use]
    pub fn through(middleware: Vec<Box<dyn Middleware>>) -> Self {
        Self {
            sender: broadcast::Sender::new(BUFFER),
            next: AtomicU64::new(0),
            middleware,
            broken: AtomicU64::new(0),
            history: Mutex::default(),
            runs: Property::new(0),
        }
    }

    /// Listens from now on.
    #[must_use]
    pub fn subscribe(&self) -> Subscription {
        Subscription { receiver: self.sender.subscribe(), wants: None }
    }

    /// Tells what happened; `what` is not even made when nobody listens and no run keeps it.
    pub fn tell(&self, about: About<'_>, what: impl FnOnce() -> Happening) {
        let listens = self.sender.receiver_count() > 0;
        if !listens && about.run.is_none() {
            self.next.fetch_add(1, Ordering::Relaxed);
            return;
        }
        let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let at_ms = u64::try_from(since_1970.as_millis()).unwrap_or(u64::MAX);
        let About { tenant, call, run } = about;
        let event = Event { seq: 0, at_ms, tenant: tenant.cloned(), call, run, what: what() };
        let Some(mut event) = self.passed(event) else { return };
        // Numbered, kept and sent under one lock: so each listener hears them in the order of their numbers.
        let mut history = self.history.lock().unwrap_or_else(PoisonError::into_inner);
        event.seq = self.next.fetch_add(1, Ordering::Relaxed);
        let event = Arc::new(event);
        history.keep(&event);
        // Nobody listening any more is no error.
        let _ = self.sender.send(event);
    }

    /// The number that the next event will have.
    #[must_use]
    pub fn next(&self) -> u64 {
        self.next.load(Ordering::Relaxed)
    }

    /// What middleware leaves of an event.
    fn passed(&self, event: Event) -> Option<Event> {
        if self.middleware.is_empty() {
            return Some(event);
        }
        let passed = self.middleware.iter().try_fold(Box::new(event), |event, middleware| {
            match middleware::apply(&**middleware, event) {
                Ok(Pass::On(event)) => Some(event),
                Ok(Pass::Stop) => None,
                Err(()) => {
                    self.broken.fetch_add(1, Ordering::Relaxed);
                    None
                }
            }
        });
        passed.map(|event| *event)
    }

    /// How many events nobody was told because middleware broke on them.
    #[must_use]
    pub fn broken(&self) -> u64 {
        self.broken.load(Ordering::Relaxed)
    }

    /// What is kept of a run.
    #[must_use]
    pub fn history(&self, run: RunId) -> Option<RunHistory> {
        self.history.lock().unwrap_or_else(PoisonError::into_inner).of(run)
    }
}

impl Default for Events {
    fn default() -> Self {
        Self::new()
    }
}

impl std::fmt::Debug for Events {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Events")
            .field("next", &self.next)
            .field("middleware", &self.middleware.len())
            .finish_non_exhaustive()
    }
}

impl Subscription {
    /// The same listener, told only of events that it wants. What it misses is counted whether it wanted it or not.
    #[must_use]
    pub fn only(mut self, wants: impl Fn(&Event) -> bool + Send + Sync + 'static) -> Self {
        self.wants = Some(Box::new(wants));
        self
    }

    /// The next event, or how many were missed; none when the host is gone. Safe to drop and to ask again: nothing is lost by that.
    pub async fn next(&mut self) -> Option<Heard> {
        loop {
            match self.receiver.recv().await {
                Ok(event) if self.wants.as_ref().is_none_or(|wants| wants(&event)) => return Some(Heard::Event(event)),
                Ok(_) => {}
                Err(RecvError::Lagged(missed)) => return Some(Heard::Missed(missed)),
                Err(RecvError::Closed) => return None,
            }
        }
    }
}

impl std::fmt::Debug for Subscription {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Subscription").field("behind", &self.receiver.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    fn progress(done: u64) -> Happening {
        Happening::Progress { done, total: None, message: "secret-word of it".to_owned() }
    }

    fn run(number: u128) -> Option<RunId> {
        Some(RunId::from_bits(number))
    }

    fn of(number: u128) -> About<'static> {
        About { run: run(number), ..About::default() }
    }

    fn next(listener: &mut Subscription) -> Option<Heard> {
        listener.next().now_or_never().flatten()
    }

    // S52: who does not listen loses the oldest and is told how many; nobody else is held up by it.
    #[test]
    fn s52_a_listener_that_sleeps_is_told_what_it_missed_and_stalls_nobody() {
        let events = Events::new();
        let (mut asleep, mut awake) = (events.subscribe(), events.subscribe());
        let all = BUFFER as u64 + 1_000;
        let mut heard = 0;
        for done in 0..all {
            events.tell(About::default(), || progress(done));
            heard += u64::from(matches!(next(&mut awake), Some(Heard::Event(_))));
        }
        assert_eq!(heard, all);
        let Some(Heard::Missed(missed)) = next(&mut asleep) else { panic!("it missed some") };
        let Some(Heard::Event(first)) = next(&mut asleep) else { panic!("the rest is there") };
        assert_eq!((missed, first.seq), (1_000, 1_000));
        drop((asleep, awake));
        assert_eq!(events.sender.receiver_count(), 0, "who is dropped does not listen");
    }

    // S51: numbered in the order of the stream, whoever tells.
    #[test]
    fn s51_events_are_numbered_in_the_order_in_which_they_are_told() {
        let events = Events::new();
        let mut listener = events.subscribe();
        std::thread::scope(|scope| {
            for number in 1..=4 {
                let events = &events;
                scope.spawn(move || {
                    let about = if number < 3 { of(number) } else { About::default() };
                    (0..250).for_each(|done| events.tell(about, || progress(done)));
                });
            }
        });
        let seqs: Vec<u64> = std::iter::from_fn(|| match next(&mut listener)? {
            Heard::Event(event) => Some(event.seq),
            Heard::Missed(_) => None,
        })
        .collect();
        assert_eq!(seqs, (0..1_000).collect::<Vec<_>>());
        let of_one = events.history(RunId::from_bits(1)).unwrap();
        let done: Vec<u64> = of_one
            .events
            .iter()
            .filter_map(|event| match event.what {
                Happening::Progress { done, .. } => Some(done),
                _ => None,
            })
            .collect();
        assert_eq!(done, (0..250).collect::<Vec<_>>());
    }

    // S59: one that breaks is alone with it.
    #[test]
    fn s59_whoever_stops_listening_or_refuses_takes_nothing_from_the_others() {
        let events = Events::new();
        let mut first = events.subscribe();
        let second = events.subscribe().only(|_| false);
        let mut third = events.subscribe();
        for done in 0..3 {
            events.tell(About::default(), || progress(done));
        }
        drop(second);
        events.tell(About::default(), || progress(3));
        for listener in [&mut first, &mut third] {
            let heard = std::iter::from_fn(|| next(listener)).filter(|heard| matches!(heard, Heard::Event(_))).count();
            assert_eq!(heard, 4);
        }
    }

    // S55: nothing is lost by a wait that is given up.
    #[test]
    fn s55_waits_that_are_given_up_swallow_nothing() {
        let events = Events::new();
        let mut listener = events.subscribe();
        for _ in 0..100 {
            assert!(next(&mut listener).is_none());
        }
        for done in 0..8 {
            events.tell(About::default(), || progress(done));
        }
        let seqs: Vec<u64> = std::iter::from_fn(|| match next(&mut listener)? {
            Heard::Event(event) => Some(event.seq),
            Heard::Missed(_) => None,
        })
        .collect();
        assert_eq!(seqs, (0..8).collect::<Vec<_>>());
    }

    // S67: in their order, redaction first; one that stops an event, or breaks, keeps it back, and everything else goes on.
    #[test]
    fn s67_middleware_changes_events_and_keeps_them_back() {
        let stop = |event: Box<Event>| match event.what {
            Happening::Progress { done: 2, .. } => Pass::Stop,
            Happening::Progress { done: 3, .. } => panic!("a bug"),
            _ => Pass::On(event),
        };
        let events = Events::through(vec![Box::new(Redact::new(["secret-word".to_owned()])), Box::new(stop)]);
        let mut listener = events.subscribe();
        for done in 1..=4 {
            events.tell(of(1), || progress(done));
        }
        let mut seen = Vec::new();
        while let Some(Heard::Event(event)) = next(&mut listener) {
            let Happening::Progress { done, message, .. } = &event.what else { panic!("{event:?}") };
            seen.push((event.seq, *done, message.clone()));
        }
        let clean = "[redacted] of it".to_owned();
        assert_eq!(seen, [(0, 1, clean.clone()), (1, 4, clean)]);
        assert_eq!((events.broken(), events.history(RunId::from_bits(1)).unwrap().events.len()), (1, 2));
    }

    // S57: the history of runs is bounded, run by run and in all.
    #[test]
    fn s57_history_is_kept_by_run_and_bounded() {
        let events = Events::new();
        for done in 0..3_000 {
            events.tell(of(1), || progress(done));
        }
        events.tell(About::default(), || progress(0));
        let one = events.history(RunId::from_bits(1)).unwrap();
        assert_eq!((one.events.len(), one.dropped), (1_000, 2_000));
        assert!(one.events.is_sorted_by_key(|event| event.seq));
        for number in 2..10_002 {
            events.tell(of(number), || progress(1));
        }
        assert!(events.history(RunId::from_bits(1)).is_none(), "the oldest runs make room");
        assert_eq!(events.history(RunId::from_bits(10_001)).unwrap().events.len(), 1);
        let kept = (1..10_002).filter(|number| events.history(RunId::from_bits(*number)).is_some()).count();
        assert_eq!(kept, 256);
    }

    #[test]
    fn a_listener_may_want_the_events_of_one_run_alone() {
        let events = Events::new();
        let mut listener = events.subscribe().only(|event| event.run == run(2));
        for number in [1, 2, 3, 2] {
            events.tell(of(number), || progress(1));
        }
        let seqs: Vec<u64> = std::iter::from_fn(|| match next(&mut listener)? {
            Heard::Event(event) => Some(event.seq),
            Heard::Missed(_) => None,
        })
        .collect();
        assert_eq!(seqs, [1, 3]);
    }
}
