//! Threads that meet, in orders that are chosen instead of found by luck.
//!
//! The policies that threads share are built here a second time, with the locks of [shuttle](shuttle): it runs one thread at a
//! time and decides at each lock which goes on, thousands of times over, and shows the order that broke something. It
//! also finds threads that wait for ever.
//!
//! Not chosen are the orders within tokio's `Notify` and within the standard library's atomics and `OnceLock`: each use of one is
//! one step here. Where one is used between two locks, both orders of the locks are.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a model fails by a panic, and says what it did")]
#![expect(dead_code, reason = "of the modules that are built here, not all is used")]
#![expect(unused_imports, clippy::wildcard_imports, reason = "their own tests are built without being run")]
#![expect(unreachable_pub, reason = "what is public in the library is not in a program")]

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures::FutureExt;
use futures::future::{BoxFuture, pending};
use hotcell_call::{Clock, ManualClock};
use shuttle::future::block_on;
use shuttle::thread;

#[path = "../src/bulkhead/mod.rs"]
mod bulkhead;
#[path = "../src/dag/mod.rs"]
mod dag;
#[path = "../src/fair/mod.rs"]
mod fair;
#[path = "../src/few.rs"]
mod few;
#[path = "../src/limit/mod.rs"]
mod limit;
#[path = "../src/line.rs"]
mod line;
#[path = "../src/panicked.rs"]
mod panicked;
#[path = "../src/permit/mod.rs"]
mod permit;
#[path = "../src/pressure.rs"]
mod pressure;
#[path = "../src/refused.rs"]
mod refused;
#[path = "../src/schedule/mod.rs"]
mod schedule;
#[path = "../src/flight/single.rs"]
mod single;
#[path = "../src/sorted.rs"]
mod sorted;
#[path = "../src/testing.rs"]
mod testing;
#[path = "../src/timer.rs"]
mod timer;

mod sync {
    pub(crate) use shuttle::sync::{Mutex, MutexGuard};
}

use bulkhead::Bulkhead;
use fair::{Shares, Usage};
use limit::{Aimd, Bounds, Ended, Fixed};
use panicked::Panicked;
use permit::Permits;
use refused::Refused;
use schedule::{Closing, End, Report, Scheduler, Service, Settings, Standing, Started, Task};
use single::{Answer, Flight};
use timer::Timer;

/// How many orders of threads each model is run in.
const ORDERS: usize = 2_000;

fn main() {
    for (name, model) in [
        ("permits", permits as fn()),
        ("permits whose limit learns", learning),
        ("permits that close", closing),
        ("a bulkhead", compartments),
        ("a flight", flight),
        ("a flight whose leaders are lost", lost_leaders),
        ("a scheduler", scheduler),
        ("a scheduler's door", door),
        ("a scheduler that stops", stopping),
        ("a scheduler and its loop", service),
    ] {
        shuttle::check_random(model, ORDERS);
        // Three places where the order matters is what it takes to break most things (Burckhardt et al. 2010).
        shuttle::check_pct(model, ORDERS, 3);
        println!("{name}: {} orders", 2 * ORDERS);
    }
}

/// Starts each as a thread, and waits for all.
fn together(threads: impl IntoIterator<Item = Box<dyn FnOnce() + Send>>) {
    let threads: Vec<_> = threads.into_iter().map(|work| thread::spawn(work)).collect();
    for thread in threads {
        thread.join().unwrap();
    }
}

fn permits() {
    let (permits, running) = (Permits::new(2), Arc::new(AtomicUsize::new(0)));
    together((0..4).map(|id| -> Box<dyn FnOnce() + Send> {
        let (permits, running) = (permits.clone(), Arc::clone(&running));
        Box::new(move || {
            if id == 0 {
                // Gives up, served or not.
                drop(permits.take().now_or_never());
            }
            let permit = block_on(permits.take()).unwrap();
            assert!(running.fetch_add(1, Ordering::SeqCst) < 2);
            thread::yield_now();
            running.fetch_sub(1, Ordering::SeqCst);
            drop(permit);
        })
    }));
    assert_eq!((permits.running(), permits.waiting(), permits.free()), (0, 0, 2));
}

fn learning() {
    let permits = Permits::steered(Aimd::new(Bounds::new(1, 2, 3).unwrap()));
    together((0..4).map(|id| -> Box<dyn FnOnce() + Send> {
        let permits = permits.clone();
        Box::new(move || {
            let ended = if id % 2 == 0 { Ended::Overloaded } else { Ended::Well };
            block_on(permits.take()).unwrap().settle(Duration::from_millis(1), ended);
            if id == 3 {
                permits.steer(Fixed::new(1));
            }
            assert!((1..=3).contains(&permits.limit()));
        })
    }));
    assert_eq!((permits.running(), permits.waiting()), (0, 0));
}

fn closing() {
    let permits = Permits::new(1);
    together((0..3).map(|id| -> Box<dyn FnOnce() + Send> {
        let permits = permits.clone();
        Box::new(move || match id {
            0 => permits.close(),
            _ => match block_on(permits.take()) {
                Ok(permit) => drop(permit),
                Err(refused) => assert_eq!(refused, Refused::Closed),
            },
        })
    }));
    assert_eq!((permits.running(), permits.waiting()), (0, 0));
    assert!(permits.try_take().is_err());
}

fn compartments() {
    let bulkhead = Bulkhead::new(NonZeroUsize::MIN, NonZeroUsize::new(2).unwrap());
    together((0..4).map(|id| -> Box<dyn FnOnce() + Send> {
        let bulkhead = bulkhead.clone();
        Box::new(move || {
            let key = id % 2;
            if id == 0 {
                drop(bulkhead.take(&key).now_or_never());
            }
            let permit = block_on(bulkhead.take(&key)).unwrap();
            assert_eq!(bulkhead.running(&key), 1);
            drop(permit);
        })
    }));
    assert_eq!(bulkhead.keys(), 0);
}

fn flight() {
    let flight: Flight<u8, usize> = Flight::new(NonZeroUsize::MIN);
    let runs = Arc::new(AtomicUsize::new(0));
    together((0..4).map(|_| -> Box<dyn FnOnce() + Send> {
        let (flight, runs) = (flight.clone(), Arc::clone(&runs));
        Box::new(move || {
            let work = async || {
                let working = runs.fetch_add(1, Ordering::SeqCst);
                shuttle::future::yield_now().await;
                Ok::<_, ()>(Answer::Sound(working))
            };
            let answer = block_on(flight.run(&1, work)).unwrap();
            assert!(answer < runs.load(Ordering::SeqCst));
        })
    }));
    assert_eq!(flight.under_way(), 0);
}

fn lost_leaders() {
    let flight: Flight<u8, usize> = Flight::new(NonZeroUsize::MIN);
    together((0..4_usize).map(|id| -> Box<dyn FnOnce() + Send> {
        let flight = flight.clone();
        Box::new(move || {
            let work = async || {
                shuttle::future::yield_now().await;
                match id {
                    0 => Err(()),
                    1 => Ok(Answer::Own(id)),
                    _ => Ok(Answer::Sound(id)),
                }
            };
            if id == 2 {
                // Goes away while it leads or follows.
                let _gone = flight.run(&1, work).now_or_never();
                return;
            }
            match block_on(flight.run(&1, work)) {
                Ok(of) => assert!(of == id || of > 1, "another's own answer"),
                Err(()) => assert_eq!(id, 0, "another's error"),
            }
        })
    }));
    assert_eq!(flight.under_way(), 0);
}

/// A time that does not pass. What waits for it waits for ever.
struct Still(ManualClock);

impl Clock for Still {
    fn now(&self) -> Instant {
        self.0.now()
    }
}

impl Timer for Still {
    fn sleep_until(&self, _: Instant) -> BoxFuture<'static, ()> {
        pending().boxed()
    }
}

/// A scheduler with room for so many, of which two run; and its time.
fn scheduling(items: usize, permits: &Permits) -> (Scheduler<usize, usize>, Service<usize, usize>, Instant) {
    let fair = fair::Settings { items, door: Some(8), ..fair::Settings::default() };
    let settings = Settings { fair, ..Settings::default() };
    let still = Still(ManualClock::default());
    let now = still.now();
    let (scheduler, service) = Scheduler::new(settings, Shares::default(), permits.clone(), Arc::new(still)).unwrap();
    (scheduler, service, now)
}

/// Counts a task while it runs.
fn run(running: &AtomicUsize, _started: &Started<usize, usize>) {
    assert!(running.fetch_add(1, Ordering::SeqCst) < 2, "more than may run");
    thread::yield_now();
    running.fetch_sub(1, Ordering::SeqCst);
}

/// Each task ended once, and nothing is left of any.
fn over(scheduler: &Scheduler<usize, usize>, permits: &Permits) {
    let status = scheduler.status();
    assert_eq!((status.live(), status.ended.total(), status.door), (0, status.submitted, 0));
    assert_eq!(permits.running(), 0);
    assert!((0..4).all(|tenant| scheduler.usage(&tenant) == Usage::default()));
}

/// Without the loop: time stands still, and places come free by the tasks' ends alone, so there is nothing for it to do.
fn scheduler() {
    let (permits, running) = (Permits::new(2), Arc::new(AtomicUsize::new(0)));
    let (scheduler, _service, now) = scheduling(100, &permits);
    together((0..4).map(|id| -> Box<dyn FnOnce() + Send> {
        let (scheduler, running) = (scheduler.clone(), Arc::clone(&running));
        Box::new(move || {
            let mut ticket = scheduler.submit(Task::new(id, id % 2)).unwrap();
            match id {
                // Gives up, its turn come or not.
                0 => drop((&mut ticket).now_or_never()),
                // Is cancelled by another one, wherever it is.
                1 => {
                    if let Ok(started) = block_on(ticket) {
                        run(&running, &started);
                        started.finish(Report::done());
                    }
                }
                2 => {
                    scheduler.cancel(&1);
                    let started = block_on(ticket).unwrap();
                    run(&running, &started);
                    let started = block_on(started.again(now, Report::failed())).unwrap();
                    run(&running, &started);
                    started.finish(Report::done());
                    assert_eq!(block_on(scheduler.wait(&2, None)), Ok(End::Done));
                }
                _ => {
                    let started = block_on(ticket).unwrap();
                    run(&running, &started);
                    drop(started);
                    assert_eq!(scheduler.standing(&3), Some(Standing::Ended(End::Abandoned)));
                }
            }
        })
    }));
    over(&scheduler, &permits);
}

fn door() {
    let (permits, running) = (Permits::new(2), Arc::new(AtomicUsize::new(0)));
    let (scheduler, _service, now) = scheduling(1, &permits);
    together((0..5).map(|id| -> Box<dyn FnOnce() + Send> {
        let (scheduler, running) = (scheduler.clone(), Arc::clone(&running));
        Box::new(move || {
            let until = Some(now + Duration::from_secs(1));
            if id == 0 {
                // Gives up: at the door, handed a place, or in.
                let mut enter = Box::pin(scheduler.enter(Task::new(id, 0), until));
                let _first = (&mut enter).now_or_never();
                thread::yield_now();
                return;
            }
            let started = block_on(async {
                let ticket = scheduler.enter(Task::new(id, id % 3), until).await.unwrap();
                ticket.await.unwrap()
            });
            run(&running, &started);
            started.finish(Report::done());
        })
    }));
    over(&scheduler, &permits);
}

fn stopping() {
    let permits = Permits::new(1);
    let (scheduler, service, now) = scheduling(1, &permits);
    let service = std::sync::Mutex::new(Some(service));
    let service = Arc::new(service);
    together((0..4).map(|id| -> Box<dyn FnOnce() + Send> {
        let (scheduler, service) = (scheduler.clone(), Arc::clone(&service));
        Box::new(move || {
            if id == 0 {
                return drop(service.lock().unwrap().take());
            }
            // Whoever is at the door, or waits, or runs, is told.
            let entered = block_on(scheduler.enter(Task::new(id, 0), Some(now + Duration::from_secs(1))));
            if let Ok(ticket) = entered
                && let Ok(started) = block_on(ticket)
            {
                block_on(started.stop_signal().wait());
                started.finish(Report::done());
            }
        })
    }));
    over(&scheduler, &permits);
}

/// With the loop, which is needed when somebody else has the places.
fn service() {
    let (permits, running) = (Permits::new(1), Arc::new(AtomicUsize::new(0)));
    let (scheduler, service, now) = scheduling(100, &permits);
    let mut threads: Vec<Box<dyn FnOnce() + Send>> = vec![Box::new(move || block_on(service.run()))];
    let others = permits.clone();
    threads.push(Box::new(move || {
        for _ in 0..2 {
            let elsewhere = others.try_take().unwrap();
            thread::yield_now();
            drop(elsewhere);
        }
    }));
    for id in 0..2 {
        let (scheduler, running) = (scheduler.clone(), Arc::clone(&running));
        threads.push(Box::new(move || {
            let Ok(ticket) = scheduler.submit(Task::new(id, id)) else {
                return; // closed before
            };
            let started = block_on(ticket).unwrap();
            let started = block_on(started.again(now, Report::failed())).unwrap();
            run(&running, &started);
            started.finish(Report::done());
        }));
    }
    let handle = scheduler.clone();
    threads.push(Box::new(move || block_on(handle.closed(Closing::Drain))));
    together(threads);
    over(&scheduler, &permits);
}
