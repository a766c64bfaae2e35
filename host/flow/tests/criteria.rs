//! Criteria of `docs/systems.md` that concern several parts, or one part as its users see it.

#![expect(clippy::unwrap_used, reason = "what a test stands on may fail by a panic too")]

mod paused;

use std::cell::Cell;
use std::collections::BTreeMap;
use std::time::Duration;

use futures::future::{join, join_all};
use hotcell_flow::fair::{self, Shares};
use hotcell_flow::flight::{Answer, Bounds, Memo};
use hotcell_flow::permit::Permits;
use hotcell_flow::schedule::{End, Report, Scheduler, Service, Settings, SubmitError, Task};

use paused::{after, pass, paused, since};

type Pair = (Scheduler<u64, u32>, Service<u64, u32>);

fn scheduler(places: usize) -> Pair {
    Scheduler::new(Settings::default(), Shares::default(), Permits::new(places), paused()).unwrap()
}

/// A key as a call would have it: the arguments by their names, whatever the order in which they were given.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Argument {
    Number(i64),
    Text(String),
    Truth(bool),
}

type Arguments = BTreeMap<&'static str, Argument>;

#[tokio::test(start_paused = true)]
async fn s03_keys_that_print_alike_are_told_apart_and_the_order_of_names_is_none() {
    let memo = Memo::new(Bounds::new(100, 1_000, Duration::from_secs(1)).unwrap(), paused(), |_: &usize| 1);
    let one = |argument| Arguments::from([("x", argument)]);
    let two = |pairs: [(&'static str, i64); 2]| pairs.map(|(name, value)| (name, Argument::Number(value))).into();
    let keys: [(Arguments, usize); 7] = [
        (one(Argument::Number(1)), 0),
        (one(Argument::Text("1".to_owned())), 1),
        (one(Argument::Truth(true)), 2),
        (one(Argument::Text("true".to_owned())), 3),
        (two([("a", 1), ("b", 2)]), 4),
        (two([("b", 2), ("a", 1)]), 4),
        (two([("a", 2), ("b", 1)]), 6),
    ];
    for (place, (key, expected)) in keys.into_iter().enumerate() {
        let answer = memo.get(key, async || Ok::<_, ()>(Answer::Sound(place))).await;
        assert_eq!(answer, Ok(expected));
    }
}

#[tokio::test(start_paused = true)]
async fn s30_what_is_refused_holds_up_neither_the_loop_nor_the_others() {
    let (scheduler, service) = scheduler(1);
    let submit = async {
        let scheduler = scheduler;
        let held = scheduler.submit(Task::new(0, 1)).unwrap().await.unwrap();
        let mut tickets = Vec::new();
        for id in 1..=50 {
            tickets.push(scheduler.submit(Task::new(id, 1)).unwrap());
            for (wrong, expected) in [
                (Task::new(id, 1), SubmitError::Duplicate(id)),
                (Task::new(100, 1).needs([999]), SubmitError::UnknownNeed { task: 100, need: 999 }),
                (Task::new(100, 1).needs([100]), SubmitError::Cycle(vec![100, 100])),
                (Task::new(100, 1).deadline(after(0)), SubmitError::Late(100)),
                (Task::new(100, 1).deadline(after(5)).start_at(after(5)), SubmitError::NeverInTime(100)),
            ] {
                assert_eq!(scheduler.submit(wrong).err(), Some(expected));
            }
        }
        held.finish(Report::done());
        for ticket in tickets {
            let started = ticket.await.unwrap();
            pass(1).await;
            started.finish(Report::done());
        }
        // It still knows what time it is.
        let (start, later) = (after(0), Task::new(200, 1).start_at(after(30)));
        scheduler.submit(later).unwrap().await.unwrap().finish(Report::done());
        assert_eq!(since(start), 30);
        let status = scheduler.status();
        assert_eq!((status.ended.done, status.submitted, status.refused, status.live()), (52, 52, 250, 0));
    };
    join(submit, service.run()).await;
}

#[tokio::test(start_paused = true)]
async fn s34_nothing_is_lost_at_any_load() {
    const TASKS: u64 = 1_000;
    // Five places of 10 ms take 500 a second; the last load is all at once.
    for (pause, at_once) in [(4, 1), (2, 1), (1, 1), (1, 4), (0, TASKS)] {
        let (scheduler, service) = scheduler(5);
        let (running, peak) = (Cell::new(0), Cell::new(0));
        let ran = Cell::new(0);
        let load = join_all((0..TASKS).map(|id| {
            let (scheduler, running, peak, ran) = (scheduler.clone(), &running, &peak, &ran);
            async move {
                pass(pause * (id / at_once)).await;
                let started = scheduler.submit(Task::new(id, 1)).unwrap().await.unwrap();
                running.set(running.get() + 1);
                peak.set(peak.get().max(running.get()));
                pass(10).await;
                running.set(running.get() - 1);
                ran.set(ran.get() + 1);
                started.finish(Report::done());
            }
        }));
        let whole = async {
            load.await;
            let status = scheduler.status();
            assert_eq!((ran.get(), status.ended.done, status.submitted), (TASKS, TASKS, TASKS), "{pause} {at_once}");
            assert!(peak.get() <= 5);
            drop(scheduler);
        };
        join(whole, service.run()).await;
    }
}

#[tokio::test(start_paused = true)]
async fn s34_what_there_is_no_room_for_is_told_so_and_not_lost() {
    let fair = fair::Settings { items: 20, ..fair::Settings::default() };
    let settings = Settings { fair, ..Settings::default() };
    let (scheduler, service) = Scheduler::new(settings, Shares::default(), Permits::new(5), paused()).unwrap();
    let whole = async {
        let scheduler = scheduler;
        let (mut taken, mut refused) = (Vec::new(), 0);
        for id in 0..1_000_u64 {
            match scheduler.submit(Task::new(id, 1_u32)) {
                Ok(ticket) => taken.push(ticket),
                Err(SubmitError::Full(fair::Full::Items { bound: 20 })) => refused += 1,
                Err(other) => panic!("{other}"),
            }
        }
        let ends = join_all(taken.into_iter().map(|ticket| async {
            let started = ticket.await.unwrap();
            started.run(pass(10), |()| Report::done()).await
        }))
        .await;
        assert_eq!((ends.len(), refused), (25, 975), "five run and twenty wait");
        assert!(ends.iter().all(Result::is_ok));
        let status = scheduler.status();
        assert_eq!((status.submitted + status.refused, status.ended.total()), (1_000, 25));
        assert_eq!(scheduler.wait(&0, None).await, Ok(End::Done));
    };
    join(whole, service.run()).await;
}
