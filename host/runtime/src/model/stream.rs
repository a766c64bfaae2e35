//! A connection as HTTP wants it, out of one as the runtime gives it.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use hyper::rt::{Read, ReadBufCursor, Write};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// In the clear or not.
pub(super) trait Raw: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Raw for T {}

/// The connection.
pub(super) struct Stream {
    raw: Box<dyn Raw>,
    /// What is read goes through here: to read in place would need `unsafe`, and a model is slower than any copy.
    buffer: Box<[u8]>,
}

const BUFFER: usize = 16 << 10;

impl Stream {
    pub(super) fn new(raw: impl Raw + 'static) -> Self {
        Self { raw: Box::new(raw), buffer: vec![0; BUFFER].into_boxed_slice() }
    }
}

impl Read for Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, mut into: ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        let Self { raw, buffer } = self.get_mut();
        let room = buffer.get_mut(..into.remaining().min(BUFFER)).unwrap_or_default();
        let mut part = ReadBuf::new(room);
        ready!(Pin::new(raw).poll_read(cx, &mut part))?;
        into.put_slice(part.filled());
        Poll::Ready(Ok(()))
    }
}

impl Write for Stream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, from: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.raw).poll_write(cx, from)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.raw).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.raw).poll_shutdown(cx)
    }
}
