use std::cell::{Cell, RefCell};
use std::rc::Rc;

use proptest::prelude::*;

use super::*;
use crate::testing::{Paused, after, pass};

fn queue(size: usize) -> Queue {
    Queue::new(size, Arc::new(Paused))
}

/// What came of it, without the guard.
fn verdict<T>(result: Result<T, Refused>) -> Result<(), Refused> {
    result.map(drop)
}

#[tokio::test(start_paused = true)]
async fn without_a_deadline_a_full_room_refuses_at_once() {
    let queue = queue(2);
    let start = after(0);
    let first = queue.enter(None).await.unwrap();
    let _second = queue.enter(None).await.unwrap();
    assert_eq!(queue.waiting(), 2);
    assert_eq!(verdict(queue.enter(None).await), Err(Refused::Full { room: 2 }));
    assert_eq!(after(0), start, "nobody waited");
    drop(first);
    assert_eq!(queue.waiting(), 1);
    assert!(queue.enter(None).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn with_a_deadline_it_waits_for_a_place_until_then() {
    let queue = queue(1);
    let place = queue.enter(None).await.unwrap();
    let start = after(0);
    assert_eq!(verdict(queue.enter(Some(after(50))).await), Err(Refused::Late));
    assert_eq!((after(0) - start).as_millis(), 50);
    let free = async {
        pass(20).await;
        drop(place);
    };
    let (entered, ()) = tokio::join!(queue.enter(Some(after(50))), free);
    assert_eq!(((after(0) - start).as_millis(), entered.is_ok()), (70, true));
}

#[tokio::test(start_paused = true)]
async fn a_deadline_that_has_passed_gets_no_place() {
    let queue = queue(1);
    assert_eq!(verdict(queue.enter(Some(after(0))).await), Err(Refused::Late));
    assert_eq!(queue.waiting(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_ticket_becomes_a_permit_and_leaves_the_room() {
    let (queue, permits) = (queue(1), Permits::new(1));
    let ticket = queue.enter(None).await.unwrap();
    let permit = ticket.permit(&permits).await.unwrap();
    assert_eq!((queue.waiting(), permits.running()), (0, 1));

    let ticket = queue.enter(Some(after(30))).await.unwrap();
    assert_eq!(verdict(ticket.permit(&permits).await), Err(Refused::Late));
    assert_eq!((queue.waiting(), permits.running()), (0, 1));
    drop(permit);
    assert_eq!(permits.running(), 0);
}

#[tokio::test(start_paused = true)]
async fn who_waits_inside_is_counted_and_served_first_come_first_served() {
    let (queue, permits) = (queue(3), Permits::new(1));
    let held = permits.try_take().unwrap();
    let order = RefCell::new(Vec::new());
    let one = async |name: u32| {
        let ticket = queue.enter(None).await.unwrap();
        let _permit = ticket.permit(&permits).await.unwrap();
        order.borrow_mut().push(name);
        pass(1).await;
    };
    let keeper = async {
        tokio::task::yield_now().await;
        assert_eq!((queue.waiting(), permits.running()), (3, 1));
        drop(held);
    };
    tokio::join!(one(1), one(2), one(3), keeper);
    assert_eq!(order.into_inner(), [1, 2, 3]);
    assert_eq!((queue.waiting(), permits.running()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn closing_sends_away_who_stands_at_the_door_but_not_who_is_inside() {
    let (queue, permits) = (queue(1), Permits::new(1));
    let inside = queue.enter(None).await.unwrap();
    let close = async {
        tokio::task::yield_now().await;
        queue.close();
    };
    let (outside, ()) = tokio::join!(queue.enter(Some(after(1_000))), close);
    assert_eq!(verdict(outside), Err(Refused::Closed));
    assert_eq!(verdict(queue.enter(None).await), Err(Refused::Closed));
    assert!(inside.permit(&permits).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_waiter_dropped_after_it_was_chosen_passes_its_place_on() {
    let queue = queue(1);
    let held = queue.enter(None).await.unwrap();
    let mut chosen = Box::pin(queue.enter(Some(after(1_000))));
    let mut next = Box::pin(queue.enter(Some(after(1_000))));
    assert!(futures::poll!(&mut chosen).is_pending());
    assert!(futures::poll!(&mut next).is_pending());
    drop(held); // the place is now `chosen`'s, which does not know it yet
    drop(chosen);
    let start = after(0);
    assert!(next.await.is_ok());
    assert_eq!(after(0), start);
}

/// One thing that happens to a crowd of callers.
#[derive(Debug, Clone)]
enum Step {
    Arrive { deadline: Option<u64>, work: u64 },
    Leave(prop::sample::Index),
    Pass(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => (prop::option::of(0_u64..20), 0_u64..10).prop_map(|(deadline, work)| Step::Arrive { deadline, work }),
        3 => any::<prop::sample::Index>().prop_map(Step::Leave),
        2 => (0_u64..5).prop_map(Step::Pass),
    ];
    prop::collection::vec(step, 1..80)
}

/// Runs the steps; callers leave at any point, also between being woken and noticing it.
async fn crowd(room: usize, limit: usize, steps: Vec<Step>) {
    let (queue, permits) = (queue(room), Permits::new(limit));
    let (running, ended) = (Rc::new(Cell::new(0_usize)), Rc::new(Cell::new(0_usize)));
    let mut callers = Vec::new();
    let mut arrived = 0;
    for step in steps {
        match step {
            Step::Arrive { deadline, work } => {
                let (queue, permits) = (queue.clone(), permits.clone());
                let (running, ended) = (Rc::clone(&running), Rc::clone(&ended));
                let end = scopeguard(move || ended.set(ended.get() + 1));
                arrived += 1;
                callers.push(tokio::task::spawn_local(async move {
                    let _end = end;
                    let ticket = queue.enter(deadline.map(after)).await?;
                    let _permit = ticket.permit(&permits).await?;
                    running.set(running.get() + 1);
                    assert!(running.get() <= limit);
                    let running = scopeguard(move || running.set(running.get() - 1));
                    pass(work).await;
                    drop(running);
                    Ok::<(), Refused>(())
                }));
            }
            Step::Leave(which) if !callers.is_empty() => {
                // No yield before it: what was just woken is dropped before it could run.
                callers.swap_remove(which.index(callers.len())).abort();
            }
            Step::Leave(_) => tokio::task::yield_now().await,
            Step::Pass(millis) => pass(millis).await,
        }
        assert!(queue.waiting() <= room && permits.running() <= limit);
    }
    for caller in callers {
        // A lost wake-up would show here: paused time never passes a task that waits for nothing, and tokio panics.
        let deadline = after(60_000);
        let outcome = before(&Paused, Some(deadline), caller).await;
        assert!(outcome.is_some(), "somebody waits for ever");
    }
    tokio::task::yield_now().await;
    assert_eq!((ended.get(), running.get()), (arrived, 0));
    assert_eq!((queue.waiting(), permits.running()), (0, 0), "all came back");
}

/// Calls `end` when dropped.
fn scopeguard(end: impl FnMut()) -> impl Drop {
    struct Guard<F: FnMut()>(F);
    impl<F: FnMut()> Drop for Guard<F> {
        fn drop(&mut self) {
            (self.0)();
        }
    }
    Guard(end)
}

proptest! {
    #[test]
    fn no_place_no_permit_and_no_wake_up_is_ever_lost(
        room in 1_usize..5, limit in 1_usize..4, steps in steps(),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        tokio::task::LocalSet::new().block_on(&runtime, crowd(room, limit, steps));
    }
}
