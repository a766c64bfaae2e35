use std::num::NonZeroUsize;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures::{FutureExt, stream};
use proptest::prelude::*;

use super::*;
use crate::testing::{after, pass};

fn limit(limit: usize) -> NonZeroUsize {
    NonZeroUsize::new(limit).unwrap()
}

fn add(name: &'static str, number: u32) -> Stage<u32, u32, String> {
    Stage::new(name, move |value| async move {
        pass(10).await;
        Ok(value + number)
    })
}

#[tokio::test(start_paused = true)]
async fn s14_stages_run_in_order_and_every_one_is_awaited() {
    /// A callable thing whose call gives a future.
    fn doubled(value: u32) -> futures::future::BoxFuture<'static, Result<u32, String>> {
        async move {
            pass(10).await;
            Ok(value * 2)
        }
        .boxed()
    }
    let text = Stage::map("text", |value: u32| format!("<{value}>"));
    let pipeline = Pipeline::new(add("one", 1)).then(Stage::new("double", doubled)).then(add("ten", 10)).then(text);
    let start = after(0);
    assert_eq!(pipeline.call(4).await, Ok("<20>".to_owned()));
    assert_eq!((after(0) - start).as_millis(), 30);
    assert_eq!(pipeline.stages().collect::<Vec<_>>(), ["one", "double", "ten", "text"]);
}

#[tokio::test(start_paused = true)]
async fn s14_a_longer_pipeline_leaves_the_shorter_one_as_it_is() {
    let short = Pipeline::new(add("one", 1));
    let long = short.then(add("two", 2));
    let other = short.then(add("ten", 10));
    assert_eq!((short.call(0).await, long.call(0).await, other.call(0).await), (Ok(1), Ok(3), Ok(11)));
    assert_eq!((short.stages().count(), long.stages().count()), (1, 2));
}

#[tokio::test(start_paused = true)]
async fn s14_errors_and_panics_name_their_stage_and_later_stages_do_not_see_the_value() {
    let seen = Arc::new(AtomicUsize::new(0));
    let last = Arc::clone(&seen);
    let odd = Stage::now("odd", |value: u32| match value {
        7 => panic!("unlucky"),
        value if value % 2 == 0 => Err(format!("{value} is even")),
        value => Ok(value),
    });
    let count = Stage::map("count", move |value: u32| {
        last.fetch_add(1, Ordering::Relaxed);
        value
    });
    let pipeline = Pipeline::new(add("one", 1)).then(odd.limit(limit(3))).then(count);
    let even = pipeline.call(1).await.unwrap_err();
    assert_eq!((&*even.stage, even.place, even.to_string().as_str()), ("odd", 1, "stage `odd`: 2 is even"));
    assert_eq!(pipeline.call(6).await.unwrap_err().to_string(), "stage `odd`: the work panicked: unlucky");
    assert_eq!(seen.swap(0, Ordering::Relaxed), 0);

    let all: Vec<_> = pipeline.stream(stream::iter(0..9)).collect().await;
    let told: Vec<_> = all.into_iter().map(|result| result.map_err(|error| error.place)).collect();
    assert_eq!(told, [Ok(1), Err(1), Ok(3), Err(1), Ok(5), Err(1), Err(1), Err(1), Ok(9)]);
    assert_eq!(seen.load(Ordering::Relaxed), 4);
}

#[tokio::test(start_paused = true)]
async fn stages_overlap_up_to_their_bounds() {
    let pipeline = Pipeline::new(add("a", 1).limit(limit(2))).then(add("b", 1).limit(limit(2)));
    let start = after(0);
    let all: Vec<_> = pipeline.stream(stream::iter(0..20)).collect().await;
    assert_eq!(all, (2..22).map(Ok).collect::<Vec<_>>());
    assert_eq!((after(0) - start).as_millis(), 110, "ten rounds of two, and one to get through");
}

/// In a chain of buffered streams `quick` would take 30 ms, because nobody polls it while `slow` is full.
#[tokio::test(start_paused = true)]
async fn a_stage_goes_on_while_the_next_one_is_full() {
    let took = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&took);
    let quick = Stage::new("quick", move |value: u32| {
        let log = Arc::clone(&log);
        async move {
            let start = after(0);
            for _ in 0..5 {
                pass(1).await; // each needs to be polled to go on
            }
            log.lock().unwrap().push((after(0) - start).as_millis());
            Ok::<_, String>(value)
        }
    });
    let slow = Stage::new("slow", |value: u32| async move {
        pass(30).await;
        Ok(value)
    });
    let pipeline = Pipeline::new(quick.limit(limit(2))).then(slow);
    assert_eq!(pipeline.stream(stream::iter(0..6)).count().await, 6);
    assert_eq!(took.lock().unwrap()[..], [5; 6]);
}

#[tokio::test(start_paused = true)]
async fn dropping_the_stream_drops_what_is_under_way_and_takes_no_more() {
    let ended = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&ended);
    let stage = Stage::new("count", move |value: u32| {
        let count = Arc::clone(&count);
        async move {
            pass(10).await;
            count.fetch_add(1, Ordering::Relaxed);
            Ok::<_, String>(value)
        }
    });
    let taken = Arc::new(AtomicUsize::new(0));
    let source = {
        let taken = Arc::clone(&taken);
        stream::iter(0..100).inspect(move |_| {
            taken.fetch_add(1, Ordering::Relaxed);
        })
    };
    let mut flow = Pipeline::new(stage.limit(limit(4))).stream(source);
    assert_eq!(flow.next().await, Some(Ok(0)));
    drop(flow);
    pass(100).await;
    assert_eq!(
        (taken.load(Ordering::Relaxed), ended.load(Ordering::Relaxed)),
        (4, 4),
        "four were let in and ended together"
    );
}

proptest! {
    #[test]
    fn a_stream_keeps_its_order_loses_nothing_and_no_stage_holds_more_than_its_limit(
        times in prop::collection::vec((0_u64..6, 0_u64..6), 0..40),
        limits in prop::collection::vec(1_usize..4, 2),
        pauses in prop::collection::vec(0_u64..4, 40),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        let count = times.len();
        let times = Arc::new(times);
        let held = Arc::new([AtomicUsize::new(0), AtomicUsize::new(0)]);
        let stage = |place: usize| {
            let (times, held, most) = (Arc::clone(&times), Arc::clone(&held), limits[place]);
            Stage::new("work", move |item: usize| {
                let (times, held) = (Arc::clone(&times), Arc::clone(&held));
                async move {
                    assert!(held[place].fetch_add(1, Ordering::Relaxed) < most);
                    pass(if place == 0 { times[item].0 } else { times[item].1 }).await;
                    held[place].fetch_sub(1, Ordering::Relaxed);
                    if item % 7 == 3 && place == 0 { Err(item) } else { Ok(item) }
                }
            })
            .limit(limit(most))
        };
        let pipeline = Pipeline::new(stage(0)).then(stage(1));
        let taken = Arc::new(AtomicUsize::new(0));
        let source = {
            let taken = Arc::clone(&taken);
            stream::iter(0..count).inspect(move |_| { taken.fetch_add(1, Ordering::Relaxed); })
        };
        let out = runtime.block_on(async {
            let (mut flow, mut out) = (pipeline.stream(source), Vec::new());
            while let Some(result) = flow.next().await {
                out.push(result.unwrap_or_else(|error| match error.cause {
                    Cause::Failed(item) => item,
                    Cause::Panicked(panicked) => panic!("{panicked}"),
                }));
                let ahead = taken.load(Ordering::Relaxed) - out.len();
                assert!(ahead <= limits.iter().sum(), "{ahead} are on their way");
                pass(pauses[out.len() - 1]).await;
            }
            out
        });
        prop_assert_eq!(out, (0..count).collect::<Vec<_>>());
    }
}
