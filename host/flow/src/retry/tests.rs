use std::cell::{Cell, RefCell};
use std::num::NonZeroUsize;
use std::time::Instant;

use futures::FutureExt;
use hotcell_call::{Clock, ManualClock};
use proptest::prelude::*;

use super::*;
use crate::permit::Permits;
use crate::testing::{Paused, after, pass};

const MS: Duration = Duration::from_millis(1);

fn steady(attempts: u32) -> Policy {
    let policy = Policy::default().attempting(attempts).unwrap().with_jitter(Jitter::None);
    policy.waiting(100 * MS, 2.0, 500 * MS).unwrap()
}

fn retry(policy: &Policy) -> Retry<'_> {
    Retry { policy, timer: &Paused, deadline: None, budget: None }
}

fn again<E>(_: &E) -> Verdict {
    Verdict::Again { after: None }
}

/// Fails so many times; gives when each attempt started.
async fn failing(retry: Retry<'_>, times: u32, verdict: impl FnMut(&u32) -> Verdict) -> (Result<u32, u32>, Vec<u128>) {
    let (start, starts) = (after(0), RefCell::new(Vec::new()));
    let result = retry
        .run(&mut || 0.5, verdict, async |before| {
            starts.borrow_mut().push((after(0) - start).as_millis());
            if before < times { Err(before) } else { Ok(before) }
        })
        .await;
    (result, starts.into_inner())
}

#[test]
fn s01_less_than_one_attempt_and_other_nonsense_is_refused() {
    let policy = Policy::default();
    assert_eq!(policy.attempting(0), Err(BadRetry::NoAttempts));
    for factor in [0.9, -1.0, f64::NAN, f64::INFINITY] {
        assert!(matches!(policy.waiting(MS, factor, MS), Err(BadRetry::Factor { .. })), "{factor}");
    }
    assert_eq!(policy.waiting(2 * MS, 2.0, MS), Err(BadRetry::Cap { base: 2 * MS, cap: MS }));
    for ratio in [-0.1, 11.0, f64::NAN] {
        assert!(matches!(Share::new(ratio, 1, MS), Err(BadRetry::Ratio { .. })), "{ratio}");
    }
    assert_eq!(Share::new(0.1, 1, Duration::ZERO), Err(BadRetry::NoWindow));
}

#[tokio::test(start_paused = true)]
async fn s01_n_failures_make_n_and_one_calls_with_waits_that_grow_up_to_the_cap() {
    assert_eq!(failing(retry(&steady(9)), 5, again).await, (Ok(5), vec![0, 100, 300, 700, 1_200, 1_700]));
    assert_eq!(failing(retry(&steady(3)), 5, again).await, (Err(2), vec![0, 100, 300]));
    assert_eq!(failing(retry(&steady(1)), 5, again).await, (Err(0), vec![0]));
    let halves = steady(3).with_jitter(Jitter::Full);
    assert_eq!(failing(retry(&halves), 2, again).await, (Ok(2), vec![0, 50, 150]));
}

#[tokio::test(start_paused = true)]
async fn a_call_with_its_retries_may_go_from_thread_to_thread() {
    fn sendable<T: Send>(future: T) -> T {
        future
    }
    let (policy, mut chance) = (steady(3), || 0.5);
    let retry = retry(&policy);
    assert_eq!(sendable(retry.run(&mut chance, again, |_| async { Ok::<_, ()>(1) })).await, Ok(1));
    let permits = Permits::new(1);
    assert!(sendable(permits.take()).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn s01_what_does_not_pass_is_called_once_and_what_asks_for_time_gets_it() {
    assert_eq!(failing(retry(&steady(9)), 5, |_| Verdict::Final).await, (Err(0), vec![0]));
    let later = |_: &u32| Verdict::Again { after: Some(250 * MS) };
    assert_eq!(failing(retry(&steady(9)), 3, later).await, (Ok(3), vec![0, 250, 500, 900]));
}

#[tokio::test(start_paused = true)]
async fn s01_dropping_it_ends_it_at_once() {
    let policy = steady(9);
    let (started, ended) = (Cell::new(0), Cell::new(0));
    {
        let retry = retry(&policy);
        let mut chance = || 0.5;
        let mut whole = Box::pin(retry.run(&mut chance, again, async |_| {
            started.set(started.get() + 1);
            pass(10).await;
            ended.set(ended.get() + 1);
            Err::<(), ()>(())
        }));
        assert!((&mut whole).now_or_never().is_none());
        pass(10).await;
        assert!((&mut whole).now_or_never().is_none(), "it waits for its second attempt");
    }
    pass(10_000).await;
    assert_eq!((started.get(), ended.get()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn no_attempt_is_waited_for_that_could_not_start_before_the_deadline() {
    let policy = steady(9);
    let retry = Retry { deadline: Some(after(300)), ..retry(&policy) };
    let start = after(0);
    assert_eq!(failing(retry, 5, again).await, (Err(1), vec![0, 100]));
    assert_eq!(after(0) - start, 100 * MS, "it says so at once");
}

#[tokio::test(start_paused = true)]
async fn s19_while_one_waits_to_try_again_another_uses_its_permit() {
    let (policy, permits) = (steady(3), Permits::new(1));
    let start = after(0);
    let (retry, mut chance) = (retry(&policy), || 0.5);
    let flaky = retry.run(&mut chance, again, async |before| {
        let _permit = permits.take().await.unwrap();
        pass(10).await;
        if before == 0 { Err(()) } else { Ok(after(0)) }
    });
    let healthy = async {
        pass(1).await;
        let _permit = permits.take().await.unwrap();
        assert_eq!((after(0) - start).as_millis(), 10, "as soon as the first attempt failed");
        pass(50).await;
    };
    let (ended, ()) = tokio::join!(flaky, healthy);
    assert_eq!((ended.unwrap() - start).as_millis(), 120);
}

#[test]
fn the_effect_rule_goes_by_what_was_said_and_what_was_seen() {
    for (effect, nothing, something, unknown) in [
        (Effect::Pure, true, false, true),
        (Effect::Read, true, false, true),
        (Effect::Idempotent, true, true, true),
        (Effect::Write, true, false, false),
    ] {
        let may = [Seen::Nothing, Seen::Something, Seen::Unknown].map(|seen| repeatable(effect, seen));
        assert_eq!(may, [nothing, something, unknown], "{effect}");
    }
}

#[test]
fn failures_are_judged_by_their_kind() {
    let again = Verdict::Again { after: None };
    for (code, effect, seen, verdict) in [
        (Code::ToolUnavailable, Effect::Read, Seen::Nothing, again),
        (Code::ToolUnavailable, Effect::Write, Seen::Unknown, Verdict::Final),
        (Code::ToolFailed, Effect::Pure, Seen::Nothing, Verdict::Final),
        (Code::Overloaded, Effect::Write, Seen::Unknown, again),
        (Code::Open, Effect::Write, Seen::Something, again),
        (Code::Draining, Effect::Pure, Seen::Nothing, Verdict::Final),
        (Code::Late, Effect::Pure, Seen::Nothing, Verdict::Final),
        (Code::Quota, Effect::Pure, Seen::Nothing, Verdict::Final),
        (Code::Input, Effect::Pure, Seen::Nothing, Verdict::Final),
        (Code::Timeout, Effect::Pure, Seen::Nothing, Verdict::Final),
    ] {
        assert_eq!(judge(&Failure::new(code, "x"), transient, effect, seen), verdict, "{code} {effect} {seen:?}");
    }
    let patient = Failure::new(Code::Overloaded, "x").retry_after(3 * MS);
    assert_eq!(judge(&patient, transient, Effect::Pure, Seen::Nothing), Verdict::Again { after: Some(3 * MS) });
}

#[tokio::test(start_paused = true)]
async fn when_everything_fails_the_load_grows_by_the_budget_and_not_by_the_attempts() {
    let share = Share::new(0.1, 1, Duration::from_secs(10)).unwrap();
    let budget = Budget::new(share, after(0));
    let (policy, attempts) = (steady(10), Cell::new(0_u32));
    let call = async |_| {
        let retry = Retry { budget: Some(&budget), ..retry(&policy) };
        retry
            .run(&mut || 0.5, again, async |_| {
                attempts.set(attempts.get() + 1);
                Err::<(), ()>(())
            })
            .await
    };
    futures::future::join_all((0..1_000).map(call)).await.into_iter().for_each(|result| result.unwrap_err());
    assert!((1_100..=1_111).contains(&attempts.get()), "{}", attempts.get());
}

#[test]
fn budgets_of_keys_are_apart_and_bounded() {
    let now = ManualClock::default().now();
    let budgets = Budgets::new(Share::new(0.0, 1, Duration::from_secs(1)).unwrap(), NonZeroUsize::MIN, now);
    assert!(budgets.of(now, &"a").withdraw(now));
    assert!(!budgets.of(now, &"a").withdraw(now));
    assert!(budgets.of(now, &"b").withdraw(now), "the shared one");
    assert!(!budgets.of(now, &"c").withdraw(now));
    let later = now + Duration::from_secs(3);
    assert!(budgets.of(later, &"d").withdraw(later), "`a` was forgotten");
}

proptest! {
    #[test]
    fn a_wait_is_within_its_bounds_for_any_chance(failed in 0_u32..2_000, chance in any::<f64>()) {
        let policy = Policy::default().attempting(1_000).unwrap();
        match policy.wait(failed, chance) {
            Some(wait) => {
                prop_assert!(failed < 1_000 && wait <= Duration::from_secs(10));
                let most = policy.with_jitter(Jitter::None).wait(failed, 0.0).unwrap();
                prop_assert!(wait <= most);
            }
            None => prop_assert!(failed >= 1_000),
        }
    }

    #[test]
    fn retries_never_exceed_the_share(
        (ratio, floor) in (0.0..1.0_f64, 0_u32..5),
        steps in prop::collection::vec((any::<bool>(), 0_u64..300), 1..400),
    ) {
        let origin: Instant = ManualClock::default().now();
        let window = Duration::from_secs(2);
        let budget = Budget::new(Share::new(ratio, floor, window).unwrap(), origin);
        let (mut now, mut calls, mut retries) = (origin, Vec::new(), Vec::new());
        for (call, millis) in steps {
            now += Duration::from_millis(millis);
            if call {
                budget.call(now);
                calls.push(now);
            } else if budget.withdraw(now) {
                retries.push(now);
                // What is counted may be one slice older than the window.
                let recent = |all: &[Instant], span| all.iter().filter(|at| **at + span > now).count() as f64;
                let allowed = ratio * recent(&calls, window * 11 / 10) + f64::from(floor) * window.as_secs_f64();
                prop_assert!(recent(&retries, window) <= allowed);
            }
        }
    }
}
