//! A response's body without the secrets that its server sends back.
//!
//! What is taken out is replaced by as many stars, so that lengths stay true. A secret may come in two pieces: so the end of
//! each piece is held back until more comes, as far as a secret could reach into it.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use wasmtime_wasi_http::Error;

use super::body::Incoming;
use crate::secrets::Secrets;

/// The body.
pub(super) struct Masked {
    body: Incoming,
    secrets: Arc<Secrets>,
    held: Vec<u8>,
    /// Whether all data has come.
    ended: bool,
    /// What comes after it.
    trailers: Option<Frame<Bytes>>,
}

impl Masked {
    pub(super) fn new(body: Incoming, secrets: Arc<Secrets>) -> Self {
        Self { body, secrets, held: Vec::new(), ended: false, trailers: None }
    }

    /// What may be handed on: all but the last `back` bytes.
    fn release(&mut self, back: usize) -> Option<Frame<Bytes>> {
        let upto = self.held.len().saturating_sub(back);
        let rest = self.held.split_off(upto);
        let released = std::mem::replace(&mut self.held, rest);
        (!released.is_empty()).then(|| Frame::data(released.into()))
    }
}

impl Body for Masked {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        loop {
            if self.ended {
                let last = self.release(0).or_else(|| self.trailers.take());
                return Poll::Ready(last.map(Ok));
            }
            let frame = match ready!(Pin::new(&mut self.body).poll_frame(cx)) {
                Some(Ok(frame)) => frame,
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => {
                    self.ended = true;
                    continue;
                }
            };
            match frame.into_data() {
                Ok(data) => {
                    self.held.extend_from_slice(&data);
                    let Self { secrets, held, .. } = &mut *self;
                    secrets.mask(held);
                    let back = if self.body.is_end_stream() { 0 } else { self.secrets.longest().saturating_sub(1) };
                    if let Some(frame) = self.release(back) {
                        return Poll::Ready(Some(Ok(frame)));
                    }
                }
                Err(frame) => {
                    self.trailers = frame.into_trailers().ok().map(|mut trailers| {
                        self.secrets.clean(&mut trailers);
                        Frame::trailers(trailers)
                    });
                    self.ended = true;
                }
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.held.is_empty() && self.trailers.is_none() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::default()
    }
}
