use std::num::NonZeroUsize;
use std::time::Duration;

use hotcell_call::{Clock, Code, Failure, ManualClock};
use proptest::prelude::*;

use super::*;

const MINUTE: Duration = Duration::from_secs(60);

fn start() -> Instant {
    ManualClock::default().now()
}

fn fail(breaker: &mut Breaker, now: Instant, times: u32) {
    for _ in 0..times {
        let pass = breaker.try_pass(now).unwrap();
        breaker.settle(now, pass, Verdict::Failed);
    }
}

#[test]
fn settings_that_make_no_sense_are_refused() {
    let policy = Policy::default();
    for ratio in [0.0, -0.5, 1.1, f64::NAN, f64::INFINITY] {
        assert!(matches!(policy.opening(ratio, 5, MINUTE), Err(BadPolicy::Ratio { .. })), "{ratio}");
    }
    assert_eq!(policy.opening(0.5, 0, MINUTE), Err(BadPolicy::NoCalls));
    assert_eq!(policy.opening(0.5, 5, Duration::ZERO), Err(BadPolicy::NoWindow));
    assert_eq!(policy.resting(Duration::ZERO, 2.0, MINUTE), Err(BadPolicy::NoCoolDown));
    for growth in [0.5, -2.0, f64::NAN, 1e6] {
        assert!(matches!(policy.resting(MINUTE, growth, MINUTE), Err(BadPolicy::Growth { .. })), "{growth}");
    }
    assert!(matches!(policy.resting(2 * MINUTE, 2.0, MINUTE), Err(BadPolicy::Cap { .. })));
}

#[test]
fn s66_five_failures_open_it_a_minute_later_one_probe_goes_and_its_success_closes_it() {
    let now = start();
    let mut breaker = Breaker::new(Policy::default(), now);
    fail(&mut breaker, now, 5);
    assert_eq!(breaker.state(), State::Open { until: now + MINUTE });
    let later = now + Duration::from_secs(59);
    assert_eq!(breaker.try_pass(later).unwrap_err(), Open { retry_after: Duration::from_secs(1) });
    let now = now + MINUTE;
    let probe = breaker.try_pass(now).unwrap();
    assert!(breaker.try_pass(now).is_err(), "exactly one");
    breaker.settle(now, probe, Verdict::Well);
    assert_eq!(breaker.state(), State::Closed);
    fail(&mut breaker, now, 4);
    assert_eq!(breaker.state(), State::Closed, "what it saw before is forgotten");
}

#[test]
fn a_probe_that_fails_opens_it_for_longer_up_to_the_longest() {
    let mut now = start();
    let policy = Policy::default().resting(MINUTE, 3.0, 5 * MINUTE).unwrap();
    let mut breaker = Breaker::new(policy, now);
    fail(&mut breaker, now, 5);
    for minutes in [1, 3, 5, 5] {
        assert_eq!(breaker.state(), State::Open { until: now + minutes * MINUTE });
        now += minutes * MINUTE;
        fail(&mut breaker, now, 1);
    }
}

#[test]
fn a_probe_that_is_dropped_frees_its_place() {
    let clock = ManualClock::default();
    let breakers = Breakers::new(Policy::default(), NonZeroUsize::MIN, clock.now());
    for _ in 0..5 {
        breakers.pass(clock.now(), &"a").unwrap().settle(clock.now(), Verdict::Failed);
    }
    clock.advance(MINUTE);
    let probe = breakers.pass(clock.now(), &"a").unwrap();
    assert!(breakers.pass(clock.now(), &"a").is_err());
    drop(probe);
    let second = breakers.pass(clock.now(), &"a").unwrap();
    assert!(breakers.pass(clock.now(), &"a").is_err());
    second.settle(clock.now(), Verdict::Well);
    assert_eq!(breakers.state(&"a"), State::Closed);
}

#[test]
fn what_was_let_through_before_it_opened_is_not_counted_after() {
    let now = start();
    let mut breaker = Breaker::new(Policy::default(), now);
    let [early, late] = [breaker.try_pass(now).unwrap(), breaker.try_pass(now).unwrap()];
    fail(&mut breaker, now, 5);
    breaker.settle(now, early, Verdict::Well);
    assert!(matches!(breaker.state(), State::Open { .. }), "a success of before closes nothing");
    let probe = breaker.try_pass(now + MINUTE).unwrap();
    breaker.settle(now + MINUTE, late, Verdict::Failed);
    assert_eq!(breaker.state(), State::HalfOpen { since: now + MINUTE, probing: true });
    breaker.give_up(probe);
}

#[test]
fn failures_that_are_few_or_long_ago_do_not_open_it() {
    let mut now = start();
    let policy = Policy::default().opening(0.5, 4, MINUTE).unwrap();
    let mut breaker = Breaker::new(policy, now);
    fail(&mut breaker, now, 3);
    now += 2 * MINUTE;
    fail(&mut breaker, now, 3);
    assert_eq!(breaker.state(), State::Closed);
    for _ in 0..4 {
        let pass = breaker.try_pass(now).unwrap();
        breaker.settle(now, pass, Verdict::Well);
    }
    fail(&mut breaker, now, 1);
    assert!(matches!(breaker.state(), State::Open { .. }), "4 of 8");
}

#[test]
fn changes_are_told_in_order_and_keys_stay_apart() {
    let clock = ManualClock::default();
    let breakers = Breakers::new(Policy::default(), NonZeroUsize::new(2).unwrap(), clock.now());
    let mut changes = breakers.changes();
    for _ in 0..5 {
        breakers.pass(clock.now(), &"a").unwrap().settle(clock.now(), Verdict::Failed);
        breakers.pass(clock.now(), &"b").unwrap().settle(clock.now(), Verdict::Well);
    }
    clock.advance(MINUTE);
    breakers.pass(clock.now(), &"a").unwrap().settle(clock.now(), Verdict::Well);
    let mut told = Vec::new();
    while let Ok(Change { key, to, .. }) = changes.try_recv() {
        told.push((key, matches!(to, State::Closed), matches!(to, State::Open { .. })));
    }
    assert_eq!(told, [("a", false, true), ("a", false, false), ("a", true, false)]);
    assert_eq!(breakers.states().len(), 2);
}

#[test]
fn keys_beyond_the_bound_pass_unobserved_until_there_is_room() {
    let clock = ManualClock::default();
    let breakers = Breakers::new(Policy::default(), NonZeroUsize::MIN, clock.now());
    breakers.pass(clock.now(), &"a").unwrap().settle(clock.now(), Verdict::Failed);
    for _ in 0..10 {
        breakers.pass(clock.now(), &"b").unwrap().settle(clock.now(), Verdict::Failed);
    }
    assert_eq!(breakers.states().len(), 1);
    clock.advance(2 * MINUTE);
    for _ in 0..5 {
        breakers.pass(clock.now(), &"b").unwrap().settle(clock.now(), Verdict::Failed);
    }
    assert!(breakers.pass(clock.now(), &"b").is_err(), "`a` was forgotten, and `b` has its place");
}

#[test]
fn a_refusal_says_when_to_come_again() {
    let failure = Failure::from(Open { retry_after: MINUTE });
    assert_eq!((failure.code(), failure.wait()), (Code::Open, Some(MINUTE)));
}

#[test]
fn threads_that_meet_at_a_half_open_breaker_send_one_probe() {
    let clock = ManualClock::default();
    let breakers = Breakers::new(Policy::default(), NonZeroUsize::MIN, clock.now());
    for _ in 0..5 {
        breakers.pass(clock.now(), &"a").unwrap().settle(clock.now(), Verdict::Failed);
    }
    clock.advance(MINUTE);
    let now = clock.now();
    let probes: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4)
            .map(|_| scope.spawn(|| (0..500).filter_map(|_| breakers.pass(now, &"a").ok()).collect::<Vec<_>>()))
            .collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(probes.len(), 1);
}

proptest! {
    #[test]
    fn an_open_breaker_lets_nobody_through_and_a_half_open_one_exactly_one(
        steps in prop::collection::vec((0_u8..6, any::<prop::sample::Index>(), 0_u64..40), 1..300),
    ) {
        let mut now = start();
        let mut breaker = Breaker::new(Policy::default().opening(0.6, 3, MINUTE).unwrap(), now);
        // Each with whether it is a probe.
        let mut out: Vec<(Pass, bool)> = Vec::new();
        for (step, which, seconds) in steps {
            now += Duration::from_secs(seconds);
            if step < 3 {
                let before = breaker.state();
                let pass = breaker.try_pass(now);
                let may = match before {
                    State::Closed => true,
                    State::Open { until } => now >= until,
                    State::HalfOpen { probing, .. } => !probing,
                };
                prop_assert_eq!(pass.is_ok(), may);
                match pass {
                    Ok(pass) => out.push((pass, before != State::Closed)),
                    Err(open) => prop_assert!(open.retry_after > Duration::ZERO && open.retry_after <= 10 * MINUTE),
                }
            } else if !out.is_empty() {
                let (pass, _) = out.swap_remove(which.index(out.len()));
                match step {
                    3 => breaker.give_up(pass),
                    4 => breaker.settle(now, pass, Verdict::Well),
                    _ => breaker.settle(now, pass, Verdict::Failed),
                }
            }
            // Never two probes, and never a place that nobody holds: there is always a way out.
            let probes = out.iter().filter(|(pass, probe)| *probe && pass.term == breaker.term).count();
            let probing = matches!(breaker.state(), State::HalfOpen { probing: true, .. });
            prop_assert_eq!(probes, usize::from(probing));
        }
    }
}
