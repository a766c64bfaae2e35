//! Handles, tickets and guards on several threads at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures::future::poll_immediate;
use hotcell_call::Clock;

use crate::fair::Shares;
use crate::limit::Fixed;
use crate::permit::Permits;
use crate::schedule::*;
use crate::testing::Paused;

const TASKS: u64 = 2_000;

/// Counts what runs, also when it is dropped on the way.
struct Running(Arc<AtomicUsize>);

impl Running {
    fn new(running: Arc<AtomicUsize>) -> Self {
        assert!(running.fetch_add(1, Ordering::SeqCst) < 6, "more than were ever allowed");
        Self(running)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// A bound on the repetitions, no time: threads meet wherever the machine lets them.
#[test]
fn threads_that_submit_cancel_and_wait_at_once_lose_nothing_and_never_pass_the_limit() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(4).enable_time().build().unwrap();
    runtime.block_on(async {
        let slots = Permits::new(3);
        let settings = Settings {
            fair: crate::fair::Settings { items: 100_000, ..Default::default() },
            remembered: 100_000,
            ..Settings::default()
        };
        let (scheduler, service) =
            Scheduler::new(settings, Shares::default(), slots.clone(), Arc::new(Paused)).unwrap();
        let service = tokio::spawn(service.run());
        let (running, ran) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let mut threads = Vec::new();
        for thread in 0..4 {
            let (scheduler, slots) = (scheduler.clone(), slots.clone());
            let (running, ran) = (Arc::clone(&running), Arc::clone(&ran));
            threads.push(tokio::spawn(async move {
                for number in 0..TASKS {
                    let id = thread * TASKS + number;
                    let (running, ran) = (Arc::clone(&running), Arc::clone(&ran));
                    let work = move |_: &mut Started<u64, u64>| async move {
                        let running = Running::new(running);
                        tokio::task::yield_now().await;
                        drop(running);
                        ran.fetch_add(1, Ordering::SeqCst);
                        Report::done()
                    };
                    scheduler.run(Task::new(id, thread), |whole| drop(tokio::spawn(whole)), work).unwrap();
                    match number % 8 {
                        0 => drop(scheduler.cancel(&(id / 2))),
                        1 => drop(scheduler.wait(&id, None).await),
                        2 => slots.steer(Fixed::new(1 + usize::try_from(number).unwrap() % 6)),
                        3 => {
                            let status = scheduler.status();
                            assert_eq!(status.submitted, status.live() as u64 + status.ended.total());
                        }
                        _ => {}
                    }
                }
            }));
        }
        for thread in threads {
            thread.await.unwrap();
        }
        scheduler.closed(Closing::Drain).await;
        let status = scheduler.status();
        assert_eq!((status.submitted, status.ended.total(), slots.running()), (4 * TASKS, 4 * TASKS, 0));
        assert_eq!(status.ended.done + status.ended.cancelled, 4 * TASKS);
        assert!(status.ended.done as usize <= ran.load(Ordering::SeqCst));
        service.await.unwrap();
    });
}

/// Callers on several threads go in through a room of four and its door, and every fifth gives up on the way.
#[test]
fn s42_threads_at_the_door_all_get_in_or_are_told_and_nobody_waits_for_ever() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(4).enable_time().build().unwrap();
    runtime.block_on(async {
        let slots = Permits::new(3);
        let fair = crate::fair::Settings { items: 4, door: Some(1_000), ..Default::default() };
        let settings = Settings { fair, remembered: 0, ..Settings::default() };
        let (scheduler, service) =
            Scheduler::new(settings, Shares::default(), slots.clone(), Arc::new(Paused)).unwrap();
        let service = tokio::spawn(service.run());
        let begun = Paused.now();
        let far = begun + Duration::from_secs(1_000_000);
        let (running, gave_up) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let mut callers = Vec::new();
        for caller in 0..40 {
            let scheduler = scheduler.clone();
            let (running, gave_up) = (Arc::clone(&running), Arc::clone(&gave_up));
            callers.push(tokio::spawn(async move {
                for number in 0..TASKS / 20 {
                    let enter = scheduler.enter(Task::new(caller * TASKS + number, caller % 4), Some(far));
                    let ticket = if number % 5 == 0 {
                        let mut enter = Box::pin(enter);
                        let mut ticket = None;
                        for _ in 0..number % 4 {
                            ticket = poll_immediate(&mut enter).await;
                            if ticket.is_some() {
                                break;
                            }
                            tokio::task::yield_now().await;
                        }
                        ticket
                    } else {
                        Some(enter.await)
                    };
                    let Some(ticket) = ticket else {
                        gave_up.fetch_add(1, Ordering::SeqCst);
                        continue;
                    };
                    let mut started = ticket.unwrap().await.unwrap();
                    if number % 3 == 0 {
                        started = started.again(begun, Report::failed()).await.unwrap();
                    }
                    let running = Running::new(Arc::clone(&running));
                    tokio::task::yield_now().await;
                    drop(running);
                    started.finish(Report::done());
                }
            }));
        }
        for caller in callers {
            caller.await.unwrap();
        }
        let status = scheduler.status();
        let all = 40 * (TASKS / 20) - gave_up.load(Ordering::SeqCst) as u64;
        assert_eq!((status.ended.done, status.submitted, status.refused), (all, all, 0));
        assert_eq!((status.live(), status.door, slots.running()), (0, 0, 0));
        assert!((0..4).all(|tenant| scheduler.usage(&tenant) == crate::fair::Usage::default()));
        scheduler.closed(Closing::Drain).await;
        service.await.unwrap();
    });
}
