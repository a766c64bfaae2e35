use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;

use futures::FutureExt;
use futures::future::join_all;
use proptest::prelude::*;

use super::*;
use crate::testing::{Paused, after, pass};
use crate::timer::before;

fn of(items: usize) -> (Sender<u32>, Receiver<u32>) {
    channel(Settings { items, ..Settings::default() }, |_| 0, Arc::new(Paused)).unwrap()
}

/// Items that weigh what they are.
fn weighed(items: usize, weight: usize) -> (Sender<u32>, Receiver<u32>) {
    let settings = Settings { items, weight: Some(weight), ..Settings::default() };
    channel(settings, |item| *item as usize, Arc::new(Paused)).unwrap()
}

fn reason<T>(result: Result<(), SendError<T>>) -> Option<Reason> {
    result.err().map(|error| error.reason)
}

#[test]
fn settings_that_nothing_can_keep_are_refused() {
    let fine = Settings::default();
    let marks = |low, high| (Settings { low, high, ..fine }, BadSettings::Marks { low, high });
    for (bad, why) in [
        (Settings { items: 0, ..fine }, BadSettings::Items),
        (Settings { weight: Some(0), ..fine }, BadSettings::Weight),
        marks(0.8, 0.2),
        marks(0.5, 0.5),
        marks(-0.1, 0.5),
        marks(0.1, 1.1),
    ] {
        assert_eq!(channel::<u32>(bad, |_| 0, Arc::new(Paused)).err(), Some(why));
    }
    for (low, high) in [(f64::NAN, 0.5), (0.5, f64::NAN), (0.0, f64::INFINITY)] {
        assert!(channel::<u32>(Settings { low, high, ..fine }, |_| 0, Arc::new(Paused)).is_err());
    }
}

#[test]
fn s41_marks_are_whole_and_apart_however_small_the_channel() {
    for (items, high, low) in [(1, 1, 0), (2, 2, 0), (3, 3, 0), (5, 4, 1), (10, 8, 2), (100, 80, 20)] {
        let gauge = Settings { items, ..Settings::default() }.bounds().unwrap().items;
        assert_eq!((gauge.high, gauge.low), (high, low), "of {items}");
    }
    let (sender, _receiver) = of(1);
    assert_eq!(sender.status().reading.pressure, Pressure::Low, "an empty channel has no pressure");
}

#[tokio::test(start_paused = true)]
async fn s41_pressure_turns_once_at_each_mark_and_closing_wakes_all() {
    let (sender, receiver) = of(10);
    let turns = RefCell::new(Vec::new());
    let follow = sender.gauge().follow(|pressure| turns.borrow_mut().push(pressure));
    let drive = async move {
        for _ in 0..3 {
            for item in 0..9 {
                sender.send(item).await.unwrap();
            }
            while receiver.try_recv().is_ok() {}
        }
        assert_eq!(sender.status().reading, Reading { pressure: Pressure::Low, crossings: 6 });
        let waiters = join_all((0..3).map(|_| receiver.recv()));
        let close = async {
            tokio::task::yield_now().await;
            sender.close();
        };
        assert_eq!(tokio::join!(waiters, close).0, [None; 3]);
    };
    let (followed, ()) = tokio::join!(follow, drive);
    assert_eq!((followed.calls, followed.panics), (6, 0));
    assert_eq!(turns.into_inner(), [Pressure::High, Pressure::Low].repeat(3));

    let (sender, receiver) = of(1);
    sender.send(0).await.unwrap();
    let full = join_all((1..4).map(|item| sender.send(item)));
    let close = async {
        tokio::task::yield_now().await;
        receiver.close();
    };
    let back: Vec<_> = tokio::join!(full, close).0.into_iter().map(|sent| sent.unwrap_err()).collect();
    assert!(back.iter().zip(1..).all(|(error, item)| error.item == item && error.reason == Reason::Closed));
    assert_eq!((receiver.recv().await, receiver.recv().await), (Some(0), None), "what is in comes out first");
}

#[tokio::test(start_paused = true)]
async fn s42_senders_are_let_in_in_their_order_and_a_newcomer_does_not_overtake() {
    let (sender, receiver) = of(1);
    sender.send(0).await.unwrap();
    let mut waiting: Vec<_> = (1..4).map(|item| Box::pin(sender.send(item))).collect();
    for send in &mut waiting {
        assert!(futures::poll!(send).is_pending());
    }
    assert_eq!(receiver.try_recv(), Ok(0));
    assert_eq!(reason(sender.try_send(9)), Some(Reason::Full), "the room is the first waiter's");
    // The second leaves while it waits, the first after its item was let in and before it knew.
    drop(waiting.remove(1));
    drop(waiting.remove(0));
    assert!(futures::poll!(&mut waiting[0]).is_ready());
    assert_eq!((receiver.try_recv(), receiver.try_recv()), (Ok(3), Err(Nothing::Yet)));
}

#[tokio::test(start_paused = true)]
async fn s42_a_light_item_does_not_overtake_a_heavy_one_and_one_too_heavy_is_refused() {
    let (sender, receiver) = weighed(10, 10);
    assert_eq!(reason(sender.send(11).await), Some(Reason::TooHeavy { weight: 11, limit: 10 }));
    sender.send(6).await.unwrap();
    let mut heavy = Box::pin(sender.send(7));
    let mut light = Box::pin(sender.send(1));
    assert!(futures::poll!(&mut heavy).is_pending() && futures::poll!(&mut light).is_pending());
    drop(heavy);
    assert!(futures::poll!(&mut light).is_ready(), "nobody before it any more");
    assert_eq!(receiver.drain(), [6, 1]);
}

#[tokio::test(start_paused = true)]
async fn a_deadline_gives_the_item_back_and_no_deadline_waits() {
    let (sender, receiver) = of(1);
    sender.send_by(0, Some(after(0))).await.unwrap();
    let start = after(0);
    let late = sender.send_by(1, Some(after(50))).await.unwrap_err();
    assert_eq!((late.item, late.reason, (after(0) - start).as_millis()), (1, Reason::Late, 50));
    assert_eq!(sender.status().senders, 0);
    assert_eq!(receiver.recv_by(after(10)).await, Ok(0));
    assert_eq!(receiver.recv_by(after(10)).await, Err(Nothing::Yet));
    drop(sender);
    assert_eq!(receiver.recv_by(after(10)).await, Err(Nothing::Ever));
}

#[tokio::test(start_paused = true)]
async fn s43_a_consumer_is_woken_at_once_and_one_that_leaves_passes_the_item_on() {
    let (sender, receiver) = of(4);
    let start = after(0);
    let mut chosen = Box::pin(receiver.recv());
    assert!(futures::poll!(&mut chosen).is_pending());
    let next = tokio::spawn({
        let receiver = receiver.clone();
        async move { receiver.recv().await } // as a task: polled when it is woken, and not otherwise
    });
    tokio::task::yield_now().await;
    sender.send(1).await.unwrap();
    drop(chosen); // woken, but never polled again
    assert_eq!(before(&Paused, Some(after(1)), next).await.unwrap().unwrap(), Some(1));
    assert_eq!(after(0), start, "nobody polled");
}

/// Polled for another reason than its own turn, a consumer takes an item; the item that comes in behind it, from a
/// sender that waited, once woke the very consumer that was leaving, and the other slept beside it.
#[tokio::test(start_paused = true)]
async fn s43_what_comes_in_behind_an_item_wakes_one_who_still_waits() {
    let (sender, receiver) = of(1);
    let mut first = Box::pin(receiver.recv());
    let mut second = tokio::spawn({
        let receiver = receiver.clone();
        async move { receiver.recv().await }
    });
    assert!(futures::poll!(&mut first).is_pending());
    tokio::task::yield_now().await;
    sender.send(1).await.unwrap(); // wakes `first`
    let mut parked = Box::pin(sender.send(2));
    assert!(futures::poll!(&mut parked).is_pending());
    assert!(futures::poll!(&mut first).is_ready());
    assert_eq!(before(&Paused, Some(after(1)), &mut second).await.unwrap().unwrap(), Some(2));
}

#[tokio::test(start_paused = true)]
async fn s44_a_slow_or_panicking_callback_holds_up_nobody_and_misses_nothing() {
    let (sender, receiver) = of(1);
    let mut calls = 0;
    let follow = sender.gauge().follow(|pressure| {
        calls += 1;
        assert_eq!(pressure, Pressure::High, "this one does not like low pressure");
    });
    // The follower is not polled at all while the channel turns a hundred times.
    for item in 0..50 {
        sender.send(item).now_or_never().unwrap().unwrap();
        assert_eq!(receiver.recv().now_or_never(), Some(Some(item)));
    }
    drop((sender, receiver));
    let followed = follow.await;
    assert_eq!((followed.calls, followed.panics, calls), (100, 50, 100));
    assert!(followed.last.unwrap().message.contains("does not like"));
}

#[tokio::test(start_paused = true)]
async fn with_the_last_receiver_the_channel_is_closed_and_emptied() {
    let (sender, receiver) = of(2);
    let other = receiver.clone();
    sender.send(1).await.unwrap();
    drop(receiver);
    sender.send(2).await.unwrap();
    drop(other);
    assert_eq!(reason(sender.send(3).await), Some(Reason::Closed));
    assert_eq!(sender.status().items, 0);
}

/// One thing that happens to a channel.
#[derive(Debug, Clone)]
enum Step {
    Send {
        weight: u32,
        deadline: Option<u64>,
    },
    /// By the crowd's own task, so that whoever it wakes may leave before it is polled.
    TrySend {
        weight: u32,
    },
    TryRecv,
    Recv {
        deadline: Option<u64>,
    },
    Leave(prop::sample::Index),
    Pass(u64),
    Drain,
    Close,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        12 => (0_u32..6, prop::option::of(0_u64..9)).prop_map(|(weight, deadline)| Step::Send { weight, deadline }),
        6 => (0_u32..6).prop_map(|weight| Step::TrySend { weight }),
        6 => Just(Step::TryRecv),
        12 => prop::option::of(0_u64..9).prop_map(|deadline| Step::Recv { deadline }),
        8 => any::<prop::sample::Index>().prop_map(Step::Leave),
        6 => (0_u64..3).prop_map(Step::Pass),
        1 => Just(Step::Drain),
        1 => Just(Step::Close),
    ];
    prop::collection::vec(step, 1..100)
}

type Item = (u32, u32);

#[derive(Clone, Copy, PartialEq)]
enum End {
    Send,
    Receive,
}

/// What became of each item. All are told here at the moment at which it happens.
#[derive(Default)]
struct Told {
    got: RefCell<Vec<u32>>,
    back: RefCell<BTreeSet<u32>>,
    sent: RefCell<BTreeSet<u32>>,
}

impl Told {
    fn sent(&self, id: u32, result: Result<(), SendError<Item>>) {
        match result {
            Ok(()) => assert!(self.sent.borrow_mut().insert(id)),
            Err(error) => {
                assert_eq!(error.item.0, id, "another's item");
                assert!(self.back.borrow_mut().insert(id));
            }
        }
    }
}

/// The status never contradicts the bounds, the marks, or itself.
fn consistent(status: Status, bounds: line::Bounds) {
    let (items, weight) = (bounds.items, bounds.weight.unwrap());
    assert!(status.items <= items.limit && status.weight <= weight.limit && status.fill <= 1.0, "{status:?}");
    if status.items >= items.high || status.weight >= weight.high {
        assert_eq!(status.reading.pressure, Pressure::High, "{status:?}");
    }
    if status.items <= items.low && status.weight <= weight.low {
        assert_eq!(status.reading.pressure, Pressure::Low, "{status:?}");
    }
}

/// Once all is quiet, who waits for an item waits because there is none, and who waits for room likewise.
async fn quiet(receiver: &Receiver<Item>, tasks: &[(End, tokio::task::JoinHandle<()>)]) {
    for _ in 0..4 {
        tokio::task::yield_now().await;
    }
    let status = receiver.status();
    let waits = |end| tasks.iter().any(|(its, task)| *its == end && !task.is_finished());
    assert!(!(waits(End::Receive) && status.items > 0), "a consumer sleeps beside an item: {status:?}");
    assert!(!(waits(End::Send) && status.items == 0), "a sender sleeps beside an empty room: {status:?}");
}

async fn crowd(settings: Settings, steps: Vec<Step>) {
    let (sender, receiver) = channel::<Item>(settings, |(_, weight)| *weight as usize, Arc::new(Paused)).unwrap();
    let bounds = settings.bounds().unwrap();
    let follow = tokio::task::spawn_local(sender.gauge().follow(drop));
    let told = Rc::new(Told::default());
    let mut tasks = Vec::new();
    for (id, step) in (1_u32..).zip(steps) {
        let (told, sender, receiver) = (Rc::clone(&told), sender.clone(), receiver.clone());
        let status = sender.status();
        if matches!(step, Step::Leave(_)) {
            tasks.retain(|(_, task): &(End, tokio::task::JoinHandle<()>)| !task.is_finished());
        }
        match step {
            Step::Send { weight, deadline } => tasks.push((
                End::Send,
                tokio::task::spawn_local(async move {
                    told.sent(id, sender.send_by((id, weight), deadline.map(after)).await);
                }),
            )),
            Step::TrySend { weight } => {
                pass(1).await;
                told.sent(id, sender.try_send((id, weight)));
            }
            Step::TryRecv => {
                pass(1).await;
                told.got.borrow_mut().extend(receiver.try_recv().ok().map(|(id, _)| id));
            }
            Step::Recv { deadline } => tasks.push((
                End::Receive,
                tokio::task::spawn_local(async move {
                    let item = match deadline {
                        Some(wait) => receiver.recv_by(after(wait)).await.ok(),
                        None => receiver.recv().await,
                    };
                    told.got.borrow_mut().extend(item.map(|(id, _)| id));
                }),
            )),
            // No yield before it: what was just woken is dropped before it could run.
            Step::Leave(which) if !tasks.is_empty() => tasks.swap_remove(which.index(tasks.len())).1.abort(),
            Step::Leave(_) => tokio::task::yield_now().await,
            Step::Pass(millis) => {
                pass(millis).await;
                quiet(&receiver, &tasks).await;
            }
            Step::Drain => told.got.borrow_mut().extend(receiver.drain().into_iter().map(|(id, _)| id)),
            Step::Close => receiver.close(),
        }
        consistent(status, bounds);
    }
    quiet(&receiver, &tasks).await;
    receiver.close();
    told.got.borrow_mut().extend(receiver.drain().into_iter().map(|(id, _)| id));
    let crossings = receiver.status().reading.crossings;
    for (_, task) in tasks {
        before(&Paused, Some(after(60_000)), task).await.expect("somebody waits for ever").unwrap();
    }
    drop((sender, receiver));
    assert_eq!(before(&Paused, Some(after(60_000)), follow).await.unwrap().unwrap().calls, crossings);
    let got = told.got.borrow();
    assert!(got.is_sorted_by(|one, next| one < next), "out of order, or twice: {got:?}");
    let got: BTreeSet<u32> = got.iter().copied().collect();
    assert!(told.sent.borrow().is_subset(&got), "sent and never received");
    assert!(told.back.borrow().is_disjoint(&got), "given back and received");
}

proptest! {
    #[test]
    fn s45_nothing_is_lost_or_doubled_in_any_order_and_the_status_is_always_true(
        items in 1_usize..6, weight in 5_usize..12, steps in steps(),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        let settings = Settings { items, weight: Some(weight), ..Settings::default() };
        tokio::task::LocalSet::new().block_on(&runtime, crowd(settings, steps));
    }
}

/// Four threads at each end; also a measure, with `--release --nocapture`.
#[test]
fn ends_meet_on_several_threads_and_every_item_arrives_once() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(4).enable_time().build().unwrap();
    runtime.block_on(async {
        let (sender, receiver) = of(16);
        let each = 5_000_u32;
        let senders: Vec<_> = (0..4)
            .map(|part| {
                let sender = sender.clone();
                tokio::spawn(async move {
                    for item in 0..each {
                        sender.send(part * each + item).await.unwrap();
                    }
                })
            })
            .collect();
        let receivers: Vec<_> = (0..4)
            .map(|_| {
                let receiver = receiver.clone();
                tokio::spawn(async move {
                    let mut got = Vec::new();
                    while let Some(item) = receiver.recv().await {
                        got.push(item);
                    }
                    got
                })
            })
            .collect();
        for task in senders {
            task.await.unwrap();
        }
        drop(sender);
        let mut got = Vec::new();
        for task in receivers {
            got.extend(task.await.unwrap());
        }
        got.sort_unstable();
        assert_eq!(got, (0..4 * each).collect::<Vec<_>>());
        let reading = receiver.status().reading;
        assert_eq!(receiver.gauge().reading(), reading, "the last word is the latest");
    });
}
