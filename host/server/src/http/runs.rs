//! Runs: what was begun, and how it ended.

use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::extract::{Path, State};
use axum::response::Response;
use http::header::{HeaderName, HeaderValue, LOCATION};
use http::{HeaderMap, StatusCode};
use serde::Serialize;

use super::headers::Preference;
use super::problem::Problem;
use crate::runs::{Run, RunObject, WholeRun};
use crate::serve::{Caller, Shared};

/// How long a run that was cancelled is waited for: a guest is stopped in milliseconds.
const CANCELLED_IN: Duration = Duration::from_secs(5);
/// Of RFC 7240.
const PREFERENCE_APPLIED: HeaderName = HeaderName::from_static("preference-applied");

#[derive(Serialize)]
struct List<'a> {
    runs: Vec<RunObject<'a>>,
}

pub(super) async fn list(State(shared): State<Arc<Shared>>, Extension(caller): Extension<Caller>) -> Response {
    let runs = shared.runs.of(&caller.tenant);
    super::json(StatusCode::OK, &List { runs: runs.iter().map(|run| RunObject::new(run)).collect() })
}

pub(super) async fn show(
    State(shared): State<Arc<Shared>>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let run = shared.runs.find(&id, &caller.tenant)?;
    if let Some(wait) = Preference::read(&headers).wait {
        run.wait(wait).await;
    }
    Ok(super::json(StatusCode::OK, &WholeRun::new(&run)))
}

pub(super) async fn cancel(
    State(shared): State<Arc<Shared>>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let run = shared.runs.find(&id, &caller.tenant)?;
    run.cancel();
    run.wait(CANCELLED_IN).await;
    Ok(super::json(StatusCode::OK, &WholeRun::new(&run)))
}

/// That a run was begun, or its end if that comes within `wait`.
pub(super) async fn begun(run: &Run, wait: Duration, asked: bool) -> Response {
    let ended = if wait.is_zero() { run.ended().is_some() } else { run.wait(wait).await.is_some() };
    let status = if ended { StatusCode::OK } else { StatusCode::ACCEPTED };
    let mut response = super::json(status, &WholeRun::new(run));
    let headers = response.headers_mut();
    if let Ok(place) = HeaderValue::from_str(&format!("/v1/runs/{}", run.id)) {
        headers.insert(LOCATION, place);
    }
    if asked {
        headers.insert(PREFERENCE_APPLIED, HeaderValue::from_static("respond-async"));
    }
    response
}
