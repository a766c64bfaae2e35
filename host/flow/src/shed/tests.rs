use std::collections::VecDeque;

use hotcell_call::{Clock, ManualClock};
use hotcell_call::{Code, Failure};
use proptest::prelude::*;

use super::*;

const MS: Duration = Duration::from_millis(1);

fn shedder() -> (Shedder, Instant) {
    (Shedder::new(100 * MS, 1_000 * MS).unwrap(), ManualClock::default().now())
}

#[test]
fn times_that_make_no_sense_are_refused() {
    assert_eq!(Shedder::new(Duration::ZERO, MS).err(), Some(BadTarget::Nothing));
    assert_eq!(Shedder::new(MS, MS).err(), Some(BadTarget::Interval { target: MS, interval: MS }));
    assert!(Shedder::new(Shedder::DEFAULT_TARGET, Shedder::DEFAULT_INTERVAL).is_ok());
}

#[test]
fn a_burst_that_passes_within_the_interval_is_left_alone() {
    let (mut shedder, start) = shedder();
    for millis in 0..999 {
        assert!(shedder.judge(start + millis * MS, Priority::Normal, 900 * MS).is_ok());
    }
    assert!(shedder.judge(start + 999 * MS, Priority::Normal, 10 * MS).is_ok(), "one that got through quickly");
    for millis in 1_000..1_900 {
        assert!(shedder.judge(start + millis * MS, Priority::Normal, 900 * MS).is_ok());
    }
}

#[test]
fn a_queue_that_stands_is_cut_and_left_alone_when_it_moves_again() {
    let (mut shedder, start) = shedder();
    let mut judge = |millis, waited| shedder.judge(start + millis * MS, Priority::Normal, waited * MS).is_ok();
    assert!(judge(0, 500) && judge(500, 500));
    assert!(!judge(1_000, 500) && !judge(1_001, 200));
    assert!(judge(1_002, 199), "less than twice the target");
    assert!(judge(1_500, 50), "it moves, but the interval goes on");
    assert!(judge(2_001, 500), "an interval with a short wait");
    assert!(judge(9_000, 500), "nothing was there for seconds");
}

#[test]
fn less_urgent_calls_go_first() {
    let (mut shedder, start) = shedder();
    let mut judge = |millis, priority, waited| shedder.judge(start + millis * MS, priority, waited * MS).is_ok();
    for millis in [0, 500] {
        assert!(judge(millis, Priority::Normal, 500) && judge(millis, Priority::Low, 700));
    }
    assert!(judge(1_000, Priority::Normal, 500), "while anything less urgent is let through");
    assert!(!judge(1_001, Priority::Low, 100), "behind an overloaded class");
    assert!(judge(1_001, Priority::Low, 99), "never below the target");
    assert!(judge(1_002, Priority::Normal, 500));
    assert!(judge(1_003, Priority::High, 150), "more urgent and not overloaded");
    for millis in [1_500, 2_000] {
        assert!(!judge(millis, Priority::Low, 700));
    }
    assert!(!judge(2_002, Priority::Normal, 500), "nothing less urgent has passed for an interval");
    assert!(judge(2_003, Priority::Critical, 5_000), "its own waits are what counts");
}

#[test]
fn what_is_turned_away_is_told_when_to_come_again() {
    let failure = Failure::from(Shed { waited: 2_000 * MS, retry_after: 2_000 * MS });
    assert_eq!((failure.code(), failure.wait()), (Code::Shed, Some(2_000 * MS)));
}

/// A queue by class, served at one a millisecond, at more arrivals than that; the waits of what was served, and how many
/// were turned away, by class.
fn overload(arrivals: &[(Priority, u32)], millis: u32) -> [(Vec<Duration>, usize); 5] {
    let (mut shedder, start) = shedder();
    let mut queues: [VecDeque<Instant>; 5] = Default::default();
    let mut served: [(Vec<Duration>, usize); 5] = Default::default();
    for step in 0..millis {
        let now = start + step * MS;
        for (priority, percent) in arrivals {
            let due = (step + 1) * percent / 100 - step * percent / 100;
            queues[*priority as usize].extend((0..due).map(|_| now));
        }
        for priority in Priority::ALL {
            let (queue, (waits, shed)) = (&mut queues[priority as usize], &mut served[priority as usize]);
            let mut started = false;
            while let Some(came) = queue.pop_front() {
                if shedder.judge(now, priority, now - came).is_ok() {
                    waits.push(now - came);
                    started = true;
                    break;
                }
                *shed += 1;
            }
            if started {
                break;
            }
        }
    }
    served
}

#[test]
fn under_twice_the_load_waits_stay_near_the_target_and_urgent_calls_are_all_served() {
    let [_, high, normal, low, _] =
        overload(&[(Priority::High, 30), (Priority::Normal, 40), (Priority::Low, 130)], 20_000);
    assert_eq!((high.1, normal.1), (0, 0));
    let late = low.0.iter().skip(low.0.len() / 2).max().unwrap();
    assert!(*late <= 200 * MS, "{late:?}");
    let all = high.0.len() + normal.0.len() + low.0.len();
    assert!(all >= 19_500, "it stays busy: {all}");
}

proptest! {
    #[test]
    fn what_waited_less_than_the_target_always_starts_and_so_does_all_before_an_interval_has_passed(
        calls in prop::collection::vec((prop::sample::select(&Priority::ALL), 0_u32..400, 0_u32..600), 1..200),
    ) {
        let (mut shedder, start) = shedder();
        let mut now = start;
        for (priority, pass, waited) in calls {
            now += pass * MS;
            let verdict = shedder.judge(now, priority, waited * MS);
            if waited < 100 || now < start + 1_000 * MS {
                prop_assert!(verdict.is_ok());
            }
            if let Err(shed) = verdict {
                prop_assert!(shed.retry_after >= 1_000 * MS);
                prop_assert!(Priority::ALL.iter().any(|class| *class <= priority && shedder.is_overloaded(now, *class)));
            }
        }
    }
}
