use std::cell::RefCell;
use std::sync::Arc;
use std::time::Instant;

use futures::future::join_all;
use futures::{StreamExt, stream};
use proptest::prelude::*;

use super::*;
use crate::channel;
use crate::testing::{Paused, after, pass};

fn steady(rate: f64, burst: u32) -> Settings {
    Settings { start: rate, min: rate, max: rate, burst, ..Settings::default() }
}

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

#[test]
fn settings_that_nothing_can_keep_are_refused() {
    let fine = Settings::default();
    for bad in [
        Settings { min: 0.0, ..fine },
        Settings { min: -1.0, ..fine },
        Settings { min: f64::NAN, ..fine },
        Settings { start: 0.5, ..fine },
        Settings { start: f64::NAN, ..fine },
        Settings { start: 2_000.0, ..fine },
        Settings { max: f64::INFINITY, ..fine },
    ] {
        assert!(matches!(Pace::new(bad, after_epoch(0)), Err(BadSettings::Rate { .. })), "{bad:?}");
    }
    for (bad, why) in [
        (Settings { grow: 0.0, ..fine }, BadSettings::Grow(0.0)),
        (Settings { grow: -1.0, ..fine }, BadSettings::Grow(-1.0)),
        (Settings { shrink: 0.0, ..fine }, BadSettings::Shrink(0.0)),
        (Settings { shrink: 1.0, ..fine }, BadSettings::Shrink(1.0)),
        (Settings { interval: Duration::ZERO, ..fine }, BadSettings::Interval),
        (Settings { burst: 0, ..fine }, BadSettings::Burst),
    ] {
        assert_eq!(Pace::new(bad, after_epoch(0)).err(), Some(why));
    }
    assert!(Pace::new(Settings { grow: f64::NAN, ..fine }, after_epoch(0)).is_err());
    assert!(Pace::new(Settings { shrink: f64::NAN, ..fine }, after_epoch(0)).is_err());
}

/// Some instant, and so long after it.
fn after_epoch(nanos: u64) -> Instant {
    use std::sync::LazyLock;
    #[expect(clippy::disallowed_methods, reason = "a test's own epoch, from which it counts by hand")]
    static EPOCH: LazyLock<Instant> = LazyLock::new(Instant::now);
    *EPOCH + Duration::from_nanos(nanos)
}

#[test]
fn s46_the_rate_adapts_to_time_and_not_to_calls() {
    let at = |millis: u64| after_epoch(millis * 1_000_000);
    let mut pace = Pace::new(Settings { start: 100.0, ..Settings::default() }, at(0)).unwrap();
    for _ in 0..1_000 {
        pace.observe(at(1), Signal::Shrink);
        let _ = pace.take(at(1), 1);
    }
    assert_eq!(pace.rate(at(99)), 100.0, "however often it is asked");
    assert_eq!(pace.rate(at(100)), 90.0);
    assert_eq!((pace.rate(at(199)), pace.rate(at(200))), (90.0, 81.0));
    pace.observe(at(250), Signal::Grow);
    assert_eq!((pace.rate(at(299)), pace.rate(at(300)), pace.rate(at(500))), (81.0, 82.0, 84.0));
    pace.observe(at(500), Signal::Hold);
    assert_eq!(pace.rate(at(1_000_000)), 84.0);
    pace.observe(at(1_000_000), Signal::Grow);
    assert_eq!(pace.rate(at(100_000_000)), 1_000.0, "not beyond its bound");
    pace.observe(at(100_000_000), Signal::Shrink);
    assert_eq!(pace.rate(at(1_000_000_000)), 1.0, "nor below");
}

#[test]
fn s46_no_signal_leads_to_a_division_by_nothing() {
    for (fill, signal) in [
        (0.0, Signal::Grow),
        (0.5, Signal::Hold),
        (0.9, Signal::Shrink),
        (f64::NAN, Signal::Hold),
        (f64::INFINITY, Signal::Shrink),
        (-1.0, Signal::Grow),
    ] {
        assert_eq!(Signal::of_fill(fill, 0.2, 0.8), signal);
    }
    assert_eq!(Signal::from(channel::Pressure::High), Signal::Shrink);
}

#[tokio::test(start_paused = true)]
async fn s46_who_takes_too_soon_is_told_when_and_who_waits_is_served_in_turn() {
    let pacer = Pacer::new(steady(10.0, 2), Arc::new(Paused)).unwrap();
    let start = after(0);
    assert_eq!(pacer.try_acquire(3), Err(NotNow::TooMany { wanted: 3, burst: 2 }));
    assert_eq!((pacer.try_acquire(1), pacer.try_acquire(1)), (Ok(()), Ok(())));
    assert_eq!(pacer.try_acquire(1), Err(NotNow::TooSoon { after: millis(100) + Duration::from_nanos(1) }));
    assert_eq!(pacer.acquire(3, None).await, Err(NotNow::TooMany { wanted: 3, burst: 2 }));
    assert_eq!(pacer.acquire(1, Some(after(50))).await, Err(NotNow::Late));
    let order = RefCell::new(Vec::new());
    let one = async |name: u32| {
        pacer.acquire(1, None).await.unwrap();
        order.borrow_mut().push((name, (after(0) - start).as_millis()));
    };
    let newcomer = async {
        pass(60).await; // 110 ms: one is free by the rate, but others wait
        assert!(matches!(pacer.try_acquire(1), Err(NotNow::TooSoon { .. })));
    };
    let leaver = async { crate::timer::before(&Paused, Some(after(20)), one(9)).await };
    tokio::join!(one(1), leaver, one(2), one(3), newcomer);
    assert_eq!(order.into_inner(), [(1, 101), (2, 201), (3, 301)], "the one that left cost nothing");
}

#[tokio::test(start_paused = true)]
async fn s46_who_waits_at_a_slow_rate_starts_sooner_when_the_rate_grows() {
    let settings = Settings { start: 1.0, grow: 9.0, burst: 1, ..Settings::default() };
    let pacer = Pacer::new(settings, Arc::new(Paused)).unwrap();
    pacer.try_acquire(1).unwrap();
    let start = after(0);
    let grow = async {
        pass(50).await;
        pacer.observe(Signal::Grow);
    };
    let second = async {
        pacer.acquire(1, None).await.unwrap();
        (after(0) - start).as_millis()
    };
    let (took, ()) = tokio::join!(second, grow);
    assert!((190..=193).contains(&took), "{took}: a tenth at one a second, the rest at ten");
}

#[tokio::test(start_paused = true)]
async fn s46_pressure_steers_the_rate_to_what_the_consumer_can_do_and_nothing_is_lost() {
    let settings = channel::Settings { items: 50, ..channel::Settings::default() };
    let (sender, receiver) = channel::channel(settings, |_: &u32| 0, Arc::new(Paused)).unwrap();
    let pacer =
        Pacer::new(Settings { start: 500.0, burst: 5, grow: 20.0, ..Settings::default() }, Arc::new(Paused)).unwrap();
    let follow = pacer.follow(sender.gauge());
    let rates = RefCell::new(Vec::new());
    let produce = async {
        let sender = sender;
        for item in 0..10_000 {
            pacer.acquire(1, None).await.unwrap();
            sender.send(item).await.unwrap();
            rates.borrow_mut().push(pacer.rate());
        }
    };
    let start = after(0);
    let consume = async {
        let receiver = receiver;
        stream::unfold((), async |()| Some((receiver.recv().await?, ())))
            .then(async |item| {
                pass(10).await; // a hundred a second
                item
            })
            .collect::<Vec<_>>()
            .await
    };
    let ((), (), got) = tokio::join!(follow, produce, consume);
    assert_eq!(got, (0..10_000).collect::<Vec<_>>());
    let ideal = 10_000 * 10;
    let took = (after(0) - start).as_millis();
    assert!((ideal..ideal + ideal / 20).contains(&took), "the consumer is kept busy: {took} ms");
    let late = &rates.borrow()[2_000..];
    let mean = late.iter().sum::<f64>() / late.len() as f64;
    assert!((60.0..160.0).contains(&mean), "about a hundred a second: {mean}");
}

#[tokio::test(start_paused = true)]
async fn a_rate_of_ten_thousand_a_second_is_kept_to_a_hundredth() {
    let pacer = Pacer::new(steady(10_000.0, 100), Arc::new(Paused)).unwrap();
    let start = after(0);
    join_all((0..20_100).map(|_| pacer.acquire(1, None))).await;
    let took = (after(0) - start).as_secs_f64();
    assert!((took - 2.0).abs() < 0.02, "{took}");
}

proptest! {
    #[test]
    fn no_stretch_of_time_has_more_starts_than_the_fastest_rate_and_the_burst(
        min in 1.0_f64..50.0, span in 1.0_f64..10.0, burst in 1_u32..6,
        steps in prop::collection::vec((0_u64..200, 0_u32..7, 0_u8..3), 1..200),
    ) {
        let max = min * span;
        let settings = Settings { start: min, min, max, grow: 3.0, shrink: 0.5, burst, ..Settings::default() };
        let mut now = 0;
        let mut pace = Pace::new(settings, after_epoch(0)).unwrap();
        let mut starts: Vec<(u64, u32)> = Vec::new();
        for (wait, count, signal) in steps {
            now += wait * 1_000_000;
            let at = after_epoch(now);
            let signal = [Signal::Grow, Signal::Hold, Signal::Shrink][usize::from(signal)];
            pace.observe(at, signal);
            let rate = pace.rate(at);
            prop_assert!((min..=max).contains(&rate));
            match pace.take(at, count) {
                Ok(()) => starts.push((now, count)),
                Err(NotNow::TooMany { .. }) => prop_assert!(count > burst),
                Err(NotNow::TooSoon { after }) => {
                    prop_assert!(!after.is_zero() && count <= burst);
                    let mut then = pace.clone();
                    then.observe(at, Signal::Hold);
                    prop_assert!(then.take(at + after, count).is_ok(), "when it was told");
                }
                Err(other) => return Err(TestCaseError::fail(other.to_string())),
            }
        }
        for (place, (from, _)) in starts.iter().enumerate() {
            let mut sum = 0;
            for (to, count) in &starts[place..] {
                sum += count;
                let allowed = f64::from(burst) + max * ((to - from) as f64 / 1e9) + 1e-3;
                prop_assert!(f64::from(sum) <= allowed, "{sum} in {} ms", (to - from) / 1_000_000);
            }
        }
    }
}
