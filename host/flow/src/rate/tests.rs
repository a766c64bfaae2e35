use std::collections::{BTreeMap, VecDeque};
use std::num::NonZeroUsize;
use std::sync::Arc;

use futures::FutureExt;
use futures::future::join_all;
use hotcell_call::{Clock, Code, Failure, ManualClock};
use proptest::prelude::*;

use super::*;
use crate::Refused;
use crate::testing::{Paused, after, pass};

const SECOND: Duration = Duration::from_secs(1);

fn rate(algorithm: Algorithm, count: u32, per: Duration) -> Rate {
    Rate::new(algorithm, count, per).unwrap()
}

fn throttle(rate: Rate, most_waiting: usize) -> Throttle {
    Throttle::new(rate, most_waiting, Arc::new(Paused))
}

/// Takes one as soon as it is let in, so many times; when each was let in.
fn greedy(state: &mut State, start: Instant, times: usize) -> Vec<Instant> {
    let mut now = start;
    let mut starts = Vec::new();
    while starts.len() < times {
        match state.take(now, 1) {
            Ok(()) => starts.push(now),
            Err(Denied::TooSoon { retry_after }) => now += retry_after,
            Err(other) => panic!("{other}"),
        }
    }
    starts
}

/// The most that lie in any window, which holds its beginning and not its end.
fn fullest(starts: &[(Instant, u32)], window: Duration) -> u64 {
    let mut inside: VecDeque<(Instant, u32)> = VecDeque::new();
    let (mut sum, mut most) = (0, 0);
    for start in starts {
        inside.push_back(*start);
        sum += u64::from(start.1);
        while inside.front().is_some_and(|first| first.0 + window <= start.0) {
            sum -= u64::from(inside.pop_front().unwrap().1);
        }
        most = most.max(sum);
    }
    most
}

#[test]
fn s11_a_rate_that_lets_nothing_in_is_refused_and_the_defaults_work_for_all() {
    for algorithm in Algorithm::ALL {
        assert_eq!(Rate::new(algorithm, 0, SECOND), Err(BadRate::NoCount));
        assert_eq!(Rate::new(algorithm, 5, Duration::ZERO), Err(BadRate::NoPer));
        assert!(matches!(Rate::new(algorithm, 5, Duration::MAX), Err(BadRate::LongPer { .. })));
        assert_eq!(algorithm.as_str().parse(), Ok(algorithm));
        let rate = rate(algorithm, 5, SECOND);
        assert_eq!((rate.burst(), rate.count(), rate.per()), (5, 5, SECOND));
        let now = ManualClock::default().now();
        let mut state = State::new(rate, now);
        assert_eq!(state.take(now, 0), Ok(()));
    }
    assert_eq!(rate(Algorithm::Gcra, 5, SECOND).with_burst(0), Err(BadRate::NoBurst));
    assert_eq!(rate(Algorithm::SlidingWindow, 5, SECOND).with_burst(9), Err(BadRate::BurstOfWindow));
    let unknown = "leaky".parse::<Algorithm>().unwrap_err();
    assert!(unknown.to_string().contains("`gcra`"), "{unknown}");
}

#[test]
fn s11_the_long_run_is_within_one_percent_also_at_ten_thousand_a_second() {
    let start = ManualClock::default().now();
    for algorithm in Algorithm::ALL {
        for (count, per) in [(3, SECOND), (7, SECOND), (99_991, SECOND), (10_000, SECOND), (100, SECOND / 100)] {
            let times = usize::try_from(count).unwrap() * 20 + 1;
            let starts = greedy(&mut State::new(rate(algorithm, count, per), start), start, times);
            let took = (*starts.last().unwrap() - start).as_secs_f64();
            // What is let in at once at the beginning is no rate.
            let windows = if algorithm == Algorithm::SlidingWindow { 20 } else { 19 };
            let asked =
                per.as_secs_f64() * (f64::from(windows) + if windows == 19 { 1.0 / f64::from(count) } else { 0.0 });
            let error = (took - asked).abs() / asked;
            assert!(error < 0.01, "{algorithm:?} {count}: {error}");
        }
    }
}

#[test]
fn s12_more_than_the_burst_is_an_error_at_once() {
    let start = ManualClock::default().now();
    for algorithm in [Algorithm::Gcra, Algorithm::TokenBucket] {
        let mut state = State::new(rate(algorithm, 5, SECOND).with_burst(3).unwrap(), start);
        assert_eq!(state.take(start, 4), Err(Denied::TooLarge { asked: 4, most: 3 }));
        assert_eq!(state.take(start, 3), Ok(()), "it has cost nothing");
        let wait = Duration::from_millis(200);
        assert_eq!(state.take(start, 1), Err(Denied::TooSoon { retry_after: wait }));
        assert_eq!(state.take(start + wait, 1), Ok(()));
    }
}

#[test]
fn s13_more_than_the_rate_is_an_error_at_once() {
    let start = ManualClock::default().now();
    let mut window = SlidingWindow::new(rate(Algorithm::SlidingWindow, 5, SECOND), start);
    assert_eq!(window.take(start, 100), Err(Denied::TooLarge { asked: 100, most: 5 }));
    assert_eq!((window.take(start, 5), window.held(start)), (Ok(()), 5));
    assert_eq!(window.take(start, 1), Err(Denied::TooSoon { retry_after: SECOND }));
    assert_eq!((window.take(start + SECOND, 5), window.held(start + SECOND)), (Ok(()), 5));
}

#[test]
fn s13_ten_thousand_a_second_are_reached_with_little_memory() {
    let start = ManualClock::default().now();
    let mut state = State::new(rate(Algorithm::SlidingWindow, 10_000, SECOND), start);
    let starts = greedy(&mut state, start, 200_000);
    let seconds = (*starts.last().unwrap() - start).as_secs_f64();
    assert!((19.0..19.2).contains(&seconds), "20 windows, the first at once: {seconds}");
    let starts: Vec<_> = starts.into_iter().map(|at| (at, 1)).collect();
    assert_eq!(fullest(&starts, SECOND), 10_000);
    // Spread out, too: an entry for each of 10 000 would be 160 KiB a key.
    let mut window = SlidingWindow::new(rate(Algorithm::SlidingWindow, 10_000, SECOND), start);
    for step in 0..10_000 {
        window.take(start + SECOND / 10_000 * step, 1).unwrap();
    }
    assert!(window.entries() <= 513, "{}", window.entries());
}

#[tokio::test(start_paused = true)]
async fn s04_no_window_holds_more_starts_than_the_rate_and_nothing_leaks() {
    let throttle = throttle(rate(Algorithm::SlidingWindow, 2, SECOND), 100);
    let start = after(0);
    let call = async |name: usize| {
        throttle.take(1, None).await.unwrap();
        let began = after(0);
        // Some fail, some are slow: neither gives a start back, neither takes one more.
        pass(if name.is_multiple_of(3) { 0 } else { 700 }).await;
        (began, 1)
    };
    let cancelled: Vec<_> = (0..5).map(|_| Box::pin(throttle.take(1, None))).collect();
    let mut starts = Vec::new();
    for mut taken in cancelled {
        let granted = (&mut taken).now_or_never().is_some();
        starts.extend(granted.then_some((start, 1)));
    }
    starts.extend(join_all((0..30).map(call)).await);
    starts.sort_unstable();
    assert_eq!(fullest(&starts, SECOND), 2);
    assert_eq!(after(0) - start, SECOND * 15 + Duration::from_millis(700), "32 starts, two a second");
    assert_eq!(throttle.waiting(), 0);
}

#[tokio::test(start_paused = true)]
async fn s12_waiters_are_served_in_turn_and_one_who_gives_up_costs_nothing() {
    let throttle = throttle(rate(Algorithm::TokenBucket, 10, SECOND).with_burst(1).unwrap(), 10);
    throttle.take(1, None).await.unwrap();
    let start = after(0);
    let mut first = Box::pin(throttle.take(1, None));
    let mut second = Box::pin(throttle.take(1, None));
    let mut third = Box::pin(throttle.take(1, None));
    for waiter in [&mut first, &mut second, &mut third] {
        assert!(waiter.now_or_never().is_none());
    }
    assert_eq!(throttle.waiting(), 3);
    drop(first);
    let order = std::cell::RefCell::new(Vec::new());
    let one = async |name, waiter: std::pin::Pin<Box<_>>| {
        let result: Result<(), Refusal> = waiter.await;
        order.borrow_mut().push((name, after(0) - start, result));
    };
    tokio::join!(one(3, third), one(2, second));
    let turns = [(2, Duration::from_millis(100), Ok(())), (3, Duration::from_millis(200), Ok(()))];
    assert_eq!(order.into_inner(), turns);
}

#[tokio::test(start_paused = true)]
async fn a_turn_after_the_deadline_is_refused_as_soon_as_it_is_known() {
    let throttle = throttle(rate(Algorithm::Gcra, 1, SECOND), 2);
    throttle.take(1, None).await.unwrap();
    let start = after(0);
    let soon = throttle.take(1, Some(after(500))).await;
    assert_eq!(soon, Err(Denied::TooSoon { retry_after: SECOND }.into()));
    assert_eq!(throttle.take(2, None).await, Err(Denied::TooLarge { asked: 2, most: 1 }.into()));
    assert_eq!(after(0), start);
    let mut front = Box::pin(throttle.take(1, None));
    let mut behind = Box::pin(throttle.take(1, Some(after(400))));
    assert!((&mut front).now_or_never().is_none() && (&mut behind).now_or_never().is_none());
    assert_eq!(throttle.take(1, None).await, Err(Refused::Full { room: 2 }.into()));
    assert_eq!(behind.await, Err(Refused::Late.into()));
    assert_eq!(after(0) - start, Duration::from_millis(400));
    assert_eq!(front.await, Ok(()));
    assert_eq!((after(0) - start, throttle.waiting()), (SECOND, 0));
}

#[tokio::test(start_paused = true)]
async fn s11_ten_thousand_a_second_are_reached_by_callers_who_wait() {
    for algorithm in Algorithm::ALL {
        let mut rate = rate(algorithm, 10_000, SECOND);
        if algorithm != Algorithm::SlidingWindow {
            rate = rate.with_burst(100).unwrap();
        }
        let (throttle, start) = (throttle(rate, 30_000), after(0));
        join_all((0..30_000).map(async |_| throttle.take(1, None).await.unwrap())).await;
        let seconds = (after(0) - start).as_secs_f64();
        let ideal = f64::from(30_000 - rate.burst()) / 10_000.0;
        assert!((seconds / ideal - 1.0).abs() < 0.01, "{algorithm:?}: {seconds} of {ideal}");
    }
}

#[test]
fn each_denial_has_its_outcome() {
    let soon = Failure::from(Denied::TooSoon { retry_after: SECOND });
    assert_eq!((soon.code(), soon.wait()), (Code::Rate, Some(SECOND)));
    assert_eq!(Failure::from(Denied::TooLarge { asked: 2, most: 1 }).code(), Code::Input);
}

#[test]
fn many_threads_together_get_no_more_than_the_rate() {
    let start = ManualClock::default().now();
    let limiter = Limiter::new(rate(Algorithm::Gcra, 1_000, SECOND), NonZeroUsize::new(2).unwrap(), start);
    let took: usize = std::thread::scope(|scope| {
        let take = || (0..2_000).filter(|i| limiter.take(start, &(i % 2), 1).is_ok()).count();
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(take)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    assert_eq!((took, limiter.keys()), (2_000, 2), "the burst of each of two keys");
}

/// How long passes, and how many are asked for then.
fn demand() -> impl Strategy<Value = Vec<(u64, u32)>> {
    prop::collection::vec((prop_oneof![Just(0), 0_u64..2_000_000_000, 0_u64..50_000_000], 0_u32..7), 1..300)
}

fn rates() -> impl Strategy<Value = Rate> {
    let per = prop_oneof![Just(SECOND), (1_u64..3_000_000_000).prop_map(Duration::from_nanos)];
    (prop::sample::select(&Algorithm::ALL), prop_oneof![1_u32..20, 500_u32..3_000], per, 1_u32..30).prop_map(
        |(algorithm, count, per, burst)| {
            let rate = rate(algorithm, count, per);
            rate.with_burst(burst).unwrap_or(rate)
        },
    )
}

proptest! {
    #[test]
    fn no_window_is_over_its_allowance_and_a_retry_at_the_named_time_succeeds(rate in rates(), demand in demand()) {
        let start = ManualClock::default().now();
        let (mut state, mut now) = (State::new(rate, start), start);
        let mut starts = Vec::new();
        for (nanos, n) in demand {
            now += Duration::from_nanos(nanos);
            match state.take(now, n) {
                Ok(()) => starts.push((now, n)),
                Err(Denied::TooSoon { retry_after }) => {
                    prop_assert!(retry_after > Duration::ZERO);
                    let mut early = state.clone();
                    prop_assert!(early.take(now + retry_after - Duration::from_nanos(1), n).is_err());
                    prop_assert!(state.clone().take(now + retry_after, n).is_ok());
                }
                Err(_) => prop_assert!(n > rate.burst()),
            }
            let full = state.full_at().max(now);
            prop_assert!(state.clone().take(full, rate.burst()).is_ok(), "full again");
        }
        let allowance = match rate.algorithm() {
            Algorithm::SlidingWindow => u64::from(rate.count()),
            _ => u64::from(rate.burst()) + u64::from(rate.count()),
        };
        prop_assert!(fullest(&starts, rate.per()) <= allowance);
    }

    #[test]
    fn gcra_and_the_token_bucket_decide_alike(rate in rates(), demand in demand()) {
        let start = ManualClock::default().now();
        let mut now = start;
        let (mut gcra, mut bucket) = (Gcra::new(rate, start), TokenBucket::new(rate, start));
        for (nanos, n) in demand {
            now += Duration::from_nanos(nanos);
            prop_assert_eq!(gcra.take(now, n), bucket.take(now, n));
            prop_assert_eq!(gcra.full_at().max(now), bucket.full_at().max(now));
            prop_assert!(bucket.tokens(now) <= rate.burst());
        }
    }

    #[test]
    fn forgetting_idle_keys_changes_no_decision(
        rate in rates(),
        demand in prop::collection::vec((0_u8..8, prop_oneof![Just(0), 0_u64..2_000_000_000], 0_u32..4), 1..200),
    ) {
        let start = ManualClock::default().now();
        let limiter = Limiter::new(rate, NonZeroUsize::new(3).unwrap(), start);
        let mut alone: BTreeMap<u8, State> = BTreeMap::new();
        let mut now = start;
        for (key, nanos, n) in demand {
            now += Duration::from_nanos(nanos);
            let others = alone.iter().filter(|(other, state)| **other != key && state.full_at() > now).count();
            if others > 2 {
                continue; // more busy keys than there is room for: the next property
            }
            let expected = alone.entry(key).or_insert_with(|| State::new(rate, start)).take(now, n);
            prop_assert_eq!(limiter.take(now, &key, n), expected);
            prop_assert!(limiter.keys() <= 3);
        }
    }

    #[test]
    fn beyond_the_bound_no_key_gets_more_than_its_rate(
        rate in rates(),
        demand in prop::collection::vec((0_u8..8, prop_oneof![Just(0), 0_u64..2_000_000_000], 0_u32..4), 1..200),
    ) {
        let start = ManualClock::default().now();
        let limiter = Limiter::new(rate, NonZeroUsize::new(2).unwrap(), start);
        let mut starts: BTreeMap<u8, Vec<(Instant, u32)>> = BTreeMap::new();
        let mut now = start;
        for (key, nanos, n) in demand {
            now += Duration::from_nanos(nanos);
            if limiter.take(now, &key, n).is_ok() {
                starts.entry(key).or_default().push((now, n));
            }
            prop_assert!(limiter.keys() <= 2);
        }
        let allowance = match rate.algorithm() {
            Algorithm::SlidingWindow => u64::from(rate.count()),
            _ => u64::from(rate.burst()) + u64::from(rate.count()),
        };
        for starts in starts.values() {
            // What a key takes is a part of what its own state and the shared one let in, one after the other.
            prop_assert!(fullest(starts, rate.per()) <= allowance);
        }
    }
}
