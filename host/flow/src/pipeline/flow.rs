//! A stream on its way through the stages.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures::future::{BoxFuture, FutureExt};
use futures::stream::{BoxStream, FusedStream, FuturesOrdered};
use futures::{Stream, StreamExt};

use super::{Error, Stage};

/// The values that come out of a pipeline, in the order in which they went in, each with its result.
///
/// As any stream it stands still when it is not polled.
#[must_use = "a stream does nothing unless it is polled"]
pub struct Flow<B, E>(pub(super) Box<dyn Flowing<B, E>>);

/// What has come out of a stage.
type Value<T, E> = Result<T, Error<E>>;

/// A stream whose inner work goes on even while nobody takes its values.
///
/// In a plain chain of buffered streams a stage that is full does not poll the one before it, whose work then stands still,
/// holding connections and running into timeouts. So there are two questions: what comes next, and, where there is no room
/// for it, only that all should go on.
pub(super) trait Flowing<T, E>: Send {
    /// The next value.
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Value<T, E>>>;
    /// Drives what is under way, and gives nothing out.
    fn poll_progress(&mut self, cx: &mut Context<'_>);
}

/// Where the values come from. Nothing is under way in it.
pub(super) struct Source<A>(pub(super) futures::stream::Fuse<BoxStream<'static, A>>);

/// One stage, with the flow that comes into it.
pub(super) struct Staged<A, B, E> {
    pub(super) upstream: Box<dyn Flowing<A, E>>,
    pub(super) dry: bool,
    pub(super) stage: Stage<A, B, E>,
    pub(super) place: usize,
    pub(super) running: FuturesOrdered<BoxFuture<'static, Value<B, E>>>,
    /// Done, and next in order. They count against the stage's limit until they are taken.
    pub(super) done: VecDeque<Value<B, E>>,
}

impl<A, E> Flowing<A, E> for Source<A> {
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Value<A, E>>> {
        if self.0.is_terminated() {
            return Poll::Ready(None);
        }
        self.0.poll_next_unpin(cx).map(|value| value.map(Ok))
    }

    fn poll_progress(&mut self, _cx: &mut Context<'_>) {}
}

impl<A, B, E> Staged<A, B, E>
where
    A: Send + 'static,
    B: Send + 'static,
    E: Send + 'static,
{
    fn full(&self) -> bool {
        self.running.len() + self.done.len() >= self.stage.limit.get()
    }

    /// Takes in what there is room for. An error of an earlier stage keeps its place and passes by the work.
    fn take_in(&mut self, cx: &mut Context<'_>) {
        while !self.dry {
            if self.full() {
                self.upstream.poll_progress(cx);
                return;
            }
            match self.upstream.poll_next(cx) {
                Poll::Ready(Some(Ok(value))) => self.running.push_back(self.stage.work(self.place, value).boxed()),
                Poll::Ready(Some(Err(error))) => self.running.push_back(std::future::ready(Err(error)).boxed()),
                Poll::Ready(None) => self.dry = true,
                Poll::Pending => return,
            }
        }
    }
}

impl<A, B, E> Flowing<B, E> for Staged<A, B, E>
where
    A: Send + 'static,
    B: Send + 'static,
    E: Send + 'static,
{
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Value<B, E>>> {
        self.poll_progress(cx);
        match self.done.pop_front() {
            Some(value) => Poll::Ready(Some(value)),
            None if self.dry && self.running.is_empty() => Poll::Ready(None),
            None => Poll::Pending,
        }
    }

    fn poll_progress(&mut self, cx: &mut Context<'_>) {
        self.take_in(cx);
        while let Poll::Ready(Some(value)) = self.running.poll_next_unpin(cx) {
            self.done.push_back(value);
        }
    }
}

impl<B, E> Stream for Flow<B, E> {
    type Item = Value<B, E>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Value<B, E>>> {
        Poll::Ready(ready!(self.0.poll_next(cx)))
    }
}
