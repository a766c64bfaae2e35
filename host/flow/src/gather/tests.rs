use std::cell::{Cell, RefCell};

use proptest::prelude::*;

use super::*;
use crate::testing::{after, pass};

fn limit(limit: usize) -> NonZeroUsize {
    NonZeroUsize::new(limit).unwrap()
}

#[tokio::test(start_paused = true)]
async fn s72_results_come_in_the_order_of_the_items_and_the_peak_is_the_limit() {
    let (now, peak) = (Cell::new(0), Cell::new(0));
    let results = gather(0..20_u64, limit(4), async |place, item| {
        now.set(now.get() + 1);
        peak.set(peak.get().max(now.get()));
        pass((20 - item) * 7 % 11).await;
        now.set(now.get() - 1);
        (place as u64, item * 2)
    })
    .await;
    assert_eq!(results, (0..20).map(|i| (i, i * 2)).collect::<Vec<_>>());
    assert_eq!(peak.get(), 4);
}

#[tokio::test(start_paused = true)]
async fn a_slow_first_item_does_not_hold_up_the_others() {
    let start = after(0);
    let others = Cell::new(0);
    gather(0..10, limit(2), async |_, item| {
        if item == 0 {
            pass(1_000).await;
            assert_eq!(others.get(), 9, "the rest went through the other place");
        } else {
            pass(10).await;
            others.set(others.get() + 1);
        }
    })
    .await;
    assert_eq!((after(0) - start).as_millis(), 1_000);
}

#[tokio::test(start_paused = true)]
async fn s72_the_first_error_drops_the_rest_and_starts_no_more() {
    let (started, finished) = (Cell::new(0), Cell::new(0));
    let result: Result<Vec<()>, i32> = try_gather(0..10, limit(5), async |_, item| {
        started.set(started.get() + 1);
        pass(if item == 3 { 5 } else { 10 }).await;
        finished.set(finished.get() + 1);
        if item == 3 { Err(item) } else { Ok(()) }
    })
    .await;
    pass(100).await;
    assert_eq!((result, started.get(), finished.get()), (Err(3), 5, 1), "five started, one of them ended");
}

#[tokio::test(start_paused = true)]
async fn s20_dropping_the_whole_drops_what_is_under_way() {
    let running = Cell::new(0);
    struct Running<'a>(&'a Cell<i32>);
    impl Drop for Running<'_> {
        fn drop(&mut self) {
            self.0.set(self.0.get() - 1);
        }
    }
    let whole = gather(0..10, limit(3), async |_, _| {
        running.set(running.get() + 1);
        let _guard = Running(&running);
        pass(1_000).await;
    });
    {
        let mut whole = std::pin::pin!(whole);
        assert!(futures::poll!(&mut whole).is_pending());
        assert_eq!(running.get(), 3);
    }
    assert_eq!(running.get(), 0);
}

#[tokio::test(start_paused = true)]
async fn nothing_gives_nothing() {
    let none: Vec<()> = gather(Vec::<()>::new(), limit(1), async |_, ()| ()).await;
    assert!(none.is_empty());
}

proptest! {
    #[test]
    fn s20_results_keep_their_places_and_ranks_only_say_who_starts_first(
        items in prop::collection::vec((0_u8..4, 0_u64..9, any::<bool>()), 0..40),
        most in 1_usize..6,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        let (running, started) = (Cell::new(0), RefCell::new(Vec::new()));
        let work = async |place: usize, (rank, millis, fine): (u8, u64, bool)| {
            running.set(running.get() + 1);
            assert!(running.get() <= most);
            started.borrow_mut().push((rank, place));
            pass(millis).await;
            running.set(running.get() - 1);
            if fine { Ok(place) } else { Err(place) }
        };
        let results = runtime.block_on(gather_by(items.clone(), limit(most), |(rank, _, _)| *rank, work));
        for (place, (result, item)) in results.into_iter().zip(&items).enumerate() {
            prop_assert_eq!(result, if item.2 { Ok(place) } else { Err(place) }, "one that fails spoils no other");
        }
        let started = started.into_inner();
        prop_assert!(started.is_sorted(), "by rank, and among equals by place: {:?}", started);
        prop_assert_eq!(started.len(), items.len());
    }
}
