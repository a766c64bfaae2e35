//! The slow lane: where calls that run long share the cores.
//!
//! A call runs free in its first slice. Once it has held a core for longer than that, each further slice needs a permit of the
//! lane, and there is one permit less than there are cores. So a short call never waits behind long ones, however many there
//! are, and that costs a short call nothing.
//!
//! A permit is held for one poll of the call's future, which is one slice: the guest gives way at each tick of the epoch, and
//! a guest that waits for the host holds no permit. Among those that wait for one, the tenant that had least goes first, and
//! within a tenant the call that had least; so tenants share the lane by their weights, however many calls each of them has. A
//! tenant that did not wait for a while, because it was away or because it had all that it asked for, starts level with the
//! others when it waits again: it has saved nothing up (start-time fair queueing, Goyal, Vin and Cheng, 1996).

use std::collections::{BTreeMap, HashMap};
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use hotcell_call::TenantId;

use crate::ticker::SLICE;

/// The lane; clones are the same lane.
#[derive(Debug, Clone)]
pub(crate) struct Lane(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    free: usize,
    tenants: HashMap<TenantId, Tenant>,
    /// What the tenant that was served last has had: where newcomers start.
    level: Duration,
    next: u64,
}

/// A tenant with at least one call in the lane.
#[derive(Debug, Default)]
struct Tenant {
    calls: usize,
    /// Time that it held permits, divided by its weight.
    had: Duration,
    weight: u32,
    waiting: BTreeMap<(Duration, u64), Waker>,
    /// Calls that were given a permit and have not been polled since.
    granted: Vec<u64>,
}

/// A call's place in the lane; leaves on drop.
#[derive(Debug)]
struct Place {
    lane: Lane,
    tenant: TenantId,
    number: u64,
    /// The key under which it waits.
    waits: Option<(Duration, u64)>,
}

impl Lane {
    /// A lane for a machine of so many cores.
    pub(crate) fn new(cores: usize) -> Self {
        let free = cores.saturating_sub(1).max(1);
        Self(Arc::new(Mutex::new(State { free, tenants: HashMap::new(), level: Duration::ZERO, next: 0 })))
    }

    /// Runs `call` so that it shares the lane once it runs long.
    pub(crate) fn run<F: Future + Unpin>(&self, tenant: &TenantId, weight: u32, call: F) -> Sliced<F> {
        Sliced {
            call,
            lane: self.clone(),
            tenant: tenant.clone(),
            weight,
            busy: Duration::ZERO,
            left: None,
            place: None,
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn enter(&self, tenant: &TenantId, weight: u32) -> Place {
        let mut state = self.lock();
        state.next += 1;
        let (number, level) = (state.next, state.level);
        let entry = state.tenants.entry(tenant.clone()).or_insert_with(|| Tenant { had: level, ..Tenant::default() });
        entry.calls += 1;
        entry.weight = weight.max(1);
        Place { lane: self.clone(), tenant: tenant.clone(), number, waits: None }
    }
}

impl State {
    /// Hands free permits to those who wait, least served first.
    fn serve(&mut self) -> Vec<Waker> {
        let mut woken = Vec::new();
        while self.free > 0 {
            let waiting = self.tenants.values_mut().filter(|tenant| !tenant.waiting.is_empty());
            let Some(tenant) = waiting.min_by_key(|tenant| tenant.had) else { break };
            let Some(((_, number), waker)) = tenant.waiting.pop_first() else { break };
            self.level = self.level.max(tenant.had);
            tenant.granted.push(number);
            self.free -= 1;
            woken.push(waker);
        }
        woken
    }
}

impl Place {
    /// Whether a permit is held after this.
    fn poll_permit(&mut self, busy: Duration, cx: &Context<'_>) -> Poll<()> {
        let mut state = self.lane.lock();
        let (free, level) = (state.free, state.level);
        let quiet = state.tenants.values().all(|tenant| tenant.waiting.is_empty());
        let Some(tenant) = state.tenants.get_mut(&self.tenant) else { return Poll::Ready(()) };
        if let Some(place) = tenant.granted.iter().position(|number| *number == self.number) {
            tenant.granted.swap_remove(place);
            self.waits = None;
            return Poll::Ready(());
        }
        if let Some(waker) = self.waits.and_then(|key| tenant.waiting.get_mut(&key)) {
            waker.clone_from(cx.waker());
            return Poll::Pending;
        }
        if free > 0 && quiet {
            let had = tenant.had;
            state.free -= 1;
            state.level = state.level.max(had);
            return Poll::Ready(());
        }
        let key = (busy, self.number);
        if tenant.waiting.is_empty() {
            tenant.had = tenant.had.max(level);
        }
        tenant.waiting.insert(key, cx.waker().clone());
        self.waits = Some(key);
        let woken = state.serve();
        drop(state);
        wake(woken);
        Poll::Pending
    }

    /// Gives the permit back and accounts for its use.
    fn give_back(&self, used: Duration) {
        let mut state = self.lane.lock();
        state.free += 1;
        if let Some(tenant) = state.tenants.get_mut(&self.tenant) {
            tenant.had += used / tenant.weight.max(1);
        }
        let woken = state.serve();
        drop(state);
        wake(woken);
    }
}

/// A permit in use: given back also when the poll panics.
struct Held<'a> {
    place: &'a Place,
    started: Instant,
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.place.give_back(self.started.elapsed());
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut state = self.lane.lock();
        let Some(tenant) = state.tenants.get_mut(&self.tenant) else { return };
        if let Some(key) = self.waits {
            tenant.waiting.remove(&key);
        }
        let unused = tenant.granted.iter().position(|number| *number == self.number);
        if let Some(place) = unused {
            tenant.granted.swap_remove(place);
        }
        tenant.calls -= 1;
        if tenant.calls == 0 {
            state.tenants.remove(&self.tenant);
        }
        state.free += usize::from(unused.is_some());
        let woken = state.serve();
        drop(state);
        wake(woken);
    }
}

/// Wakes outside the lock: a waker may run anything.
fn wake(woken: Vec<Waker>) {
    woken.into_iter().for_each(Waker::wake);
}

/// A call that shares the lane once it runs long; see [`Lane::run`].
pub(crate) struct Sliced<F> {
    call: F,
    lane: Lane,
    tenant: TenantId,
    weight: u32,
    busy: Duration,
    /// When it last left the core.
    left: Option<Instant>,
    place: Option<Place>,
}

impl<F> Sliced<F> {
    /// When the call last left the core.
    pub(crate) fn left(&self) -> Option<Instant> {
        self.left
    }

    /// How long the call has held a core so far.
    pub(crate) fn busy(&self) -> Duration {
        self.busy
    }
}

impl<F: Future + Unpin> Future for Sliced<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = &mut *self;
        if this.place.is_none() && this.busy > SLICE {
            this.place = Some(this.lane.enter(&this.tenant, this.weight));
        }
        if let Some(place) = &mut this.place
            && place.poll_permit(this.busy, cx).is_pending()
        {
            return Poll::Pending;
        }
        let started = Instant::now();
        let held = this.place.as_ref().map(|place| Held { place, started });
        let polled = Pin::new(&mut this.call).poll(cx);
        let left = Instant::now();
        this.busy += left.saturating_duration_since(started);
        this.left = Some(left);
        drop(held);
        polled
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    fn tenant(name: &str) -> TenantId {
        name.parse().unwrap()
    }

    /// A place whose permit is asked for with a counting waker.
    fn ask(place: &mut Place, busy: u64) -> bool {
        let cx = Context::from_waker(Waker::noop());
        place.poll_permit(Duration::from_millis(busy), &cx).is_ready()
    }

    #[test]
    fn one_core_is_left_to_short_calls() {
        let lane = Lane::new(3);
        let mut places: Vec<_> = (0..3).map(|_| lane.enter(&tenant("a"), 1)).collect();
        assert_eq!(places.iter_mut().map(|place| ask(place, 1)).collect::<Vec<_>>(), [true, true, false]);
    }

    #[test]
    fn tenants_share_equally_however_many_calls_they_have() {
        let lane = Lane::new(2);
        let mut calls: Vec<(Place, u64)> = Vec::new();
        for (name, count) in [("many", 9), ("one", 1)] {
            calls.extend((0..count).map(|_| (lane.enter(&tenant(name), 1), 0)));
        }
        let mut served = HashMap::<String, u64>::new();
        let mut granted: Vec<bool> = calls.iter_mut().map(|(place, busy)| ask(place, *busy)).collect();
        for _ in 0..1_000 {
            let turn = granted.iter().position(|held| *held).unwrap();
            let (place, busy) = &mut calls[turn];
            *busy += 1;
            *served.entry(place.tenant.to_string()).or_default() += 1;
            place.give_back(Duration::from_millis(1));
            let busy = calls[turn].1;
            granted[turn] = ask(&mut calls[turn].0, busy);
            for (held, (place, busy)) in granted.iter_mut().zip(&mut calls) {
                *held = *held || ask(place, *busy);
            }
        }
        assert!((499..=501).contains(&served["one"]), "{served:?}");
        let own: Vec<u64> = calls.iter().take(9).map(|(_, busy)| *busy).collect();
        assert!(own.iter().max().unwrap() - own.iter().min().unwrap() <= 1, "{own:?}");
    }

    /// Calls that hold a permit give it back after a slice of 1 ms and ask again, so often; gives what each tenant was served.
    fn slices(calls: &mut [(Place, u64, bool)], rounds: usize) -> HashMap<String, u64> {
        let mut served = HashMap::new();
        for (place, busy, held) in calls.iter_mut() {
            *held = *held || ask(place, *busy);
        }
        for _ in 0..rounds {
            let running: Vec<usize> = (0..calls.len()).filter(|call| calls[*call].2).collect();
            for call in running {
                let (place, busy, held) = &mut calls[call];
                (*busy, *held) = (*busy + 1, false);
                *served.entry(place.tenant.to_string()).or_default() += 1;
                place.give_back(Duration::from_millis(1));
                for (place, busy, held) in calls.iter_mut() {
                    *held = *held || ask(place, *busy);
                }
            }
        }
        served
    }

    #[test]
    fn who_asked_for_little_has_saved_nothing_up_for_later() {
        let lane = Lane::new(8);
        let many = |name: &str, count: u64| -> Vec<(Place, u64, bool)> {
            (0..count).map(|_| (lane.enter(&tenant(name), 1), 0, false)).collect()
        };
        let mut calls = many("busy", 20);
        calls.extend(many("modest", 1));
        // One call can hold one permit of the seven: that is all that it asks for.
        let served = slices(&mut calls, 2_000);
        assert!(served["busy"] > 5 * served["modest"], "{served:?}");
        calls.extend(many("modest", 20));
        let served = slices(&mut calls, 100);
        let (busy, modest) = (served["busy"], served["modest"]);
        assert!(busy.abs_diff(modest) <= 20, "{served:?}");
    }

    #[test]
    fn tenants_share_by_their_weights() {
        let lane = Lane::new(2);
        let mut calls: Vec<_> = [("light", 1), ("heavy", 3)]
            .into_iter()
            .flat_map(|(name, weight)| (0..5).map(move |_| (name, weight)))
            .map(|(name, weight)| (lane.enter(&tenant(name), weight), 0, false))
            .collect();
        let served = slices(&mut calls, 400);
        assert!((295..=305).contains(&served["heavy"]), "{served:?}");
    }

    #[test]
    fn a_call_that_goes_away_gives_its_turn_to_the_next() {
        let lane = Lane::new(2);
        let (mut first, mut second, mut third) =
            (lane.enter(&tenant("a"), 1), lane.enter(&tenant("a"), 1), lane.enter(&tenant("b"), 1));
        assert!(ask(&mut first, 1) && !ask(&mut second, 1) && !ask(&mut third, 1));
        first.give_back(Duration::from_millis(1));
        drop(third);
        drop(first);
        assert!(ask(&mut second, 1));
        second.give_back(Duration::ZERO);
        drop(second);
        let state = lane.lock();
        assert_eq!((state.free, state.tenants.len()), (1, 0));
    }

    #[test]
    fn an_idle_tenant_saves_nothing_up() {
        let lane = Lane::new(2);
        let mut busy = lane.enter(&tenant("busy"), 1);
        for turn in 0..100 {
            assert!(ask(&mut busy, turn));
            busy.give_back(Duration::from_millis(1));
        }
        assert!(ask(&mut busy, 100));
        let mut late = lane.enter(&tenant("late"), 1);
        assert!(!ask(&mut late, 0));
        let had = lane.lock().tenants[&tenant("late")].had;
        assert!(had >= Duration::from_millis(99), "{had:?}");
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn no_wake_up_is_lost() {
        static DONE: AtomicUsize = AtomicUsize::new(0);
        let lane = Lane::new(2);
        let spin = async || {
            for _ in 0..20 {
                let until = Instant::now() + Duration::from_micros(300);
                while Instant::now() < until {
                    std::hint::spin_loop();
                }
                tokio::task::yield_now().await;
            }
            DONE.fetch_add(1, Ordering::Relaxed);
        };
        let calls = (0..16).map(|i| {
            let lane = lane.clone();
            tokio::spawn(
                async move { lane.run(&tenant(if i % 2 == 0 { "a" } else { "b" }), 1, Box::pin(spin())).await },
            )
        });
        for call in calls.collect::<Vec<_>>() {
            call.await.unwrap();
        }
        assert_eq!(DONE.load(Ordering::Relaxed), 16);
        let state = lane.lock();
        assert_eq!((state.free, state.tenants.len()), (1, 0));
    }
}
