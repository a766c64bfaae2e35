//! Faults at every await: tasks, waits and the loop are polled, dropped and made to panic in any order; at the end only what was
//! woken is polled, so that a lost wake-up is a task that never ends.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeSet, HashMap};
use std::future::{poll_fn, ready};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};

use futures::FutureExt;
use futures::future::{BoxFuture, LocalBoxFuture};
use hotcell_call::{Clock, ManualClock};
use proptest::prelude::*;

use crate::Timer;
use crate::fair::{self, Caps, Compartment, Share, Shares};
use crate::limit::Fixed;
use crate::permit::Permits;
use crate::schedule::*;

type Test = Scheduler<u32, u32>;
type Ended = Standing<End<u32>>;

/// Time that stands still until it is told to pass; it wakes its sleepers as a real timer would.
#[derive(Default)]
struct Stopped {
    clock: ManualClock,
    sleepers: Mutex<Vec<(Instant, Waker)>>,
}

struct Time(Arc<Stopped>);

impl Clock for Time {
    fn now(&self) -> Instant {
        self.0.clock.now()
    }
}

impl Timer for Time {
    fn sleep_until(&self, at: Instant) -> BoxFuture<'static, ()> {
        let time = Arc::clone(&self.0);
        poll_fn(move |context| {
            if at <= time.clock.now() {
                return Poll::Ready(());
            }
            time.sleepers.lock().unwrap().push((at, context.waker().clone()));
            Poll::Pending
        })
        .boxed()
    }
}

impl Stopped {
    fn pass(&self, millis: u64) {
        self.clock.advance(Duration::from_millis(millis));
        let now = self.clock.now();
        let mut sleepers = self.sleepers.lock().unwrap();
        let (due, later) = std::mem::take(&mut *sleepers).into_iter().partition(|(at, _)| *at <= now);
        *sleepers = later;
        drop(sleepers);
        let due: Vec<(Instant, Waker)> = due;
        due.into_iter().for_each(|(_, waker)| waker.wake());
    }

    fn next(&self) -> Option<Instant> {
        self.sleepers.lock().unwrap().iter().map(|(at, _)| *at).min()
    }
}

/// A future that is polled by hand, and knows whether it was woken.
struct Polled {
    future: LocalBoxFuture<'static, ()>,
    woken: Arc<Woken>,
}

struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::SeqCst);
    }
}

impl Polled {
    fn new(future: impl Future<Output = ()> + 'static) -> Self {
        Self { future: future.boxed_local(), woken: Arc::new(Woken(AtomicBool::new(true))) }
    }

    /// Whether it is over, by its end or by a panic.
    fn poll(&mut self) -> bool {
        self.woken.0.store(false, Ordering::SeqCst);
        let waker = Waker::from(Arc::clone(&self.woken));
        let future = Pin::as_mut(&mut self.future);
        catch_unwind(AssertUnwindSafe(|| future.poll(&mut Context::from_waker(&waker)).is_ready())).unwrap_or(true)
    }

    fn is_woken(&self) -> bool {
        self.woken.0.load(Ordering::SeqCst)
    }
}

/// What the work of a task does when it is polled next.
#[derive(Debug, Clone, Copy)]
enum Order {
    Finish,
    Fail,
    Panic,
    /// Is to be run again, in so many milliseconds.
    Again(u64),
    /// Does nothing with its turn.
    Decline,
}

/// So many milliseconds, that whoever would wait for it has lost a wake-up.
const FAR: u64 = 1_000_000;

/// One task as its caller sees it.
struct Job {
    order: Rc<Cell<Option<Order>>>,
    waker: Rc<RefCell<Option<Waker>>>,
    polled: Option<Polled>,
}

#[derive(Debug, Clone)]
enum Step {
    Submit { needs: Vec<prop::sample::Index>, start: Option<u64>, deadline: Option<u64>, tenant: u32 },
    SubmitAll(Vec<(usize, usize)>),
    Enter { start: Option<u64>, deadline: Option<u64>, tenant: u32, until: Option<u64> },
    Tell(prop::sample::Index, Order),
    Poll(prop::sample::Index),
    Drop(prop::sample::Index),
    Cancel(prop::sample::Index),
    Wait(prop::sample::Index),
    PollWait(prop::sample::Index),
    DropWait(prop::sample::Index),
    PollService,
    DropService,
    Slots(usize),
    Pass(u64),
    Close(bool),
}

fn step() -> impl Strategy<Value = Step> {
    let which = || any::<prop::sample::Index>();
    let time = || prop::option::weighted(0.4, 1_u64..40);
    let order = prop_oneof![
        4 => Just(Order::Finish),
        1 => Just(Order::Fail),
        1 => Just(Order::Panic),
        3 => (0_u64..20).prop_map(Order::Again),
        1 => Just(Order::Decline),
    ];
    prop_oneof![
        100 => (prop::collection::vec(which(), 0..3), time(), time(), 0_u32..3)
            .prop_map(|(needs, start, deadline, tenant)| Step::Submit { needs, start, deadline, tenant }),
        10 => prop::collection::vec((0_usize..3, 0_usize..3), 0..4).prop_map(Step::SubmitAll),
        80 => (time(), time(), 0_u32..3, prop_oneof![1 => Just(None), 3 => (0_u64..30).prop_map(Some), 6 => Just(Some(FAR))])
            .prop_map(|(start, deadline, tenant, until)| Step::Enter { start, deadline, tenant, until }),
        80 => (which(), order).prop_map(|(which, order)| Step::Tell(which, order)),
        120 => which().prop_map(Step::Poll),
        30 => which().prop_map(Step::Drop),
        30 => which().prop_map(Step::Cancel),
        20 => which().prop_map(Step::Wait),
        20 => which().prop_map(Step::PollWait),
        10 => which().prop_map(Step::DropWait),
        80 => Just(Step::PollService),
        1 => Just(Step::DropService),
        20 => (1_usize..4).prop_map(Step::Slots),
        60 => (0_u64..15).prop_map(Step::Pass),
        3 => prop::bool::weighted(0.3).prop_map(Step::Close),
    ]
}

struct World {
    time: Arc<Stopped>,
    slots: Permits,
    scheduler: Option<Test>,
    service: Option<Polled>,
    jobs: HashMap<u32, Job>,
    /// Which of them were taken; the others wait at the door, or were refused.
    taken: Rc<RefCell<BTreeSet<u32>>>,
    waits: Vec<Polled>,
    /// What those who waited were told.
    told: Rc<RefCell<Vec<(u32, Ended)>>>,
    starts: Rc<RefCell<HashMap<u32, u32>>>,
    /// How often a task was to run again.
    agains: Rc<RefCell<HashMap<u32, u32>>>,
    next: u32,
}

impl World {
    fn new() -> Self {
        let settings = Settings {
            fair: fair::Settings { items: 10, door: Some(8), tenants: 3, ..fair::Settings::default() },
            needs: 3,
            remembered: 1_000,
            remember_for: Duration::MAX,
            ..Settings::default()
        };
        let shares = Shares::equal(Share { running: 3, waiting: 6, weight: 1 }).unwrap();
        let (time, slots) = (Arc::new(Stopped::default()), Permits::new(2));
        let timer = Arc::new(Time(Arc::clone(&time)));
        let (scheduler, service) = Scheduler::new(settings, shares, slots.clone(), timer).unwrap();
        scheduler.set_caps(Caps::equal(1).unwrap());
        Self {
            time,
            slots,
            scheduler: Some(scheduler),
            service: Some(Polled::new(service.run())),
            jobs: HashMap::new(),
            taken: Rc::default(),
            waits: Vec::new(),
            told: Rc::default(),
            starts: Rc::default(),
            agains: Rc::default(),
            next: 0,
        }
    }

    fn scheduler(&self) -> &Test {
        self.scheduler.as_ref().unwrap()
    }

    fn at(&self, millis: u64) -> Instant {
        self.time.clock.now() + Duration::from_millis(millis)
    }

    /// The life of a task: its turn, its work, its end.
    fn job(&mut self, id: u32, entered: impl Future<Output = Option<Ticket<u32, u32>>> + 'static) {
        let order: Rc<Cell<Option<Order>>> = Rc::default();
        let waker: Rc<RefCell<Option<Waker>>> = Rc::default();
        let (told, starts, agains) = (Rc::clone(&self.told), Rc::clone(&self.starts), Rc::clone(&self.agains));
        let (orders, wakers, time) = (Rc::clone(&order), Rc::clone(&waker), Arc::clone(&self.time));
        let taken = Rc::clone(&self.taken);
        let life = async move {
            let Some(mut ticket) = entered.await else {
                return;
            };
            taken.borrow_mut().insert(id);
            loop {
                let mut started = match ticket.await {
                    Ok(started) => started,
                    Err(end) => return told.borrow_mut().push((id, Standing::Ended(end))),
                };
                *starts.borrow_mut().entry(id).or_default() += 1;
                let work = poll_fn(|context| {
                    *wakers.borrow_mut() = Some(context.waker().clone());
                    match orders.take() {
                        None => Poll::Pending,
                        Some(Order::Panic) => resume_unwind(Box::new("the tool panicked")),
                        Some(order) => Poll::Ready(order),
                    }
                });
                ticket = match started.attempt(work).await {
                    Ok(Order::Again(millis)) => {
                        *agains.borrow_mut().entry(id).or_default() += 1;
                        let at = time.clock.now() + Duration::from_millis(millis);
                        started.again(at, Report::failed().cost(3))
                    }
                    Ok(Order::Decline) => return started.decline(),
                    Ok(Order::Fail) => return started.finish(Report::failed()),
                    Ok(_) => return started.finish(Report::done()),
                    Err(_) => return,
                };
            }
        };
        self.jobs.insert(id, Job { order, waker, polled: Some(Polled::new(life)) });
    }

    /// One that was submitted just now.
    fn submitted(&mut self, id: u32, ticket: Ticket<u32, u32>) {
        self.taken.borrow_mut().insert(id);
        self.job(id, ready(Some(ticket)));
    }

    fn task(&self, tenant: u32, start: Option<u64>, deadline: Option<u64>) -> Task<u32, u32> {
        let mut task = Task::new(self.next, tenant).compartment(Compartment(u64::from(self.next % 3)));
        if let Some(start) = start {
            task = task.start_at(self.at(start));
        }
        if let Some(deadline) = deadline {
            task = task.deadline(self.at(deadline));
        }
        task
    }

    fn enter(&mut self, task: Task<u32, u32>, until: Option<u64>) {
        let (scheduler, until) = (self.scheduler().clone(), until.map(|until| self.at(until)));
        let entered = async move { scheduler.enter(task, until).await.ok() };
        self.next += 1;
        self.job(self.next - 1, entered);
    }

    fn pick(&self, which: prop::sample::Index) -> Option<u32> {
        let mut ids: Vec<u32> = self.jobs.keys().copied().collect();
        ids.sort_unstable();
        (!ids.is_empty()).then(|| ids[which.index(ids.len())])
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Submit { needs, start, deadline, tenant } => {
                let needs = needs.into_iter().filter_map(|need| self.pick(need));
                let task = self.task(tenant, start, deadline).needs(needs);
                self.next += 1;
                if let Ok(ticket) = self.scheduler().submit(task) {
                    self.submitted(self.next - 1, ticket);
                }
            }
            Step::Enter { start, deadline, tenant, until } => {
                self.enter(self.task(tenant, start, deadline), until);
            }
            Step::SubmitAll(edges) => self.submit_all(&edges),
            Step::Tell(which, order) => {
                if let Some(job) = self.pick(which).and_then(|id| self.jobs.get(&id)) {
                    job.order.set(Some(order));
                    job.waker.take().into_iter().for_each(Waker::wake);
                }
            }
            Step::Poll(which) => {
                if let Some(job) = self.pick(which).and_then(|id| self.jobs.get_mut(&id))
                    && job.polled.as_mut().is_some_and(Polled::poll)
                {
                    job.polled = None;
                }
            }
            Step::Drop(which) => {
                if let Some(job) = self.pick(which).and_then(|id| self.jobs.get_mut(&id)) {
                    job.polled = None;
                }
            }
            Step::Cancel(which) => {
                if let Some(id) = self.pick(which) {
                    self.scheduler().cancel(&id);
                }
            }
            Step::Wait(which) => self.wait(which),
            Step::PollWait(which) if !self.waits.is_empty() => {
                let at = which.index(self.waits.len());
                if self.waits[at].poll() {
                    drop(self.waits.swap_remove(at));
                }
            }
            Step::DropWait(which) if !self.waits.is_empty() => {
                drop(self.waits.swap_remove(which.index(self.waits.len())));
            }
            Step::PollWait(_) | Step::DropWait(_) => {}
            Step::PollService => self.poll_service(),
            Step::DropService => self.service = None,
            Step::Slots(limit) => self.slots.steer(Fixed::new(limit)),
            Step::Pass(millis) => self.time.pass(millis),
            Step::Close(stop) => self.scheduler().close(if stop { Closing::Stop } else { Closing::Drain }),
        }
        self.check();
    }

    fn submit_all(&mut self, edges: &[(usize, usize)]) {
        let ids: Vec<u32> = (self.next..self.next + 3).collect();
        self.next += 3;
        let tasks = (0..3).map(|index| {
            let needs = edges.iter().filter(|(after, _)| *after == index).map(|(_, before)| ids[*before]);
            Task::new(ids[index], 1).needs(needs)
        });
        if let Ok(tickets) = self.scheduler().submit_all(tasks) {
            for (id, ticket) in ids.into_iter().zip(tickets) {
                self.submitted(id, ticket);
            }
        }
    }

    fn wait(&mut self, which: prop::sample::Index) {
        if let Some(id) = self.pick(which).filter(|id| self.taken.borrow().contains(id)) {
            let (scheduler, told) = (self.scheduler().clone(), Rc::clone(&self.told));
            self.waits.push(Polled::new(async move {
                let end = scheduler.wait(&id, None).await.unwrap();
                told.borrow_mut().push((id, Standing::Ended(end)));
            }));
        }
    }

    fn poll_service(&mut self) {
        if self.service.as_mut().is_some_and(Polled::poll) {
            self.service = None;
        }
    }

    /// What holds at every instant.
    fn check(&self) {
        let status = self.scheduler().status();
        assert_eq!(status.submitted, self.taken.borrow().len() as u64);
        assert!(status.door <= 8);
        assert_eq!(status.submitted, status.live() as u64 + status.ended.total());
        assert_eq!((status.running, status.remembered as u64), (self.slots.running(), status.ended.total()));
        let taken = self.taken.borrow();
        let live = taken.iter().filter(|id| !matches!(self.scheduler().standing(id), Some(Standing::Ended(_))));
        assert_eq!(live.count(), status.live());
        for (id, starts) in self.starts.borrow().iter() {
            let agains = self.agains.borrow().get(id).copied().unwrap_or_default();
            assert!(*starts <= 1 + agains, "started more often than it was to run");
        }
    }

    /// Has all that runs finish, that was told nothing else.
    fn hurry(&self) {
        for job in self.jobs.values().filter(|job| job.order.get().is_none()) {
            job.order.set(Some(Order::Finish));
            job.waker.take().into_iter().for_each(Waker::wake);
        }
    }

    /// Lets all that is left run to its end, and then the loop.
    fn finish(mut self) {
        self.run_out();
        let pending = self.jobs.values().filter(|job| job.polled.is_some()).count();
        assert_eq!((pending, self.scheduler().status().door), (0, 0), "somebody waits for ever");
        let places = (0..3).map(|tenant| self.scheduler().usage(&tenant).waiting).sum::<usize>();
        assert_eq!(places, 0, "a place was lost");
        self.scheduler().close(Closing::Drain);
        self.run_out();
        self.settled();
    }

    /// Polls what was woken, and nothing else, until nothing is.
    fn run_out(&mut self) {
        loop {
            self.hurry();
            let mut idle = true;
            if self.service.as_ref().is_some_and(Polled::is_woken) {
                (idle, _) = (false, self.poll_service());
            }
            for job in self.jobs.values_mut() {
                if job.polled.as_ref().is_some_and(Polled::is_woken) {
                    idle = false;
                    if job.polled.as_mut().is_some_and(Polled::poll) {
                        job.polled = None;
                    }
                }
            }
            self.waits.retain_mut(|wait| {
                idle &= !wait.is_woken();
                !wait.is_woken() || !wait.poll()
            });
            self.check();
            match self.time.next() {
                _ if !idle => {}
                Some(next) if next < self.at(FAR / 2) => {
                    let left = next.saturating_duration_since(self.time.clock.now());
                    self.time.pass(u64::try_from(left.as_millis()).unwrap() + 1);
                }
                _ => return,
            }
        }
    }

    fn settled(mut self) {
        let status = self.scheduler().status();
        assert_eq!(status.live(), 0, "somebody waits for ever: {status:?}");
        assert!(self.waits.is_empty() && self.jobs.values().all(|job| job.polled.is_none()), "a wake-up was lost");
        assert!(self.service.is_none(), "the loop does not know that all is over");
        for (id, told) in self.told.borrow().iter() {
            assert_eq!(self.scheduler().standing(id), Some(*told), "two ends");
        }
        assert_eq!(self.slots.running(), 0);
        drop(self.scheduler.take());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn whatever_is_polled_dropped_or_panics_each_task_has_one_end_and_no_wake_up_is_lost(
        steps in prop::collection::vec(step(), 1..250),
    ) {
        let mut world = World::new();
        for step in steps {
            world.step(step);
        }
        world.finish();
    }
}
