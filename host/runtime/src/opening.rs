//! A tool that is being opened, for all who wait for it.
//!
//! Opening may compile, which takes as long as it takes, and callers have deadlines. So it is nobody's own work: it goes on when a
//! caller stops waiting, and serves the next. It ends with the catalog's entry, when nobody waits for it either; how many compile at
//! one time, and for how long, is bounded by the sandbox.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use hotcell_call::{Code, Failure};
use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;

use crate::entry::Opened;

/// Callers that wait for one tool.
const MOST_WAITING: usize = 1_024;

/// A caller's place among those who wait; left on drop.
struct Place<'o>(&'o AtomicUsize);

impl<'o> Place<'o> {
    fn take(waiting: &'o AtomicUsize) -> Result<Self, Failure> {
        let before = waiting.fetch_add(1, Ordering::Relaxed);
        let place = Self(waiting);
        if before < MOST_WAITING {
            return Ok(place);
        }
        Err(Failure::new(Code::Overloaded, "too many calls wait for a tool that is being opened")
            .why(format!("{before} wait already, of {MOST_WAITING}; at its first use a tool is compiled, once"))
            .fix("try again in a while")
            .reached(before.saturating_add(1), MOST_WAITING)
            .retry_after(Duration::from_secs(1)))
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

type Ended = Result<Arc<Opened>, Failure>;

pub(crate) struct Opening {
    waiting: AtomicUsize,
    ended: watch::Receiver<Option<Ended>>,
    _task: AbortOnDropHandle<()>,
}

impl Opening {
    pub(crate) fn start(work: impl Future<Output = Ended> + Send + 'static) -> Self {
        let (tell, ended) = watch::channel(None);
        let task = tokio::spawn(async move {
            let _ = tell.send(Some(work.await)); // nobody listens: then nobody needs it
        });
        Self { waiting: AtomicUsize::new(0), ended, _task: AbortOnDropHandle::new(task) }
    }

    /// Whether it is over and there is no tool: the next who wants one begins anew.
    pub(crate) fn has_failed(&self) -> bool {
        match &*self.ended.borrow() {
            Some(ended) => ended.is_err(),
            None => self.ended.has_changed().is_err(),
        }
    }

    /// Waits for the tool, with so many others at the most: they wait before every queue that has a bound, each with its input.
    pub(crate) async fn wait(&self) -> Ended {
        let _place = Place::take(&self.waiting)?;
        let mut ended = self.ended.clone();
        let told = ended.wait_for(Option::is_some).await.ok().and_then(|ended| ended.clone());
        told.unwrap_or_else(|| Err(Failure::new(Code::Fault, "opening the tool broke")))
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;
    use futures::future::join_all;

    use super::*;

    #[tokio::test]
    async fn so_many_wait_and_one_more_is_refused_and_a_place_that_is_left_is_free() {
        let opening = Opening::start(std::future::pending());
        let mut waiting = Box::pin(join_all((0..MOST_WAITING).map(|_| opening.wait())));
        assert!(waiting.as_mut().now_or_never().is_none());
        let refused = opening.wait().now_or_never().expect("at once");
        let Err(failure) = refused else { panic!("there was no place") };
        assert_eq!((failure.code(), failure.wait()), (Code::Overloaded, Some(Duration::from_secs(1))));
        drop(waiting);
        assert!(opening.wait().now_or_never().is_none(), "it waits");
    }
}
