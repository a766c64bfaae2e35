//! One connection's bytes: a client that takes nothing of an answer is let go.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

/// For so long an answer may stand without the client taking a byte of it.
pub(crate) const TAKEN_IN: Duration = Duration::from_secs(30);

/// A stream on which a write that is not taken in time is an error.
pub(crate) struct Line<S> {
    stream: S,
    /// When the write that waits is given up.
    given_up: Pin<Box<Sleep>>,
    waits: bool,
    /// Whether something stands that the client has not taken: for others to see.
    unsent: Arc<AtomicBool>,
}

impl<S> Line<S> {
    pub(crate) fn new(stream: S, unsent: Arc<AtomicBool>) -> Self {
        Self { stream, given_up: Box::pin(tokio::time::sleep(TAKEN_IN)), waits: false, unsent }
    }
}

impl<S: Unpin> Line<S> {
    /// What a write came to, or that it has waited too long.
    fn judge<T>(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.waits = false;
            self.unsent.store(false, Ordering::Relaxed);
            return written;
        }
        if !self.waits {
            self.waits = true;
            self.unsent.store(true, Ordering::Relaxed);
            self.given_up.as_mut().reset(Instant::now() + TAKEN_IN);
        }
        ready!(self.given_up.as_mut().poll(cx));
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the client takes nothing of the answer")))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Line<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, into)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Line<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.judge(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, parts);
        self.judge(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(cx);
        self.judge(cx, flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let shut = Pin::new(&mut self.stream).poll_shutdown(cx);
        self.judge(cx, shut)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn who_takes_nothing_is_given_up_and_who_is_slow_is_not() {
        let (near, mut far) = tokio::io::duplex(16);
        let mut line = Line::new(near, Arc::default());
        let answer = [7; 64];
        let slow = async {
            let mut part = [0; 16];
            for _ in 0..4 {
                tokio::time::sleep(TAKEN_IN - Duration::from_secs(1)).await;
                far.read_exact(&mut part).await.unwrap();
            }
        };
        let (written, ()) = tokio::join!(line.write_all(&answer), slow);
        written.unwrap();
        let begun = Instant::now();
        let given_up = line.write_all(&answer).await.unwrap_err();
        assert_eq!((given_up.kind(), begun.elapsed().as_secs()), (io::ErrorKind::TimedOut, TAKEN_IN.as_secs()));
    }
}
