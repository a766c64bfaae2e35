//! One request to the collector, by the runtime's own door: no proxy, no redirects, TLS with the roots that browsers trust.

use std::time::Duration;

use async_trait::async_trait;
use hotcell_runtime::Collector;
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use tokio::runtime::Handle;

/// Sends, whatever thread asks.
#[derive(Debug, Clone)]
pub(super) struct Post {
    collector: Collector,
    runtime: Handle,
}

/// For a request and its answer.
pub(super) const WITHIN: Duration = Duration::from_secs(5);

impl Post {
    pub(super) fn new(collector: Collector, runtime: Handle) -> Self {
        Self { collector, runtime }
    }
}

#[async_trait]
impl HttpClient for Post {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let (head, body) = request.into_parts();
        let collector = self.collector.clone();
        // On the runtime that has a clock and sockets: what asks may be a thread without any.
        let sent = self.runtime.spawn(async move {
            tokio::time::timeout(WITHIN, collector.post(head.uri.path(), head.headers, body)).await
        });
        let (status, headers) = sent.await???;
        // What the collector says besides is not read.
        let mut response = Response::new(Bytes::new());
        (*response.status_mut(), *response.headers_mut()) = (status, headers);
        Ok(response)
    }
}
