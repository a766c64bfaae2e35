//! One sleep that an owner loop sets anew whenever its plans change.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use futures::future::BoxFuture;

use crate::Timer;

/// Rings at the time that it was last set to; never, if it was set to none.
pub(crate) struct Alarm {
    timer: Arc<dyn Timer>,
    at: Option<Instant>,
    sleep: Option<BoxFuture<'static, ()>>,
}

impl Alarm {
    pub(crate) fn new(timer: Arc<dyn Timer>) -> Self {
        Self { timer, at: None, sleep: None }
    }

    /// Rings at `at` from now on. A time that it is set to already costs nothing.
    pub(crate) fn set(&mut self, at: Option<Instant>) {
        if self.at != at || self.sleep.is_none() {
            self.at = at;
            self.sleep = at.map(|at| self.timer.sleep_until(at));
        }
    }
}

impl Future for Alarm {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let Some(sleep) = &mut self.sleep else {
            return Poll::Pending;
        };
        std::task::ready!(sleep.as_mut().poll(cx));
        self.sleep = None;
        Poll::Ready(())
    }
}

/// So long after `now`; where that is more than an `Instant` can say, a time that nobody lives to see.
pub(crate) fn later(now: Instant, wait: Duration) -> Instant {
    const FAR: Duration = Duration::from_secs(60 * 60 * 24 * 365 * 30);
    now.checked_add(wait.min(FAR)).unwrap_or(now)
}
