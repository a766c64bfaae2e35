//! From a stream, through a bounded line, to so many consumers.
//!
//! A stream gives items as fast as it can; each takes some work. [`Service::run`] takes them from the stream only as fast as
//! the consumers get through them: the line between is bounded ([`crate::channel`]), and when it is full the
//! stream is not asked for more. A producer ten times too fast is slowed to the speed of the work. At any time at most
//! [`Settings::consumers`] items are worked on, as many wait as the line holds, and one waits to get in.
//!
//! Every item that was taken from the stream is told of exactly once, with its place in the stream: with its result, as an
//! error, or as given back. This holds
//!
//! - at the end of the input: the consumers work off the line, then the loop ends; nobody looks at a clock for it;
//! - when the work of an item fails or panics: that is the item's end, and the consumer takes the next;
//! - on [`Control::drain`] and [`Control::stop`]: what is not begun in time is given back, what is not done in time is cut off;
//! - when the loop is dropped, or the stream panics: what waits is given back and what runs is cut off, in the same
//!   way, while the loop is taken down.
//!
//! A rate does not belong here: a stream that waits before each item is slowed at the source, and loses nothing.
//!
//! What it does not do: it does not try again (an item that is told as failed may be sent in anew), does not keep the order
//! of the results (who needs it has the place), and does not spread over threads by itself: work that should hands in
//! futures that only wait for a task that runs elsewhere.
//!
//! ```
//! # use std::{sync::Arc, time::Instant};
//! # use futures::{FutureExt, future::BoxFuture};
//! # use hotcell_call::{Clock, SystemClock};
//! # struct Tokio;
//! # impl Clock for Tokio { fn now(&self) -> Instant { SystemClock.now() } }
//! # impl hotcell_flow::Timer for Tokio {
//! #     fn sleep_until(&self, at: Instant) -> BoxFuture<'static, ()> { tokio::time::sleep_until(at.into()).boxed() }
//! # }
//! use hotcell_flow::consume::{Settings, consume};
//!
//! # tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(async {
//! let source = futures::stream::iter(0_u64..1_000);
//! let work = |item: u64| async move { if item % 100 == 7 { Err("unlucky") } else { Ok(item * 2) } };
//! let (_control, service) = consume(source, |_| 0, Settings::default(), Arc::new(Tokio), work)?;
//! let mut sum = 0;
//! let tally = service.run(|ended| sum += ended.result.unwrap_or(0)).await;
//! assert_eq!((tally.taken, tally.done, tally.failed), (1_000, 990, 10));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod control;
mod error;
mod service;

use std::future::Future;
use std::sync::Arc;

use futures::Stream;

pub use control::Control;
pub use error::{BadSettings, Error};
pub use service::Service;

use crate::Timer;
use crate::channel;

/// How many work, and how many wait.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Settings {
    /// How many items are worked on at a time: at least 1.
    pub consumers: usize,
    /// The line between the source and the consumers.
    pub line: channel::Settings,
}

/// The end of one item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended<I, T, E> {
    /// The item's place in the source, from 0.
    pub place: u64,
    /// What the work gave, or why it gave nothing.
    pub result: Result<T, Error<I, E>>,
}

/// How many items are where. `taken = waiting + running + done + failed + panicked + cut + returned`, at all times, and at
/// the end nothing waits or runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    /// Taken from the source.
    pub taken: u64,
    /// Of these, begun.
    pub begun: u64,
    /// Done, with a result.
    pub done: u64,
    /// Ended with the work's own error.
    pub failed: u64,
    /// Ended with a panic of the work.
    pub panicked: u64,
    /// Cut off.
    pub cut: u64,
    /// Given back, not begun.
    pub returned: u64,
    /// Ends at whose telling the callback panicked.
    pub untold: u64,
}

/// A loop from `source` over a line to the consumers, and the handle that ends it. `weigh` says what an item weighs in
/// the line, `|_| 0` where it does not matter; `work` is what a consumer does with an item.
///
/// # Errors
///
/// [`BadSettings`] that nothing could keep.
pub fn consume<S, W, F, T, E>(
    source: S,
    weigh: fn(&S::Item) -> usize,
    settings: Settings,
    timer: Arc<dyn Timer>,
    work: W,
) -> Result<(Control, Service<S, W>), BadSettings>
where
    S: Stream,
    W: Fn(S::Item) -> F,
    F: Future<Output = Result<T, E>>,
{
    if settings.consumers == 0 {
        return Err(BadSettings::Consumers);
    }
    settings.line.check()?;
    let control = Control::new();
    Ok((control.clone(), Service { source, weigh, settings, timer, work, control }))
}

impl Default for Settings {
    /// 5 consumers behind a line of 100 items.
    fn default() -> Self {
        Self { consumers: 5, line: channel::Settings::default() }
    }
}

impl Tally {
    /// Items in the line, or on the way into it.
    #[must_use]
    pub fn waiting(&self) -> u64 {
        self.taken.saturating_sub(self.begun + self.returned)
    }

    /// Items that are worked on.
    #[must_use]
    pub fn running(&self) -> u64 {
        self.begun.saturating_sub(self.done + self.failed + self.panicked + self.cut)
    }
}

#[cfg(test)]
mod tests;
