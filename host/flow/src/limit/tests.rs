use proptest::prelude::*;

use super::*;
use crate::permit::Permits;
use crate::testing::{after, pass};

fn bounds(min: usize, start: usize, max: usize) -> Bounds {
    Bounds::new(min, start, max).unwrap()
}

fn all(bounds: Bounds) -> [Box<dyn Limit>; 3] {
    let aimd = Aimd::new(bounds).slower_than(Duration::from_secs(1)).unwrap();
    [Box::new(aimd), Box::new(Gradient::new(bounds)), Box::new(Vegas::new(bounds))]
}

/// A limit in a box is one too.
#[derive(Debug)]
struct Boxed(Box<dyn Limit>);

impl Limit for Boxed {
    fn current(&self) -> usize {
        self.0.current()
    }

    fn sample(&mut self, sample: &Sample) {
        self.0.sample(sample);
    }
}

fn sample(millis: u64, ended: Ended, running: usize, ordinal: u64) -> Sample {
    Sample { run: Duration::from_millis(millis), ended, running, ordinal, given: ordinal + running as u64 }
}

/// `times` ends of as many as may run, each after `millis`.
fn feed(limit: &mut dyn Limit, millis: u64, times: u64) {
    for ordinal in 0..times {
        limit.sample(&sample(millis, Ended::Well, limit.current(), (millis << 32) + ordinal));
    }
}

#[test]
fn settings_that_make_no_sense_are_refused() {
    for (min, start, max, error) in [
        (0, 1, 1, BadLimit::Nothing),
        (5, 4, 9, BadLimit::OutOfOrder { min: 5, start: 4, max: 9 }),
        (5, 9, 8, BadLimit::OutOfOrder { min: 5, start: 9, max: 8 }),
        (1, 1, usize::MAX, BadLimit::TooHigh { max: usize::MAX }),
    ] {
        assert_eq!(Bounds::new(min, start, max), Err(error));
    }
    let one = bounds(1, 1, 1);
    assert_eq!(Aimd::new(one).slower_than(Duration::ZERO).err(), Some(BadLimit::NoTime));
    for value in [f64::NAN, -1.0, 0.0, f64::INFINITY, 1e9] {
        assert!(Aimd::new(one).keeping(value).is_err() && Gradient::new(one).tolerating(value).is_err(), "{value}");
    }
}

#[test]
fn many_that_run_out_of_time_together_lower_the_limit_once() {
    let mut limit = Aimd::new(bounds(1, 100, 100));
    for ordinal in 0..100 {
        limit.sample(&Sample { given: 100, ..sample(9, Ended::Overloaded, 100, ordinal) });
    }
    assert_eq!(limit.current(), 90);
    limit.sample(&sample(9, Ended::Overloaded, 90, 100));
    assert_eq!(limit.current(), 81, "what was started after it fell may lower it again");
}

#[test]
fn a_round_that_went_well_raises_the_limit_by_one_if_it_was_used() {
    let mut limit = Aimd::new(bounds(1, 10, 100));
    for _ in 0..100 {
        limit.sample(&sample(1, Ended::Well, 4, 0));
    }
    assert_eq!(limit.current(), 10, "four of ten say nothing about eleven");
    for _ in 0..10 {
        limit.sample(&sample(1, Ended::Well, 10, 0));
    }
    assert_eq!(limit.current(), 11);
}

#[test]
fn a_limit_follows_the_capacity_of_what_it_guards() {
    // Twenty at a time run in 10 ms; more than that share the same capacity.
    for mut limit in all(bounds(1, 5, 1_000)) {
        let mut peak = 0;
        for ordinal in 0..20_000 {
            let running = limit.current();
            let millis = (10 * running).div_ceil(20).max(10) as u64;
            // The aim of AIMD is a time; 60 ms are 120 at a time.
            let ended = if millis > 60 { Ended::Overloaded } else { Ended::Well };
            limit.sample(&sample(millis, ended, running, 1_000 * ordinal));
            if ordinal > 10_000 {
                peak = peak.max(limit.current());
            }
        }
        assert!((20..=125).contains(&peak), "{limit:?}");
    }
}

#[test]
fn s23_a_slow_tool_brings_the_limit_down_and_recovery_brings_it_up() {
    for mut limit in all(bounds(1, 50, 200)) {
        feed(&mut *limit, 50, 2_000);
        let healthy = limit.current();
        let mut slow = healthy;
        for round in 0..1_500 {
            limit.sample(&sample(3_000, Ended::Well, limit.current(), (3_000 << 32) + round));
            slow = slow.min(limit.current());
        }
        feed(&mut *limit, 50, 3_000);
        let again = limit.current();
        assert!(
            healthy >= 50 && slow * 2 <= healthy && again * 10 >= healthy * 9,
            "{healthy} {slow} {again}: {limit:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn s23_a_deep_queue_before_a_healthy_tool_does_not_lower_the_limit() {
    for limit in all(bounds(1, 5, 50)) {
        let permits = Permits::steered(Boxed(limit));
        let start = after(0);
        let call = async |_| {
            let permit = permits.take().await.unwrap();
            assert!(permits.running() <= permits.limit());
            let limit = permits.limit();
            pass(50).await;
            permit.settle(Duration::from_millis(50), Ended::Well);
            limit
        };
        let limits = futures::future::join_all((0..900).map(call)).await;
        assert!(limits.iter().all(|limit| *limit >= 5), "it never fell");
        let (took, ideal) = (after(0) - start, Duration::from_millis(50 * 900 / 5));
        assert!(took.as_secs_f64() * 0.95 <= ideal.as_secs_f64(), "{took:?} of {ideal:?}");
    }
}

proptest! {
    #[test]
    fn bounds_hold_whatever_is_told(
        (min, more, most) in (1_usize..20, 0_usize..20, 0_usize..20),
        samples in prop::collection::vec((0_u64..u64::MAX, any::<bool>(), 0_usize..100, any::<u64>(), any::<u64>()), 1..300),
    ) {
        let bounds = bounds(min, min + more, min + more + most);
        for mut limit in all(bounds) {
            prop_assert_eq!(limit.current(), min + more);
            for (nanos, well, running, ordinal, given) in &samples {
                let ended = if *well { Ended::Well } else { Ended::Overloaded };
                let run = Duration::from_nanos(*nanos >> (ordinal % 64));
                limit.sample(&Sample { run, ended, running: *running, ordinal: *ordinal, given: *given });
                prop_assert!((bounds.min()..=bounds.max()).contains(&limit.current()));
            }
        }
    }
}
