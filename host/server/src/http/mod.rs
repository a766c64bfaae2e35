//! The paths of HTTP: each makes a call, or shows what came of one.

mod agents;
mod body;
mod errors;
mod events;
mod forms;
mod headers;
mod health;
mod metrics;
mod openapi;
mod operations;
mod problem;
mod runs;
mod shapes;
mod tools;

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use hotcell_call::{Code, Failure};
use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD, CONTENT_TYPE, HeaderValue,
    VARY,
};
use http::request::Parts;
use http::{Method, StatusCode, Uri};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

pub(crate) use self::body::read as read_body;
pub(crate) use self::metrics::Requests;
pub(crate) use self::problem::{CALL, Problem};
use crate::mcp;
use crate::serve::Shared;

/// All paths.
pub(crate) fn router(shared: Arc<Shared>) -> Router {
    let paths = operations::all().into_iter();
    paths
        .fold(Router::new(), |router, operation| router.route(operation.path, operation.handler))
        .route("/mcp", any(mcp::http::serve))
        .method_not_allowed_fallback(other_method)
        .fallback(nothing)
        .layer(axum::middleware::from_fn(metrics::template))
        .with_state(shared)
}

/// Whether nobody needs to be known for a path: probes and explanations tell nothing of anybody.
pub(crate) fn is_open(path: &str) -> bool {
    matches!(path, "/healthz" | "/readyz") || path.starts_with("/errors/")
}

/// Whether it only tells what happens, for as long as somebody listens.
pub(crate) fn is_stream(request: &Parts) -> bool {
    let path = request.uri.path();
    request.method == Method::GET && (path == "/mcp" || path.ends_with("/events"))
}

/// Lets a page read an answer.
pub(crate) fn let_read(page: Option<HeaderValue>, response: &mut Response) {
    if let Some(page) = page {
        let headers = response.headers_mut();
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, page);
        headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
        headers.append(VARY, HeaderValue::from_static("origin"));
    }
}

/// Headers of answers that have a meaning here.
const EXPOSED: HeaderValue =
    HeaderValue::from_static("hotcell-call, location, mcp-session-id, preference-applied, retry-after");

/// Whether a browser asks if it may ask.
pub(crate) fn is_preflight(request: &Parts) -> bool {
    request.method == Method::OPTIONS && request.headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD)
}

/// That it may.
pub(crate) fn preflight() -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    let headers = response.headers_mut();
    headers.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, POST, DELETE"));
    headers.insert(
        ACCESS_CONTROL_ALLOW_HEADERS,
        HeaderValue::from_static(concat!(
            "authorization, content-type, idempotency-key, last-event-id, prefer, traceparent, tracestate, mcp-protocol-version, ",
            "mcp-session-id, mcp-method, mcp-name, hotcell-deadline, hotcell-priority, hotcell-retries, hotcell-fuel, ",
            "hotcell-memory, hotcell-timeout",
        )),
    );
    headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
    response
}

/// An answer of JSON.
fn json(status: StatusCode, value: &impl Serialize) -> Response {
    match serde_json::to_vec(value) {
        Ok(body) => {
            let mut response = Response::new(Body::from(body));
            *response.status_mut() = status;
            response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            response
        }
        Err(error) => {
            Problem::from(Failure::new(Code::Fault, "an answer can't be written").caused_by(error)).into_response()
        }
    }
}

/// The schema of a type, to stand within a document.
fn schema<T: JsonSchema>() -> Value {
    let mut schema = schemars::schema_for!(T).to_value();
    if let Value::Object(keys) = &mut schema {
        keys.remove("$schema");
    }
    schema
}

async fn nothing(uri: Uri) -> Problem {
    let path = hotcell_call::shortened(uri.path(), 80);
    Failure::new(Code::UnknownPath, format!("there is nothing at {path}"))
        .fix("GET /openapi.json lists all paths")
        .into()
}

async fn other_method(method: Method, uri: Uri) -> Problem {
    let path = hotcell_call::shortened(uri.path(), 80);
    let failure = Failure::new(Code::UnknownPath, format!("{path} takes no {method}"));
    Problem::from(failure.fix("GET /openapi.json lists all paths")).status(StatusCode::METHOD_NOT_ALLOWED)
}
