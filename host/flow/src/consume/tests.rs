use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Instant;

use futures::{FutureExt, StreamExt, stream};
use proptest::prelude::*;

use super::*;
use crate::testing::{Paused, after, pass};
use crate::timer::before;

fn settings(consumers: usize, items: usize) -> Settings {
    Settings { consumers, line: channel::Settings { items, ..channel::Settings::default() } }
}

fn since(start: Instant) -> u128 {
    (after(0) - start).as_millis()
}

/// Takes so long, and gives its item.
fn work(millis: u64) -> impl Fn(u64) -> futures::future::LocalBoxFuture<'static, Result<u64, String>> {
    move |item| {
        async move {
            pass(millis).await;
            Ok(item)
        }
        .boxed_local()
    }
}

#[test]
fn settings_that_nothing_can_keep_are_refused() {
    let make = |settings| consume(stream::empty(), |_| 0, settings, Arc::new(Paused), work(1)).err();
    assert_eq!(make(settings(0, 1)), Some(BadSettings::Consumers));
    assert_eq!(make(settings(1, 0)), Some(BadSettings::Line(channel::BadSettings::Items)));
}

#[tokio::test(start_paused = true)]
async fn s47_a_producer_ten_times_too_fast_is_slowed_and_every_item_is_consumed_once() {
    let given = Cell::new(0_u64);
    let source = stream::iter(0..1_000).then(async |item| {
        pass(1).await;
        given.set(given.get() + 1);
        item
    });
    let start = after(0);
    let (control, service) = consume(source, |_| 0, settings(5, 20), Arc::new(Paused), work(50)).unwrap();
    let mut got = Vec::new();
    let tally = service
        .run(|ended| {
            let now = control.tally();
            assert!(now.running() <= 5 && now.waiting() <= 21, "{now:?}");
            assert!(given.get() <= now.taken + 1, "one item ahead at the most");
            got.push(ended.result.unwrap());
        })
        .await;
    got.sort_unstable();
    assert_eq!(got, (0..1_000).collect::<Vec<_>>());
    assert_eq!((tally.taken, tally.done), (1_000, 1_000));
    let ideal = 1_000 / 5 * 50;
    assert!((ideal..=ideal + 5).contains(&since(start)), "as fast as the consumers: {}", since(start));
}

#[tokio::test(start_paused = true)]
async fn s47_the_loop_ends_with_its_source_and_without_looking_at_a_clock() {
    let (_control, service) = consume(stream::iter(0..3), |_| 0, settings(5, 2), Arc::new(Paused), work(0)).unwrap();
    let start = after(0);
    assert_eq!(service.run(|_| ()).await.done, 3);
    assert_eq!(since(start), 0);
}

/// 15 items, two at a time, 10 ms each, ended after 25 ms.
async fn ended(end: impl FnOnce(&Control)) -> (Tally, Vec<u64>, Vec<u64>, u128) {
    let source = stream::iter(0..15).chain(stream::pending());
    let (control, service) = consume(source, |_| 0, settings(2, 100), Arc::new(Paused), work(10)).unwrap();
    let start = after(0);
    let (mut returned, mut cut) = (Vec::new(), Vec::new());
    let run = service.run(|ended| match ended.result {
        Err(Error::Returned(item)) => {
            assert_eq!(item, ended.place);
            returned.push(item);
        }
        Err(Error::Cut) => cut.push(ended.place),
        other => assert_eq!(other, Ok(ended.place)),
    });
    let stop = async {
        pass(25).await;
        end(&control);
    };
    let (tally, ()) = tokio::join!(run, stop);
    (tally, returned, cut, since(start))
}

#[tokio::test(start_paused = true)]
async fn s48_draining_does_all_fifteen_and_stopping_gives_back_what_is_not_begun() {
    let (tally, returned, cut, time) = ended(|control| control.drain(None)).await;
    assert_eq!((tally.done, returned.len(), cut.len(), time), (15, 0, 0, 80));

    let (tally, returned, cut, time) = ended(|control| control.stop(None)).await;
    assert_eq!((tally.done, returned, cut.len(), time), (6, (6..15).collect(), 0, 30));

    let (tally, returned, cut, time) = ended(|control| control.drain(Some(after(20)))).await;
    assert_eq!((tally.done, returned, cut, time), (8, (10..15).collect(), vec![8, 9], 45));

    let (tally, returned, cut, time) = ended(|control| control.stop(Some(after(0)))).await;
    assert_eq!((tally.done, returned, cut, time), (4, (6..15).collect(), vec![4, 5], 25));

    let change_of_mind = |control: &Control| {
        control.stop(None);
        control.drain(None);
    };
    assert_eq!(ended(change_of_mind).await.0.done, 6, "an end only gets more urgent");
}

#[tokio::test(start_paused = true)]
async fn s49_errors_and_panics_end_their_item_and_the_consumers_live() {
    let work = async |item: u64| match item % 3 {
        0 => Err(format!("no {item}")),
        1 => panic!("not {item}"),
        _ => Ok(item),
    };
    let (_control, service) = consume(stream::iter(0..30), |_| 0, settings(2, 4), Arc::new(Paused), work).unwrap();
    let mut ends = BTreeMap::new();
    let tally = service.run(|ended| assert!(ends.insert(ended.place, ended.result).is_none())).await;
    assert_eq!((tally.done, tally.failed, tally.panicked), (10, 10, 10));
    assert_eq!(ends[&3], Err(Error::Failed("no 3".to_owned())));
    assert!(matches!(&ends[&4], Err(Error::Panicked(panicked)) if panicked.message == "not 4"));
}

#[tokio::test(start_paused = true)]
async fn an_item_too_heavy_for_the_line_is_given_back_and_the_rest_go_on() {
    let mut settings = settings(1, 4);
    settings.line.weight = Some(10);
    let weigh = |item: &u64| *item as usize;
    let (_control, service) = consume(stream::iter([1, 11, 2]), weigh, settings, Arc::new(Paused), work(1)).unwrap();
    let mut back = Vec::new();
    let tally = service
        .run(|ended| match ended.result {
            Err(Error::TooHeavy { item, .. }) => back.push((ended.place, item)),
            other => assert!(other.is_ok()),
        })
        .await;
    assert_eq!((tally.done, tally.returned, back), (2, 1, vec![(1, 11)]));
}

#[tokio::test(start_paused = true)]
async fn a_panic_of_the_callback_is_counted_and_nothing_else() {
    let (_control, service) = consume(stream::iter(0..4), |_| 0, settings(1, 1), Arc::new(Paused), work(1)).unwrap();
    let tally = service.run(|ended| assert!(ended.place != 2, "not this one")).await;
    assert_eq!((tally.done, tally.untold), (4, 1));
}

#[derive(Debug, Clone, Copy)]
enum End {
    Input,
    Drain(Option<u64>),
    Stop(Option<u64>),
    Drop,
    SourcePanics,
}

fn ends() -> impl Strategy<Value = End> {
    prop_oneof![
        Just(End::Input),
        prop::option::of(0_u64..12).prop_map(End::Drain),
        prop::option::of(0_u64..12).prop_map(End::Stop),
        Just(End::Drop),
        Just(End::SourcePanics),
    ]
}

type Item = (u64, u64, u8);

/// Runs `items` (delay before, time of the work, fate) and ends in the way that is said, at the time that is said.
async fn pass_through(settings: Settings, items: Vec<Item>, end: End, at: u64) {
    let count = items.len() as u64;
    let taken = Rc::new(Cell::new(0_u64));
    let source = {
        let taken = Rc::clone(&taken);
        stream::iter(items).then(move |item| {
            let taken = Rc::clone(&taken);
            async move {
                pass(item.0).await;
                assert!(!(matches!(end, End::SourcePanics) && taken.get() == 7), "as the source is told");
                taken.set(taken.get() + 1);
                item
            }
        })
    };
    let work = async |(_, millis, fate): Item| {
        pass(millis).await;
        match fate {
            0 => panic!("as its item says"),
            1 => Err("as its item says"),
            _ => Ok(fate),
        }
    };
    let (control, service) = consume(source, |_| 0, settings, Arc::new(Paused), work).unwrap();
    let told = RefCell::new(BTreeMap::new());
    let run = service.run(|ended| {
        let now = control.tally();
        let sum = now.done + now.failed + now.panicked + now.cut + now.returned;
        assert_eq!(now.taken, now.waiting() + now.running() + sum, "{now:?}");
        assert!(now.running() <= settings.consumers as u64 && now.waiting() <= settings.line.items as u64 + 1);
        *told.borrow_mut().entry(ended.place).or_insert(0) += 1;
    });
    let run = std::panic::AssertUnwindSafe(run).catch_unwind();
    let stop = async {
        pass(at).await;
        match end {
            End::Drain(deadline) => control.drain(deadline.map(after)),
            End::Stop(deadline) => control.stop(deadline.map(after)),
            End::Drop => return,
            End::Input | End::SourcePanics => {}
        }
        std::future::pending::<()>().await;
    };
    let both = futures::future::select(Box::pin(run), Box::pin(stop));
    // Dropping the loop, if that is its end, tells of what it held.
    drop(before(&Paused, Some(after(60_000)), both).await.expect("the loop never ends"));
    let (tally, told) = (control.tally(), told.borrow());
    assert_eq!((tally.waiting(), tally.running(), tally.untold), (0, 0, 0), "{tally:?}");
    // What the source gave, whoever ended the loop, was taken and told once.
    assert_eq!((tally.taken, told.len() as u64), (taken.get(), taken.get()));
    assert!(told.values().all(|times| *times == 1), "told twice");
    if matches!(end, End::Input) {
        assert_eq!((tally.taken, tally.cut, tally.returned), (count, 0, 0));
    }
}

proptest! {
    #[test]
    fn every_item_that_was_taken_ends_exactly_once_however_the_loop_ends(
        consumers in 1_usize..4, line in 1_usize..6,
        items in prop::collection::vec((0_u64..4, 0_u64..8, 0_u8..8), 0..60),
        end in ends(), at in 0_u64..60,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        runtime.block_on(pass_through(settings(consumers, line), items, end, at));
    }
}

#[tokio::test(start_paused = true)]
async fn the_loop_may_be_spawned() {
    fn send<T: Send>(value: T) -> T {
        value
    }
    let work = |item: u64| async move { Ok::<_, ()>(item) };
    let (_control, service) = consume(stream::iter(0..3), |_| 0, settings(1, 1), Arc::new(Paused), work).unwrap();
    assert_eq!(send(service.run(|_| ())).await.done, 3);
}
