use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use futures::future::join_all;
use proptest::prelude::*;

use super::*;
use crate::Refused;
use crate::testing::{Paused, after, pass};

fn settings(size: usize, linger: u64) -> Settings {
    Settings { size, linger: Duration::from_millis(linger), lead: Duration::ZERO, ..Settings::default() }
}

fn by(deadline: Instant) -> Urgency {
    Urgency { deadline: Some(deadline), ..Urgency::default() }
}

fn ranked(priority: Priority) -> Urgency {
    Urgency { priority, ..Urgency::default() }
}

/// Doubles each item after 100 ms.
async fn doubled(_key: (), items: Vec<u32>) -> Result<Vec<Result<u32, String>>, String> {
    pass(100).await;
    Ok(items.into_iter().map(|item| Ok(item * 2)).collect())
}

fn since(start: Instant) -> u128 {
    (after(0) - start).as_millis()
}

#[test]
fn settings_that_nothing_can_keep_are_refused() {
    let fine = Settings::default();
    for (bad, why) in [
        (Settings { size: 0, ..fine }, BadSettings::Size),
        (Settings { in_flight: 0, ..fine }, BadSettings::InFlight),
        (Settings { size: 8, waiting: 7, ..fine }, BadSettings::Waiting { size: 8, waiting: 7 }),
        (Settings { waiting: 0, ..fine }, BadSettings::Waiting { size: 32, waiting: 0 }),
    ] {
        assert_eq!(Batcher::new(bad, Arc::new(Paused), doubled).err(), Some(why));
    }
}

#[tokio::test(start_paused = true)]
async fn s07_five_full_batches_overlap_or_keep_to_their_bound() {
    for (in_flight, millis) in [(5, 100), (2, 300), (1, 500)] {
        let settings = Settings { in_flight, ..settings(10, 1_000) };
        let (batcher, service) = Batcher::new(settings, Arc::new(Paused), doubled).unwrap();
        let start = after(0);
        let callers = async move {
            let results = join_all((0..50).map(|item| batcher.submit((), item, Urgency::default()))).await;
            assert_eq!(results, (0..50).map(|item| Ok(item * 2)).collect::<Vec<_>>());
            assert_eq!((batcher.status().batches, batcher.status().batched), (5, 50));
        };
        tokio::join!(service.run(), callers);
        assert_eq!(since(start), millis);
    }
}

#[tokio::test(start_paused = true)]
async fn s08_a_caller_that_leaves_takes_back_its_own_item_and_no_other() {
    let seen = RefCell::new(Vec::new());
    let work = async |(), items: Vec<u32>| {
        seen.borrow_mut().push(items.clone());
        doubled((), items).await
    };
    let (batcher, service) = Batcher::new(settings(3, 50), Arc::new(Paused), work).unwrap();
    let callers = async {
        let batcher = batcher;
        let mut first = Box::pin(batcher.submit((), 1, Urgency::default()));
        let mut gone = Box::pin(batcher.submit((), 2, Urgency::default()));
        assert!(futures::poll!(&mut first).is_pending() && futures::poll!(&mut gone).is_pending());
        drop(gone);
        // The one that fills the batch leaves while it runs.
        let mut third = Box::pin(batcher.submit((), 3, Urgency::default()));
        let mut filler = Box::pin(batcher.submit((), 4, Urgency::default()));
        assert!(futures::poll!(&mut third).is_pending() && futures::poll!(&mut filler).is_pending());
        pass(10).await;
        drop(filler);
        assert_eq!((first.await, third.await), (Ok(2), Ok(6)));
        assert_eq!(batcher.status().withdrawn, 1);
    };
    tokio::join!(service.run(), callers);
    assert_eq!(seen.into_inner(), [vec![1, 3, 4]]);
}

#[tokio::test(start_paused = true)]
async fn s09_a_batch_of_one_is_answered_after_the_linger_and_the_work() {
    let (batcher, service) = Batcher::new(settings(10, 20), Arc::new(Paused), doubled).unwrap();
    let start = after(0);
    let caller = async move { batcher.submit((), 7, Urgency::default()).await };
    let ((), result) = tokio::join!(service.run(), caller);
    assert_eq!((result, since(start)), (Ok(14), 120));
}

#[tokio::test(start_paused = true)]
async fn s10_results_that_do_not_match_the_items_are_an_error_to_every_caller() {
    for results in [0, 2, 4] {
        let work = async |(), _items: Vec<u32>| Ok::<_, String>(vec![Ok(1); results]);
        let (batcher, service) = Batcher::new(settings(3, 10), Arc::new(Paused), work).unwrap();
        let callers = async move { join_all((0..3).map(|item| batcher.submit((), item, Urgency::default()))).await };
        let ((), got) = tokio::join!(service.run(), callers);
        assert_eq!(got, vec![Err(Error::Length { items: 3, results }); 3]);
    }
}

#[tokio::test(start_paused = true)]
async fn errors_and_panics_of_the_work_reach_whom_they_concern() {
    let work = async |key: &'static str, items: Vec<u32>| match key {
        "whole" => Err("all of it".to_owned()),
        "panic" => panic!("no result"),
        _ => Ok(items.into_iter().map(|item| if item == 1 { Err("odd".to_owned()) } else { Ok(item) }).collect()),
    };
    let (batcher, service) = Batcher::new(settings(2, 10), Arc::new(Paused), work).unwrap();
    let callers = async {
        let batcher = batcher;
        let pair = async |key| {
            let one = batcher.submit(key, 0, Urgency::default());
            let two = batcher.submit(key, 1, Urgency::default());
            tokio::join!(one, two)
        };
        let (items, whole, panic) = tokio::join!(pair("items"), pair("whole"), pair("panic"));
        assert_eq!(items, (Ok(0), Err(Error::Item("odd".to_owned()))));
        let all = Err(Error::Batch("all of it".to_owned()));
        assert_eq!(whole, (all.clone(), all));
        let Err(Error::Panicked(told)) = &panic.0 else { panic!("{panic:?}") };
        assert_eq!((told.message.as_str(), &panic.1), ("no result", &panic.0));
        assert_eq!(pair("items").await.0, Ok(0), "the loop goes on");
    };
    tokio::join!(service.run(), callers);
}

#[tokio::test(start_paused = true)]
async fn a_batch_closes_in_time_for_the_earliest_deadline_of_its_items() {
    let lead = Duration::from_millis(30);
    let settings = Settings { lead, ..settings(10, 1_000) };
    let started = RefCell::new(Vec::new());
    let start = after(0);
    let work = async |(), items: Vec<u32>| {
        started.borrow_mut().push((since(start), items.len()));
        Ok::<_, String>(items.into_iter().map(Ok).collect())
    };
    let (batcher, service) = Batcher::new(settings, Arc::new(Paused), work).unwrap();
    let callers = async {
        let batcher = batcher;
        let patient = batcher.submit((), 1, Urgency::default());
        let hurried = batcher.submit((), 2, by(after(100)));
        let (one, two) = tokio::join!(patient, hurried);
        assert_eq!((one, two), (Ok(1), Ok(2)));
        assert_eq!(batcher.submit((), 3, by(after(10))).await, Ok(3), "less is left than the lead: at once");
    };
    tokio::join!(service.run(), callers);
    assert_eq!(started.into_inner(), [(70, 2), (70, 1)]);
}

#[tokio::test(start_paused = true)]
async fn a_deadline_that_comes_while_all_batches_are_busy_ends_the_item_then() {
    let settings = Settings { in_flight: 1, size: 1, waiting: 2, ..settings(1, 0) };
    let (batcher, service) = Batcher::new(settings, Arc::new(Paused), doubled).unwrap();
    let callers = async move {
        let start = after(0);
        let busy = batcher.submit((), 1, Urgency::default());
        let late = async {
            pass(1).await;
            let late = batcher.submit((), 2, by(after(49))).await;
            assert_eq!((late, since(start)), (Err(Refused::Late.into()), 50));
        };
        tokio::join!(async { assert_eq!(busy.await, Ok(2)) }, late);
    };
    tokio::join!(service.run(), callers);
}

#[tokio::test(start_paused = true)]
async fn the_more_urgent_go_first_when_not_all_can() {
    let order = RefCell::new(Vec::new());
    let work = async |key: u32, items: Vec<u32>| {
        order.borrow_mut().push((key, items.clone()));
        pass(10).await;
        Ok::<_, String>(items.into_iter().map(Ok).collect())
    };
    let settings = Settings { in_flight: 1, ..settings(2, 0) };
    let (batcher, service) = Batcher::new(settings, Arc::new(Paused), work).unwrap();
    let callers = async {
        let batcher = batcher;
        let plans = [
            (1, 0, Priority::Normal),
            (1, 1, Priority::Low),
            (1, 2, Priority::Low),
            (2, 3, Priority::High),
            (3, 4, Priority::Normal),
            (1, 5, Priority::High),
        ];
        let submit = plans.map(|(key, item, priority)| batcher.submit(key, item, ranked(priority)));
        assert!(join_all(submit).await.iter().all(Result::is_ok));
    };
    // The callers come first: all wait when the loop begins.
    tokio::join!(callers, service.run());
    assert_eq!(order.into_inner(), [(1, vec![5, 0]), (2, vec![3]), (3, vec![4]), (1, vec![1, 2])]);
}

#[tokio::test(start_paused = true)]
async fn a_key_with_more_than_a_batch_takes_turns_with_the_others() {
    let order = RefCell::new(Vec::new());
    let work = async |key: u32, items: Vec<u32>| {
        order.borrow_mut().push(key);
        pass(10).await;
        Ok::<_, String>(items.into_iter().map(Ok).collect())
    };
    let settings = Settings { in_flight: 1, ..settings(2, 1_000) };
    let (batcher, service) = Batcher::new(settings, Arc::new(Paused), work).unwrap();
    let callers = async {
        let batcher = batcher;
        let many = join_all((0..10).map(|item| batcher.submit(1, item, Urgency::default())));
        let few = async {
            pass(5).await;
            join_all((0..2).map(|item| batcher.submit(2, item, Urgency::default()))).await
        };
        tokio::join!(many, few);
    };
    tokio::join!(callers, service.run());
    assert_eq!(order.into_inner(), [1, 1, 2, 1, 1, 1]);
}

proptest! {
    #[test]
    fn groups_keep_nothing_of_what_has_left(
        steps in prop::collection::vec((0_u8..4, 0_u8..4, 0_usize..5, prop::option::of(0_u64..20), 0_u64..5), 1..80),
    ) {
        let start = after_epoch();
        let rule = groups::Rule { size: 3, linger: Duration::from_millis(4), lead: Duration::from_millis(1) };
        let mut groups = groups::Groups::new(rule);
        let (mut now, mut tickets, mut inside) = (start, Vec::new(), 0);
        for (what, key, priority, deadline, wait) in steps {
            now += Duration::from_millis(wait);
            match what {
                0 => inside -= groups.close(now).map_or(0, |batch| batch.items.len()),
                1 => inside -= std::iter::from_fn(|| groups.expired(now)).count(),
                2 if !tickets.is_empty() => {
                    let ticket = tickets.swap_remove(priority % tickets.len());
                    inside -= usize::from(groups.withdraw(ticket, now).is_some());
                    prop_assert!(groups.withdraw(ticket, now).is_none());
                }
                _ => {
                    let deadline = deadline.map(|millis| start + Duration::from_millis(millis));
                    let urgency = Urgency { priority: Priority::ALL[priority], deadline };
                    tickets.push(groups.add(now, key, urgency, ()));
                    inside += 1;
                }
            }
            prop_assert_eq!(groups.len(), inside);
            let [count, keys, lingering, due, ..] = groups.sizes();
            prop_assert_eq!((keys, lingering + due), (count, count), "each group stands in one place");
        }
        for ticket in tickets {
            groups.withdraw(ticket, now);
        }
        prop_assert_eq!(groups.sizes(), [0; 6]);
    }
}

#[expect(clippy::disallowed_methods, reason = "a test's own epoch, from which it counts by hand")]
fn after_epoch() -> Instant {
    Instant::now()
}

#[tokio::test(start_paused = true)]
async fn the_waiting_room_is_bounded_and_a_deadline_waits_at_its_door() {
    let settings = Settings { in_flight: 1, waiting: 2, ..settings(2, 0) };
    let (batcher, service) = Batcher::new(settings, Arc::new(Paused), doubled).unwrap();
    let callers = async move {
        let two = join_all((0..2).map(|item| batcher.submit((), item, Urgency::default())));
        let more = async {
            pass(10).await;
            let inside = join_all((2..4).map(|item| batcher.submit((), item, Urgency::default())));
            let at_the_door = async {
                pass(1).await;
                let refused = batcher.submit((), 4, Urgency::default()).await;
                assert_eq!(refused, Err(Refused::Full { room: 2 }.into()));
                assert_eq!(batcher.submit((), 5, by(after(20))).await, Err(Refused::Late.into()));
                assert_eq!(batcher.submit((), 6, by(after(500))).await, Ok(12));
            };
            tokio::join!(inside, at_the_door).0
        };
        let (two, inside) = tokio::join!(two, more);
        assert!(two.iter().chain(&inside).all(Result::is_ok));
    };
    tokio::join!(service.run(), callers);
}

#[tokio::test(start_paused = true)]
async fn closing_flushes_what_waits_and_dropping_the_loop_refuses_it() {
    let (batcher, service) = Batcher::new(settings(10, 60_000), Arc::new(Paused), doubled).unwrap();
    let start = after(0);
    let callers = async {
        let closer = async {
            pass(5).await;
            batcher.close();
            assert_eq!(batcher.submit((), 2, Urgency::default()).await, Err(Refused::Closed.into()));
        };
        tokio::join!(batcher.submit((), 1, Urgency::default()), closer).0
    };
    let ((), result) = tokio::join!(service.run(), callers);
    assert_eq!((result, since(start)), (Ok(2), 105));

    let (batcher, service) = Batcher::new(settings(1, 0), Arc::new(Paused), doubled).unwrap();
    let mut busy = Box::pin(batcher.submit((), 1, Urgency::default()));
    let mut run = Box::pin(service.run());
    assert!(futures::poll!(&mut busy).is_pending() && futures::poll!(&mut run).is_pending());
    let mut waits = Box::pin(batcher.submit((), 2, Urgency::default()));
    assert!(futures::poll!(&mut waits).is_pending());
    drop(run);
    assert_eq!((busy.await, waits.await), (Err(Error::Stopped), Err(Refused::Closed.into())));
    assert_eq!(batcher.submit((), 3, Urgency::default()).await, Err(Refused::Closed.into()));
}

#[tokio::test(start_paused = true)]
async fn work_that_nobody_waits_for_is_dropped() {
    let (batcher, service) = Batcher::new(settings(2, 0), Arc::new(Paused), doubled).unwrap();
    let start = after(0);
    let callers = async move {
        let both = join_all((0..2).map(|item| batcher.submit((), item, Urgency::default())));
        assert!(crate::timer::before(&Paused, Some(after(10)), both).await.is_none());
    };
    tokio::join!(service.run(), callers);
    assert_eq!(since(start), 10);
}

/// One thing that happens to a crowd of callers.
#[derive(Debug, Clone)]
enum Step {
    Arrive { key: u8, priority: usize, deadline: Option<u64>, fate: u8 },
    Leave(prop::sample::Index),
    Pass(u64),
    Close,
    DropLoop,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        20 => (0_u8..3, 0_usize..5, prop::option::of(0_u64..20), 0_u8..30)
            .prop_map(|(key, priority, deadline, fate)| Step::Arrive { key, priority, deadline, fate }),
        8 => any::<prop::sample::Index>().prop_map(Step::Leave),
        8 => (0_u64..6).prop_map(Step::Pass),
        1 => Just(Step::Close),
        1 => Just(Step::DropLoop),
    ];
    prop::collection::vec(step, 1..80)
}

type Item = (u8, u32, u8);
/// What a caller was told, and which one it was.
type Told = (u32, Result<u32, Error<u32>>);

/// What the work saw, to be held against what the callers were told.
#[derive(Default)]
struct Seen {
    running: Cell<usize>,
    worked: RefCell<BTreeMap<u32, u32>>,
}

/// Runs so long as its first item says, and ends as its items say: well, short, in a panic, as an error.
async fn fate(seen: Rc<Seen>, bounds: Settings, key: u8, items: Vec<Item>) -> Result<Vec<Result<u32, u32>>, u32> {
    struct Running(Rc<Seen>);
    impl Drop for Running {
        fn drop(&mut self) {
            self.0.running.set(self.0.running.get() - 1);
        }
    }
    seen.running.set(seen.running.get() + 1);
    assert!(seen.running.get() <= bounds.in_flight && !items.is_empty() && items.len() <= bounds.size);
    let _running = Running(Rc::clone(&seen));
    for (its, id, _) in &items {
        assert_eq!(*its, key, "keys are mixed");
        *seen.worked.borrow_mut().entry(*id).or_default() += 1;
    }
    let (_, first, how) = items[0];
    pass(u64::from(how % 8)).await;
    assert!(how != 29, "as its item says");
    match how {
        28 => Err(first),
        27 => Ok(Vec::new()),
        _ => Ok(items.into_iter().map(|(_, id, how)| if how == 26 { Err(id) } else { Ok(id) }).collect()),
    }
}

async fn crowd(bounds: Settings, steps: Vec<Step>) {
    let seen = Rc::new(Seen::default());
    let work = {
        let seen = Rc::clone(&seen);
        move |key: u8, items: Vec<Item>| fate(Rc::clone(&seen), bounds, key, items)
    };
    let (batcher, service) = Batcher::new(bounds, Arc::new(Paused), work).unwrap();
    let service = tokio::task::spawn_local(service.run());
    let mut callers: Vec<tokio::task::JoinHandle<Told>> = Vec::new();
    for (id, step) in (0_u32..).zip(steps) {
        match step {
            Step::Arrive { key, priority, deadline, fate } => {
                let batcher = batcher.clone();
                let urgency = Urgency { priority: Priority::ALL[priority], deadline: deadline.map(after) };
                let caller = async move { (id, batcher.submit(key, (key, id, fate), urgency).await) };
                callers.push(tokio::task::spawn_local(caller));
            }
            // No yield before it: what was just woken is dropped before it could run.
            Step::Leave(which) => {
                let waiting: Vec<usize> = (0..callers.len()).filter(|place| !callers[*place].is_finished()).collect();
                match waiting.len() {
                    0 => tokio::task::yield_now().await,
                    count => callers.swap_remove(waiting[which.index(count)]).abort(),
                }
            }
            Step::Pass(millis) => pass(millis).await,
            Step::Close => batcher.close(),
            Step::DropLoop => service.abort(),
        }
        let now = batcher.status();
        let told = now.waiting as u64 + now.withdrawn + now.late + now.refused + now.batched;
        assert_eq!(now.accepted, told, "{now:?}");
        assert!(now.waiting <= bounds.waiting && now.running <= bounds.in_flight);
    }
    for caller in callers {
        let outcome =
            crate::timer::before(&Paused, Some(after(60_000)), caller).await.expect("somebody waits for ever");
        let (id, result) = outcome.unwrap();
        let worked = seen.worked.borrow().get(&id).copied().unwrap_or(0);
        match result {
            Ok(own) | Err(Error::Item(own)) => assert_eq!((own, worked), (id, 1), "another's result"),
            Err(Error::Refused(_)) => assert_eq!(worked, 0, "refused, but worked on"),
            Err(_) => assert_eq!(worked, 1),
        }
    }
    batcher.close();
    drop(batcher.clone());
    let end = crate::timer::before(&Paused, Some(after(60_000)), service).await.expect("the loop never ends");
    assert!(end.is_ok() || end.is_err_and(|error| error.is_cancelled()));
    assert_eq!((batcher.status().waiting, seen.running.get()), (0, 0));
    assert!(seen.worked.borrow().values().all(|times| *times == 1), "worked on twice");
}

proptest! {
    #[test]
    fn s24_each_caller_gets_its_own_result_under_any_mix(
        size in 1_usize..5, in_flight in 1_usize..4, linger in 0_u64..8, lead in 0_u64..4, more in 0_usize..6,
        steps in steps(),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        let lead = Duration::from_millis(lead);
        let bounds = Settings { in_flight, lead, waiting: size + more, ..settings(size, linger) };
        tokio::task::LocalSet::new().block_on(&runtime, crowd(bounds, steps));
    }
}

#[test]
fn handles_and_loop_meet_on_several_threads_and_nothing_is_lost() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(4).enable_time().build().unwrap();
    runtime.block_on(async {
        let settings = Settings { in_flight: 3, ..settings(16, 0) };
        let work =
            |key: u64, items: Vec<u64>| async move { Ok::<_, ()>(items.into_iter().map(|i| Ok(i + key)).collect()) };
        let (batcher, service) = Batcher::new(settings, Arc::new(Paused), work).unwrap();
        let service = tokio::spawn(service.run());
        let callers = (0..16_u64).map(|caller| {
            let batcher = batcher.clone();
            tokio::spawn(async move {
                for item in 0..300 {
                    assert_eq!(batcher.submit(caller % 3, item, Urgency::default()).await, Ok(item + caller % 3));
                }
            })
        });
        for caller in join_all(callers.collect::<Vec<_>>()).await {
            caller.unwrap();
        }
        let status = batcher.status();
        assert_eq!((status.batched, status.waiting), (16 * 300, 0));
        drop(batcher);
        service.await.unwrap();
    });
}
