//! Requests to where the operator collects traces and metrics: no model, but an address of the operator's all the same, so they go by
//! the same door.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hotcell_agent::model::ModelError;
use hotcell_call::{Code, Failure};
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, header};
use http_body_util::Full;

use super::client::Client;
use crate::config::Base;

/// Takes what is sent to one address.
#[derive(Clone)]
pub struct Collector {
    base: Base,
    client: Arc<Client>,
}

impl Collector {
    /// The one at `base`, which has so long for the connection, and again for its answer.
    #[must_use]
    pub fn new(base: Base, within: Duration) -> Self {
        Self { client: Arc::new(Client::new(base.clone(), within)), base }
    }

    /// Sends a body to a path of its host, with the fields that it needs; gives the head of the answer.
    ///
    /// # Errors
    ///
    /// [`Code::ToolUnavailable`] if there is no answer.
    pub async fn post(&self, path: &str, fields: HeaderMap, body: Bytes) -> Result<(StatusCode, HeaderMap), Failure> {
        let request = Request::builder().method(Method::POST).uri(path).body(Full::new(body));
        let mut request = request.map_err(|error| unavailable(&self.base).caused_by(error))?;
        let all = request.headers_mut();
        all.extend(fields);
        let host = HeaderValue::try_from(self.base.authority());
        all.insert(header::HOST, host.map_err(|error| unavailable(&self.base).caused_by(error))?);
        all.insert(header::USER_AGENT, HeaderValue::from_static(concat!("hotcell/", env!("CARGO_PKG_VERSION"))));
        self.client.exchange(request).await.map_err(|error: ModelError| unavailable(&self.base).caused_by(error))
    }
}

impl std::fmt::Debug for Collector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Collector").field(&self.base.to_string()).finish()
    }
}

fn unavailable(base: &Base) -> Failure {
    Failure::new(Code::ToolUnavailable, format!("the collector at {base} takes nothing"))
        .fix("`otlp` under [telemetry] in hotcell.toml, or OTEL_EXPORTER_OTLP_ENDPOINT, names another")
}
