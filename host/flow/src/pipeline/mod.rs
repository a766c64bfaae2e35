//! Stages, one after another, each typed and named.
//!
//! What one [`Stage`] gives is what the next one takes: the compiler sees to it, and that every stage is awaited. An error, or
//! a panic, names its stage and its place, and the stages after it do not see the value. A pipeline is never changed:
//! [`then`](Pipeline::then) makes a longer one and leaves the one that it was made from as it is.
//!
//! One value goes through by [`call`](Pipeline::call). Many go through by [`stream`](Pipeline::stream): the stages overlap,
//! results keep the order of the values, and each stage holds at most its [limit](Stage::limit) of values, those that are
//! done and not taken included. When a stage is full, the one before it fills up, and at last the source is not asked
//! for more. What is under way goes on all the same: unlike in a chain of buffered streams, a full stage does not put those
//! before it to sleep (the trouble is told, and the way out named `poll_progress`, in the essays of withoutboats on
//! streams, 2023).
//!
//! What it does not do: it does not end at the first error (who wants that stops taking), it does not spread over threads
//! (a stage that should hands in futures that only wait for a task that runs elsewhere), and it has no branches: that is
//! a [`circuit`](crate::circuit).
//!
//! ```
//! use std::num::NonZeroUsize;
//! use futures::StreamExt;
//! use hotcell_flow::pipeline::{Pipeline, Stage};
//!
//! let parse = Stage::now("parse", |text: &'static str| text.parse::<u32>().map_err(|error| error.to_string()));
//! let square = Stage::new("square", |number: u32| async move {
//!     number.checked_mul(number).ok_or_else(|| "too large".to_owned())
//! });
//! let squares = Pipeline::new(parse).then(square.limit(NonZeroUsize::new(8).unwrap()));
//!
//! # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
//! assert_eq!(squares.call("12").await, Ok(144));
//! assert_eq!(squares.call("99999").await.unwrap_err().to_string(), "stage `square`: too large");
//! let all: Vec<_> = squares.stream(futures::stream::iter(["1", "x", "3"])).collect().await;
//! assert_eq!(all.iter().map(Result::is_ok).collect::<Vec<_>>(), [true, false, true]);
//! # });
//! ```

mod error;
mod flow;
mod stage;

use std::collections::VecDeque;
use std::future::Future;
use std::sync::Arc;

use futures::future::BoxFuture;
use futures::stream::FuturesOrdered;
use futures::{FutureExt, Stream, StreamExt};

pub use error::{Cause, Error};
pub use flow::Flow;
pub use stage::Stage;

use self::flow::{Flowing, Source, Staged};

/// Stages that take an `A` and give a `B`. Cheap to clone.
pub struct Pipeline<A, B, E> {
    call: Call<A, B, E>,
    lead: Lead<A, B, E>,
    names: Vec<Arc<str>>,
}

/// One value through all stages.
type Call<A, B, E> = Arc<dyn Fn(A) -> BoxFuture<'static, Result<B, Error<E>>> + Send + Sync>;
/// A flow through all stages.
type Lead<A, B, E> = Arc<dyn Fn(Box<dyn Flowing<A, E>>) -> Box<dyn Flowing<B, E>> + Send + Sync>;

impl<A, B, E> Pipeline<A, B, E>
where
    A: Send + 'static,
    B: Send + 'static,
    E: Send + 'static,
{
    /// A pipeline of one stage.
    #[must_use]
    pub fn new(stage: Stage<A, B, E>) -> Self {
        let names = vec![Arc::clone(&stage.name)];
        let first = stage.clone();
        Self {
            call: Arc::new(move |value| first.work(0, value).boxed()),
            lead: Arc::new(move |upstream| staged(upstream, &stage, 0)),
            names,
        }
    }

    /// A pipeline of these stages and one more. This one stays as it is.
    #[must_use]
    pub fn then<C: Send + 'static>(&self, stage: Stage<B, C, E>) -> Pipeline<A, C, E> {
        let place = self.names.len();
        let names = self.names.iter().chain([&stage.name]).map(Arc::clone).collect();
        let (call, lead, last) = (Arc::clone(&self.call), Arc::clone(&self.lead), stage.clone());
        Pipeline {
            call: Arc::new(move |value| {
                let (before, last) = (call(value), last.clone());
                async move { last.work(place, before.await?).await }.boxed()
            }),
            lead: Arc::new(move |upstream| staged(lead(upstream), &stage, place)),
            names,
        }
    }

    /// Sends one value through.
    ///
    /// Dropping the future drops the stage that works on the value.
    ///
    /// # Errors
    ///
    /// [`Error`] that names the stage at which it went wrong.
    pub fn call(&self, value: A) -> impl Future<Output = Result<B, Error<E>>> + Send + use<A, B, E> {
        (self.call)(value)
    }

    /// Sends all values of a stream through, in order, the stages overlapping.
    ///
    /// Dropping the stream drops all that is under way.
    pub fn stream(&self, source: impl Stream<Item = A> + Send + 'static) -> Flow<B, E> {
        Flow((self.lead)(Box::new(Source(source.boxed().fuse()))))
    }

    /// The names of the stages, in order.
    pub fn stages(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(|name| &**name)
    }
}

impl<A, B, E> Clone for Pipeline<A, B, E> {
    fn clone(&self) -> Self {
        Self { call: Arc::clone(&self.call), lead: Arc::clone(&self.lead), names: self.names.clone() }
    }
}

fn staged<A, B, E>(upstream: Box<dyn Flowing<A, E>>, stage: &Stage<A, B, E>, place: usize) -> Box<dyn Flowing<B, E>>
where
    A: Send + 'static,
    B: Send + 'static,
    E: Send + 'static,
{
    let (running, done) = (FuturesOrdered::new(), VecDeque::new());
    Box::new(Staged { upstream, dry: false, stage: stage.clone(), place, running, done })
}

#[cfg(test)]
mod tests;
