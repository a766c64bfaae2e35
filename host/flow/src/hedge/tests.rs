use std::cell::{Cell, RefCell};

use proptest::prelude::*;

use super::*;
use crate::retry::Share;
use crate::testing::{Paused, after, pass};

fn hedge(effect: Effect) -> Hedge<'static> {
    Hedge { delay: Duration::from_millis(20), effect, timer: &Paused, budget: None }
}

/// Two attempts, each with how long it takes and whether it succeeds; what came of it, when, and how many started.
async fn two(hedge: Hedge<'_>, attempts: [(u64, bool); 2]) -> (Result<u32, u32>, u128, u32) {
    let (start, started, dropped) = (after(0), Cell::new(0), RefCell::new(Vec::new()));
    let result = hedge
        .run(async |attempt| {
            started.set(started.get() + 1);
            let _running = Running(&dropped);
            let (millis, well) = attempts[attempt as usize];
            pass(millis).await;
            if well { Ok(attempt) } else { Err(attempt) }
        })
        .await;
    assert_eq!(dropped.borrow().len(), started.get() as usize, "the loser is gone when there is an answer");
    (result, (after(0) - start).as_millis(), started.get())
}

struct Running<'a>(&'a RefCell<Vec<()>>);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.borrow_mut().push(());
    }
}

#[tokio::test(start_paused = true)]
async fn the_first_answer_wins_and_errors_wait_for_the_other() {
    for (attempts, result, millis, started) in [
        ([(10, true), (0, true)], Ok(0), 10, 1),
        ([(10, false), (0, true)], Err(0), 10, 1),
        ([(20, true), (0, true)], Ok(0), 20, 1),
        ([(100, true), (10, true)], Ok(1), 30, 2),
        ([(25, true), (10, true)], Ok(0), 25, 2),
        ([(25, false), (10, true)], Ok(1), 30, 2),
        ([(50, true), (10, false)], Ok(0), 50, 2),
        ([(50, false), (10, false)], Err(0), 50, 2),
        ([(25, false), (10, false)], Err(0), 30, 2),
    ] {
        assert_eq!(two(hedge(Effect::Pure), attempts).await, (result, millis, started), "{attempts:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_hedged_call_may_go_from_thread_to_thread() {
    fn sendable<T: Send>(future: T) -> T {
        future
    }
    assert_eq!(sendable(hedge(Effect::Pure).run(|_| async { Ok::<_, ()>(1) })).await, Ok(1));
}

#[tokio::test(start_paused = true)]
async fn what_is_not_pure_is_never_made_twice() {
    for effect in [Effect::Read, Effect::Idempotent, Effect::Write] {
        assert_eq!(two(hedge(effect), [(100, true), (0, true)]).await, (Ok(0), 100, 1));
    }
}

#[tokio::test(start_paused = true)]
async fn second_attempts_are_bounded_by_the_budget() {
    let budget = Budget::new(Share::new(0.1, 0, Duration::from_secs(3_600)).unwrap(), after(0));
    let mut started = 0;
    for _ in 0..200 {
        let hedge = Hedge { budget: Some(&budget), ..hedge(Effect::Pure) };
        started += two(hedge, [(100, true), (1, true)]).await.2;
    }
    assert_eq!(started, 220);
}

proptest! {
    #[test]
    fn an_answer_is_never_later_than_that_of_one_attempt_alone(
        first in (0_u64..60, any::<bool>()), second in (0_u64..60, any::<bool>()),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        let (result, millis, started) = runtime.block_on(two(hedge(Effect::Pure), [first, second]));
        prop_assert_eq!(started, if first.0 <= 20 { 1 } else { 2 });
        if first.1 {
            prop_assert!(result.is_ok() && millis <= u128::from(first.0));
        }
        prop_assert_eq!(result.is_ok(), first.1 || (started == 2 && second.1));
    }
}
