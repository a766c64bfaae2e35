//! The last events, for clients that follow them and come back.
//!
//! One listener writes down what happens, and any number of clients read it at their own speed: each asks for what comes after the
//! number that it saw last. Who reads too slowly, or stays away too long, is told how many it missed. Nothing is written down while
//! nobody reads: a tape that has not been read for a while is thrown away, and events cost their makers nothing again.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hotcell_call::{Event, TenantId};
use hotcell_runtime::{Heard, Host};
use tokio::sync::Notify;
use tokio::time::Instant;

/// What is written down now, if anybody reads.
#[derive(Debug, Default)]
pub(crate) struct Tape {
    now: Mutex<Option<Arc<Written>>>,
}

/// A piece of the stream of events.
#[derive(Debug)]
pub(crate) struct Written {
    state: Mutex<State>,
    more: Notify,
}

#[derive(Debug)]
struct State {
    /// What happened, in the order of its numbers; with gaps where events are missing.
    events: VecDeque<Arc<Event>>,
    weight: u64,
    /// The number that the next event has at least: all before it were there to be written down, or were missed.
    next: u64,
    read: Instant,
    over: bool,
}

/// What a reader sees.
#[derive(Debug)]
pub(crate) enum Seen {
    Event(Arc<Event>),
    /// So many events are not there any more, of whomever they were.
    Missed(u64),
}

/// One who reads.
#[derive(Debug)]
pub(crate) struct Reader {
    tape: Arc<Written>,
    /// The number of the next event to be read.
    at: u64,
}

/// Events that are kept at most, and what they may weigh.
const MOST: usize = 8_192;
const MOST_WEIGHT: u64 = 16 << 20;
/// After which nobody is expected back.
const UNREAD: Duration = Duration::from_secs(60);

impl Tape {
    /// Reads what happens from now on, or after the event that was seen last.
    pub(crate) fn read(&self, host: &Host, last: Option<u64>) -> Reader {
        let mut now = self.now.lock().unwrap_or_else(PoisonError::into_inner);
        let tape = match &*now {
            Some(tape) if tape.is_wanted() => Arc::clone(tape),
            _ => Arc::clone(now.insert(Written::begin(host))),
        };
        let next = tape.lock().next;
        // A number that was never told here is from before the process began: from then on all is new.
        let at = last.map_or(next, |last| last.saturating_add(1).min(next));
        Reader { tape, at }
    }
}

impl Written {
    fn begin(host: &Host) -> Arc<Self> {
        let mut events = host.events();
        let state =
            State { events: VecDeque::new(), weight: 0, next: host.next_event(), read: Instant::now(), over: false };
        let tape = Arc::new(Self { state: Mutex::new(state), more: Notify::new() });
        let writer = Arc::clone(&tape);
        tokio::spawn(async move {
            let mut look = tokio::time::interval(UNREAD / 4);
            loop {
                tokio::select! {
                    heard = events.next() => match heard {
                        Some(Heard::Event(event)) => writer.write(event),
                        // The next one's number tells how many there were.
                        Some(Heard::Missed(_)) => {}
                        None => break,
                    },
                    _ = look.tick() => if Arc::strong_count(&writer) <= 2 && writer.is_unread() { break },
                }
            }
            {
                let mut state = writer.lock();
                state.over = true;
                state.events = VecDeque::new();
            }
            writer.more.notify_waiters();
        });
        tape
    }

    fn write(&self, event: Arc<Event>) {
        let mut state = self.lock();
        if event.seq > state.next && !state.events.is_empty() {
            // The writer missed some: to whoever has not read those before them either, they are all gone.
            state.events.clear();
            state.weight = 0;
        }
        state.next = state.next.max(event.seq.saturating_add(1));
        state.weight = state.weight.saturating_add(event.weight().as_u64());
        state.events.push_back(event);
        while state.events.len() > MOST || state.weight > MOST_WEIGHT {
            let Some(gone) = state.events.pop_front() else { break };
            state.weight = state.weight.saturating_sub(gone.weight().as_u64());
        }
        drop(state);
        self.more.notify_waiters();
    }

    fn is_unread(&self) -> bool {
        self.lock().read.elapsed() >= UNREAD
    }

    /// Marks that somebody reads; false if it is written no more.
    fn is_wanted(&self) -> bool {
        let mut state = self.lock();
        state.read = Instant::now();
        !state.over
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Reader {
    /// The next event that `wants` wants, or how many were missed before it; none when there will be no more.
    pub(crate) async fn next(&mut self, wants: impl Fn(&Event) -> bool) -> Option<Seen> {
        let tape = Arc::clone(&self.tape);
        loop {
            let more = tape.more.notified();
            tokio::pin!(more);
            // From here on nothing is missed that is written before the wait begins.
            more.as_mut().enable();
            if let Some(seen) = self.look(&wants) {
                return seen;
            }
            more.await;
        }
    }

    /// What is there now; none: nothing yet.
    #[expect(clippy::option_option, reason = "nothing yet, and nothing any more, are two things")]
    fn look(&mut self, wants: impl Fn(&Event) -> bool) -> Option<Option<Seen>> {
        let mut state = self.tape.lock();
        state.read = Instant::now();
        let first = state.events.front().map_or(state.next, |event| event.seq);
        if self.at < first {
            let missed = first - self.at;
            self.at = first;
            return Some(Some(Seen::Missed(missed)));
        }
        let from = state.events.partition_point(|event| event.seq < self.at);
        let found = state.events.iter().skip(from).find(|event| wants(event));
        self.at = found.map_or(state.next.max(self.at), |event| event.seq.saturating_add(1));
        match found {
            Some(event) => Some(Some(Seen::Event(Arc::clone(event)))),
            None if state.over => Some(None),
            None => None,
        }
    }
}

/// Whether an event is a tenant's to see.
pub(crate) fn is_of(event: &Event, tenant: &TenantId) -> bool {
    event.tenant.as_ref() == Some(tenant)
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;
    use hotcell_call::Happening;

    use super::*;

    fn event(seq: u64, tenant: &str) -> Arc<Event> {
        let what = Happening::Progress { done: seq, total: None, message: String::new() };
        Arc::new(Event { seq, at_ms: 0, tenant: Some(tenant.parse().unwrap()), call: None, run: None, what })
    }

    fn tape() -> Arc<Written> {
        let state = State { events: VecDeque::new(), weight: 0, next: 0, read: Instant::now(), over: false };
        Arc::new(Written { state: Mutex::new(state), more: Notify::new() })
    }

    fn seen(reader: &mut Reader, tenant: &str) -> Vec<String> {
        let tenant = tenant.parse().unwrap();
        let mut all = Vec::new();
        while let Some(Some(seen)) = reader.next(|event| is_of(event, &tenant)).now_or_never() {
            all.push(match seen {
                Seen::Event(event) => event.seq.to_string(),
                Seen::Missed(missed) => format!("-{missed}"),
            });
        }
        all
    }

    #[test]
    fn each_reader_sees_its_own_from_where_it_was() {
        let tape = tape();
        let mut fresh = Reader { tape: Arc::clone(&tape), at: 0 };
        for seq in 0..6 {
            tape.write(event(seq, if seq % 2 == 0 { "acme" } else { "bolt" }));
        }
        assert_eq!(seen(&mut fresh, "acme"), ["0", "2", "4"]);
        tape.write(event(6, "acme"));
        assert_eq!(seen(&mut fresh, "acme"), ["6"]);
        let mut back = Reader { tape: Arc::clone(&tape), at: 3 };
        assert_eq!(seen(&mut back, "bolt"), ["3", "5"]);
    }

    #[test]
    fn what_the_writer_missed_is_missed_by_its_readers() {
        let tape = tape();
        let mut reader = Reader { tape: Arc::clone(&tape), at: 0 };
        tape.write(event(0, "acme"));
        assert_eq!(seen(&mut reader, "acme"), ["0"]);
        tape.write(event(1, "acme"));
        tape.write(event(5, "acme"));
        assert_eq!(seen(&mut reader, "acme"), ["-4", "5"]);
    }

    #[test]
    fn what_is_not_there_any_more_is_counted() {
        let tape = tape();
        let all = MOST as u64 + 10;
        (0..all).for_each(|seq| tape.write(event(seq, "acme")));
        let mut slow = Reader { tape: Arc::clone(&tape), at: 3 };
        let seen = seen(&mut slow, "acme");
        assert_eq!((seen[0].as_str(), seen[1].as_str(), seen.len()), ("-7", "10", MOST + 1));
        // Events of this number were never told: another process, another time.
        let mut stranger = Reader { tape: Arc::clone(&tape), at: all + 5 };
        assert!(super::tests::seen(&mut stranger, "acme").is_empty());
        tape.lock().over = true;
        assert!(slow.next(|_| true).now_or_never().unwrap().is_none());
    }
}
