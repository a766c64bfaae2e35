use std::collections::BTreeMap;

use hotcell_call::{Clock, Code, Failure, ManualClock};
use proptest::prelude::*;

use super::*;

const HOUR: Duration = Duration::from_secs(3_600);

fn quota(units: u64, kind: Window, keys: usize) -> (Quota<u8>, Instant) {
    let now = ManualClock::default().now();
    let allowance = Allowance::new(units, HOUR, kind).unwrap();
    (Quota::new(allowance, NonZeroUsize::new(keys).unwrap(), now), now)
}

fn spend(quota: &Quota<u8>, now: Instant, key: u8, units: u64) -> Result<(), Denied> {
    quota.reserve(now, &key, units).map(|reserved| reserved.settle(now, units))
}

#[test]
fn numbers_that_make_no_sense_are_refused() {
    assert_eq!(Allowance::new(0, HOUR, Window::Fixed), Err(BadAllowance::Nothing));
    assert_eq!(Allowance::new(1, Duration::ZERO, Window::Fixed), Err(BadAllowance::NoWindow));
    assert!(matches!(Allowance::new(1, Duration::MAX, Window::Rolling), Err(BadAllowance::LongWindow { .. })));
}

#[test]
fn s39_exact_spend_runs_too_little_is_refused_and_what_is_dropped_is_given_back() {
    for kind in [Window::Fixed, Window::Rolling] {
        let (quota, now) = quota(10, kind, 1);
        drop(quota.reserve(now, &1, 10).unwrap());
        assert_eq!(quota.standing(now, &1), Standing { spent: 0, reserved: 0, left: 10 });
        assert_eq!(spend(&quota, now, 1, 4), Ok(()));
        assert_eq!(spend(&quota, now, 1, 6), Ok(()), "all of it");
        let denied = spend(&quota, now, 1, 1).unwrap_err();
        assert!(matches!(denied, Denied::Spent { used: 10, allowed: 10, asked: 1, .. }), "{denied}");
        let failure = Failure::from(denied);
        assert_eq!((failure.code(), failure.wait().is_some()), (Code::Quota, true));
        assert_eq!(spend(&quota, now, 1, 11), Err(Denied::TooLarge { asked: 11, allowed: 10 }));
    }
}

#[test]
fn calls_that_start_together_do_not_each_see_the_same_rest() {
    let (quota, now) = quota(10, Window::Rolling, 1);
    let held: Vec<_> = (0..5).filter_map(|_| quota.reserve(now, &1, 3).ok()).collect();
    assert_eq!((held.len(), quota.standing(now, &1).left), (3, 1));
    let denied = quota.reserve(now, &1, 3).unwrap_err();
    assert!(matches!(denied, Denied::Spent { retry_after: WAIT, .. }), "it hangs on calls that run: {denied}");
    held.into_iter().for_each(|reserved| reserved.settle(now, 1));
    assert_eq!(quota.standing(now, &1), Standing { spent: 3, reserved: 0, left: 7 });
}

const WAIT: Duration = Duration::from_secs(1);

#[test]
fn an_estimate_that_was_too_low_gains_nothing() {
    let (quota, now) = quota(10, Window::Fixed, 1);
    quota.reserve(now, &1, 1).unwrap().settle(now, 35);
    let Err(Denied::Spent { retry_after, .. }) = quota.reserve(now, &1, 5) else { panic!("spent") };
    assert_eq!(retry_after, 3 * HOUR, "three windows pay for it, and leave five of the fourth");
    assert!(quota.reserve(now + 3 * HOUR - Duration::from_nanos(1), &1, 5).is_err());
    assert!(quota.reserve(now + 3 * HOUR, &1, 5).is_ok());
    assert_eq!(quota.standing(now + 3 * HOUR, &1), Standing { spent: 5, reserved: 0, left: 5 });
}

#[test]
fn a_fixed_window_is_there_again_at_once_and_a_rolling_one_when_it_is_old() {
    let (fixed, now) = quota(10, Window::Fixed, 1);
    let late = now + HOUR * 9 / 10;
    spend(&fixed, late, 1, 10).unwrap();
    assert_eq!(spend(&fixed, now + HOUR, 1, 10), Ok(()));
    let (rolling, now) = quota(10, Window::Rolling, 1);
    let late = now + HOUR * 9 / 10;
    spend(&rolling, late, 1, 10).unwrap();
    let Err(Denied::Spent { retry_after, .. }) = spend(&rolling, now + HOUR, 1, 10) else { panic!("spent") };
    assert!((HOUR * 9 / 10..=HOUR * 92 / 100).contains(&retry_after), "{retry_after:?}");
}

#[test]
fn costs_of_any_size_are_counted() {
    let (quota, now) = quota(u64::MAX, Window::Rolling, 1);
    for _ in 0..3 {
        quota.0.lock().keys.entry(now, &1, || Account::new(quota.0.allowance, now)).unwrap().settle(now, 1, u64::MAX);
    }
    assert_eq!(quota.standing(now, &1), Standing { spent: u64::MAX, reserved: 0, left: 0 });
    assert_eq!(quota.standing(now + 2 * HOUR, &1).left, u64::MAX);
}

#[test]
fn keys_beyond_the_bound_share_and_gain_nothing_by_it() {
    let (quota, now) = quota(10, Window::Rolling, 1);
    spend(&quota, now, 1, 10).unwrap();
    let held = quota.reserve(now, &2, 4).unwrap();
    spend(&quota, now, 2, 3).unwrap();
    assert!(spend(&quota, now, 3, 4).is_err(), "3 is left of what 2 and 3 share");
    let later = now + HOUR + HOUR / 30;
    // The place is free, the shared account still holds what 2 reserved.
    assert!(spend(&quota, later, 2, 7).is_err());
    assert_eq!(spend(&quota, later, 2, 6), Ok(()));
    drop(held);
}

#[test]
fn many_threads_together_spend_no_more_than_there_is() {
    let (quota, now) = quota(1_000, Window::Fixed, 1);
    let spent: u64 = std::thread::scope(|scope| {
        let spend = || {
            (0..600)
                .map(|i| {
                    if i % 3 == 0 {
                        quota.reserve(now, &1, 2).map_or(0, |r| {
                            r.settle(now, 1);
                            1
                        })
                    } else {
                        drop(quota.reserve(now, &1, 5));
                        0
                    }
                })
                .sum::<u64>()
        };
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(spend)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    let standing = quota.standing(now, &1);
    assert_eq!((standing.spent, standing.reserved), (spent, 0));
    assert!(spent > 0 && spent <= 1_000);
}

proptest! {
    #[test]
    fn no_window_is_over_its_allowance_and_everything_adds_up(
        rolling in any::<bool>(),
        steps in prop::collection::vec((0_u8..3, any::<prop::sample::Index>(), 0_u64..40, 0_u64..1_200), 1..200),
    ) {
        let kind = if rolling { Window::Rolling } else { Window::Fixed };
        let (quota, start) = quota(100, kind, 1);
        let mut now = start;
        let (mut held, mut spent): (Vec<Reservation<u8>>, Vec<(Instant, u64)>) = (Vec::new(), Vec::new());
        for (step, which, units, seconds) in steps {
            now += Duration::from_secs(seconds);
            match step {
                0 => match quota.reserve(now, &1, units) {
                    Ok(reserved) => held.push(reserved),
                    Err(Denied::Spent { retry_after, .. }) if held.is_empty() => {
                        let mut account = quota.0.lock().keys.get_mut(&1).unwrap().clone();
                        prop_assert!(account.clone().reserve(now + retry_after, units.max(1)).is_ok());
                        let early = now + retry_after - Duration::from_nanos(1);
                        prop_assert!(retry_after > Duration::ZERO && account.reserve(early, units.max(1)).is_err());
                    }
                    Err(_) => {}
                },
                _ if held.is_empty() => {}
                1 => drop(held.swap_remove(which.index(held.len()))),
                _ => {
                    let reserved = held.swap_remove(which.index(held.len()));
                    let cost = units.min(reserved.estimate());
                    reserved.settle(now, cost);
                    spent.push((now, cost));
                }
            }
            let standing = quota.standing(now, &1);
            prop_assert_eq!(standing.reserved, held.iter().map(Reservation::estimate).sum::<u64>());
            prop_assert!(standing.spent + standing.reserved + standing.left == 100);
            let recent: u64 = match kind {
                Window::Rolling => spent.iter().filter(|(at, _)| *at + HOUR > now).map(|(_, cost)| cost).sum(),
                Window::Fixed => {
                    let window = |at: Instant| (at - start).as_secs() / 3_600;
                    spent.iter().filter(|(at, _)| window(*at) == window(now)).map(|(_, cost)| cost).sum()
                }
            };
            prop_assert!(recent <= 100 && recent <= standing.spent);
        }
    }

    #[test]
    fn forgetting_idle_keys_changes_no_decision(
        rolling in any::<bool>(),
        steps in prop::collection::vec((0_u8..5, 0_u64..40, 0_u64..2_000), 1..150),
    ) {
        let kind = if rolling { Window::Rolling } else { Window::Fixed };
        let (quota, start) = quota(50, kind, 2);
        let mut alone: BTreeMap<u8, Account> = BTreeMap::new();
        let mut now = start;
        for (key, units, seconds) in steps {
            now += Duration::from_secs(seconds);
            let busy = alone.iter().filter(|(other, account)| **other != key && account.idle_at(now) > now).count();
            if busy > 1 {
                continue;
            }
            let units = units.max(1);
            let account = alone.entry(key).or_insert_with(|| Account::new(quota.0.allowance, start));
            let expected = account.reserve(now, units).map(|()| account.settle(now, units, units + 20));
            let result = quota.reserve(now, &key, units).map(|reserved| reserved.settle(now, units + 20));
            prop_assert_eq!(result, expected);
        }
    }
}
