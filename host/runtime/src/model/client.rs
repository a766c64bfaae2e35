//! One provider's connections, and a request on one of them.
//!
//! A connection whose reply was read to its end is kept for a while, because the turns of a conversation follow one another. One that
//! the server closed meanwhile is noticed before anything is sent on it, and the request goes on a fresh one. Once a request may have
//! been sent it is not sent again here: whether to ask once more is decided further up, where it is counted.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use hotcell_agent::model::ModelError;
use hotcell_call::format_duration;
use http::response::Parts;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::body::Incoming;
use tokio_rustls::TlsConnector;

use super::body::{Body, Times};
use super::connect::{Connection, connect, tls};
use super::wire::message;
use crate::config::Base;
use crate::trace;

/// Connections that are kept, and for how long.
const MOST_IDLE: usize = 4;
const IDLE: Duration = Duration::from_secs(30);
/// How long a kept connection may take to be ready again.
const SETTLING: Duration = Duration::from_millis(100);
/// Between two lines of a reply, unless the wait for its first is shorter.
const BETWEEN: Duration = Duration::from_secs(60);
/// What is read of an error.
const MOST_ERROR: usize = 8 << 10;

/// Asks one provider.
pub(super) struct Client {
    base: Base,
    times: Times,
    tls: Mutex<Option<TlsConnector>>,
    idle: Arc<Idle>,
}

/// What answers a request, its head read.
pub(super) struct Answered {
    head: Parts,
    body: Body,
}

/// Connections that are not used.
#[derive(Default)]
pub(super) struct Idle(Mutex<Vec<(Instant, Connection)>>);

impl Client {
    pub(super) fn new(base: Base, first: Duration) -> Self {
        let times = Times { first, between: BETWEEN.min(first) };
        Self { base, times, tls: Mutex::new(None), idle: Arc::default() }
    }

    /// Sends a request, and gives what answers; `sent` is told before a first byte may be on its way, and when none was.
    ///
    /// # Errors
    ///
    /// [`ModelError::Cut`] if it was sent, and nothing answered it.
    pub(super) async fn post(
        &self,
        path: &str,
        fields: HeaderMap,
        body: Bytes,
        sent: impl FnMut(bool) + Send,
    ) -> Result<Answered, ModelError> {
        let request = self.request(path, fields, body)?;
        let (response, connection) = self.send(request, sent).await?;
        let (head, incoming) = response.into_parts();
        Ok(Answered { head, body: Body::new(incoming, connection, Arc::clone(&self.idle), self.times) })
    }

    /// Sends a request that is whole, and gives the head of what answers; its body is read, so that the connection can be used again.
    pub(super) async fn exchange(&self, request: Request<Full<Bytes>>) -> Result<(StatusCode, HeaderMap), ModelError> {
        let (response, connection) = self.send(request, |_| {}).await?;
        let (head, incoming) = response.into_parts();
        let mut body = Body::new(incoming, connection, Arc::clone(&self.idle), self.times);
        let _said = body.text(MOST_ERROR).await;
        body.finish().await;
        Ok((head.status, head.headers))
    }

    fn request(&self, path: &str, fields: HeaderMap, body: Bytes) -> Result<Request<Full<Bytes>>, ModelError> {
        let wrong = |error: http::Error| ModelError::Unreachable(error.to_string());
        let mut request = Request::builder()
            .method(Method::POST)
            .uri(self.base.path(path))
            .header(header::HOST, self.base.authority())
            .body(Full::new(body))
            .map_err(wrong)?;
        let all = request.headers_mut();
        all.extend(fields);
        all.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        all.insert(header::ACCEPT, HeaderValue::from_static("text/event-stream"));
        all.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        // Only where the operator wants traces at all.
        if let Some(trace) = trace::here().and_then(|trace| HeaderValue::try_from(trace).ok()) {
            all.insert("traceparent", trace);
        }
        all.insert(header::USER_AGENT, HeaderValue::from_static(concat!("hotcell/", env!("CARGO_PKG_VERSION"))));
        Ok(request)
    }

    async fn send(
        &self,
        mut request: Request<Full<Bytes>>,
        mut sent: impl FnMut(bool) + Send,
    ) -> Result<(Response<Incoming>, Connection), ModelError> {
        let mut kept = self.idle.take().await;
        loop {
            let fresh = kept.is_none();
            let mut connection = match kept.take() {
                Some(connection) => connection,
                None => connect(&self.base, &self.tls()?, self.times.first).await?,
            };
            sent(true);
            let answer = tokio::time::timeout(self.times.first, connection.sender.try_send_request(request)).await;
            let Ok(answer) = answer else {
                return Err(ModelError::Cut(format!("nothing came within {}", format_duration(self.times.first))));
            };
            match answer {
                Ok(response) => return Ok((response, connection)),
                Err(mut failed) => match failed.take_message() {
                    // It was closed before anything was sent.
                    Some(unsent) if !fresh => {
                        sent(false);
                        request = unsent;
                    }
                    unsent => {
                        let why = format!("{} gave no answer: {}", self.base, failed.into_error());
                        return Err(if unsent.is_some() { ModelError::Unreachable(why) } else { ModelError::Cut(why) });
                    }
                },
            }
        }
    }

    fn tls(&self) -> Result<TlsConnector, ModelError> {
        let mut known = self.tls.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(tls) = &*known {
            return Ok(tls.clone());
        }
        let made = tls().map_err(|error| ModelError::Unreachable(format!("there is no TLS: {error}")))?;
        *known = Some(made.clone());
        Ok(made)
    }
}

impl Answered {
    /// Whether a reply begins; else no work was done.
    pub(super) fn is_ok(&self) -> bool {
        self.head.status == StatusCode::OK
    }

    /// The stream of events.
    ///
    /// # Errors
    ///
    /// What was said in its place.
    pub(super) async fn events(mut self) -> Result<Body, ModelError> {
        if !self.is_ok() {
            let text = self.body.text(MOST_ERROR).await;
            let text = serde_json::from_str(&text).map_or(text, |error| message(&error));
            let retry_after = retry_after(&self.head.headers);
            return Err(ModelError::Status { status: self.head.status.as_u16(), retry_after, text });
        }
        let field = |name| self.head.headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()));
        if let Some(encoding) = field(header::CONTENT_ENCODING).filter(|encoding| encoding != "identity") {
            return Err(ModelError::Malformed(format!("it is encoded as {}, which was not asked for", encoding)));
        }
        match field(header::CONTENT_TYPE) {
            Some(media) if !media.trim_start().to_ascii_lowercase().starts_with("text/event-stream") => {
                let text = self.body.text(MOST_ERROR).await;
                let error =
                    serde_json::from_str(&text).ok().filter(|error: &serde_json::Value| error.get("error").is_some());
                Err(match error {
                    Some(error) => ModelError::Failed(message(&error)),
                    None => ModelError::Malformed(format!("it is {} and no stream of events: {}", media, text)),
                })
            }
            _ => Ok(self.body),
        }
    }
}

impl Idle {
    /// The one that was used last, if it is still open.
    async fn take(&self) -> Option<Connection> {
        loop {
            let (since, mut connection) = self.0.lock().unwrap_or_else(PoisonError::into_inner).pop()?;
            if since.elapsed() < IDLE
                && tokio::time::timeout(SETTLING, connection.sender.ready()).await.is_ok_and(|ready| ready.is_ok())
            {
                return Some(connection);
            }
        }
    }

    pub(super) fn put(&self, connection: Connection) {
        if connection.sender.is_closed() || connection.driver.is_finished() {
            return;
        }
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|(since, _)| since.elapsed() < IDLE);
        if kept.len() < MOST_IDLE {
            kept.push((Instant::now(), connection));
        }
    }
}

/// In seconds; dates are not read, because clocks differ.
fn retry_after(fields: &HeaderMap) -> Option<Duration> {
    let seconds = fields.get(header::RETRY_AFTER)?.to_str().ok()?.trim().parse::<f64>().ok()?;
    Duration::try_from_secs_f64(seconds).ok()
}
