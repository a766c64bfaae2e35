//! How many files guests may hold open, over all calls: descriptors are the process', and the last of them belongs to everyone.
//!
//! The handles of a call bound what it takes of the host's memory; this bounds what it takes from its neighbours. No call gets
//! more than an eighth, and all together leave a quarter for the host itself: sockets, the compiler's pipes, the tools' own files.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use rustix::process::{Resource, getrlimit};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use wasmtime_wasi::p2::{DynInputStream, InputStream, Pollable, StreamResult};

use crate::stop::Spent;

/// What a call can always have.
const FEWEST: usize = 16;
/// More than any process has; where the system sets no limit.
const MOST: usize = 1 << 20;

/// The account of all calls; clones are the same.
#[derive(Debug, Clone)]
pub(crate) struct Descriptors {
    free: Arc<Semaphore>,
    most: usize,
}

/// What one call holds.
#[derive(Debug, Clone)]
pub(crate) struct Share {
    all: Descriptors,
    held: Arc<AtomicUsize>,
}

/// An open file of a call; given back when the last of its copies is dropped.
#[derive(Debug, Clone)]
pub(super) struct Slot(#[expect(dead_code, reason = "held, not read")] Arc<Taken>);

#[derive(Debug)]
struct Taken {
    _permit: OwnedSemaphorePermit,
    held: Arc<AtomicUsize>,
}

/// A file's input stream, which holds its file open also when the guest has given back the descriptor.
pub(super) struct Held {
    inner: DynInputStream,
    _slot: Option<Slot>,
}

impl Descriptors {
    /// The account of a process with the limit that it has now.
    pub(crate) fn new() -> Self {
        let limit = getrlimit(Resource::Nofile).current.and_then(|limit| usize::try_from(limit).ok());
        Self::of(limit.map_or(MOST, |limit| limit.min(MOST)) / 4 * 3)
    }

    fn of(most: usize) -> Self {
        Self { free: Arc::new(Semaphore::new(most)), most }
    }

    /// An account for one call.
    pub(crate) fn share(&self) -> Share {
        Share { all: self.clone(), held: Arc::default() }
    }
}

impl Share {
    /// One more.
    ///
    /// # Errors
    ///
    /// What would then be held, of what: by this call, or by all.
    pub(super) fn take(&self) -> Result<Slot, Spent> {
        let spent = |wanted: usize, limit: usize| Spent { wanted: wanted as u64, limit: limit as u64 };
        let (held, most) = (self.held.load(Ordering::Relaxed), (self.all.most / 8).max(FEWEST));
        if held >= most {
            return Err(spent(held + 1, most));
        }
        let all = || spent(self.all.most + 1, self.all.most);
        let permit = Arc::clone(&self.all.free).try_acquire_owned().map_err(|_| all())?;
        self.held.fetch_add(1, Ordering::Relaxed);
        Ok(Slot(Arc::new(Taken { _permit: permit, held: Arc::clone(&self.held) })))
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        self.held.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Held {
    pub(super) fn new(inner: DynInputStream, slot: Option<Slot>) -> Self {
        Self { inner, _slot: slot }
    }
}

#[async_trait::async_trait]
impl Pollable for Held {
    async fn ready(&mut self) {
        self.inner.ready().await;
    }
}

#[async_trait::async_trait]
impl InputStream for Held {
    fn read(&mut self, size: usize) -> StreamResult<Bytes> {
        self.inner.read(size)
    }

    async fn blocking_read(&mut self, size: usize) -> StreamResult<Bytes> {
        self.inner.blocking_read(size).await
    }

    fn skip(&mut self, count: usize) -> StreamResult<usize> {
        self.inner.skip(count)
    }

    async fn blocking_skip(&mut self, count: usize) -> StreamResult<usize> {
        self.inner.blocking_skip(count).await
    }

    async fn cancel(&mut self) {
        self.inner.cancel().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_call_leaves_room_for_others_and_all_leave_room_for_the_host() {
        let all = Descriptors::of(200);
        let share = all.share();
        let mut one: Vec<Slot> = std::iter::from_fn(|| share.take().ok()).collect();
        assert_eq!((one.len(), share.take().unwrap_err()), (25, Spent { wanted: 26, limit: 25 }));
        let others: Vec<Slot> = std::iter::from_fn(|| all.share().take().ok()).collect();
        assert_eq!(others.len(), 175);
        assert_eq!(all.share().take().unwrap_err(), Spent { wanted: 201, limit: 200 });
        let copy = one.last().cloned();
        one.pop();
        assert!(share.take().is_err(), "a copy holds it open");
        drop(copy);
        assert!(share.take().is_ok());
    }
}
