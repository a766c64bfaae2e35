//! The same work for each item of a list, so many at a time.
//!
//! Results come in the order of the items, whatever the order in which they end. A slow item holds up only itself: its
//! neighbours go on, and as soon as one ends the next begins. Items are taken from the list when their turn comes.
//!
//! All futures are polled by whoever awaits the whole: dropping it ends what is under way and starts nothing more. Work
//! that should use several cores hands in futures that only wait for a task that runs elsewhere.
//!
//! ```
//! # use std::num::NonZeroUsize;
//! # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
//! let limit = NonZeroUsize::new(2).unwrap();
//! let lengths = hotcell_flow::gather::gather(["one", "three"], limit, async |_place, word| word.len()).await;
//! assert_eq!(lengths, [3, 5]);
//! # });
//! ```

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

/// As [`gather`], but starts what ranks lower first; of equals, what comes first in the list. The order of the results stays
/// that of the items. The list is taken whole, before anything starts.
pub async fn gather_by<I, T, F, R: Ord>(
    items: impl IntoIterator<Item = I>,
    limit: NonZeroUsize,
    rank: impl Fn(&I) -> R,
    mut each: impl FnMut(usize, I) -> F,
) -> Vec<T>
where
    F: Future<Output = T>,
{
    let mut items: Vec<(usize, I)> = items.into_iter().enumerate().collect();
    items.sort_by_key(|(_, item)| rank(item));
    let placed = |_, (place, item)| {
        let work = each(place, item);
        async move { (place, work.await) }
    };
    let mut results = gather(items, limit, placed).await;
    results.sort_unstable_by_key(|(place, _)| *place);
    results.into_iter().map(|(_, result)| result).collect()
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
mod tests;
