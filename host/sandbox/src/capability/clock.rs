//! `wasi:clocks`: the real time, or a virtual one whose sleeps end.
//!
//! The virtual clock starts at the same moment in each call and moves only by what the guest does: a microsecond with each reading,
//! and to its end with each sleep that is waited for. So a guest that waits makes progress at once, one that polls for time to
//! pass makes progress too, and a call remains a function of its input.

use std::collections::BTreeSet;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use hotcell_call::{Capability, ClockMode, Used};
use wasmtime::component::Resource;
use wasmtime_wasi::p2::bindings::clocks::monotonic_clock::{self, Instant as Nanos};
use wasmtime_wasi::p2::bindings::clocks::wall_clock::{self, Datetime};
use wasmtime_wasi::p2::{DynPollable, Pollable, subscribe};

use crate::cell::Cell;
use crate::stop::Stop;

/// 2000-01-01T00:00:00Z: late enough for certificates and file times to make sense, and plainly not now.
const VIRTUAL_START: u64 = 946_684_800;
/// By how much each reading moves the virtual clock.
const READING: u64 = 1_000;

/// The clock of one call.
#[derive(Debug)]
pub(crate) enum Clock {
    Virtual(VirtualTime),
    /// The machine's; monotonic time counts from the call's start, so that it tells nothing of the machine.
    Real(Instant),
    /// Monotonic time runs virtually, the time of day is denied.
    Withheld(VirtualTime),
}

/// Time that moves by what is done with it; shared between a call's clock and its sleeps.
#[derive(Debug, Clone, Default)]
pub(crate) struct VirtualTime(Arc<Mutex<Moment>>);

#[derive(Debug, Default)]
struct Moment {
    /// Nanoseconds since the call's start.
    now: u64,
    /// The ends of all sleeps that are being waited for.
    waited: BTreeSet<(u64, u64)>,
    next: u64,
}

/// A sleep that is being waited for; forgotten on drop.
struct Waited {
    time: VirtualTime,
    end: (u64, u64),
}

// === impl Clock ===

impl Clock {
    pub(crate) fn new(mode: ClockMode) -> Self {
        match mode {
            ClockMode::Virtual => Self::Virtual(VirtualTime::default()),
            ClockMode::Real => Self::Real(Instant::now()),
            ClockMode::Withheld => Self::Withheld(VirtualTime::default()),
        }
    }

    /// Begins anew, for the next call in the same cell.
    pub(crate) fn renew(&mut self) {
        match self {
            Self::Real(start) => *start = Instant::now(),
            Self::Virtual(time) | Self::Withheld(time) => *time.lock() = Moment::default(),
        }
    }

    /// Nanoseconds since the start, after this reading.
    fn read(&self) -> u64 {
        match self {
            Self::Real(start) => u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX),
            Self::Virtual(time) | Self::Withheld(time) => time.read(),
        }
    }

    fn sleep_until(&self, when: u64) -> Sleep {
        match self {
            Self::Virtual(time) | Self::Withheld(time) => Sleep::Virtual { time: time.clone(), until: when },
            Self::Real(start) => match start.checked_add(Duration::from_nanos(when)) {
                Some(until) => Sleep::Real(until.into()),
                None => Sleep::Forever,
            },
        }
    }
}

// === impl VirtualTime ===

impl VirtualTime {
    fn lock(&self) -> MutexGuard<'_, Moment> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn read(&self) -> u64 {
        let mut moment = self.lock();
        moment.now = moment.now.saturating_add(READING);
        moment.now
    }

    fn wait(&self, until: u64) -> Waited {
        self.read();
        let mut moment = self.lock();
        moment.next += 1;
        let end = (until, moment.next);
        moment.waited.insert(end);
        Waited { time: self.clone(), end }
    }
}

impl Waited {
    fn is_over(&self) -> bool {
        self.end.0 <= self.time.lock().now
    }

    /// Moves the clock to this sleep's end, if no other that is waited for ends before.
    fn end_if_next(&self) -> bool {
        let mut moment = self.time.lock();
        let next = moment.waited.first() == Some(&self.end);
        if next {
            moment.now = moment.now.max(self.end.0);
        }
        next
    }
}

impl Drop for Waited {
    fn drop(&mut self) {
        self.time.lock().waited.remove(&self.end);
    }
}

/// A sleep that a guest may wait for, several times.
enum Sleep {
    Virtual { time: VirtualTime, until: u64 },
    Real(tokio::time::Instant),
    Forever,
}

#[async_trait::async_trait]
impl Pollable for Sleep {
    async fn ready(&mut self) {
        match self {
            Self::Virtual { time, until } => {
                let waited = time.wait(*until);
                let mut gave_way = false;
                poll_fn(|cx| {
                    if waited.is_over() {
                        return Poll::Ready(());
                    }
                    // First everything else that the guest waits for is asked: the earliest sleep is the one that ends.
                    if !std::mem::replace(&mut gave_way, true) {
                        cx.waker().wake_by_ref();
                        return Poll::Pending;
                    }
                    if waited.end_if_next() { Poll::Ready(()) } else { Poll::Pending }
                })
                .await;
            }
            Self::Real(until) => tokio::time::sleep_until(*until).await,
            Self::Forever => std::future::pending().await,
        }
    }
}

impl Cell {
    fn note_real_clock(&mut self) {
        if matches!(self.clock, Clock::Real(_)) {
            self.note(Used::Clock);
            self.teller.allowed(Capability::Clock, "the machine's clocks", || "clock real".to_owned());
        }
    }

    fn sleep(&mut self, until: u64) -> wasmtime::Result<Resource<DynPollable>> {
        let sleep = self.table.push(self.clock.sleep_until(until))?;
        subscribe(&mut self.table, sleep)
    }
}

impl monotonic_clock::Host for &mut Cell {
    fn now(&mut self) -> wasmtime::Result<Nanos> {
        self.note_real_clock();
        Ok(self.clock.read())
    }

    fn resolution(&mut self) -> wasmtime::Result<Nanos> {
        Ok(READING)
    }

    fn subscribe_instant(&mut self, when: Nanos) -> wasmtime::Result<Resource<DynPollable>> {
        self.note_real_clock();
        self.sleep(when)
    }

    fn subscribe_duration(&mut self, duration: u64) -> wasmtime::Result<Resource<DynPollable>> {
        self.note_real_clock();
        let until = self.clock.read().saturating_add(duration);
        self.sleep(until)
    }
}

impl wall_clock::Host for &mut Cell {
    fn now(&mut self) -> wasmtime::Result<Datetime> {
        self.note_real_clock();
        let since_1970 = match &self.clock {
            Clock::Real(_) => SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default(),
            Clock::Virtual(time) => Duration::from_secs(VIRTUAL_START) + Duration::from_nanos(time.read()),
            Clock::Withheld(_) => {
                return Err(Stop::Denied(self.deny(Capability::Clock, "the time of day")).into());
            }
        };
        Ok(Datetime { seconds: since_1970.as_secs(), nanoseconds: since_1970.subsec_nanos() })
    }

    fn resolution(&mut self) -> wasmtime::Result<Datetime> {
        Ok(Datetime { seconds: 0, nanoseconds: 1_000 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_earliest_sleep_ends_first_whatever_the_order() {
        let time = VirtualTime::default();
        let sleep = |until| Sleep::Virtual { time: time.clone(), until };
        let (mut late, mut early) = (sleep(20_000_000), sleep(10_000_000));
        tokio::select! {
            biased;
            () = late.ready() => panic!("the later one ended"),
            () = early.ready() => {}
        }
        assert_eq!(time.lock().now, 10_000_000);
        late.ready().await;
        assert_eq!(time.lock().now, 20_000_000);
        assert!(time.lock().waited.is_empty());
    }

    #[test]
    fn asking_again_and_again_makes_time_pass() {
        let time = VirtualTime::default();
        let mut sleep = Sleep::Virtual { time: time.clone(), until: 1_000_000 };
        let asked = (0..).take_while(|_| futures::FutureExt::now_or_never(sleep.ready()).is_none()).count();
        assert!(asked <= 1_000, "{asked}");
    }
}
