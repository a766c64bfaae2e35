use std::collections::{BTreeMap, VecDeque};
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures::FutureExt;
use proptest::prelude::*;

use super::*;
use crate::limit::{Aimd, Bounds};

#[test]
fn no_more_run_than_the_limit_and_a_dropped_permit_is_free_again() {
    let permits = Permits::new(2);
    let first = permits.try_take().unwrap().unwrap();
    let _second = permits.try_take().unwrap().unwrap();
    assert!(permits.try_take().unwrap().is_none());
    assert_eq!((permits.running(), permits.limit(), permits.free()), (2, 2, 0));
    drop(first);
    assert_eq!(permits.running(), 1);
    assert!(permits.try_take().unwrap().is_some());
}

#[test]
fn a_newcomer_does_not_overtake_one_who_waits() {
    let permits = Permits::new(1);
    let held = permits.try_take().unwrap();
    let mut waiter = Box::pin(permits.take());
    assert!((&mut waiter).now_or_never().is_none());
    drop(held);
    assert!(permits.try_take().unwrap().is_none(), "it is the waiter's");
    assert!(waiter.now_or_never().unwrap().is_ok());
}

#[test]
fn a_limit_of_nothing_is_a_limit_of_one() {
    assert_eq!(Permits::new(0).limit(), 1);
}

#[test]
fn closing_sends_waiters_away_and_leaves_runners_alone() {
    let permits = Permits::new(1);
    let held = permits.try_take().unwrap();
    let mut waiter = Box::pin(permits.take());
    assert!((&mut waiter).now_or_never().is_none());
    permits.close();
    assert!(matches!(waiter.now_or_never(), Some(Err(Refused::Closed))));
    assert!(matches!(permits.try_take(), Err(Refused::Closed)));
    assert!(matches!(permits.take().now_or_never(), Some(Err(Refused::Closed))));
    assert_eq!((permits.running(), permits.waiting()), (1, 0));
    drop(held);
    assert_eq!(permits.running(), 0);
}

#[test]
fn a_limit_that_fell_below_what_runs_gives_nothing_until_enough_came_back() {
    let permits = Permits::new(4);
    let mut held: Vec<_> = (0..4).map(|_| permits.try_take().unwrap().unwrap()).collect();
    let mut waiter = Box::pin(permits.take());
    assert!((&mut waiter).now_or_never().is_none());
    permits.steer(Fixed::new(2));
    assert_eq!((permits.running(), permits.limit(), permits.free()), (4, 2, 0));
    held.truncate(2);
    assert!((&mut waiter).now_or_never().is_none(), "two run, and two may");
    held.truncate(1);
    assert!(waiter.now_or_never().is_some());
    permits.steer(Fixed::new(3));
    assert_eq!(permits.free(), 2);
}

#[test]
fn a_raised_limit_serves_those_who_wait_without_an_end() {
    let permits = Permits::new(1);
    let _held = permits.try_take().unwrap();
    let mut waiters: Vec<_> = (0..3).map(|_| Box::pin(permits.take())).collect();
    assert!(waiters.iter_mut().all(|waiter| waiter.now_or_never().is_none()));
    permits.steer(Fixed::new(3));
    let served: Vec<_> = waiters.iter_mut().map(FutureExt::now_or_never).collect();
    assert_eq!(served.iter().map(Option::is_some).collect::<Vec<_>>(), [true, true, false]);
}

#[test]
fn all_who_listen_are_told_what_became_free_since() {
    let permits = Permits::new(1);
    let held = permits.try_take().unwrap();
    let listeners = [permits.freed(), permits.freed()];
    drop(held);
    assert!(listeners.into_iter().all(|listener| listener.now_or_never().is_some()));
    assert!(permits.freed().now_or_never().is_none(), "that was before");
}

#[test]
fn s18_the_peak_is_the_limit_and_threads_lose_no_permit() {
    const LIMIT: usize = 3;
    let permits = Permits::new(LIMIT);
    let (now, peak, served) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for thread in 0..6 {
            let (permits, now, peak, served) = (permits.clone(), &now, &peak, &served);
            scope.spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
                for turn in 0..500 {
                    if (thread + turn) % 5 == 0 {
                        // Gives up at once, served or not.
                        drop(permits.take().now_or_never());
                        continue;
                    }
                    let permit = runtime.block_on(permits.take()).unwrap();
                    peak.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                    std::thread::yield_now();
                    now.fetch_sub(1, Ordering::SeqCst);
                    served.fetch_add(1, Ordering::SeqCst);
                    permit.settle(Duration::from_micros(1), Ended::Well);
                }
            });
        }
    });
    assert_eq!((peak.into_inner(), served.into_inner()), (LIMIT, 6 * 400));
    assert_eq!((permits.running(), permits.waiting(), permits.free()), (0, 0, LIMIT));
}

/// One thing that happens.
#[derive(Debug, Clone)]
enum Step {
    TryTake,
    Wait,
    Poll(prop::sample::Index),
    GiveUp(prop::sample::Index),
    Release(prop::sample::Index),
    Steer(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let which = any::<prop::sample::Index>;
    let step = prop_oneof![
        2 => Just(Step::TryTake),
        4 => Just(Step::Wait),
        3 => which().prop_map(Step::Poll),
        3 => which().prop_map(Step::GiveUp),
        4 => which().prop_map(Step::Release),
        1 => (1_usize..6).prop_map(Step::Steer),
    ];
    prop::collection::vec(step, 1..150)
}

/// What should be the case: who waits, in order, and who was handed a permit.
#[derive(Default)]
struct Model {
    limit: usize,
    held: usize,
    waiting: VecDeque<usize>,
    handed: Vec<usize>,
}

impl Model {
    fn running(&self) -> usize {
        self.held + self.handed.len()
    }

    fn hand_out(&mut self) {
        while self.running() < self.limit
            && let Some(first) = self.waiting.pop_front()
        {
            self.handed.push(first);
        }
    }
}

type Waiter<'a> = Pin<Box<dyn Future<Output = Result<Permit, Refused>> + 'a>>;

/// Asks a waiter, which must be served exactly if the model says so.
fn ask(model: &mut Model, waiters: &mut BTreeMap<usize, Waiter<'_>>, held: &mut Vec<Permit>, id: usize) {
    let served = waiters.get_mut(&id).unwrap().now_or_never();
    let place = model.handed.iter().position(|handed| *handed == id);
    assert_eq!(served.is_some(), place.is_some());
    if let (Some(permit), Some(place)) = (served, place) {
        held.push(permit.unwrap());
        model.handed.remove(place);
        model.held += 1;
        waiters.remove(&id);
    }
}

proptest! {
    #[test]
    fn permits_go_to_waiters_in_order_and_none_is_lost_or_made(limit in 1_usize..5, steps in steps()) {
        let permits = Permits::new(limit);
        let mut model = Model { limit, ..Model::default() };
        let mut waiters: BTreeMap<usize, Waiter<'_>> = BTreeMap::new();
        let mut held: Vec<Permit> = Vec::new();
        for (id, step) in steps.into_iter().enumerate() {
            let pick = |which: prop::sample::Index, waiters: &BTreeMap<usize, Waiter<'_>>| {
                (!waiters.is_empty()).then(|| *waiters.keys().nth(which.index(waiters.len())).unwrap())
            };
            match step {
                Step::TryTake => {
                    let free = model.waiting.is_empty() && model.running() < model.limit;
                    let permit = permits.try_take().unwrap();
                    prop_assert_eq!(permit.is_some(), free);
                    model.held += usize::from(free);
                    held.extend(permit);
                }
                Step::Wait => {
                    waiters.insert(id, Box::pin(permits.take()));
                    model.waiting.push_back(id);
                    model.hand_out();
                    ask(&mut model, &mut waiters, &mut held, id);
                }
                Step::Poll(which) => {
                    if let Some(id) = pick(which, &waiters) {
                        ask(&mut model, &mut waiters, &mut held, id);
                    }
                }
                Step::GiveUp(which) => {
                    if let Some(id) = pick(which, &waiters) {
                        waiters.remove(&id);
                        model.waiting.retain(|other| *other != id);
                        model.handed.retain(|other| *other != id);
                        model.hand_out();
                    }
                }
                Step::Release(which) if !held.is_empty() => {
                    drop(held.swap_remove(which.index(held.len())));
                    model.held -= 1;
                    model.hand_out();
                }
                Step::Release(_) => {}
                Step::Steer(limit) => {
                    permits.steer(Fixed::new(limit));
                    model.limit = limit;
                    model.hand_out();
                }
            }
            prop_assert_eq!(permits.running(), model.running());
            prop_assert_eq!(permits.waiting(), model.waiting.len());
            prop_assert_eq!(permits.free(), model.limit.saturating_sub(model.running()));
        }
        drop((waiters, held));
        prop_assert_eq!((permits.running(), permits.waiting()), (0, 0));
    }

    #[test]
    fn a_learning_limit_holds_its_bounds_and_gives_none_above_itself(
        ends in prop::collection::vec((any::<prop::sample::Index>(), 0_u8..4), 1..300),
    ) {
        let permits = Permits::steered(Aimd::new(Bounds::new(2, 4, 9).unwrap()));
        let mut held = Vec::new();
        for (which, end) in ends {
            while let Some(permit) = permits.try_take().unwrap() {
                held.push(permit);
                prop_assert!(permits.running() <= permits.limit());
            }
            let permit: Permit = held.swap_remove(which.index(held.len()));
            match end {
                0 => drop(permit),
                1 => permit.settle(Duration::from_millis(1), Ended::Overloaded),
                _ => permit.settle(Duration::from_millis(1), Ended::Well),
            }
            prop_assert!((2..=9).contains(&permits.limit()));
            prop_assert_eq!(permits.running(), held.len());
        }
    }
}
