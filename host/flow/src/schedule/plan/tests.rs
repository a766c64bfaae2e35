use std::collections::HashMap;

use hotcell_call::{Clock, ManualClock, Priority};
use proptest::prelude::*;

use super::*;
use crate::fair::{Full, Share};
use crate::schedule::task::Report;

type Number = usize;

fn start() -> Instant {
    ManualClock::default().now()
}

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn plan() -> Plan<&'static str, u32, ()> {
    Plan::new(Settings::default(), Shares::default()).unwrap()
}

fn task(id: &'static str) -> Task<&'static str, u32> {
    Task::new(id, 1)
}

/// The ends that have come, in their order.
fn ends<T>(plan: &mut Plan<&'static str, u32, T>) -> Vec<(Key, End<&'static str>)> {
    let mut ends = Vec::new();
    while let Some(change) = plan.next_change() {
        if let Change::Ended { key, end, .. } = change {
            ends.push((key, end));
        }
    }
    ends
}

fn ended(end: End<&'static str>) -> Option<Standing<End<&'static str>>> {
    Some(Standing::Ended(end))
}

#[test]
fn s30_what_makes_no_sense_is_not_taken_and_changes_nothing() {
    let now = start();
    let bounds = fair::Settings { items: 4, ..fair::Settings::default() };
    let settings = Settings { fair: bounds, needs: 2, ..Settings::default() };
    let shares = Shares::default().with(2, Share { waiting: 1, ..Share::default() }).unwrap();
    let mut plan = Plan::new(settings, shares).unwrap();
    plan.submit(now, task("a"), ()).unwrap();
    plan.submit(now, Task::new("b", 2), ()).unwrap();
    let late = now - millis(1);
    for (task, error) in [
        (task("a"), SubmitError::Duplicate("a")),
        (task("x").needs(["nothing"]), SubmitError::UnknownNeed { task: "x", need: "nothing" }),
        (task("x").needs(["x"]), SubmitError::Cycle(vec!["x", "x"])),
        (task("x").needs(["a", "a", "a"]), SubmitError::TooManyNeeds { task: "x", count: 3, bound: 2 }),
        (task("x").deadline(now), SubmitError::Late("x")),
        (task("x").deadline(late), SubmitError::Late("x")),
        (task("x").start_at(now + millis(5)).deadline(now + millis(5)), SubmitError::NeverInTime("x")),
        (Task::new("x", 2), SubmitError::Full(Full::Tenant { bound: 1 })),
    ] {
        let before = plan.status();
        assert_eq!(plan.submit(now, task, ()), Err(error));
        assert_eq!(plan.status(), Status { refused: before.refused + 1, ..before });
        assert_eq!(plan.standing(&"x"), None);
    }
    plan.submit(now, task("c"), ()).unwrap();
    plan.submit(now, task("d"), ()).unwrap();
    assert_eq!(plan.submit(now, task("e"), ()), Err(SubmitError::Full(Full::Items { bound: 4 })));
    plan.close(now, Closing::Drain);
    assert_eq!(plan.submit(now, task("e"), ()), Err(SubmitError::Closed));
}

#[test]
fn s30_a_start_that_has_passed_is_at_once() {
    let (now, mut plan) = (start(), plan());
    plan.submit(now, task("a").start_at(now - millis(1)), ()).unwrap();
    assert_eq!(plan.standing(&"a"), Some(Standing::Waiting));
}

#[test]
fn s35_tasks_that_need_each_other_are_taken_together_or_not_at_all() {
    let (now, mut plan) = (start(), plan());
    let before = plan.lengths();
    for (tasks, error) in [
        (
            vec![task("a").needs(["c"]), task("b").needs(["a"]), task("c").needs(["b"]), task("d")],
            SubmitError::Cycle(vec!["a", "b", "c", "a"]),
        ),
        (vec![task("a"), task("b").needs(["nothing"])], SubmitError::UnknownNeed { task: "b", need: "nothing" }),
        (vec![task("a"), task("a")], SubmitError::Duplicate("a")),
        (vec![task("a"), task("b").deadline(now)], SubmitError::Late("b")),
    ] {
        let tasks = tasks.into_iter().map(|task| (task, ())).collect();
        assert_eq!(plan.submit_all(now, tasks), Err(error));
        assert_eq!(plan.lengths(), before);
    }
    // A diamond, upside down.
    let tasks = [task("d").needs(["b", "c"]), task("c").needs(["a"]), task("b").needs(["a"]), task("a")];
    let keys = plan.submit_all(now, tasks.map(|task| (task, ())).into()).unwrap();
    let (mut order, mut running) = (Vec::new(), Vec::new());
    loop {
        running.extend(std::iter::from_fn(|| plan.start(now)));
        let Some(start) = running.pop() else {
            break;
        };
        order.push(start.key);
        plan.finish(now, start.key, Some(Report::done()));
    }
    assert_eq!((order.len(), order[0], order[3]), (4, keys[3], keys[0]));
    assert_eq!(plan.status().ended.done, 4);
}

#[test]
fn s35_no_task_that_may_start_waits_behind_one_that_may_not() {
    let (now, mut plan) = (start(), plan());
    let low = task("low").priority(Priority::Low);
    plan.submit(now, low, ()).unwrap();
    plan.submit(now, task("high").priority(Priority::High).needs(["low"]), ()).unwrap();
    plan.submit(now, task("later").priority(Priority::Critical).start_at(now + millis(1_100)), ()).unwrap();
    assert_eq!(
        ["low", "high", "later"].map(|id| plan.standing(&id).unwrap()),
        [Standing::Waiting, Standing::Blocked, Standing::Delayed]
    );
    let low = plan.start(now).unwrap();
    assert_eq!((Some(low.key), plan.start(now)), (plan.key(&"low"), None));
    plan.finish(now, low.key, Some(Report::done()));
    assert_eq!(plan.start(now).map(|start| start.key), plan.key(&"high"));
    assert_eq!(plan.next_instant(), Some(now + millis(1_100)));
    assert_eq!(plan.start(now + millis(1_100)).map(|start| start.key), plan.key(&"later"));
}

#[test]
fn s27_each_end_is_told_by_its_type() {
    let (now, mut plan) = (start(), plan());
    for id in ["done", "failed", "abandoned", "timed-out", "cancelled"] {
        plan.submit(now, task(id).deadline(now + millis(100)), ()).unwrap();
    }
    plan.submit(now, task("late").priority(Priority::Background).deadline(now + millis(50)), ()).unwrap();
    plan.submit(now, task("child").needs(["failed"]), ()).unwrap();
    plan.submit(now, task("grandchild").needs(["child"]), ()).unwrap();
    let keys: HashMap<_, _> = (0..5).map(|_| plan.start(now).unwrap().key).zip(0..).collect();
    assert_eq!(keys.len(), 5);
    let key = |plan: &Plan<_, _, _>, id| plan.key(&id).unwrap();
    let (done, failed) = (key(&plan, "done"), key(&plan, "failed"));
    assert!(plan.finish(now, done, Some(Report::done())));
    assert!(!plan.finish(now, done, Some(Report::done())), "once");
    assert!(plan.finish(now, failed, Some(Report::failed())));
    let abandoned = key(&plan, "abandoned");
    plan.finish(now, abandoned, None);
    let cancelled = key(&plan, "cancelled");
    assert!(plan.cancel(now, cancelled) && plan.cancel(now, cancelled));
    let timed_out = key(&plan, "timed-out");
    plan.advance(now + millis(100));
    assert!(!plan.cancel(now + millis(100), timed_out), "it was told why before");
    assert_eq!(plan.standing(&"timed-out"), Some(Standing::Running), "until its guard is gone");
    for key in [cancelled, timed_out] {
        plan.finish(now + millis(101), key, Some(Report::done()));
    }
    for (id, end) in [
        ("done", End::Done),
        ("failed", End::Failed),
        ("abandoned", End::Abandoned),
        ("cancelled", End::Cancelled),
        ("timed-out", End::TimedOut),
        ("late", End::Late),
        ("child", End::Skipped { because: "failed" }),
        ("grandchild", End::Skipped { because: "failed" }),
    ] {
        assert_eq!(plan.standing(&id), ended(end));
    }
    assert_eq!((ends(&mut plan).len(), plan.is_idle()), (8, true));
    plan.submit(now, task("orphan").needs(["grandchild", "done"]), ()).unwrap();
    assert_eq!(plan.standing(&"orphan"), ended(End::Skipped { because: "failed" }));
}

#[test]
fn s29_stopping_ends_what_waits_and_tells_what_runs() {
    let (now, mut plan) = (start(), plan());
    plan.submit(now, task("runs"), ()).unwrap();
    let runs = plan.start(now).unwrap().key;
    plan.submit(now, task("waits"), ()).unwrap();
    plan.submit(now, task("blocked").needs(["waits", "runs"]), ()).unwrap();
    plan.submit(now, task("delayed").start_at(now + millis(5)), ()).unwrap();
    plan.close(now, Closing::Stop);
    for id in ["waits", "blocked", "delayed"] {
        assert_eq!(plan.standing(&id), ended(End::Stopped), "{id}");
    }
    assert!((plan.start(now).is_none(), plan.is_over()) == (true, false));
    assert!(matches!(plan.next_change(), Some(Change::Ended { .. } | Change::Stop { .. })));
    plan.finish(now, runs, Some(Report::done()));
    assert_eq!((plan.standing(&"runs"), plan.is_over()), (ended(End::Stopped), true));
}

#[test]
fn s28_ends_are_remembered_for_so_long_and_so_many() {
    let now = start();
    let settings = Settings { remembered: 3, remember_for: millis(100), ..Settings::default() };
    let mut plan = Plan::new(settings, Shares::default()).unwrap();
    let run = |plan: &mut Plan<usize, u32, ()>, now, id| {
        let key = plan.submit(now, Task::new(id, 1), ()).unwrap();
        plan.start(now).unwrap();
        plan.finish(now, key, Some(Report::done()));
    };
    for id in 0..10 {
        run(&mut plan, now, id);
    }
    assert_eq!(
        (plan.standing(&6), plan.standing(&7), plan.status().remembered),
        (None, Some(Standing::Ended(End::Done)), 3)
    );
    run(&mut plan, now + millis(60), 10);
    assert_eq!(plan.next_instant(), Some(now + millis(100)));
    plan.advance(now + millis(100));
    assert_eq!((plan.status().remembered, plan.next_instant()), (1, Some(now + millis(160))));
    plan.advance(now + millis(160));
    run(&mut plan, now + millis(161), 7);
    assert_eq!((plan.status().ended.done, plan.lengths()[2]), (12, 1));
}

#[test]
fn s19_a_task_that_runs_again_waits_for_its_time_and_holds_nothing_meanwhile() {
    let (now, mut plan) = (start(), plan());
    plan.submit(now, task("a"), ()).unwrap();
    plan.submit(now, task("child").needs(["a"]), ()).unwrap();
    let key = plan.start(now).unwrap().key;
    assert!(plan.again(now, key, now + millis(50), Report::failed()));
    assert_eq!((plan.standing(&"a"), plan.standing(&"child")), (Some(Standing::Delayed), Some(Standing::Blocked)));
    assert_eq!((plan.status().running, plan.status().delayed, plan.next_instant()), (0, 1, Some(now + millis(50))));
    assert!(plan.start(now + millis(49)).is_none());
    assert!(!plan.again(now, key, now, Report::done()), "it does not run");
    let start = plan.start(now + millis(57)).unwrap();
    assert_eq!(start, Start { key, waited: Duration::ZERO }, "only now was it seen that its time had come");
    // A time that has passed is at once.
    assert!(plan.again(now + millis(60), key, now, Report::failed()));
    assert_eq!(plan.standing(&"a"), Some(Standing::Waiting));
    assert_eq!(plan.start(now + millis(64)), Some(Start { key, waited: millis(4) }), "the time of this wait only");
    assert!(plan.finish(now + millis(70), key, Some(Report::done())));
    assert_eq!((plan.standing(&"a"), plan.standing(&"child")), (ended(End::Done), Some(Standing::Waiting)));
    assert_eq!(ends(&mut plan), [(key, End::Done)]);
    assert!(!plan.again(now, key, now, Report::done()), "it has ended");
}

#[test]
fn s19_whatever_can_end_a_task_that_waits_ends_one_that_waits_to_run_again() {
    type Act = fn(&mut Plan<&'static str, u32, ()>, Key, Instant) -> bool;
    let (at, due) = (millis(50), millis(100));
    let again: Act = |plan, key, now| plan.again(now, key, now + millis(50), Report::failed());
    let rows: [(&str, Act, End<&str>); 8] = [
        ("its deadline", |plan, key, now| !plan.cancel(now + millis(100), key), End::Late),
        ("a cancel", |plan, key, now| plan.cancel(now, key), End::Cancelled),
        ("its caller", |plan, key, now| plan.withdraw(now, key), End::Cancelled),
        (
            "a stop",
            |plan, _, now| {
                plan.close(now, Closing::Stop);
                plan.is_over()
            },
            End::Stopped,
        ),
        (
            "a drain and its own end",
            |plan, key, now| {
                plan.close(now, Closing::Drain);
                assert_eq!(plan.start(now + millis(50)).map(|start| start.key), Some(key));
                plan.finish(now + millis(50), key, Some(Report::done()))
            },
            End::Done,
        ),
        (
            "a run in which it was told to stop",
            |plan, key, now| {
                plan.start(now + millis(50)).unwrap();
                plan.cancel(now + millis(50), key);
                plan.again(now + millis(50), key, now + millis(60), Report::done())
            },
            End::Cancelled,
        ),
        (
            "a run that was too long",
            |plan, key, now| {
                plan.start(now + millis(50)).unwrap();
                plan.again(now + millis(100), key, now + millis(100), Report::done())
            },
            End::TimedOut,
        ),
        (
            "a back-off that is too long",
            |plan, key, now| {
                plan.start(now + millis(50)).unwrap();
                plan.again(now + millis(60), key, now + millis(100), Report::done())
            },
            End::Late,
        ),
    ];
    for (name, act, end) in rows {
        let (now, mut plan) = (start(), plan());
        let key = plan.submit(now, task("a").deadline(now + due), ()).unwrap();
        plan.start(now).unwrap();
        assert!(again(&mut plan, key, now));
        assert_eq!(plan.next_instant(), Some(now + at));
        assert!(act(&mut plan, key, now), "{name}");
        assert_eq!(plan.standing(&"a"), ended(end), "{name}");
        assert_eq!(ends(&mut plan), [(key, end)], "{name}");
        assert_eq!((plan.status().live(), plan.status().ended.total(), plan.lengths()[4]), (0, 1, 0), "{name}");
    }
}

#[derive(Debug, Clone)]
enum Step {
    Submit { needs: Vec<prop::sample::Index>, start: Option<u64>, deadline: Option<u64>, tenant: u32 },
    SubmitAll { edges: Vec<(usize, usize)>, deadline: Option<u64> },
    Cancel(prop::sample::Index),
    Start,
    Finish(prop::sample::Index, Option<bool>),
    Withdraw(prop::sample::Index),
    Again(prop::sample::Index, u64),
    Pass(u64),
    Close(bool),
}

fn step() -> impl Strategy<Value = Step> {
    let which = || any::<prop::sample::Index>();
    let time = || prop::option::weighted(0.3, 0_u64..60);
    prop_oneof![
        8 => (prop::collection::vec(which(), 0..3), time(), time(), 0_u32..4)
            .prop_map(|(needs, start, deadline, tenant)| Step::Submit { needs, start, deadline, tenant }),
        1 => (prop::collection::vec((0_usize..5, 0_usize..5), 0..6), time())
            .prop_map(|(edges, deadline)| Step::SubmitAll { edges, deadline }),
        2 => which().prop_map(Step::Cancel),
        6 => Just(Step::Start),
        6 => (which(), prop::option::weighted(0.9, any::<bool>())).prop_map(|(which, how)| Step::Finish(which, how)),
        1 => which().prop_map(Step::Withdraw),
        3 => (which(), 0_u64..20).prop_map(|(which, wait)| Step::Again(which, wait)),
        4 => (0_u64..20).prop_map(Step::Pass),
        1 => prop::bool::weighted(0.2).prop_map(Step::Close),
    ]
}

/// What a test knows of each task that was taken.
struct Known {
    key: Key,
    needs: Vec<Number>,
    start: Instant,
    deadline: Option<Instant>,
    /// Whether it runs.
    started: bool,
    /// Whether it was told to stop.
    stopped: bool,
    /// How often it was to run again.
    again: u32,
    end: Option<End<Number>>,
}

struct Model {
    plan: Plan<Number, u32, Number>,
    known: HashMap<Number, Known>,
    next: Number,
    now: Instant,
}

impl Model {
    fn new() -> Self {
        let bounds = fair::Settings { items: 12, tenants: 3, ..fair::Settings::default() };
        let settings =
            Settings { fair: bounds, needs: 4, remembered: 1_000, remember_for: Duration::MAX, ..Settings::default() };
        let shares = Shares::equal(Share { running: 3, waiting: 6, weight: 1 }).unwrap();
        Self { plan: Plan::new(settings, shares).unwrap(), known: HashMap::new(), next: 0, now: start() }
    }

    fn task(&self, id: Number, tenant: u32, start: Option<u64>, deadline: Option<u64>) -> Task<Number, u32> {
        let mut task = Task::new(id, tenant);
        if let Some(start) = start {
            task = task.start_at(self.now + millis(start));
        }
        if let Some(deadline) = deadline {
            task = task.deadline(self.now + millis(deadline));
        }
        task
    }

    fn taken(&mut self, key: Key, task: &Task<Number, u32>) {
        let start = task.start_at.unwrap_or(self.now);
        let known = Known {
            key,
            needs: task.needs.clone(),
            start,
            deadline: task.terms.deadline,
            started: false,
            stopped: false,
            again: 0,
            end: None,
        };
        assert!(self.known.insert(task.id, known).is_none());
    }

    fn submit(&mut self, task: Task<Number, u32>) {
        self.next += 1;
        if let Ok(key) = self.plan.submit(self.now, task.clone(), task.id) {
            self.taken(key, &task);
        }
    }

    fn submit_all(&mut self, edges: &[(usize, usize)], deadline: Option<u64>) {
        let tasks: Vec<_> = (0..5)
            .map(|index| {
                let needs = edges.iter().filter(|(after, _)| *after == index).map(|(_, before)| self.next + before);
                self.task(self.next + index, 1, None, deadline).needs(needs)
            })
            .collect();
        self.next += 5;
        let all = tasks.iter().map(|task| (task.clone(), task.id)).collect();
        if let Ok(keys) = self.plan.submit_all(self.now, all) {
            for (key, task) in keys.into_iter().zip(&tasks) {
                self.taken(key, task);
            }
        }
    }

    fn start(&mut self) {
        if let Some(start) = self.plan.start(self.now) {
            let id = *self.plan.get_mut(start.key).unwrap();
            self.listen();
            let needs = self.known[&id].needs.clone();
            assert!(needs.iter().all(|need| self.known[need].end == Some(End::Done)), "{id} before what it needs");
            let known = self.known.get_mut(&id).unwrap();
            assert!(!known.started && known.end.is_none(), "{id} twice");
            assert!(known.start <= self.now && known.deadline.is_none_or(|deadline| self.now < deadline));
            known.started = true;
        }
    }

    fn listen(&mut self) {
        while let Some(change) = self.plan.next_change() {
            match change {
                Change::Stop { key, .. } => {
                    let id = *self.plan.get_mut(key).expect("told to stop when it was over");
                    self.known.get_mut(&id).unwrap().stopped = true;
                }
                Change::Ended { key, end, value } => {
                    let known = self.known.get_mut(&value).unwrap();
                    assert_eq!(known.key, key);
                    assert_eq!(known.end.replace(end), None, "{value} ended twice");
                    let before = matches!(end, End::Late | End::Skipped { .. });
                    let after = matches!(end, End::Done | End::Failed | End::Abandoned | End::TimedOut);
                    assert!(!(before && known.started || after && !known.started), "{value} {end:?}");
                    assert!(known.again == 0 || !matches!(end, End::Skipped { .. }), "{value} had begun");
                }
            }
        }
    }

    fn pick(&self, which: prop::sample::Index, running: bool) -> Option<Key> {
        let mut fit: Vec<Key> = self
            .known
            .values()
            .filter(|known| !running || known.started && known.end.is_none())
            .map(|k| k.key)
            .collect();
        fit.sort_unstable();
        (!fit.is_empty()).then(|| fit[which.index(fit.len())])
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Submit { needs, start, deadline, tenant } => {
                let mut ids: Vec<Number> = self.known.keys().copied().collect();
                ids.sort_unstable();
                ids.push(self.next + 1_000);
                let needs = needs.into_iter().map(|need| ids[need.index(ids.len())]).collect::<Vec<_>>();
                self.submit(self.task(self.next, tenant, start, deadline).needs(needs));
            }
            Step::SubmitAll { edges, deadline } => self.submit_all(&edges, deadline),
            Step::Cancel(which) => {
                if let Some(key) = self.pick(which, false) {
                    self.plan.cancel(self.now, key);
                }
            }
            Step::Start => self.start(),
            Step::Finish(which, how) => {
                if let Some(key) = self.pick(which, true) {
                    let report = how.map(|done| if done { Report::done().cost(3) } else { Report::failed() });
                    assert!(self.plan.finish(self.now, key, report));
                }
            }
            Step::Withdraw(which) => {
                if let Some(key) = self.pick(which, false) {
                    self.plan.withdraw(self.now, key);
                }
            }
            Step::Again(which, wait) => {
                if let Some(key) = self.pick(which, true) {
                    let at = self.now + millis(wait) - millis(5);
                    let id = *self.plan.get_mut(key).unwrap();
                    let known = self.known.get_mut(&id).unwrap();
                    (known.start, known.started, known.again) = (at, known.stopped, known.again + 1);
                    assert!(self.plan.again(self.now, key, at, Report::failed().cost(3)));
                }
            }
            Step::Pass(time) => {
                self.now += millis(time);
                self.plan.advance(self.now);
            }
            Step::Close(stop) => self.plan.close(self.now, if stop { Closing::Stop } else { Closing::Drain }),
        }
        self.listen();
        self.check();
    }

    /// S33: at all times, all counts add up.
    fn check(&mut self) {
        let status = self.plan.status();
        let (taken, live) = (self.known.len(), self.known.values().filter(|known| known.end.is_none()).count());
        assert_eq!(status.submitted, taken as u64);
        assert_eq!(status.submitted, status.live() as u64 + status.ended.total());
        assert_eq!((status.live(), status.remembered), (live, taken - live));
        let running = self.known.values().filter(|known| known.started && known.end.is_none()).count();
        assert_eq!(status.running, running);
        let [tasks, alarms, names, changes, queued, tenants] = self.plan.lengths();
        assert_eq!((tasks, names, changes, queued), (live, taken, 0, live - running));
        // Three of each tenant run at most, and may go back to wait beyond the bound.
        assert!(alarms <= live && queued + running <= 12 + 9 && tenants <= 3);
        if let Some(next) = self.plan.next_instant() {
            assert!(next > self.now, "something is due and was not done");
        }
    }

    fn finish(mut self) {
        self.plan.close(self.now, Closing::Stop);
        self.listen();
        let keys: Vec<Key> = self.known.values().map(|known| known.key).collect();
        for key in keys {
            self.plan.finish(self.now, key, Some(Report::done()));
        }
        self.listen();
        self.check();
        assert!(self.plan.is_over() && self.known.values().all(|known| known.end.is_some()));
        assert_eq!(self.plan.lengths()[..2], [0, 0]);
        for (id, known) in &self.known {
            assert_eq!(self.plan.standing(id), known.end.map(Standing::Ended));
        }
    }
}

proptest! {
    #[test]
    fn s33_counts_add_up_and_each_task_that_was_taken_ends_once(steps in prop::collection::vec(step(), 1..150)) {
        let mut model = Model::new();
        for step in steps {
            model.step(step);
        }
        model.finish();
    }
}
