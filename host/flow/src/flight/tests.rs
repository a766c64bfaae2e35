use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::channel::oneshot;
use futures::future::join_all;
use hotcell_call::{Clock, ManualClock};
use proptest::prelude::*;

use super::*;
use crate::testing::{Paused, after, pass};

const SECOND: Duration = Duration::from_secs(1);

fn memo(entries: usize, bytes: u64, ttl: Duration) -> Memo<String, u64> {
    Memo::new(Bounds::new(entries, bytes, ttl).unwrap(), Arc::new(Paused), |value| *value)
}

fn flight<V: Clone>(most: usize) -> Flight<&'static str, V> {
    Flight::new(NonZeroUsize::new(most).unwrap())
}

fn sendable<T: Send>(future: T) -> T {
    future
}

#[tokio::test(start_paused = true)]
async fn asking_may_go_from_thread_to_thread() {
    let (memo, flight) = (memo(1, 1, SECOND), flight::<u64>(1));
    let work = |value| async move { Ok::<_, ()>(Answer::Sound(value)) };
    assert_eq!(sendable(memo.get("a".to_owned(), || work(1))).await, Ok(1));
    assert_eq!(sendable(flight.run(&"a", || work(1))).await, Ok(1));
}

/// Asks for `value`; counts the work.
async fn ask(memo: &Memo<String, u64>, key: &str, value: u64, runs: &Cell<u32>) -> Result<u64, ()> {
    memo.get(key.to_owned(), async || {
        runs.set(runs.get() + 1);
        pass(10).await;
        Ok(Answer::Sound(value))
    })
    .await
}

#[tokio::test(start_paused = true)]
async fn s03_fifty_who_ask_together_work_once_and_the_answer_ends_with_its_time() {
    let (memo, runs) = (memo(10, 1_000, SECOND), Cell::new(0));
    let answers = join_all((0..50).map(|_| ask(&memo, "a", 7, &runs))).await;
    assert!(answers.iter().all(|answer| *answer == Ok(7)));
    assert_eq!((runs.get(), memo.counts()), (1, Counts { hits: 0, joined: 49, worked: 1 }));
    pass(999).await;
    assert_eq!((ask(&memo, "a", 8, &runs).await, runs.get()), (Ok(7), 1));
    pass(1).await;
    assert_eq!((ask(&memo, "a", 8, &runs).await, runs.get()), (Ok(8), 2), "it is gone");
    assert_eq!(memo.contents(), Contents { entries: 1, bytes: 8, evicted: 0, expired: 1 });
    assert_eq!((ask(&memo, "b", 9, &runs).await, runs.get()), (Ok(9), 3), "another key");
}

#[tokio::test(start_paused = true)]
async fn s03_errors_and_answers_that_are_not_sound_are_remembered_by_nobody() {
    let memo = memo(10, 1_000, SECOND);
    let error: Result<u64, &str> = memo.get("a".to_owned(), async || Err("no")).await;
    assert_eq!(error, Err("no"));
    let own: Result<u64, &str> = memo.get("a".to_owned(), async || Ok(Answer::Own(1))).await;
    assert_eq!((own, memo.contents().entries), (Ok(1), 0));
    let runs = Cell::new(0);
    assert_eq!((ask(&memo, "a", 2, &runs).await, runs.get()), (Ok(2), 1));
}

#[tokio::test(start_paused = true)]
async fn s69_what_was_used_longest_ago_makes_room_and_the_counts_are_exact() {
    let (memo, runs) = (memo(2, 1_000, SECOND), Cell::new(0));
    for (key, worked) in [("a", 1), ("b", 2), ("a", 2), ("c", 3), ("a", 3), ("b", 4)] {
        assert_eq!((ask(&memo, key, 1, &runs).await, runs.get()), (Ok(1), worked), "{key}");
    }
    assert_eq!(memo.counts(), Counts { hits: 2, joined: 0, worked: 4 });
    assert_eq!(memo.contents(), Contents { entries: 2, bytes: 2, evicted: 2, expired: 0 });
    memo.clear();
    assert_eq!((memo.contents().entries, memo.contents().bytes), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn s69_no_room_is_no_caching_but_still_one_flight() {
    let (memo, runs) = (memo(0, 1_000, SECOND), Cell::new(0));
    let answers = join_all((0..20).map(|_| ask(&memo, "a", 1, &runs))).await;
    assert_eq!((answers.len(), runs.get()), (20, 1));
    ask(&memo, "a", 1, &runs).await.unwrap();
    assert_eq!((runs.get(), memo.contents().entries), (2, 0));
    assert_eq!(Bounds::new(1, 1, Duration::ZERO), Err(BadBounds::NoTime));
}

#[test]
fn what_weighs_too_much_is_not_kept_and_costs_no_other_its_place() {
    let now = ManualClock::default().now();
    let mut cache = Cache::new(Bounds::new(10, 100, SECOND).unwrap());
    cache.put(now, 1, "small", 60);
    cache.put(now, 2, "large", 101);
    assert_eq!((cache.get(now, &1).copied(), cache.get(now, &2)), (Some("small"), None));
    cache.put(now, 1, "larger", 101);
    assert_eq!(cache.get(now, &1), None, "what it was is no answer any more");
    cache.put(now, 3, "half", 50);
    cache.put(now, 4, "half", 50);
    assert_eq!((cache.contents().bytes, cache.get(now, &3)), (100, Some(&"half")));
    cache.put(now, 5, "one", 1);
    assert_eq!((cache.get(now, &4).copied(), cache.get(now, &3)), (None, Some(&"half")), "4 was used longer ago");
}

#[tokio::test(start_paused = true)]
async fn s73_when_the_leader_goes_another_leads_and_one_that_goes_affects_nobody() {
    let (flight, runs) = (flight::<u32>(4), Cell::new(0));
    let run = async |value: u32| {
        let work = async || {
            runs.set(runs.get() + 1);
            pass(10).await;
            Ok::<_, ()>(Answer::Sound(value))
        };
        flight.run(&"a", work).await
    };
    let mut callers: Vec<_> = (0..5).map(|value| Some(Box::pin(run(value)))).collect();
    for caller in callers.iter_mut().flatten() {
        assert!(caller.now_or_never().is_none());
    }
    assert_eq!((runs.get(), flight.under_way()), (1, 1));
    callers[2] = None;
    callers[0] = None; // the leader: 1 is told, and goes before it notices
    callers[1] = None;
    let answers = join_all(callers.into_iter().flatten()).await;
    assert_eq!((answers, runs.get(), flight.under_way()), (vec![Ok(3), Ok(3)], 2, 0));
}

#[tokio::test(start_paused = true)]
async fn a_leader_that_panics_lets_the_next_lead_and_one_with_nothing_to_share_frees_all_at_once() {
    let flight = flight::<u32>(4);
    let panicking = std::panic::AssertUnwindSafe(flight.run(&"a", async || -> Result<Answer<u32>, &str> {
        pass(10).await;
        panic!("a bug in the work")
    }))
    .catch_unwind();
    let own = flight.run(&"a", async || {
        pass(10).await;
        Ok::<_, &str>(Answer::Own(1))
    });
    let sound = flight.run(&"a", async || Ok::<_, &str>(Answer::Sound(2)));
    let last = flight.run(&"a", async || Ok::<_, &str>(Answer::Sound(3)));
    let (panicking, own, sound, last) = tokio::join!(panicking, own, sound, last);
    assert_eq!((own, sound, last), (Ok(1), Ok(2), Ok(3)));
    assert!(panicking.is_err());
    assert_eq!(flight.under_way(), 0);
}

#[tokio::test(start_paused = true)]
async fn those_who_followed_for_nothing_work_side_by_side() {
    for failing in [true, false] {
        let (flight, start) = (flight::<u32>(4), after(0));
        let ask = async |id: u32| {
            let work = async || {
                pass(10).await;
                if failing { Err(id) } else { Ok(Answer::Own(id)) }
            };
            flight.run(&"a", work).await
        };
        let ended = futures::future::join_all((0..50).map(ask)).await;
        let own = |id: u32| if failing { Err(id) } else { Ok(id) };
        assert_eq!(ended, (0..50).map(own).collect::<Vec<_>>(), "each its own");
        assert_eq!((after(0) - start).as_millis(), 20, "once for the leader, once for all others");
        assert_eq!(flight.under_way(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn who_comes_when_as_many_as_may_wait_for_an_answer_works_it_out_alone() {
    let flight = flight::<u64>(1);
    let slow = |value| async move {
        pass(10).await;
        Ok::<_, ()>(Answer::Sound(value))
    };
    let run = |value| flight.run(&"a", move || slow(value));
    let all = join_all((0..1_030).map(run)).await;
    let own = all.iter().filter(|answer| **answer != Ok(0)).count();
    assert_eq!(own, 1_030 - 1 - 1_024, "the first leads, so many follow");
}

#[tokio::test(start_paused = true)]
async fn a_question_beyond_the_bound_is_worked_out_alone() {
    let (flight, start, runs) = (flight::<u32>(1), after(0), Cell::new(0));
    let ask = async |key: &'static str| {
        let work = async || {
            runs.set(runs.get() + 1);
            pass(10).await;
            Ok::<_, ()>(Answer::Sound(1))
        };
        flight.run(&key, work).await
    };
    let answers = tokio::join!(ask("a"), ask("b"), ask("b"), ask("a"));
    assert_eq!((answers, runs.get()), ((Ok(1), Ok(1), Ok(1), Ok(1)), 3));
    assert_eq!((after(0) - start).as_millis(), 10);
}

#[test]
fn threads_that_ask_together_all_get_an_answer() {
    let memo = Memo::new(Bounds::new(8, 1_000, SECOND).unwrap(), Arc::new(ManualClock::default()), |_: &u64| 1);
    std::thread::scope(|scope| {
        for thread in 0..4_u64 {
            let memo = memo.clone();
            scope.spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
                for turn in 0..500_u64 {
                    let key = turn % 16;
                    let work = async || {
                        tokio::task::yield_now().await;
                        if (turn + thread) % 7 == 0 { Err(()) } else { Ok(Answer::Sound(key)) }
                    };
                    let asked = memo.get(key, work);
                    if (turn + thread) % 5 == 0 {
                        let _gone = asked.now_or_never();
                    } else if let Ok(answer) = runtime.block_on(asked) {
                        assert_eq!(answer, key);
                    }
                }
            });
        }
    });
    let (counts, contents) = (memo.counts(), memo.contents());
    assert!(counts.hits + counts.joined + counts.worked <= 2_000 && contents.entries <= 8, "{counts:?} {contents:?}");
    assert_eq!(memo.under_way(), 0);
}

type Caller = Pin<Box<dyn Future<Output = Result<u64, u64>>>>;
/// What ends the work of a caller.
type End = oneshot::Sender<Result<Answer<u64>, u64>>;

proptest! {
    #[test]
    fn every_caller_ends_with_an_answer_that_it_may_have_and_one_leads_at_most(
        steps in prop::collection::vec((0_u8..6, any::<prop::sample::Index>()), 1..120),
    ) {
        let flight = Flight::<u8, u64>::new(NonZeroUsize::new(4).unwrap());
        let ends: Rc<RefCell<BTreeMap<u64, End>>> = Rc::default();
        let mut callers: BTreeMap<u64, Caller> = BTreeMap::new();
        for (id, (step, which)) in (0_u64..).zip(steps) {
            match step {
                0 | 1 => {
                    let (flight, ends) = (flight.clone(), Rc::clone(&ends));
                    callers.insert(id, Box::pin(async move {
                        flight.run(&1, move || {
                            let (end, ended) = oneshot::channel();
                            ends.borrow_mut().insert(id, end);
                            async move { ended.await.unwrap() }
                        }).await
                    }));
                }
                2 if !callers.is_empty() => {
                    let id = *callers.keys().nth(which.index(callers.len())).unwrap();
                    callers.remove(&id);
                    ends.borrow_mut().remove(&id);
                }
                _ => {
                    let led = ends.borrow_mut().pop_first();
                    if let Some((id, end)) = led {
                        let _gone = end.send(match step {
                            3 => Ok(Answer::Sound(id)),
                            4 => Ok(Answer::Own(id)),
                            _ => Err(id),
                        });
                    }
                }
            }
            // All who can go on do; each ends as it may.
            let mut sound = None;
            let mut again = true;
            while again {
                again = false;
                callers.retain(|id, caller| match caller.now_or_never() {
                    Some(result) => {
                        again = true;
                        let of = match result { Ok(of) | Err(of) => of };
                        assert!(of == *id || sound.is_none_or(|sound| sound == of), "another's answer that was not sound");
                        if of != *id {
                            assert!(step == 3 && result.is_ok());
                            sound = Some(of);
                        }
                        false
                    }
                    None => true,
                });
            }
            let (working, flights) = (ends.borrow().len(), flight.under_way());
            prop_assert!(flights <= 1 && flights <= working, "one leads, and whoever else works does so alone");
            prop_assert!(working == callers.len() || flights == 1, "whoever does not work follows one who does");
        }
    }

    #[test]
    fn the_cache_never_holds_more_than_its_bounds_and_answers_as_a_plain_map_would(
        steps in prop::collection::vec((0_u8..10, 0_u64..60, 0_u64..400, any::<bool>()), 1..200),
    ) {
        let mut cache = Cache::new(Bounds::new(5, 100, SECOND).unwrap());
        let mut model: Vec<(u8, u64, std::time::Instant)> = Vec::new(); // by use, oldest first
        let mut now = ManualClock::default().now();
        for (key, bytes, millis, put) in steps {
            now += Duration::from_millis(millis);
            model.retain(|(_, _, expires)| *expires > now);
            let known = model.iter().position(|entry| entry.0 == key).map(|place| model.remove(place));
            if put {
                cache.put(now, key, bytes, bytes);
                while model.len() >= 5 || model.iter().map(|entry| entry.1).sum::<u64>() + bytes > 100 {
                    model.remove(0);
                }
                model.push((key, bytes, now + SECOND));
            } else {
                prop_assert_eq!(cache.get(now, &key).copied(), known.map(|entry| entry.1));
                model.extend(known);
            }
            let contents = cache.contents();
            prop_assert_eq!(contents.entries, model.len());
            prop_assert_eq!(contents.bytes, model.iter().map(|entry| entry.1).sum::<u64>());
        }
    }
}
