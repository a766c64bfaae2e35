//! How much a call may write, over all files and streams together. WASI has no such quota, so it is counted here.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use hotcell_call::{ByteSize, Limits};
use rustix::io::Errno;
use wasmtime_wasi::p2::{DynOutputStream, OutputStream, Pollable, StreamError, StreamResult};

use super::descriptors::Slot;
use crate::stop::Spent;

/// The account of one call; clones are the same.
#[derive(Debug, Clone)]
pub(crate) struct Quota(Arc<Mutex<Account>>);

#[derive(Debug)]
struct Account {
    bytes: u64,
    most_bytes: u64,
    entries: u64,
    most_entries: u64,
    reached: Option<Spent>,
}

/// The quota is used up; the guest sees it as the error of that name.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Full;

/// How far a file reaches, as far as this call knows; shared between its descriptor and its streams.
#[derive(Debug, Clone, Default)]
pub(crate) struct End(Arc<Mutex<u64>>);

impl Quota {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self(Arc::new(Mutex::new(Account::new(limits))))
    }

    /// Begins anew, with the limits of another call.
    pub(crate) fn renew(&self, limits: &Limits) {
        *self.lock() = Account::new(limits);
    }

    fn lock(&self) -> MutexGuard<'_, Account> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The most bytes and entries that are charged.
    pub(crate) fn most(&self) -> (ByteSize, u32) {
        let account = self.lock();
        (ByteSize::bytes(account.most_bytes), u32::try_from(account.most_entries).unwrap_or(u32::MAX))
    }

    /// Bytes charged so far.
    pub(crate) fn written(&self) -> ByteSize {
        ByteSize::bytes(self.lock().bytes)
    }

    /// The first thing that did not fit.
    pub(crate) fn reached(&self) -> Option<Spent> {
        self.lock().reached
    }

    pub(crate) fn charge_bytes(&self, bytes: u64) -> Result<(), Full> {
        let mut account = self.lock();
        let wanted = account.bytes.saturating_add(bytes);
        if wanted > account.most_bytes {
            let limit = account.most_bytes;
            account.reached.get_or_insert(Spent { wanted, limit });
            return Err(Full);
        }
        account.bytes = wanted;
        Ok(())
    }

    pub(crate) fn charge_entry(&self) -> Result<(), Full> {
        let mut account = self.lock();
        let wanted = account.entries + 1;
        if wanted > account.most_entries {
            let limit = account.most_entries;
            account.reached.get_or_insert(Spent { wanted, limit });
            return Err(Full);
        }
        account.entries = wanted;
        Ok(())
    }

    /// Charges a write of `len` bytes at `at` (none: at the end). A hole before it counts: a sparse file of 1 TiB is one too.
    pub(crate) fn charge_write(&self, at: Option<u64>, len: u64, end: &End) -> Result<(), Full> {
        let mut known = end.0.lock().unwrap_or_else(PoisonError::into_inner);
        let reaches = at.unwrap_or(*known).saturating_add(len);
        self.charge_bytes(len.max(reaches.saturating_sub(*known)))?;
        *known = (*known).max(reaches);
        Ok(())
    }
}

impl Account {
    fn new(limits: &Limits) -> Self {
        Self {
            bytes: 0,
            most_bytes: limits.disk.as_u64(),
            entries: 0,
            most_entries: u64::from(limits.entries),
            reached: None,
        }
    }
}

impl End {
    pub(crate) fn at(size: u64) -> Self {
        Self(Arc::new(Mutex::new(size)))
    }

    pub(crate) fn set(&self, size: u64) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = size;
    }

    pub(crate) fn get(&self) -> u64 {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A file's output stream that charges what goes through it, and drops empty writes, which the stock stream queues.
pub(super) struct Metered {
    inner: DynOutputStream,
    quota: Quota,
    /// Where the next byte goes; none: to the end.
    at: Option<u64>,
    end: End,
    /// Holds the file open, also when the guest has given back its descriptor.
    _slot: Option<Slot>,
}

impl Metered {
    pub(super) fn new(inner: DynOutputStream, quota: Quota, at: Option<u64>, end: End, slot: Option<Slot>) -> Self {
        Self { inner, quota, at, end, _slot: slot }
    }

    fn charge(&mut self, len: usize) -> StreamResult<()> {
        let len = ByteSize::of(len).as_u64();
        let full = |Full| StreamError::LastOperationFailed(std::io::Error::from(Errno::DQUOT).into());
        self.quota.charge_write(self.at, len, &self.end).map_err(full)?;
        self.at = self.at.map(|at| at.saturating_add(len));
        Ok(())
    }
}

#[async_trait::async_trait]
impl Pollable for Metered {
    async fn ready(&mut self) {
        self.inner.ready().await;
    }
}

#[async_trait::async_trait]
impl OutputStream for Metered {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        if bytes.is_empty() {
            return Ok(());
        }
        self.charge(bytes.len())?;
        self.inner.write(bytes)
    }

    fn flush(&mut self) -> StreamResult<()> {
        self.inner.flush()
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        self.inner.check_write()
    }

    async fn blocking_write_and_flush(&mut self, bytes: Bytes) -> StreamResult<()> {
        if bytes.is_empty() {
            return Ok(());
        }
        self.charge(bytes.len())?;
        self.inner.blocking_write_and_flush(bytes).await
    }

    async fn cancel(&mut self) {
        self.inner.cancel().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quota(bytes: u64) -> Quota {
        Quota::new(&Limits { disk: ByteSize::bytes(bytes), entries: 2, ..Limits::default() })
    }

    #[test]
    fn holes_are_charged_as_if_they_were_full() {
        let (quota, end) = (quota(100), End::at(10));
        assert!(quota.charge_write(Some(50), 10, &end).is_ok());
        assert_eq!(quota.written(), ByteSize::bytes(50));
        assert!(quota.charge_write(Some(1 << 40), 1, &end).is_err());
        assert_eq!(quota.reached().unwrap().limit, 100);
    }

    #[test]
    fn writing_over_what_is_there_is_charged_by_its_length() {
        let (quota, end) = (quota(100), End::at(1_000));
        assert!(quota.charge_write(Some(0), 60, &end).is_ok());
        assert!(quota.charge_write(Some(0), 60, &end).is_err());
    }

    #[test]
    fn entries_are_counted() {
        let quota = quota(0);
        assert!(quota.charge_entry().is_ok() && quota.charge_entry().is_ok());
        assert!(quota.charge_entry().is_err());
    }
}
