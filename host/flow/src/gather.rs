//! The same work for each item of a list, so many at a time.
//!
//! Results come in the order of the items, whatever the order in which they end. A slow item holds up only itself: its
//! neighbours go on, and as soon as one ends the next begins. Items are taken from the list when their turn comes.
//!
//! All futures are polled by whoever awaits the whole: dropping it ends what is under way and starts nothing more. Work
//! that should use several cores hands in futures that only wait for a task that runs elsewhere.

use std::convert::Infallible;
use std::future::Future;
use std::num::NonZeroUsize;

use futures::StreamExt;
use futures::stream::FuturesUnordered;

/// Runs `each` on every item, at most `limit` at a time; `each` is also told the item's place in the list.
pub async fn gather<I, T, F>(
    items: impl IntoIterator<Item = I>,
    limit: NonZeroUsize,
    mut each: impl FnMut(usize, I) -> F,
) -> Vec<T>
where
    F: Future<Output = T>,
{
    let sure = |place, item| {
        let work = each(place, item);
        async move { Ok::<T, Infallible>(work.await) }
    };
    match try_gather(items, limit, sure).await {
        Ok(results) => results,
        Err(never) => match never {},
    }
}

/// As [`gather`], but ends at the first error: what is under way is dropped, and nothing starts after it.
///
/// # Errors
///
/// The error that came first in time.
pub async fn try_gather<I, T, E, F>(
    items: impl IntoIterator<Item = I>,
    limit: NonZeroUsize,
    mut each: impl FnMut(usize, I) -> F,
) -> Result<Vec<T>, E>
where
    F: Future<Output = Result<T, E>>,
{
    let mut waiting = items.into_iter().enumerate();
    let mut running = FuturesUnordered::new();
    let mut ended: Vec<(usize, T)> = Vec::new();
    loop {
        while running.len() < limit.get()
            && let Some((place, item)) = waiting.next()
        {
            let work = each(place, item);
            running.push(async move { (place, work.await) });
        }
        let Some((place, result)) = running.next().await else {
            break;
        };
        ended.push((place, result?));
    }
    ended.sort_unstable_by_key(|(place, _)| *place);
    Ok(ended.into_iter().map(|(_, result)| result).collect())
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;
    use crate::testing::{after, pass};

    fn limit(limit: usize) -> NonZeroUsize {
        NonZeroUsize::new(limit).unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn results_come_in_the_order_of_the_items_and_the_peak_is_the_limit() {
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
    async fn the_first_error_drops_the_rest_and_starts_no_more() {
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
    async fn dropping_the_whole_drops_what_is_under_way() {
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
}
