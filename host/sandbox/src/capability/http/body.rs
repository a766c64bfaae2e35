//! Bodies that are counted on their way, and bounded in time.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Sleep, sleep_until};
use wasmtime_wasi_http::{Error, WasiBody};

use super::account::Account;
use super::exchange::{Times, failed};
use super::pool::Connection;

/// The body of a request, as the guest writes it.
pub(super) struct Outgoing {
    body: WasiBody,
    account: Account,
    whole: Arc<AtomicBool>,
}

/// The body of a response. Once it was read to its end, its connection is free for another exchange.
pub(super) struct Incoming {
    body: hyper::body::Incoming,
    account: Account,
    times: Times,
    /// Runs while a byte is waited for.
    patience: Option<Pin<Box<Sleep>>>,
    connection: Option<Connection>,
    /// Whether the request was sent to its end.
    whole: Arc<AtomicBool>,
    _slot: OwnedSemaphorePermit,
}

// === impl Outgoing ===

impl Outgoing {
    pub(super) fn new(body: WasiBody, account: Account) -> Self {
        let whole = Arc::new(AtomicBool::new(body.is_end_stream()));
        Self { body, account, whole }
    }

    /// Becomes true when all of it was taken.
    pub(super) fn whole(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.whole)
    }
}

impl Body for Outgoing {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        loop {
            let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
            let Some(Ok(frame)) = frame else {
                if frame.is_none() {
                    self.whole.store(true, Ordering::Release);
                }
                return Poll::Ready(frame);
            };
            let bytes = match frame.data_ref() {
                // An empty piece says nothing, and as a piece of its own would say that this is the end.
                Some(data) if data.is_empty() => continue,
                Some(data) => data.len(),
                None => frame.trailers_ref().map_or(0, |trailers| {
                    trailers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum()
                }),
            };
            return Poll::Ready(Some(match self.account.send(bytes) {
                Ok(()) => Ok(frame),
                Err(full) => Err(Error::HttpRequestBodySize(Some(full.limit))),
            }));
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

// === impl Incoming ===

impl Incoming {
    pub(super) fn new(
        body: hyper::body::Incoming,
        account: Account,
        times: Times,
        connection: Connection,
        whole: Arc<AtomicBool>,
        slot: OwnedSemaphorePermit,
    ) -> Self {
        Self { body, account, times, patience: None, connection: Some(connection), whole, _slot: slot }
    }

    /// Gives the connection back, if nothing of this exchange is left on it.
    fn finish(&mut self) {
        if let Some(connection) = self.connection.take()
            && self.body.is_end_stream()
            && self.whole.load(Ordering::Acquire)
        {
            connection.keep();
        }
    }

    /// Ends the exchange, and its connection with it.
    fn broken(&mut self, error: Error) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        self.connection = None;
        Poll::Ready(Some(Err(error)))
    }
}

impl Body for Incoming {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let frame = match Pin::new(&mut self.body).poll_frame(cx) {
            Poll::Ready(frame) => frame,
            Poll::Pending => {
                let next = self.times.next_byte();
                let patience = self.patience.get_or_insert_with(|| Box::pin(sleep_until(next)));
                ready!(patience.as_mut().poll(cx));
                return self.broken(Error::ConnectionReadTimeout);
            }
        };
        self.patience = None;
        match frame {
            None => {
                self.finish();
                Poll::Ready(None)
            }
            Some(Err(error)) => {
                let error = failed(&error, &self.account);
                self.broken(error)
            }
            Some(Ok(frame)) => {
                let bytes = match frame.data_ref() {
                    Some(data) => data.len(),
                    None => frame.trailers_ref().map_or(0, |trailers| {
                        trailers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum()
                    }),
                };
                match self.account.receive(bytes) {
                    Ok(()) => Poll::Ready(Some(Ok(frame))),
                    Err(full) => self.broken(Error::HttpResponseBodySize(Some(full.limit))),
                }
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Incoming {
    fn drop(&mut self) {
        // Most guests read what was announced, and not on to where nothing more comes.
        self.finish();
    }
}
