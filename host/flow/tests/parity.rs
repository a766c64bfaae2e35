//! The seven tests of the original, under their own names, over what hotcell has in its place.
//!
//! The original is the document that hotcell replaces. Each of its tests is kept as what it was about, with its numbers, and sharper
//! where it let a fault through: time is paused, so that a time is a time and not a range.

mod paused;

use std::cell::{Cell, RefCell};
use std::convert::Infallible;
use std::num::NonZeroUsize;
use std::time::Duration;

use futures::future::{join, join_all};
use hotcell_flow::batch::{self, Batcher, Urgency};
use hotcell_flow::channel::{self, Pressure, channel};
use hotcell_flow::fair::Shares;
use hotcell_flow::gather::gather;
use hotcell_flow::permit::Permits;
use hotcell_flow::pipeline::{Pipeline, Stage};
use hotcell_flow::rate::{Algorithm, Rate, Throttle};
use hotcell_flow::retry::{Jitter, Policy, Retry, Verdict};
use hotcell_flow::schedule::{End, Report, Scheduler, Settings, Standing, Stop, Task};

use paused::{after, pass, paused, since};

/// A function that fails twice succeeds at its third attempt, and its caller sees only that. The original waited too, and its test
/// did not look how long: it is 100 ms, then 200.
#[tokio::test(start_paused = true)]
async fn test_async_retry() {
    let wait = Duration::from_millis(100);
    let policy = Policy::default().attempting(3).unwrap().waiting(wait, 2.0, wait * 10).unwrap();
    let (policy, timer) = (policy.with_jitter(Jitter::None), paused());
    let retry = Retry { policy: &policy, timer: &*timer, deadline: None, budget: None };
    let (start, calls) = (after(0), Cell::new(0));
    let flaky = async |_attempt| {
        calls.set(calls.get() + 1);
        if calls.get() < 3 { Err("temporary error") } else { Ok("success") }
    };
    let result = retry.run(&mut || 0.0, |_| Verdict::Again { after: None }, flaky).await;
    assert_eq!((result, calls.get(), since(start)), (Ok("success"), 3, 300));
}

/// Work of a second that has 100 ms ends after 100 ms, as timed out, and is gone when that is told: nothing of it runs on.
#[tokio::test(start_paused = true)]
async fn test_async_timeout() {
    let (scheduler, service) =
        Scheduler::new(Settings::default(), Shares::default(), Permits::new(1), paused()).unwrap();
    let finished = Cell::new(false);
    let slow = async {
        let (start, scheduler) = (after(0), scheduler);
        let started = scheduler.submit(Task::new("slow", "tenant").deadline(after(100))).unwrap().await.unwrap();
        let work = async {
            pass(1_000).await;
            finished.set(true);
        };
        assert_eq!(started.run(work, |()| Report::done()).await, Err(Stop::TimedOut));
        assert_eq!(since(start), 100);
        assert_eq!(scheduler.standing(&"slow"), Some(Standing::Ended(End::TimedOut)));
        pass(2_000).await;
    };
    join(slow, service.run()).await;
    assert!(!finished.get(), "it ran on");
}

/// Five items make a batch of three at once and one of two when it has waited for 100 ms; each caller gets what its own item
/// became. The original's work never waited for anything here, so that it did not show that a batch which is not full hung.
#[tokio::test(start_paused = true)]
async fn test_async_batcher() {
    let batches = RefCell::new(Vec::new());
    let work = async |(), items: Vec<u32>| {
        batches.borrow_mut().push(items.clone());
        pass(10).await;
        Ok::<_, Infallible>(items.into_iter().map(|item| Ok(format!("processed_{item}"))).collect())
    };
    let (size, linger) = (3, Duration::from_millis(100));
    let settings = batch::Settings { size, linger, ..batch::Settings::default() };
    let (batcher, service) = Batcher::new(settings, paused(), work).unwrap();
    let start = after(0);
    let callers = async move { join_all((0..5).map(|item| batcher.submit((), item, Urgency::default()))).await };
    let (processed, ()) = join(callers, service.run()).await;
    let expected: Vec<_> = (0..5).map(|item| Ok(format!("processed_{item}"))).collect();
    assert_eq!((processed, since(start)), (expected, 110));
    assert_eq!(batches.into_inner(), [vec![0, 1, 2], vec![3, 4]]);
}

/// Ten starts at five a second take a second, whichever algorithm counts: the window lets five in at once and five a second
/// later, the other two let five in at once and then one each 200 ms. More than the five at once are never to be had, which got
/// by the original's window.
#[tokio::test(start_paused = true)]
async fn test_rate_limiter() {
    for algorithm in Algorithm::ALL {
        let rate = Rate::new(algorithm, 5, Duration::from_secs(1)).unwrap();
        let (limiter, start) = (Throttle::new(rate, 1, paused()), after(0));
        for _ in 0..10 {
            limiter.take(1, None).await.unwrap();
        }
        assert_eq!(since(start), 1_000, "{algorithm:?}");
        assert!(limiter.take(6, None).await.is_err(), "more than there ever are at once");
    }
}

/// Three stages, each given what the one before gave. In the original a stage that had to be awaited was not, unless it was
/// written in one of several ways: here the second one is.
#[tokio::test(start_paused = true)]
async fn test_pipeline() {
    let pipeline = Pipeline::new(Stage::<u32, u32, Infallible>::map("double", |x| x * 2))
        .then(Stage::new("add", |x: u32| async move {
            pass(10).await;
            Ok(x + 1)
        }))
        .then(Stage::map("show", |x: u32| x.to_string()));
    assert_eq!(pipeline.call(5).await, Ok("11".to_owned()));
}

/// Three tools, two at a time: each result stands in the place of its call. The original sorted them by priority, and did not say
/// how many ran.
#[tokio::test(start_paused = true)]
async fn test_concurrent_execution() {
    let (permits, running, peak) = (Permits::new(2), Cell::new(0), Cell::new(0));
    let tool = async |place: usize, input: &str| {
        let _permit = permits.take().await.unwrap();
        running.set(running.get() + 1);
        peak.set(peak.get().max(running.get()));
        // The first is the slowest.
        pass(30 - 10 * place as u64).await;
        running.set(running.get() - 1);
        format!("result_{place} of {input}")
    };
    let start = after(0);
    let calls = ["input_0", "input_1", "input_2"];
    let results = gather(calls, NonZeroUsize::new(3).unwrap(), tool).await;
    for (place, (result, input)) in results.iter().zip(calls).enumerate() {
        assert_eq!(*result, format!("result_{place} of {input}"));
    }
    assert_eq!((results.len(), peak.get(), since(start)), (3, 2, 30));
}

/// Four items in a room of five turn the pressure high, taking them out turns it low again, and each is told once. In the original
/// the telling was part of putting and taking, so that whoever listened could hold both up.
#[tokio::test(start_paused = true)]
async fn test_backpressure_queue() {
    let settings = channel::Settings { items: 5, high: 0.8, ..channel::Settings::default() };
    let (sender, receiver) = channel(settings, |_: &u32| 0, paused()).unwrap();
    let heard = RefCell::new(Vec::new());
    let listener = sender.gauge().follow(|pressure| heard.borrow_mut().push(pressure));
    let queue = async {
        let (sender, receiver) = (sender, receiver);
        for item in 0..4 {
            sender.send(item).await.unwrap();
        }
        assert_eq!(sender.status().reading.pressure, Pressure::High);
        for item in 0..4 {
            assert_eq!(receiver.recv().await, Some(item));
        }
        assert_eq!(sender.status().reading.pressure, Pressure::Low);
    };
    join(queue, listener).await;
    assert_eq!(heard.borrow()[..], [Pressure::High, Pressure::Low]);
}
