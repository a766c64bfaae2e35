use std::cell::Cell;
use std::collections::BTreeSet;
use std::sync::Mutex;
use std::time::Duration;

use futures::FutureExt;
use futures::future::join_all;
use proptest::prelude::*;

use super::*;
use crate::testing::{Paused, after, pass};

/// Makes numbers; keeps an account of what there is.
#[derive(Default)]
struct Numbers {
    alive: Mutex<BTreeSet<u32>>,
    made: Mutex<u32>,
    /// Makes no more after so many.
    fails_after: Option<u32>,
    /// Can't close these well.
    unclosable: BTreeSet<u32>,
    broken: Mutex<BTreeSet<u32>>,
    slow: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("number {0}")]
struct Wrong(u32);

impl Source for Arc<Numbers> {
    type Item = u32;
    type Error = Wrong;

    async fn make(&self) -> Result<u32, Wrong> {
        pass(self.slow).await;
        let mut made = self.made.lock().unwrap();
        if self.fails_after == Some(*made) {
            return Err(Wrong(*made));
        }
        *made += 1;
        self.alive.lock().unwrap().insert(*made);
        Ok(*made)
    }

    async fn check(&self, item: &mut u32) -> bool {
        pass(self.slow).await;
        !self.broken.lock().unwrap().contains(item)
    }

    async fn close(&self, item: u32) -> Result<(), Wrong> {
        assert!(self.alive.lock().unwrap().remove(&item), "closed once");
        pass(self.slow).await;
        if self.unclosable.contains(&item) { Err(Wrong(item)) } else { Ok(()) }
    }
}

fn settings(min: usize, max: usize) -> Settings {
    Settings::new(min, max, Duration::from_secs(10)).unwrap()
}

async fn open(numbers: &Arc<Numbers>, min: usize, max: usize) -> Pool<Arc<Numbers>> {
    Pool::open(Arc::clone(numbers), settings(min, max), Arc::new(Paused)).await.unwrap()
}

fn alive(numbers: &Numbers) -> Vec<u32> {
    numbers.alive.lock().unwrap().iter().copied().collect()
}

#[test]
fn s62_numbers_that_make_no_sense_are_refused() {
    let idle = Duration::from_secs(1);
    assert_eq!(Settings::new(0, 0, idle), Err(BadSettings::Nothing));
    assert_eq!(Settings::new(5, 2, idle), Err(BadSettings::OutOfOrder { min: 5, max: 2 }));
    assert_eq!(Settings::new(1, 2, Duration::ZERO), Err(BadSettings::NoIdle { idle: Duration::ZERO }));
}

#[tokio::test(start_paused = true)]
async fn s06_a_creation_that_fails_leaves_nothing_and_all_closes_are_attempted() {
    let numbers = Arc::new(Numbers { fails_after: Some(3), unclosable: BTreeSet::from([1, 2]), ..Numbers::default() });
    let error = Pool::open(Arc::clone(&numbers), settings(5, 5), Arc::new(Paused)).await.unwrap_err();
    assert_eq!((error.made, error.of, &error.error), (3, 5, &Wrong(3)));
    assert_eq!(error.closing, [Wrong(1), Wrong(2)]);
    assert_eq!(alive(&numbers), []);
}

#[tokio::test(start_paused = true)]
async fn s06_a_resource_is_lent_to_one_and_comes_back_once() {
    let numbers = Arc::default();
    let pool = open(&numbers, 1, 2).await;
    let (first, second) = (pool.acquire(None).await.unwrap(), pool.acquire(None).await.unwrap());
    assert_eq!((*first, *second, pool.lent(), pool.idle()), (1, 2, 2, 0));
    let start = after(0);
    let late = pool.acquire(Some(after(50))).await;
    assert!(matches!(late, Err(AcquireError::Refused(Refused::Late))));
    assert_eq!(after(0) - start, Duration::from_millis(50));
    drop(first);
    assert_eq!((pool.lent(), pool.idle()), (1, 1));
    assert_eq!(*pool.acquire(None).await.unwrap(), 1);
    drop(second);
    assert_eq!((pool.idle(), pool.counts().made), (2, 2));
}

#[tokio::test(start_paused = true)]
async fn s06_one_that_cannot_be_made_costs_no_place() {
    let numbers = Arc::new(Numbers { fails_after: Some(0), ..Numbers::default() });
    let pool = open(&numbers, 0, 1).await;
    for _ in 0..3 {
        assert!(matches!(pool.acquire(None).await, Err(AcquireError::Make(Wrong(0)))));
    }
    assert_eq!((pool.lent(), pool.idle()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn s62_one_that_is_broken_is_closed_and_replaced() {
    let numbers = Arc::default();
    let pool = open(&numbers, 2, 2).await;
    numbers.broken.lock().unwrap().extend([1, 2]);
    assert_eq!(*pool.acquire(None).await.unwrap(), 3);
    let counts = Counts { made: 3, closed: 2, broken: 2, close_failures: 0 };
    assert_eq!((pool.counts(), alive(&numbers)), (counts, vec![3]));
    pool.acquire(None).await.unwrap().discard().await.unwrap();
    assert_eq!((alive(&numbers), pool.lent(), pool.idle()), (vec![], 0, 0));
}

#[tokio::test(start_paused = true)]
async fn s62_closing_ends_all_also_what_is_lent_and_nothing_is_lent_after() {
    let numbers = Arc::new(Numbers { unclosable: BTreeSet::from([1, 3]), slow: 5, ..Numbers::default() });
    let pool = open(&numbers, 3, 3).await;
    let held = [pool.acquire(None).await.unwrap(), pool.acquire(None).await.unwrap()];
    let mut third = Box::pin(pool.acquire(None));
    assert!((&mut third).now_or_never().is_none(), "it is being checked");
    let start = after(0);
    let give_back = async {
        pass(100).await;
        assert!(matches!(pool.acquire(None).await, Err(AcquireError::Refused(Refused::Closed))));
        drop(held);
    };
    let (errors, third, ()) = tokio::join!(pool.close(), third, give_back);
    assert!(matches!(third, Err(AcquireError::Refused(Refused::Closed))));
    assert_eq!(errors.iter().map(|wrong| wrong.0).collect::<BTreeSet<_>>(), BTreeSet::from([1, 3]));
    assert_eq!((after(0) - start, alive(&numbers)), (Duration::from_millis(110), vec![]));
    assert_eq!(pool.close().await, []);
}

#[tokio::test(start_paused = true)]
async fn closing_waits_for_what_another_is_closing() {
    let numbers = Arc::new(Numbers { slow: 50, ..Numbers::default() });
    let pool = open(&numbers, 0, 1).await;
    drop(pool.acquire(None).await.unwrap());
    pass(20_000).await;
    let start = after(0);
    let (swept, closed) = tokio::join!(pool.sweep(), async {
        let errors = pool.close().await;
        (after(0) - start, errors)
    });
    assert_eq!((swept, closed), (vec![], (Duration::from_millis(50), vec![])));
}

#[tokio::test(start_paused = true)]
async fn s70_what_is_idle_too_long_goes_and_the_least_is_kept() {
    let numbers = Arc::default();
    let pool = open(&numbers, 1, 4).await;
    let run = async {
        pool.run().await;
        after(0)
    };
    let work = async {
        let held = join_all((0..4).map(|_| pool.acquire(None))).await;
        pass(1_000).await;
        drop(held);
        assert_eq!(pool.idle(), 4);
        pass(8_000).await;
        assert_eq!(pool.idle(), 4, "not idle for ten seconds yet");
        pass(7_000).await;
        assert_eq!((pool.idle(), alive(&numbers).len()), (1, 1));
        pool.close().await;
        after(0)
    };
    let (ended, closed) = tokio::join!(run, work);
    assert_eq!((ended, alive(&numbers)), (closed, vec![]));
}

#[tokio::test(start_paused = true)]
async fn s70_forty_over_two_lose_no_time_and_are_served_in_turn() {
    let pool = open(&Arc::default(), 0, 2).await;
    let (start, next) = (after(0), Cell::new(0));
    join_all((0..40).map(async |turn| {
        let _lease = pool.acquire(None).await.unwrap();
        assert_eq!(next.replace(turn + 1), turn);
        pass(10).await;
    }))
    .await;
    assert_eq!(after(0) - start, Duration::from_millis(200));
    assert_eq!(pool.counts().made, 2);
}

#[test]
fn threads_never_hold_the_same() {
    let numbers: Arc<Numbers> = Arc::default();
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    let pool = runtime().block_on(open(&numbers, 0, 3));
    let held = Mutex::new(BTreeSet::new());
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let runtime = runtime();
                for _ in 0..200 {
                    let lease = runtime.block_on(pool.acquire(None)).unwrap();
                    assert!(held.lock().unwrap().insert(*lease));
                    std::thread::yield_now();
                    assert!(held.lock().unwrap().remove(&*lease));
                }
            });
        }
    });
    assert_eq!((pool.lent(), pool.idle(), alive(&numbers).len()), (0, pool.idle(), pool.idle()));
    assert!(pool.counts().made <= 3);
}

proptest! {
    #[test]
    fn whoever_comes_and_goes_none_is_lost_lent_twice_or_left_open(
        steps in prop::collection::vec((0_u8..7, any::<prop::sample::Index>()), 1..100),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let numbers = Arc::new(Numbers { slow: 3, ..Numbers::default() });
            let pool = open(&numbers, 1, 3).await;
            let (mut waiting, mut held) = (Vec::new(), Vec::new());
            for (step, which) in steps {
                match step {
                    0 | 1 => {
                        let pool = pool.clone();
                        waiting.push(Box::pin(async move { pool.acquire(None).await }));
                    }
                    2 if !waiting.is_empty() => drop(waiting.swap_remove(which.index(waiting.len()))),
                    3 if !held.is_empty() => drop::<Lease<_>>(held.swap_remove(which.index(held.len()))),
                    4 if !held.is_empty() => {
                        let lease: Lease<Arc<Numbers>> = held.swap_remove(which.index(held.len()));
                        lease.discard().await.unwrap();
                    }
                    5 if !held.is_empty() => {
                        numbers.broken.lock().unwrap().insert(*held[which.index(held.len())]);
                    }
                    _ => pass(2).await,
                }
                waiting.retain_mut(|waiter| match waiter.now_or_never() {
                    Some(lease) => {
                        held.push(lease.unwrap());
                        false
                    }
                    None => true,
                });
                let distinct: BTreeSet<u32> = held.iter().map(|lease| **lease).collect();
                assert_eq!(distinct.len(), held.len());
                assert!(pool.lent() <= 3 && held.len() <= pool.lent() && alive(&numbers).len() <= 3);
            }
            drop((waiting, held));
            assert_eq!((pool.lent(), pool.idle()), (0, alive(&numbers).len()));
            assert!(pool.close().await.is_empty() && alive(&numbers).is_empty());
            let counts = pool.counts();
            assert_eq!(counts.made, counts.closed);
        });
    }
}
