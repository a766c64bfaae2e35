use proptest::prelude::*;

use super::*;

const MS: Duration = Duration::from_millis(1);

fn profile(most: usize) -> Profile<u32> {
    Profile::new(NonZeroUsize::new(most).unwrap())
}

#[test]
fn s71_percentiles_are_those_of_the_values_and_failures_are_apart() {
    let profile = profile(1);
    for millis in 1..=20 {
        profile.record(&1, millis * 100 * MS, millis * MS, Ended::Well);
    }
    profile.record(&1, MS, 10_000 * MS, Ended::Failed);
    let Summary { queue, run, failed } = profile.summary(&1).unwrap();
    assert_eq!((run.count, failed.count, queue.count), (20, 1, 21));
    let near = |time: Duration, millis: u32| (time.as_secs_f64() / (millis * MS).as_secs_f64() - 1.0).abs() <= 0.01;
    assert!(near(run.p50, 10) && near(run.p95, 19) && near(run.p99, 20) && near(run.max, 20), "{run:?}");
    assert!(near(run.min, 1) && (run.mean.as_secs_f64() / 0.010_5 - 1.0).abs() <= 0.01, "{run:?}");
    assert!(near(failed.p50, 10_000) && near(queue.max, 2_000));
}

#[test]
fn keys_beyond_the_bound_are_measured_together() {
    let profile = profile(2);
    for key in [1, 2, 3, 4, 1] {
        profile.record(&key, MS, MS, Ended::Well);
    }
    let (mut keys, others) = profile.snapshot();
    keys.sort_by_key(|(key, _)| *key);
    let counts: Vec<_> = keys.iter().map(|(key, summary)| (*key, summary.run.count)).collect();
    assert_eq!((counts, others.run.count), (vec![(1, 2), (2, 1)], 2));
    assert!(profile.summary(&3).is_none());
    profile.forget(&1);
    profile.record(&3, MS, MS, Ended::Well);
    assert_eq!(profile.summary(&3).unwrap().run.count, 1);
    profile.clear();
    assert_eq!(profile.snapshot(), (vec![], Summary::default()));
}

#[test]
fn nothing_measured_is_nothing_told_and_no_time_is_too_long() {
    let profile = profile(1);
    profile.record(&1, Duration::MAX, Duration::ZERO, Ended::Well);
    let Summary { queue, run, failed } = profile.summary(&1).unwrap();
    assert_eq!((failed, run.max), (Times::default(), Duration::ZERO));
    assert!(queue.max >= 3_600_000 * MS && queue.max < 3_640_000 * MS, "{queue:?}");
}

#[test]
fn numbers_of_any_kind_have_a_median() {
    let mut spread = Spread::default();
    assert_eq!((spread.median(), spread.times()), (None, Times::default()));
    (1..=101).for_each(|number| spread.number(number * 1_000));
    assert!(spread.median().unwrap().abs_diff(51_000) <= 510, "{spread:?}");
    spread.time(Duration::from_micros(51));
    assert_eq!(spread.times().count, 102);
}

#[test]
fn threads_lose_no_count() {
    let profile = profile(2);
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let profile = profile.clone();
            scope.spawn(move || (0..1_000).for_each(|_| profile.record(&(thread % 3), MS, MS, Ended::Failed)));
        }
    });
    let (keys, others) = profile.snapshot();
    assert_eq!(keys.iter().map(|(_, summary)| summary.failed.count).sum::<u64>() + others.failed.count, 4_000);
}

proptest! {
    #[test]
    fn s71_each_percentile_is_within_one_percent_in_a_memory_that_does_not_grow(
        mut nanos in prop::collection::vec(prop_oneof![0_u64..1_000, 0_u64..LONGEST], 1..400),
    ) {
        let profile = profile(1);
        for nanos in &nanos {
            profile.record(&1, Duration::ZERO, Duration::from_nanos(*nanos), Ended::Well);
        }
        nanos.sort_unstable();
        let run = profile.summary(&1).unwrap().run;
        for (part, told) in [(50, run.p50), (95, run.p95), (99, run.p99), (100, run.max)] {
            let exact = nanos[(nanos.len() * part).div_ceil(100) - 1];
            let error = told.as_nanos().abs_diff(u128::from(exact));
            prop_assert!(error * 100 <= u128::from(exact), "p{}: {:?} of {}", part, told, exact);
        }
        let counters = profile.0.lock().keys[&1].run.0.as_ref().unwrap().distinct_values();
        prop_assert!(counters * size_of::<u32>() <= 18 * 1_024, "{}", counters);
    }
}
