//! Threads that meet, in orders that are chosen instead of found by luck.
//!
//! The policies that threads share are built here a second time, with the locks of [shuttle](shuttle): it runs one thread at a
//! time and decides at each lock which goes on, thousands of times over, and shows the order that broke something. It
//! also finds threads that wait for ever.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a model fails by a panic, and says what it did")]
#![expect(dead_code, reason = "of the modules that are built here, not all is used")]
#![expect(unused_imports, reason = "their own tests are built without being run")]
#![expect(unreachable_pub, reason = "what is public in the library is not in a program")]

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures::FutureExt;
use shuttle::future::block_on;
use shuttle::thread;

#[path = "../src/bulkhead/mod.rs"]
mod bulkhead;
#[path = "../src/limit/mod.rs"]
mod limit;
#[path = "../src/line.rs"]
mod line;
#[path = "../src/permit/mod.rs"]
mod permit;
#[path = "../src/refused.rs"]
mod refused;
#[path = "../src/flight/single.rs"]
mod single;
#[path = "../src/testing.rs"]
mod testing;
#[path = "../src/timer.rs"]
mod timer;

mod sync {
    pub(crate) use shuttle::sync::{Mutex, MutexGuard};
}

use bulkhead::Bulkhead;
use limit::{Aimd, Bounds, Ended, Fixed};
use permit::Permits;
use refused::Refused;
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
