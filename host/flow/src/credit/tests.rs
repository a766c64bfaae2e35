use hotcell_call::{Clock, Code, Failure, ManualClock};
use proptest::prelude::*;

use super::*;

const HOUR: Duration = Duration::from_secs(3_600);

fn credit(plan: Plan, keys: usize) -> (Credit<u8>, Instant) {
    (Credit::new(plan, NonZeroUsize::new(keys).unwrap()), ManualClock::default().now())
}

fn spend(credit: &Credit<u8>, now: Instant, key: u8, units: u64) -> Result<(), Short> {
    credit.hold(now, &key, units).map(|hold| hold.settle(now, units))
}

#[test]
fn plans_that_make_no_sense_are_refused() {
    assert_eq!(Plan::refilled(1, 0, HOUR), Err(BadPlan::Nothing));
    assert_eq!(Plan::refilled(1, 1, Duration::ZERO), Err(BadPlan::NoTime));
    assert!(matches!(Plan::refilled(1, 1, Duration::MAX), Err(BadPlan::LongTime { .. })));
}

#[test]
fn s39_who_spends_exactly_all_runs_and_what_never_started_costs_nothing() {
    let (credit, now) = credit(Plan::prepaid(100), 4);
    drop(credit.hold(now, &1, 100).unwrap());
    assert_eq!(spend(&credit, now, 1, 100), Ok(()));
    let short = spend(&credit, now, 1, 1).unwrap_err();
    assert_eq!(short, Short::Credit { left: 0, asked: 1, retry_after: None });
    let failure = Failure::from(short);
    assert_eq!((failure.code(), failure.wait()), (Code::Quota, None));
}

#[test]
fn s40_a_newcomer_whose_credit_is_topped_up_has_the_opening_balance_and_that() {
    let (credit, now) = credit(Plan::prepaid(100), 4);
    assert_eq!(credit.add(now, &1, 50), Ok(150));
    assert_eq!(spend(&credit, now, 1, 30), Ok(()));
    assert_eq!(credit.left(now, &1), 120);
    assert_eq!(credit.left(now, &2), 100);
}

#[test]
fn what_is_spent_comes_back_in_time_and_what_was_added_does_not() {
    let (credit, now) = credit(Plan::refilled(100, 10, HOUR).unwrap(), 4);
    spend(&credit, now, 1, 100).unwrap();
    assert_eq!([1, 6, 10, 50].map(|hours| credit.left(now + HOUR * hours, &1)), [10, 60, 100, 100]);
    let then = now + HOUR * 50;
    credit.add(then, &1, 20).unwrap();
    assert_eq!(credit.left(then + HOUR, &1), 120);
    spend(&credit, then, 1, 30).unwrap();
    assert_eq!(credit.left(then + HOUR * 5, &1), 100);
    let short = credit.hold(then + HOUR * 5, &1, 101).unwrap_err();
    assert_eq!(short, Short::Credit { left: 100, asked: 101, retry_after: None }, "no time brings so much");
}

#[test]
fn a_refusal_says_when_there_is_enough() {
    let (credit, now) = credit(Plan::refilled(100, 10, HOUR).unwrap(), 4);
    spend(&credit, now, 1, 95).unwrap();
    let Err(Short::Credit { retry_after: Some(wait), .. }) = credit.hold(now + HOUR / 4, &1, 20) else {
        panic!("there are seven")
    };
    assert_eq!(wait, HOUR * 3 / 2 - HOUR / 4);
    let then = now + HOUR / 4 + wait;
    assert!(credit.hold(then - Duration::from_nanos(1), &1, 20).is_err());
    assert!(credit.hold(then, &1, 20).is_ok());
}

#[test]
fn what_cost_more_than_was_held_is_owed() {
    let (credit, now) = credit(Plan::refilled(100, 10, HOUR).unwrap(), 4);
    credit.hold(now, &1, 1).unwrap().settle(now, 150);
    assert_eq!((credit.left(now, &1), credit.left(now + HOUR * 5, &1)), (0, 0));
    assert_eq!(credit.left(now + HOUR * 6, &1), 10);
}

#[test]
fn no_balance_is_forgotten_that_is_not_a_newcomers() {
    let (credit, now) = credit(Plan::refilled(100, 10, HOUR).unwrap(), 2);
    spend(&credit, now, 1, 10).unwrap();
    credit.add(now, &2, 5).unwrap();
    assert_eq!(credit.add(now, &3, 5), Err(Short::Keys { most: 2 }));
    assert_eq!(credit.left(now, &3), 100);
    // An hour later the first has what a newcomer has; the second has been paid for.
    let then = now + HOUR;
    assert_eq!(spend(&credit, then, 3, 10), Ok(()));
    assert_eq!((credit.keys(), credit.left(then, &1), credit.left(then, &2)), (2, 100, 105));
}

proptest! {
    /// Whatever happens: what is left, held and spent is what there was, what was added and what came back; and what came
    /// back is never more than time allows.
    #[test]
    fn nothing_is_lost_and_nothing_comes_from_nowhere(
        refill in prop::option::of((1_u64..1_000, 1_u64..1_000)),
        steps in prop::collection::vec((0_u8..4, 0_u64..200, any::<prop::sample::Index>(), 0_u64..1_000_000), 1..100),
    ) {
        let plan = match refill {
            Some((units, micros)) => Plan::refilled(100, units, Duration::from_micros(micros)).unwrap(),
            None => Plan::prepaid(100),
        };
        let (credit, start) = credit(plan, 1);
        let (mut now, mut holds) = (start, Vec::new());
        let (mut added, mut spent) = (0_u64, 0_u64);
        for (what, units, which, nanos) in steps {
            now += Duration::from_nanos(nanos);
            match what {
                0 => holds.extend(credit.hold(now, &1, units).ok()),
                1 if credit.add(now, &1, units).is_ok() => added += units,
                2 if !holds.is_empty() => {
                    holds.swap_remove(which.index(holds.len())).settle(now, units);
                    spent += units;
                }
                3 if !holds.is_empty() => drop(holds.swap_remove(which.index(holds.len()))),
                _ => {}
            }
            let held: u64 = holds.iter().map(Hold::units).sum();
            let passed = (now - start).as_nanos();
            let back = refill.map_or(0, |(units, micros)| passed * u128::from(units) / (u128::from(micros) * 1_000));
            let left = credit.left(now, &1);
            prop_assert!(u128::from(left + held + spent) <= u128::from(100 + added) + back || left == 0);
            if refill.is_none() {
                prop_assert_eq!(left, (100 + added).saturating_sub(held + spent));
            }
            prop_assert!(left <= 100 + added);
        }
    }
}
