//! One stage: a name, a bound, and the work.

use std::future::Future;
use std::num::NonZeroUsize;
use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;

use super::{Cause, Error};
use crate::panicked::caught;

/// One step of a pipeline, from `A` to `B`. Cheap to clone.
pub struct Stage<A, B, E> {
    pub(super) name: Arc<str>,
    pub(super) limit: NonZeroUsize,
    work: Work<A, B, E>,
}

type Work<A, B, E> = Arc<dyn Fn(A) -> BoxFuture<'static, Result<B, E>> + Send + Sync>;

impl<A, B, E> Stage<A, B, E>
where
    A: Send + 'static,
    B: Send + 'static,
    E: Send + 'static,
{
    /// A stage whose work takes time. Whatever it gives is awaited: the type leaves no other way.
    pub fn new<F>(name: &str, work: impl Fn(A) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<B, E>> + Send + 'static,
    {
        Self { name: name.into(), limit: NonZeroUsize::MIN, work: Arc::new(move |value| work(value).boxed()) }
    }

    /// A stage that is done at once.
    pub fn now(name: &str, work: impl Fn(A) -> Result<B, E> + Send + Sync + 'static) -> Self {
        let work = Arc::new(work);
        Self::new(name, move |value| {
            let work = Arc::clone(&work);
            // Called when it is polled, so that a panic of it is a panic of the stage.
            async move { work(value) }
        })
    }

    /// As [`now`](Self::now), for work that can't fail.
    pub fn map(name: &str, work: impl Fn(A) -> B + Send + Sync + 'static) -> Self {
        Self::now(name, move |value| Ok(work(value)))
    }

    /// With so many values at a time when a [stream](super::Pipeline::stream) passes through; otherwise it is one.
    #[must_use]
    pub fn limit(mut self, limit: NonZeroUsize) -> Self {
        self.limit = limit;
        self
    }

    /// Works on one value, as the stage at `place`.
    pub(super) fn work(&self, place: usize, value: A) -> impl Future<Output = Result<B, Error<E>>> + use<A, B, E> {
        let Self { name: stage, work, .. } = self.clone();
        async move {
            let cause = match caught(|| work(value)).await {
                Ok(Ok(value)) => return Ok(value),
                Ok(Err(error)) => Cause::Failed(error),
                Err(panicked) => Cause::Panicked(panicked),
            };
            Err(Error { stage, place, cause })
        }
    }
}

impl<A, B, E> Clone for Stage<A, B, E> {
    fn clone(&self) -> Self {
        Self { name: Arc::clone(&self.name), limit: self.limit, work: Arc::clone(&self.work) }
    }
}
