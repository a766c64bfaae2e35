//! Things that are made once and lent many times.
//!
//! Connections, compiled programs, scratch space: what is dear to make and can be used by one at a time. A pool bounds how
//! many there are and keeps those that are not in use, so that the next who needs one does not wait for it to be made.
//!
//! What is lent is a guard. It can't be given back twice, because giving back is what its end does; and it can't be
//! forgotten. So no resource is ever held by two. Whoever waits stands in line and is handed the first that comes back:
//! nobody polls. One that is found broken when it is about to be lent is closed, and another takes its place.
//!
//! All that a pool does by itself, it does in futures of its caller: [`run`](Pool::run) closes what was idle for too
//! long, [`close`](Pool::close) ends everything. Closing goes on past errors, and gathers them: one that can't be closed must
//! not keep the others open.
//!
//! What it can't know is whether a resource still works after a caller was cancelled in the middle of using it. A caller who
//! can't vouch for it gives it up with [`Lease::discard`].
//!
//! ```
//! use std::convert::Infallible;
//! use std::sync::Arc;
//! use std::time::Duration;
//!
//! use hotcell_flow::Timer;
//! use hotcell_flow::pool::{Pool, Settings, Source};
//!
//! struct Buffers;
//!
//! impl Source for Buffers {
//!     type Item = Vec<u8>;
//!     type Error = Infallible;
//!
//!     async fn make(&self) -> Result<Vec<u8>, Infallible> {
//!         Ok(Vec::with_capacity(1 << 20))
//!     }
//!
//!     async fn close(&self, _: Vec<u8>) -> Result<(), Infallible> {
//!         Ok(())
//!     }
//! }
//!
//! async fn work(timer: Arc<dyn Timer>) -> Result<(), Box<dyn std::error::Error>> {
//!     let settings = Settings::new(0, 8, Duration::from_secs(60))?;
//!     let pool = Pool::open(Buffers, settings, timer).await?;
//!     let mut buffer = pool.acquire(None).await?;
//!     buffer.clear();
//!     Ok(())
//! }
//! ```

mod error;
mod lease;
mod settings;
mod shared;

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Instant;

pub use error::{AcquireError, BadSettings, OpenError};
use futures::future::{Either, select};
pub use lease::Lease;
pub use settings::Settings;
use shared::Shared;

use crate::timer::before;
use crate::{Refused, Timer};

/// How resources come and go.
pub trait Source: Send + Sync {
    /// What is lent.
    type Item: Send;
    /// Why one could not be made or closed.
    type Error: std::error::Error + Send + 'static;

    /// Makes one. Dropped before it ends, it must leave nothing behind.
    fn make(&self) -> impl Future<Output = Result<Self::Item, Self::Error>> + Send;

    /// Whether one that was in use before still works. Asked each time before it is lent again.
    fn check(&self, _item: &mut Self::Item) -> impl Future<Output = bool> + Send {
        async { true }
    }

    /// Ends one.
    fn close(&self, item: Self::Item) -> impl Future<Output = Result<(), Self::Error>> + Send;
}

/// A bounded set of resources. Clones share it.
pub struct Pool<S: Source>(Arc<Shared<S>>);

/// What a pool has done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Resources made.
    pub made: u64,
    /// Resources closed, well or not.
    pub closed: u64,
    /// Resources that were found broken before they were lent.
    pub broken: u64,
    /// Resources that could not be closed well, where nobody waited to be told.
    pub close_failures: u64,
}

impl<S: Source> Pool<S> {
    /// A pool with as many resources as it keeps at least.
    ///
    /// # Errors
    ///
    /// [`OpenError`] if one of them can't be made. Those that were made are closed then, all of them.
    pub async fn open(source: S, settings: Settings, timer: Arc<dyn Timer>) -> Result<Self, OpenError<S::Error>> {
        let pool = Self(Arc::new(Shared::new(source, settings, timer)));
        for made in 0..settings.min() {
            match pool.0.make().await {
                Ok(slot) => pool.0.put(slot),
                Err(error) => {
                    let closing = pool.close().await;
                    return Err(OpenError { made, of: settings.min(), error, closing });
                }
            }
        }
        Ok(pool)
    }

    /// Borrows a resource: one that is idle and works, or a new one, or the next that comes back if there are as many as
    /// there may be.
    ///
    /// Safe to cancel: dropped before it ends, it holds nothing, and what it was about to lend is idle again. One that was
    /// found broken and is being closed just then is dropped.
    ///
    /// # Errors
    ///
    /// [`Refused::Late`] when the deadline comes first, [`Refused::Closed`] when the pool is closed, and whatever kept a new
    /// one from being made.
    pub async fn acquire(&self, deadline: Option<Instant>) -> Result<Lease<S>, AcquireError<S::Error>> {
        if deadline.is_some_and(|deadline| deadline <= self.0.timer.now()) {
            return Err(Refused::Late.into());
        }
        let lease = async {
            let permit = self.0.permits.take().await?;
            Lease::find(&self.0, permit).await
        };
        before(&*self.0.timer, deadline, lease).await.ok_or(Refused::Late)?
    }

    /// Closes what was idle for too long, the longest first, and keeps as many as the pool keeps at least. Gets what could
    /// not be closed well.
    ///
    /// Safe to cancel: what is being closed then is dropped; the rest stays as it is.
    pub async fn sweep(&self) -> Vec<S::Error> {
        let mut errors = Vec::new();
        while let Some(slot) = self.0.too_long_idle() {
            errors.extend(self.0.close(slot).await);
        }
        errors
    }

    /// Sweeps for as long as the pool is open. Whoever opens a pool spawns this, or awaits it beside its work; without it
    /// idle resources stay until they are used or the pool is closed. What can't be closed well is counted.
    pub async fn run(&self) {
        while !self.0.lock().closed {
            let failures = self.sweep().await.len();
            self.0.lock().counts.close_failures += failures as u64;
            let now = self.0.timer.now();
            let next = now.checked_add(self.0.settings.idle() / 2).unwrap_or(now);
            let closing = std::pin::pin!(self.0.closing.notified());
            match select(closing, self.0.timer.sleep_until(next)).await {
                // Either may be cancelled: whether the pool closes is asked for above, and a sweep too many finds nothing.
                Either::Left(_) | Either::Right(_) => {}
            }
        }
        // For another who runs it too.
        self.0.closing.notify_one();
    }

    /// Ends the pool: lends nothing more, sends away who waits, closes what is idle and then each lease that ends, until
    /// none is left. Gets what could not be closed well.
    ///
    /// Safe to cancel: what is being closed then is dropped, and whoever calls this again goes on with the rest.
    pub async fn close(&self) -> Vec<S::Error> {
        self.0.lock().closed = true;
        self.0.permits.close();
        self.0.closing.notify_one();
        let mut errors = Vec::new();
        loop {
            while let Some(slot) = self.0.longest_idle() {
                errors.extend(self.0.close(slot).await);
            }
            // What was rung while nobody listened is told at once: a wait too few, never one too many.
            if self.0.is_empty() {
                // For another who closes it too.
                self.0.ended.notify_one();
                return errors;
            }
            self.0.ended.notified().await;
        }
    }

    /// How many are lent, or about to be.
    #[must_use]
    pub fn lent(&self) -> usize {
        self.0.lock().leases
    }

    /// How many nobody uses.
    #[must_use]
    pub fn idle(&self) -> usize {
        self.0.lock().idle.len()
    }

    /// What it has done.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.0.lock().counts
    }
}

impl<S: Source> Clone for Pool<S> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<S: Source> fmt::Debug for Pool<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool").field("lent", &self.lent()).field("idle", &self.idle()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
