//! Failures as HTTP tells them: RFC 9457's `application/problem+json`, with everything that a [`Failure`] says.

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use hotcell_call::{Code, Failure, Outcome};
use http::header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderName, StatusCode};
use schemars::JsonSchema;
use serde::Serialize;

use crate::wire::Ended;

/// The call that an answer is about.
pub(crate) const CALL: HeaderName = HeaderName::from_static("hotcell-call");

/// A failure on its way out.
#[derive(Debug)]
pub(crate) struct Problem {
    failure: Failure,
    status: StatusCode,
    /// The call that ended so, with its receipt.
    outcome: Option<Box<Outcome>>,
}

/// What stands in the body.
#[derive(Serialize)]
struct Object<'a> {
    r#type: String,
    title: &'a str,
    status: u16,
    #[serde(skip_serializing_if = "str::is_empty")]
    detail: &'a str,
    #[serde(flatten)]
    failure: &'a Failure,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    ended: Option<Ended<'a>>,
}

/// The shape of a failure, for the document.
#[derive(JsonSchema)]
#[schemars(rename = "Problem", inline)]
#[expect(dead_code, reason = "the document alone reads it")]
pub(crate) struct ProblemShape {
    /// Where this kind of failure is explained: `/errors/E0401`.
    r#type: String,
    /// What happened.
    title: String,
    /// The HTTP status.
    status: u16,
    /// Why, with numbers.
    detail: Option<String>,
    /// The outcome with its kind: `exhausted(fuel)`.
    outcome: String,
    /// The stable code: `E0401`.
    code: String,
    /// What happened.
    what: String,
    /// Why, with numbers.
    why: String,
    /// What to do about it.
    fix: Option<String>,
    /// How much was used, of which limit.
    reached: Option<serde_json::Map<String, serde_json::Value>>,
    /// When it is worth trying again, in milliseconds.
    retry_after_ms: Option<u64>,
    /// The command that explains it.
    docs: String,
    /// The call that ended so.
    call: Option<String>,
    /// What was called.
    target: Option<String>,
    /// What it printed.
    log: Option<serde_json::Map<String, serde_json::Value>>,
    /// What it cost, and under which limits it ran.
    receipt: Option<serde_json::Map<String, serde_json::Value>>,
}

impl Problem {
    /// The same failure under a status of HTTP's own.
    pub(crate) fn status(mut self, status: StatusCode) -> Self {
        self.status = status;
        self
    }

    /// The end of a call that was not answered by its tool.
    pub(crate) fn of(outcome: Outcome, failure: Failure) -> Self {
        Self { outcome: Some(Box::new(outcome)), ..Self::from(failure) }
    }
}

impl From<Failure> for Problem {
    fn from(failure: Failure) -> Self {
        let status = match failure.code() {
            Code::Token => StatusCode::UNAUTHORIZED,
            _ => StatusCode::from_u16(failure.kind().http_status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
        };
        // The tool's own error is an answer where a call ended so; elsewhere it is none.
        let status = if status == StatusCode::OK { StatusCode::BAD_GATEWAY } else { status };
        Self { failure, status, outcome: None }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let object = Object {
            r#type: format!("/errors/{}", self.failure.code()),
            title: self.failure.what(),
            status: self.status.as_u16(),
            detail: self.failure.reason(),
            failure: &self.failure,
            ended: self.outcome.as_deref().map(Ended::new),
        };
        let body = serde_json::to_vec(&object).unwrap_or_default();
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(wait) = self.failure.wait() {
            // Whole seconds, and never too early.
            headers.insert(
                RETRY_AFTER,
                HeaderValue::from(wait.as_millis().div_ceil(1_000).min(u128::from(u32::MAX)) as u64),
            );
        }
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"hotcell\""));
        }
        if let Some(outcome) = &self.outcome {
            headers.extend(call_header(outcome));
        }
        response
    }
}

/// The header that names a call.
pub(crate) fn call_header(outcome: &Outcome) -> Option<(HeaderName, HeaderValue)> {
    Some((CALL, HeaderValue::from_str(&outcome.call.to_string()).ok()?))
}
