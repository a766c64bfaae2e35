//! Callers that wait at the door for room, through the handle and on a paused clock.

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures::FutureExt;
use futures::future::{join, join_all, poll_immediate};

use super::rows::{Test, beside, task};
use crate::fair::{self, Full, Share, Shares};
use crate::permit::Permits;
use crate::schedule::*;
use crate::testing::{Paused, after, pass};

/// A scheduler with room for so many, of which one runs.
fn small(items: usize, door: Option<usize>) -> (Test, Service<u64, u32>) {
    let settings = Settings { fair: fair::Settings { items, door, ..Default::default() }, ..Settings::default() };
    Scheduler::new(settings, Shares::default(), Permits::new(1), Arc::new(Paused)).unwrap()
}

#[tokio::test(start_paused = true)]
async fn s42_with_room_or_without_a_time_to_wait_until_it_is_a_submission() {
    let (scheduler, _service) = small(1, None);
    let running = scheduler.enter(task(1), None).now_or_never().unwrap().unwrap();
    // A time that has passed is no reason to refuse what need not wait.
    let waiting = scheduler.enter(task(2), Some(after(0))).now_or_never().unwrap().unwrap();
    let _runs = running.now_or_never().unwrap().unwrap();
    assert!(waiting.now_or_never().is_none());
    let (scheduler, _service) = small(1, None);
    let _taken = [scheduler.submit(task(1)).unwrap(), scheduler.submit(task(2)).unwrap()];
    let refused = scheduler.enter(task(3), None).now_or_never().unwrap();
    assert_eq!(refused.err(), Some(SubmitError::Full(Full::Items { bound: 1 })));
    let refused = scheduler.enter(task(1), Some(after(5))).now_or_never().unwrap();
    assert_eq!(refused.err(), Some(SubmitError::Duplicate(1)));
    assert_eq!((scheduler.status().refused, scheduler.status().submitted, scheduler.status().door), (2, 2, 0));
}

#[tokio::test(start_paused = true)]
async fn s42_callers_are_let_in_as_room_comes_free_in_order_and_by_turns() {
    let (scheduler, service) = small(1, Some(10));
    beside(service, async {
        let (scheduler, order, begun) = (&scheduler, &RefCell::new(Vec::new()), after(0));
        let callers = [(1, 1), (2, 1), (3, 1), (4, 1), (5, 1), (6, 2), (7, 2), (8, 3)];
        join_all(callers.map(|(id, tenant)| async move {
            let ticket = scheduler.enter(Task::new(id, tenant), Some(after(1_000))).await.unwrap();
            order.borrow_mut().push((id, (after(0) - begun).as_millis()));
            ticket.await.unwrap().run(pass(10), |()| Report::done()).await.unwrap();
        }))
        .await;
        // The first runs, the second has the one place, the others come in as each leaves it for its turn to run.
        let expected = [(1, 0), (2, 0), (3, 10), (6, 20), (8, 30), (4, 40), (7, 50), (5, 60)];
        assert_eq!((&*order.borrow(), scheduler.status().door), (&expected.to_vec(), 0));
        scheduler.close(Closing::Drain);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn s42_the_door_is_bounded_too() {
    let (scheduler, _service) = small(1, Some(1));
    let _taken = [scheduler.submit(task(1)).unwrap(), scheduler.submit(task(2)).unwrap()];
    let mut waits = Box::pin(scheduler.enter(task(3), Some(after(5))));
    assert!(poll_immediate(&mut waits).await.is_none());
    let refused = scheduler.enter(task(4), Some(after(5))).now_or_never().unwrap();
    assert_eq!(refused.err(), Some(SubmitError::Full(Full::Door { bound: 1 })));
    assert_eq!((scheduler.status().door, scheduler.status().refused, scheduler.status().submitted), (1, 1, 2));
}

#[tokio::test(start_paused = true)]
async fn s42_who_waits_too_long_is_late_and_the_deadline_is_too_long() {
    let (scheduler, service) = small(1, None);
    beside(service, async {
        let running = scheduler.submit(task(1)).unwrap().await.unwrap();
        let _waiting = scheduler.submit(task(2)).unwrap();
        let begun = after(0);
        for (task, until, waits) in [
            (task(3), 50, 50),
            (task(4).deadline(after(70)), 500, 20),
            (task(5).deadline(after(70)), 0, 0),
            (task(6), 0, 0),
        ] {
            let (id, before) = (*task.id(), after(0));
            let refused = scheduler.enter(task, Some(after(until))).await.err();
            assert_eq!((refused, (after(0) - before).as_millis()), (Some(SubmitError::Late(id)), waits), "{id}");
        }
        assert_eq!((after(0) - begun).as_millis(), 70);
        assert_eq!((scheduler.status().door, scheduler.status().refused, scheduler.status().submitted), (0, 4, 2));
        running.finish(Report::done());
        drop(scheduler);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn s29_closing_sends_away_whoever_waits_at_the_door() {
    for closing in [Closing::Drain, Closing::Stop] {
        let (scheduler, service) = small(2, Some(2));
        beside(service, async {
            let running = scheduler.submit(task(1)).unwrap().await.unwrap();
            let waiting = [scheduler.submit(task(2)).unwrap(), scheduler.submit(task(3)).unwrap()];
            let enter = |id| scheduler.enter(task(id), Some(after(1_000)));
            let (mut first, second) = (Box::pin(enter(4)), enter(5));
            // One is handed a place, and does not fetch it before all is closed.
            assert!(poll_immediate(&mut first).await.is_none());
            let [fourth, _third] = waiting;
            drop(fourth);
            assert_eq!(scheduler.status().door, 0);
            let begun = after(0);
            let close = async { scheduler.close(closing) };
            let mut second = Box::pin(second);
            assert!(poll_immediate(&mut second).await.is_none());
            assert_eq!(scheduler.status().door, 1);
            let (second, (), first) = futures::join!(second, close, first);
            assert_eq!((first.err(), second.err()), (Some(SubmitError::Closed), Some(SubmitError::Closed)));
            assert_eq!((after(0), scheduler.status().door, scheduler.usage(&1).waiting <= 1), (begun, 0, true));
            running.finish(Report::done());
            drop(scheduler);
        })
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn s42_dropped_at_any_point_a_caller_loses_neither_a_place_nor_a_wake_up() {
    // Not polled; at the door; handed a place that it has not noticed; let in, and its ticket not looked at.
    for dropped in 0..4 {
        let (scheduler, service) = small(1, Some(2));
        beside(service, async {
            let running = scheduler.submit(task(1)).unwrap().await.unwrap();
            let waiting = scheduler.submit(task(2)).unwrap();
            let mut gives_up = Box::pin(scheduler.enter(task(3), Some(after(1_000))));
            let mut ticket = None;
            if dropped > 0 {
                assert!(poll_immediate(&mut gives_up).await.is_none());
            }
            let mut waiting = Some(waiting);
            if dropped > 1 {
                waiting = None;
                assert_eq!((scheduler.status().door, scheduler.usage(&1).waiting), (0, 1), "handed over");
            }
            if dropped > 2 {
                ticket = Some(poll_immediate(&mut gives_up).await.unwrap());
            }
            let stays = scheduler.enter(task(4), Some(after(1_000)));
            let mut stays = Box::pin(stays);
            let begun = after(0);
            assert!(poll_immediate(&mut stays).await.is_none(), "there is no room yet");
            drop((gives_up, ticket, waiting));
            let ticket = stays.now_or_never().expect("it was woken with what the other gave back").unwrap();
            assert_eq!((after(0), scheduler.status().door, scheduler.usage(&1).waiting), (begun, 0, 1));
            drop(ticket);
            running.finish(Report::done());
            drop(scheduler);
        })
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn s42_a_crowd_of_one_tenant_at_the_door_delays_another_by_one_place() {
    let (scheduler, service) = small(4, Some(20_000));
    beside(service, async {
        let (scheduler, entered) = (&scheduler, &AtomicU64::new(0));
        let call = async |id: u64, tenant: u32| {
            let ticket = scheduler.enter(Task::new(id, tenant), Some(after(1_000_000))).await.unwrap();
            let before = entered.fetch_add(1, Ordering::Relaxed);
            ticket.await.unwrap().run(pass(1), |()| Report::done()).await.unwrap();
            before
        };
        let crowd = join_all((0..10_000).map(|id| call(id, 1)));
        let other = async {
            pass(100).await;
            assert!(scheduler.status().door > 9_000);
            let before = entered.load(Ordering::Relaxed);
            call(10_000, 2).await - before
        };
        let (crowd, before) = join(crowd, other).await;
        // One whose turn was before, and one that was handed a place but had not noticed.
        assert!(before <= 2, "{before} went before");
        assert_eq!((crowd.len(), scheduler.status().ended.done), (10_000, 10_001));
        assert!(crowd.is_sorted(), "in the order in which they came");
        scheduler.close(Closing::Drain);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn s42_a_tenant_without_places_of_its_own_waits_while_others_go_in() {
    let shares = Shares::default().with(1, Share { waiting: 1, ..Share::default() }).unwrap();
    let (scheduler, service) = Test::new(Settings::default(), shares, Permits::new(1), Arc::new(Paused)).unwrap();
    beside(service, async {
        let running = scheduler.submit(task(1)).unwrap().await.unwrap();
        let waiting = scheduler.submit(task(2)).unwrap();
        let mut own = Box::pin(scheduler.enter(task(3), Some(after(1_000))));
        assert!(poll_immediate(&mut own).await.is_none());
        assert!(scheduler.submit(Task::new(4, 2)).is_ok());
        assert_eq!(scheduler.submit(task(5)).err(), Some(SubmitError::Full(Full::Tenant { bound: 1 })));
        running.finish(Report::done());
        // With its start the one that waited leaves its place.
        let ticket = own.now_or_never().unwrap().unwrap();
        waiting.await.unwrap().finish(Report::done());
        ticket.await.unwrap().finish(Report::done());
        drop(scheduler);
    })
    .await;
}
