//! Agents: which there are, and a run of one.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::Response;
use hotcell_call::{AgentName, Code, Failure, IdError};
use http::{HeaderMap, StatusCode};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::body;
use super::headers::{Preference, idempotency_key};
use super::problem::Problem;
use super::runs::begun;
use crate::runs::{Begin, Ended, What};
use crate::serve::{Caller, Shared};

#[derive(Serialize)]
struct Agents {
    agents: BTreeSet<AgentName>,
}

/// What an agent is to do.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Task {
    /// What `{{input}}` is: a text, or whatever the agent takes.
    pub(crate) input: Value,
}

pub(super) async fn list(
    State(shared): State<Arc<Shared>>,
    Extension(caller): Extension<Caller>,
) -> Result<Response, Problem> {
    let agents = caller.host(&shared).agents().await?;
    Ok(super::json(StatusCode::OK, &Agents { agents }))
}

pub(super) async fn run(
    State(shared): State<Arc<Shared>>,
    Extension(caller): Extension<Caller>,
    Path(name): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let host = caller.host(&shared);
    let unknown = |error: IdError| Failure::new(Code::UnknownAgent, error.to_string());
    let name: AgentName = name.parse().map_err(unknown)?;
    let (preference, key) = (Preference::read(&headers), idempotency_key(&headers)?);
    let text = body::text(body, host.host.config().server.body).await?;
    let key = key.map(|key| shared.runs.key(key, &format!("run {name}"), text.as_bytes()));
    let run = host.next_run(&name, task(&text)?.input).await?;
    let begin = Begin { id: run.id, tenant: caller.tenant, what: What::Agent(name), key };
    let most = host.host.config().server.runs;
    let work = |cancel: CancellationToken| async move {
        run.until(cancel.cancelled()).await.map_or_else(Ended::Failed, Ended::Agent)
    };
    let run = shared.runs.begin(begin, most, work)?;
    Ok(begun(&run, preference.wait.unwrap_or(Duration::ZERO), preference.respond_async).await)
}

/// The body as it was sent; an empty one is no input.
fn task(text: &str) -> Result<Task, Failure> {
    if text.trim().is_empty() {
        return Ok(Task::default());
    }
    serde_json::from_str(text).map_err(|error| {
        Failure::new(Code::InputNotJson, "the body of the request is no task")
            .why(error.to_string())
            .fix("{\"input\": \"what is to be done\"}")
    })
}
