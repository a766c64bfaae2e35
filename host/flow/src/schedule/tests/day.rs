//! A day in seconds: fifty tenants, quiet hours and bursts, tools that fail, hang and panic, callers that give up, tasks that
//! need each other.

use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use hotcell_call::Priority;

use crate::fair::{Share, Shares};
use crate::permit::Permits;
use crate::schedule::*;
use crate::testing::{Paused, after, pass};

const TENANTS: u64 = 50;
const PLACES: usize = 24;
const MINUTES: u64 = 24 * 60;

type Test = Scheduler<u64, u64>;

/// Chance that is the same each time (Knuth's MMIX generator).
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

/// What the tools themselves have counted.
#[derive(Default)]
struct Tools {
    started: AtomicU64,
    running: AtomicU64,
    done: AtomicU64,
    failed: AtomicU64,
    panicked: AtomicU64,
}

/// Counts a tool while it is there.
struct Running(Arc<Tools>);

impl Running {
    fn new(tools: Arc<Tools>) -> Self {
        tools.started.fetch_add(1, Ordering::Relaxed);
        assert!(tools.running.fetch_add(1, Ordering::Relaxed) < PLACES as u64);
        Self(tools)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, Ordering::Relaxed);
    }
}

async fn tool(tools: Arc<Tools>, kind: u64, millis: u64) -> Report {
    let running = Running::new(tools);
    pass(millis).await;
    match kind {
        0..=3 => {
            running.0.failed.fetch_add(1, Ordering::Relaxed);
            Report::failed().cost(millis)
        }
        4 => {
            running.0.panicked.fetch_add(1, Ordering::Relaxed);
            resume_unwind(Box::new("the tool panicked"))
        }
        5 => std::future::pending().await,
        _ => {
            running.0.done.fetch_add(1, Ordering::Relaxed);
            Report::done().cost(millis)
        }
    }
}

struct Day {
    scheduler: Test,
    chance: Chance,
    tools: Arc<Tools>,
    next: u64,
    refused: u64,
    peak: [usize; 6],
}

impl Day {
    fn submit(&mut self, tenant: u64) {
        let id = self.next;
        self.next += 1;
        let mut task = Task::new(id, tenant);
        let kind = self.chance.below(60);
        // What hangs has a deadline, as every call of the host has.
        if kind == 5 || self.chance.below(2) == 0 {
            task = task.deadline(after(500 + self.chance.below(30_000)));
        }
        if self.chance.below(10) == 0 {
            task = task.start_at(after(self.chance.below(20_000)));
        }
        for _ in 0..self.chance.below(10).saturating_sub(7) {
            task = task.needs([id.saturating_sub(1 + self.chance.below(40))]);
        }
        let class = usize::try_from(self.chance.below(5)).unwrap();
        task = task.priority(Priority::ALL[class]);
        let (tools, millis) = (Arc::clone(&self.tools), 5 + self.chance.below(1_500));
        let spawn = |whole| drop(tokio::spawn(whole));
        if self.scheduler.run(task, spawn, move |_| tool(tools, kind, millis)).is_err() {
            self.refused += 1;
        }
        if self.chance.below(12) == 0 {
            self.scheduler.cancel(&id.saturating_sub(self.chance.below(30)));
        }
    }

    fn check(&mut self) {
        let status = self.scheduler.status();
        assert_eq!(status.submitted, status.live() as u64 + status.ended.total());
        assert_eq!((status.submitted + status.refused, status.refused), (self.next, self.refused));
        assert!(status.running <= PLACES && status.remembered <= 500);
        for (peak, length) in self.peak.iter_mut().zip(self.scheduler.lengths()) {
            *peak = (*peak).max(length);
        }
    }

    async fn pass(&mut self) {
        for minute in 0..MINUTES {
            // Most are quiet; by day more; now and then one sends hundreds at once.
            let busy = if (480..1_080).contains(&minute) { 3 } else { 1 };
            for tenant in 0..TENANTS {
                for _ in 0..self.chance.below(1 + busy) {
                    self.submit(tenant);
                }
            }
            if minute % 20 == 0 {
                let tenant = self.chance.below(TENANTS);
                for _ in 0..600 {
                    self.submit(tenant);
                }
                self.check();
            }
            pass(20_000 + self.chance.below(20_000)).await;
            self.check();
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_day_of_fifty_tenants_adds_up_and_leaves_nothing_behind() {
    let fair = crate::fair::Settings { items: 2_000, ..Default::default() };
    let settings = Settings { fair, remembered: 500, remember_for: Duration::from_secs(120), ..Settings::default() };
    let shares = Shares::equal(Share { waiting: 400, running: 16, ..Share::default() }).unwrap();
    let (scheduler, service) = Test::new(settings, shares, Permits::new(PLACES), Arc::new(Paused)).unwrap();
    let service = tokio::spawn(service.run());
    let (tools, chance) = (Arc::default(), Chance(7));
    let mut day = Day { scheduler, chance, tools, next: 0, refused: 0, peak: [0; 6] };
    day.pass().await;
    day.scheduler.closed(Closing::Drain).await;
    day.check();

    let (status, count) = (day.scheduler.status(), |count: &AtomicU64| count.load(Ordering::Relaxed));
    let (ends, tools) = (status.ended, &day.tools);
    assert_eq!((status.live(), ends.total()), (0, status.submitted));
    assert!(status.submitted > 80_000 && day.refused > 1_000, "it was a day: {status:?}");
    assert!([ends.late, ends.skipped, ends.cancelled, ends.timed_out].iter().all(|count| *count > 100), "{ends:?}");
    // What the tools say themselves, but for those that were told to stop in the very instant in which they ended.
    let said = [(&tools.done, ends.done), (&tools.failed, ends.failed), (&tools.panicked, ends.abandoned)];
    assert!(said.iter().all(|(tool, end)| (0..10).contains(&(count(tool) - end))), "{said:?}");
    assert_eq!((ends.stopped, count(&tools.running)), (0, 0));
    assert!(count(&tools.started) >= ends.done + ends.failed + ends.abandoned + ends.timed_out);

    let [tasks, alarms, names, changes, queued, tenants] = day.peak;
    assert!(tasks <= 2_000 + PLACES && alarms <= tasks && queued <= 2_000 && names <= tasks + 500, "{:?}", day.peak);
    assert_eq!((changes, tenants), (0, 50));
    let [tasks, alarms, names, changes, queued, _] = day.scheduler.lengths();
    assert_eq!((tasks, alarms, changes, queued, names), (0, 0, 0, 0, status.remembered));
    drop(day);
    service.await.unwrap();
}
