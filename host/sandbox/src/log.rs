//! What a guest prints: kept up to a bound, counted beyond it.
//!
//! The engine's stock adapter queues empty writes without cost to the guest (GHSA-5m8g-xhq4-4h93), so this is a stream of our own:
//! it takes every byte at once, keeps what fits, and an empty write leaves no trace. A guest never blocks on its log and never
//! fails because of it: what was dropped is said in the receipt.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use hotcell_call::{ByteSize, LogBytes};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamResult};

/// The bytes that a guest may hand over in one write; it asks before each.
const WRITE: usize = 64 << 10;

/// One captured stream; clones write to the same.
#[derive(Debug, Clone)]
pub(crate) struct Capture(Arc<Mutex<Kept>>);

#[derive(Debug)]
struct Kept {
    bytes: Vec<u8>,
    limit: usize,
    dropped: u64,
}

impl Capture {
    pub(crate) fn new(limit: ByteSize) -> Self {
        Self(Arc::new(Mutex::new(Kept { bytes: Vec::new(), limit: limit.as_usize(), dropped: 0 })))
    }

    /// The most that is kept.
    pub(crate) fn limit(&self) -> ByteSize {
        ByteSize::of(self.0.lock().unwrap_or_else(PoisonError::into_inner).limit)
    }

    /// Takes out what was kept, and begins to count anew.
    pub(crate) fn take(&self) -> (Vec<u8>, LogBytes) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (bytes, dropped) = (std::mem::take(&mut kept.bytes), std::mem::take(&mut kept.dropped));
        let count = LogBytes { kept: ByteSize::of(bytes.len()).as_u64(), dropped };
        (bytes, count)
    }

    /// Sets the limit of the next call; the last one's log was taken out.
    pub(crate) fn renew(&self, limit: ByteSize) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).limit = limit.as_usize();
    }

    /// The last `most` bytes of what was kept, as text.
    pub(crate) fn tail(&self, most: usize) -> String {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let from = kept.bytes.len().saturating_sub(most);
        String::from_utf8_lossy(kept.bytes.get(from..).unwrap_or_default()).into_owned()
    }

    fn append(&self, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let room = kept.limit.saturating_sub(kept.bytes.len()).min(bytes.len());
        let (fits, rest) = bytes.split_at(room);
        kept.bytes.extend_from_slice(fits);
        kept.dropped = kept.dropped.saturating_add(ByteSize::of(rest.len()).as_u64());
    }
}

#[async_trait::async_trait]
impl Pollable for Capture {
    async fn ready(&mut self) {}
}

#[async_trait::async_trait]
impl OutputStream for Capture {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.append(&bytes);
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(WRITE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fits_is_kept_and_the_rest_is_counted() {
        let capture = Capture::new(ByteSize::bytes(5));
        let mut stream = capture.clone();
        for part in ["abc", "", "defg", ""] {
            stream.write(Bytes::from_static(part.as_bytes())).unwrap();
        }
        assert_eq!(capture.take(), (b"abcde".to_vec(), LogBytes { kept: 5, dropped: 2 }));
        capture.renew(ByteSize::bytes(2));
        stream.write(Bytes::from_static(b"abc")).unwrap();
        assert_eq!(capture.take(), (b"ab".to_vec(), LogBytes { kept: 2, dropped: 1 }));
    }
}
