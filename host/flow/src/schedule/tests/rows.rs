//! Each row of the scheduler by its number, through the handle and on a paused clock.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::{join, join_all};
use hotcell_call::{Failure, Kind, Priority, Refusal};

use crate::fair::{SettingsError, Share, Shares};
use crate::limit::{Aimd, Bounds, Ended, Fixed};
use crate::permit::Permits;
use crate::pressure::Pressure;
use crate::schedule::*;
use crate::testing::{Paused, after, pass};

pub(super) type Test = Scheduler<u64, u32>;

pub(super) fn scheduler(limit: usize) -> (Test, Service<u64, u32>) {
    Scheduler::new(Settings::default(), Shares::default(), Permits::new(limit), Arc::new(Paused)).unwrap()
}

/// Runs `test` beside the loop, until both have ended.
pub(super) async fn beside<T>(service: Service<u64, u32>, test: impl Future<Output = T>) -> T {
    join(test, service.run()).await.0
}

pub(super) fn task(id: u64) -> Task<u64, u32> {
    Task::new(id, 1)
}

/// Runs a task for so long, and notes its start.
pub(super) async fn work(ticket: Ticket<u64, u32>, name: u64, millis: u64, order: &RefCell<Vec<u64>>) {
    if let Ok(started) = ticket.await {
        order.borrow_mut().push(name);
        let _ = started.run(pass(millis), |()| Report::done().cost(millis)).await;
    }
}

#[test]
fn settings_that_make_no_sense_make_no_scheduler() {
    let fair = crate::fair::Settings { quantum: 0, ..Default::default() };
    let settings = Settings { fair, ..Settings::default() };
    let made = Test::new(settings, Shares::default(), Permits::new(1), Arc::new(Paused));
    assert_eq!(made.err(), Some(SettingsError::Zero { name: "quantum" }));
    let fair = crate::fair::Settings { items: 10, ..Default::default() };
    for (marks, wrong) in [
        ((Some(0), Some(0)), (0, 0)),
        ((Some(5), Some(5)), (5, 5)),
        ((Some(11), None), (5, 11)),
        ((None, Some(8)), (8, 8)),
    ] {
        let settings = Settings { fair, high: marks.0, low: marks.1, ..Settings::default() };
        let made = Test::new(settings, Shares::default(), Permits::new(1), Arc::new(Paused));
        assert_eq!(made.err(), Some(SettingsError::Marks { low: wrong.0, high: wrong.1, items: 10 }));
    }
    for (items, high) in [(1, None), (2, None), (3, None), (10, Some(1))] {
        let fair = crate::fair::Settings { items, ..Default::default() };
        let settings = Settings { fair, high, ..Settings::default() };
        assert!(Test::new(settings, Shares::default(), Permits::new(1), Arc::new(Paused)).is_ok());
    }
}

#[tokio::test(start_paused = true)]
async fn s41_pressure_is_told_once_for_each_crossing_and_holds_up_nobody() {
    let fair = crate::fair::Settings { items: 100, ..Default::default() };
    let settings = Settings { fair, ..Settings::default() };
    let (scheduler, service) = Test::new(settings, Shares::default(), Permits::new(1), Arc::new(Paused)).unwrap();
    let follower = tokio::spawn(scheduler.gauge().follow(|_| panic!("a watcher that fails")));
    let mut slow = scheduler.gauge();
    beside(service, async {
        let running = scheduler.submit(task(1_000)).unwrap().await.unwrap();
        let reading = || (scheduler.gauge().reading().pressure, scheduler.gauge().reading().crossings);
        let mut tickets: Vec<_> = (0..74).map(|id| scheduler.submit(task(id)).unwrap()).collect();
        assert_eq!(reading(), (Pressure::Low, 0));
        for id in 74..100 {
            tickets.push(scheduler.submit(task(id)).unwrap());
        }
        assert_eq!(reading(), (Pressure::High, 1), "three quarters of all places");
        tickets.truncate(51);
        assert_eq!(reading(), (Pressure::High, 1));
        tickets.truncate(50);
        assert_eq!(reading(), (Pressure::Low, 2), "half of them");
        // A place that is taken again at once is no crossing.
        tickets.extend((200..225).map(|id| scheduler.submit(task(id)).unwrap()));
        let again = running.again(after(0), Report::failed());
        assert_eq!(reading(), (Pressure::High, 3));
        scheduler.close(Closing::Stop);
        assert_eq!(reading(), (Pressure::Low, 4));
        assert_eq!([slow.turn().await, slow.turn().await], [Some(Pressure::High), Some(Pressure::Low)]);
        drop((again, tickets));
    })
    .await;
    drop(scheduler);
    assert_eq!([slow.turn().await, slow.turn().await], [Some(Pressure::High), Some(Pressure::Low)]);
    assert_eq!(slow.turn().await, None);
    let followed = follower.await.unwrap();
    assert_eq!((followed.calls, followed.panics), (4, 4));
}

#[test]
fn each_refusal_has_its_outcome() {
    use crate::fair::Full;
    for (error, kind) in [
        (SubmitError::Late(1), Kind::Refused(Refusal::Late)),
        (SubmitError::Closed, Kind::Refused(Refusal::Overloaded)),
        (SubmitError::Full(Full::Items { bound: 1 }), Kind::Refused(Refusal::Overloaded)),
        (SubmitError::Duplicate(1), Kind::Invalid),
        (SubmitError::Cycle(vec![1, 2, 1]), Kind::Invalid),
        (SubmitError::UnknownNeed { task: 1, need: 2 }, Kind::Invalid),
    ] {
        assert_eq!(Failure::from(error).kind(), kind);
    }
}

#[tokio::test(start_paused = true)]
async fn s26_equals_start_in_the_order_in_which_they_came() {
    let (scheduler, service) = scheduler(1);
    beside(service, async {
        let order = RefCell::new(Vec::new());
        let tickets: Vec<_> = (0..100).map(|id| scheduler.submit(task(id)).unwrap()).collect();
        join_all((0..).zip(tickets).map(|(id, ticket)| work(ticket, id, 1, &order))).await;
        assert_eq!(order.into_inner(), (0..100).collect::<Vec<_>>());
        drop(scheduler);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn s29_when_stopping_has_returned_nothing_runs_and_every_waiter_knows() {
    let (scheduler, service) = scheduler(2);
    beside(service, async {
        let order = RefCell::new(Vec::new());
        let tickets: Vec<_> = (0..10).map(|id| scheduler.submit(task(id)).unwrap()).collect();
        let works = join_all((0..).zip(tickets).map(|(id, ticket)| work(ticket, id, 1_000, &order)));
        let waits = join_all((0..10).map(|id| {
            let scheduler = scheduler.clone();
            async move { scheduler.wait(&id, None).await }
        }));
        let stop = async {
            pass(500).await;
            let before = after(0);
            scheduler.closed(Closing::Stop).await;
            assert_eq!((after(0), scheduler.status().live()), (before, 0));
        };
        let ((), ends, _) = futures::join!(stop, waits, works);
        assert!(ends.iter().all(|end| *end == Ok(End::Stopped)));
        assert_eq!((order.borrow().len(), scheduler.status().ended.stopped), (2, 10));
        assert!(matches!(scheduler.submit(task(20)), Err(SubmitError::Closed)));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn s29_draining_lets_everything_that_was_taken_run_to_its_end() {
    let (scheduler, service) = scheduler(2);
    beside(service, async {
        let order = RefCell::new(Vec::new());
        let later = |id| task(id).start_at(after(300)).needs([id - 1]);
        let mut tickets: Vec<_> = (0..9).map(|id| scheduler.submit(task(id)).unwrap()).collect();
        tickets.push(scheduler.submit(later(9)).unwrap());
        let works = join_all((0..).zip(tickets).map(|(id, ticket)| work(ticket, id, 100, &order)));
        join(scheduler.closed(Closing::Drain), works).await;
        assert_eq!((order.borrow().len(), scheduler.status().ended.done), (10, 10));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn s28_with_no_memory_of_ends_a_name_is_free_when_its_task_has_ended() {
    let settings = Settings { remembered: 0, ..Settings::default() };
    let (scheduler, service) = Test::new(settings, Shares::default(), Permits::new(1), Arc::new(Paused)).unwrap();
    beside(service, async {
        for _ in 0..100 {
            let started = scheduler.submit(task(1)).unwrap().await.unwrap();
            assert_eq!(scheduler.submit(task(1)).err(), Some(SubmitError::Duplicate(1)));
            let waits = scheduler.wait(&1, None);
            let ends = async { started.again(after(5), Report::failed()).await.unwrap().finish(Report::done()) };
            assert_eq!(join(waits, ends).await.0, Ok(End::Done));
            assert_eq!((scheduler.standing(&1), scheduler.wait(&1, None).await), (None, Err(WaitError::Unknown)));
        }
        assert_eq!((scheduler.lengths(), scheduler.status().remembered), ([0, 0, 0, 0, 0, 1], 0));
        drop(scheduler);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn s31_whoever_waits_is_told_at_once() {
    let (scheduler, service) = scheduler(1);
    beside(service, async {
        assert_eq!(scheduler.wait(&7, None).await, Err(WaitError::Unknown));
        let started = scheduler.submit(task(1)).unwrap().await.unwrap();
        let begun = after(0);
        assert_eq!(scheduler.wait(&1, Some(begun)).await, Err(WaitError::NotYet));
        assert_eq!(scheduler.wait(&1, Some(after(50))).await, Err(WaitError::NotYet));
        assert_eq!(after(0), begun + Duration::from_millis(50));
        let end = async {
            pass(20).await;
            started.finish(Report::failed());
        };
        let (first, second, ()) = futures::join!(scheduler.wait(&1, None), scheduler.wait(&1, Some(after(21))), end);
        assert_eq!((first, second), (Ok(End::Failed), Ok(End::Failed)));
        assert_eq!(after(0), begun + Duration::from_millis(70), "no time passed between the end and the news");
        assert_eq!(scheduler.wait(&1, Some(begun)).await, Ok(End::Failed));
        drop(scheduler);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn s32_a_task_can_be_cancelled_wherever_it_stands() {
    let (scheduler, service) = scheduler(1);
    beside(service, async {
        let running = scheduler.submit(task(1)).unwrap().await.unwrap();
        let tickets = [
            scheduler.submit(task(2)).unwrap(),
            scheduler.submit(task(3).start_at(after(100))).unwrap(),
            scheduler.submit(task(4).needs([1])).unwrap(),
        ];
        let mut child = scheduler.submit(task(5).needs([2])).unwrap();
        assert!((&mut child).now_or_never().is_none());
        let signal = running.stop_signal();
        for id in 1..=4 {
            assert!(scheduler.cancel(&id), "{id}");
        }
        assert_eq!(signal.wait().await, Stop::Cancelled);
        for ticket in tickets {
            assert_eq!(ticket.await.err(), Some(End::Cancelled));
        }
        assert_eq!(child.await.err(), Some(End::Skipped { because: 2 }));
        assert_eq!(scheduler.standing(&1), Some(Standing::Running));
        drop(running);
        assert_eq!(scheduler.standing(&1), Some(Standing::Ended(End::Cancelled)));
        for id in [1, 2, 5, 99] {
            assert!(!scheduler.cancel(&id), "{id} is not under way");
        }
        drop(scheduler);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn s32_dropping_a_ticket_cancels_its_task_even_when_its_turn_has_come() {
    let (scheduler, service) = scheduler(1);
    beside(service, async {
        let started = scheduler.submit(task(1)).unwrap().await.unwrap();
        let (second, third, fourth) = (
            scheduler.submit(task(2)).unwrap(),
            scheduler.submit(task(3)).unwrap(),
            scheduler.submit(task(4)).unwrap(),
        );
        drop(third);
        drop(started);
        assert_eq!(scheduler.standing(&2), Some(Standing::Running), "its turn has come, and it has not looked");
        drop(second);
        assert!(fourth.await.is_ok(), "so the place is the next one's");
        let ended = scheduler.status().ended;
        assert_eq!((ended.cancelled, ended.abandoned), (2, 2));
        drop(scheduler);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn s34_nothing_is_lost_at_twice_the_capacity_and_the_peak_is_the_limit() {
    let (scheduler, service) = scheduler(5);
    beside(service, async {
        let (now, peak) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(0)));
        let mut all = Vec::new();
        for id in 0..1_000 {
            // Five places of 10 ms take 500 a second: this is a thousand.
            pass(1).await;
            let ticket = scheduler.submit(task(id)).unwrap();
            let (now, peak) = (Rc::clone(&now), Rc::clone(&peak));
            all.push(tokio::task::spawn_local(async move {
                let started = ticket.await.unwrap();
                now.set(now.get() + 1);
                peak.set(peak.get().max(now.get()));
                pass(10).await;
                now.set(now.get() - 1);
                started.finish(Report::done());
            }));
        }
        join_all(all).await;
        assert_eq!((scheduler.status().ended.done, peak.get()), (1_000, 5));
        drop(scheduler);
    })
    .in_a_local_set()
    .await;
}

/// Some tests spawn what is not `Send`.
trait InALocalSet: Future + Sized {
    async fn in_a_local_set(self) -> Self::Output {
        tokio::task::LocalSet::new().run_until(self).await
    }
}

impl<F: Future> InALocalSet for F {}

#[tokio::test(start_paused = true)]
async fn s34_while_there_are_places_a_task_starts_with_its_submission() {
    let (scheduler, _service) = scheduler(1);
    let started = scheduler.submit(task(1)).unwrap().now_or_never().unwrap().unwrap();
    assert_eq!(started.waited(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn s34_critical_starts_as_soon_as_a_place_is_free_before_all_that_is_low() {
    let (scheduler, service) = scheduler(1);
    beside(service, async {
        let order = RefCell::new(Vec::new());
        let low = |id| scheduler.submit(task(id).priority(Priority::Low)).unwrap();
        let mut tickets: Vec<_> = (0..5).map(low).collect();
        tickets.push(scheduler.submit(task(5).priority(Priority::Critical)).unwrap());
        join_all((0..).zip(tickets).map(|(id, ticket)| work(ticket, id, 10, &order))).await;
        assert_eq!(order.into_inner(), [0, 5, 1, 2, 3, 4]);
        drop(scheduler);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn s35_tasks_start_when_their_time_has_come_and_their_needs_are_met() {
    let (scheduler, service) = scheduler(10);
    beside(service, async {
        let begun = after(0);
        let tickets = scheduler
            .submit_all([
                task(1),
                task(2).needs([1]),
                task(3).start_at(after(250)),
                task(4).needs([2, 3]),
                task(5).start_at(after(5)).needs([4]),
            ])
            .unwrap();
        let starts = join_all(tickets.into_iter().map(|ticket| async move {
            let started = ticket.await.unwrap();
            let at = (after(0) - begun).as_millis();
            assert_eq!(started.waited(), Duration::ZERO, "neither needs nor the time to start are time in the queue");
            let _ = started.run(pass(100), |()| Report::done()).await;
            at
        }))
        .await;
        assert_eq!(starts, [0, 100, 250, 350, 450]);
        drop(scheduler);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn s36_a_task_that_waits_ends_at_its_deadline_and_never_runs() {
    let (scheduler, service) = scheduler(1);
    beside(service, async {
        let (begun, running) = (after(0), scheduler.submit(task(1)).unwrap().await.unwrap());
        let waiting = scheduler.submit(task(2).deadline(after(50))).unwrap();
        let blocked = scheduler.submit(task(3).needs([1]).deadline(after(60))).unwrap();
        let sooner = scheduler.submit(task(4).deadline(after(20))).unwrap();
        let at = async |ticket: Ticket<u64, u32>| (ticket.await.err(), (after(0) - begun).as_millis());
        let (waiting, blocked, sooner) = futures::join!(at(waiting), at(blocked), at(sooner));
        assert_eq!((waiting, blocked, sooner), ((Some(End::Late), 50), (Some(End::Late), 60), (Some(End::Late), 20)));
        running.finish(Report::done());
        assert!(matches!(scheduler.submit(task(5).deadline(after(0))), Err(SubmitError::Late(5))));
        drop(scheduler);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn s37_at_its_deadline_the_work_is_dropped_and_only_then_has_it_ended() {
    let (scheduler, service) = scheduler(1);
    beside(service, async {
        struct Tool<'a>(&'a Test);
        impl Drop for Tool<'_> {
            fn drop(&mut self) {
                assert_eq!(self.0.standing(&1), Some(Standing::Running), "it has its place until it is gone");
            }
        }
        let started = scheduler.submit(task(1).deadline(after(50))).unwrap().await.unwrap();
        let (begun, tool) = (after(0), Tool(&scheduler));
        let work = async {
            pass(1_000).await;
            drop(tool);
        };
        assert_eq!(started.run(work, |()| Report::done()).await, Err(Stop::TimedOut));
        assert_eq!((after(0) - begun).as_millis(), 50);
        assert_eq!(scheduler.standing(&1), Some(Standing::Ended(End::TimedOut)));
        // Its own failure is another end, also if what failed was a time of its own.
        let started = scheduler.submit(task(2).deadline(after(50))).unwrap().await.unwrap();
        assert_eq!(started.run(pass(10), |()| Report::failed()).await, Ok(()));
        assert_eq!(scheduler.standing(&2), Some(Standing::Ended(End::Failed)));
        drop(scheduler);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn s38_tenants_share_the_places_and_inside_one_needs_and_times_hold() {
    let shares = Shares::default().with(2, Share { weight: 3, ..Share::default() }).unwrap();
    let slots = Permits::new(4);
    let (scheduler, service) = Test::new(Settings::default(), shares, slots, Arc::new(Paused)).unwrap();
    beside(service, async {
        let order = RefCell::new(Vec::new());
        let mut tickets = Vec::new();
        for id in 0..800 {
            let tenant = if id < 400 { 1 } else { 2 };
            let mut task = Task::new(id, tenant).estimate(1_000);
            if id % 400 == 399 {
                task = task.needs([id - 1]).start_at(after(20));
            }
            tickets.push((tenant, scheduler.submit(task).unwrap()));
        }
        let order = &order;
        let works = join_all(tickets.into_iter().map(|(tenant, ticket)| async move {
            let started = ticket.await.unwrap();
            order.borrow_mut().push(u64::from(tenant));
            let _ = started.run(pass(10), |()| Report::done().cost(1_000)).await;
        }));
        works.await;
        let order = order.borrow();
        let second = order.iter().take(400).filter(|tenant| **tenant == 2).count();
        assert!((285..=315).contains(&second), "{second} of 400 at three to one");
        assert_eq!((order.len(), scheduler.status().ended.done), (800, 800));
        drop(scheduler);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_task_that_panics_or_is_dropped_has_ended_and_given_its_place_back() {
    let (scheduler, service) = scheduler(1);
    beside(service, async {
        let panics = |_: &mut Started<u64, u32>| async { std::panic::resume_unwind(Box::new("a panic")) };
        let mut spawned = None;
        scheduler.run(task(1), |whole| spawned = Some(tokio::spawn(whole)), panics).unwrap();
        assert!(spawned.unwrap().await.unwrap_err().is_panic());
        assert_eq!(scheduler.wait(&1, None).await, Ok(End::Abandoned));
        // A spawner that has no room for it.
        scheduler.run(task(2), drop, |_| async { Report::done() }).unwrap();
        assert_eq!(scheduler.wait(&2, None).await, Ok(End::Cancelled));
        let mut spawned = None;
        scheduler.run(task(3), |whole| spawned = Some(tokio::spawn(whole)), |_| std::future::pending()).unwrap();
        pass(1).await;
        spawned.unwrap().abort();
        assert_eq!(scheduler.wait(&3, None).await, Ok(End::Abandoned));
        scheduler.run(task(4), |whole| drop(tokio::spawn(whole)), |_| async { Report::done() }).unwrap();
        assert_eq!(scheduler.wait(&4, None).await, Ok(End::Done));
        drop(scheduler);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn more_places_are_used_at_once_and_fewer_take_nobodys_away() {
    let slots = Permits::new(1);
    let (scheduler, service) =
        Test::new(Settings::default(), Shares::default(), slots.clone(), Arc::new(Paused)).unwrap();
    let service = tokio::spawn(service.run());
    let mut tickets: Vec<_> = (0..6).map(|id| scheduler.submit(task(id)).unwrap()).collect();
    tokio::task::yield_now().await;
    slots.steer(Fixed::new(4));
    tokio::task::yield_now().await;
    assert_eq!((scheduler.status().running, scheduler.status().waiting), (4, 2));
    slots.steer(Fixed::new(2));
    for running in [3, 2, 2, 2] {
        drop(tickets.remove(0));
        assert_eq!(scheduler.status().running, running);
    }
    drop(tickets);
    drop(scheduler);
    service.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_place_that_somebody_else_gives_back_is_used_at_once() {
    let permits = Permits::new(1);
    let (scheduler, service) =
        Test::new(Settings::default(), Shares::default(), permits.clone(), Arc::new(Paused)).unwrap();
    let service = tokio::spawn(service.run());
    for id in 0..3 {
        let elsewhere = permits.try_take().unwrap().unwrap();
        tokio::task::yield_now().await;
        let mut ticket = scheduler.submit(task(id)).unwrap();
        assert!((&mut ticket).now_or_never().is_none());
        let begun = after(0);
        drop(elsewhere);
        ticket.await.unwrap().finish(Report::done());
        assert_eq!(after(0), begun);
    }
    drop(scheduler);
    service.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn s23_a_limit_that_learns_is_told_the_run_time_and_nothing_runs_beyond_it() {
    let permits = Permits::steered(Aimd::new(Bounds::new(1, 8, 8).unwrap()));
    let (scheduler, service) =
        Test::new(Settings::default(), Shares::default(), permits.clone(), Arc::new(Paused)).unwrap();
    beside(service, async {
        let tickets: Vec<_> = (0..200).map(|id| scheduler.submit(task(id)).unwrap()).collect();
        let last = Cell::new(0);
        join_all(tickets.into_iter().map(|ticket| async {
            let started = ticket.await.unwrap();
            assert!(
                permits.running() <= permits.limit() || permits.running() <= last.get(),
                "never more while it falls"
            );
            last.set(permits.running());
            pass(3_000).await;
            started.finish_with(Report::done(), |permit| permit.settle(Duration::from_secs(3), Ended::Overloaded));
        }))
        .await;
        assert_eq!((permits.limit(), permits.running(), scheduler.status().ended.done), (1, 0, 200));
        drop(scheduler);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn without_its_loop_a_scheduler_has_stopped() {
    let (scheduler, service) = scheduler(1);
    let running = scheduler.submit(task(1)).unwrap().await.unwrap();
    let waiting = scheduler.submit(task(2)).unwrap();
    drop(service);
    assert_eq!(waiting.await.err(), Some(End::Stopped));
    assert_eq!(running.stop_signal().get(), Some(Stop::Stopped));
    drop(running);
    assert_eq!(scheduler.standing(&1), Some(Standing::Ended(End::Stopped)));
    assert!(matches!(scheduler.submit(task(3)), Err(SubmitError::Closed)));
}

#[tokio::test(start_paused = true)]
async fn without_handles_what_was_taken_runs_to_its_end_and_the_loop_ends() {
    let (scheduler, service) = scheduler(1);
    let service = tokio::spawn(service.run());
    let (first, second) = (scheduler.submit(task(1)).unwrap(), scheduler.submit(task(2).start_at(after(50))).unwrap());
    drop(scheduler.clone());
    drop(scheduler);
    first.await.unwrap().finish(Report::done());
    second.await.unwrap().finish(Report::done());
    service.await.unwrap();
}
