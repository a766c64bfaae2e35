//! Agents: which there are, and a run of one.

use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::Response;
use hotcell_call::{AgentName, Code, Failure, IdError};
use hotcell_runtime::{Host, RunInput};
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
use crate::wire::told_to;

#[derive(Serialize)]
struct Agents {
    agents: Vec<AgentName>,
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
    let host = shared.host();
    let agents = host.agents().clone();
    let names = tokio::task::spawn_blocking(move || agents.names()).await;
    let names = names.map_err(|error| Failure::new(Code::Fault, "a thread was lost").caused_by(error))?;
    let agents = names.into_iter().filter(|name| host.may_run(&caller.tenant, name)).collect();
    Ok(super::json(StatusCode::OK, &Agents { agents }))
}

pub(super) async fn run(
    State(shared): State<Arc<Shared>>,
    Extension(caller): Extension<Caller>,
    Path(name): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let host = shared.host();
    let unknown = |error: IdError| Failure::new(Code::UnknownAgent, error.to_string());
    let name: AgentName = name.parse().map_err(unknown)?;
    let (preference, key) = (Preference::read(&headers), idempotency_key(&headers)?);
    let text = body::text(body, host.config().server.body).await?;
    let key = key.map(|key| shared.runs.key(key, &format!("run {name}"), text.as_bytes()));
    let task = task(&text)?;
    if !host.may_run(&caller.tenant, &name) {
        return Err(
            Failure::new(Code::UnknownAgent, format!("there is no agent `{name}` for {}", caller.tenant)).into()
        );
    }
    let agent = host.named_agent(&name).await.map_err(|failure| told_to(&caller.tenant, failure))?;
    let value = agent.input_of(task.input)?;
    let id = Host::next_run();
    // Runs at the same time have folders of their own.
    let out = Some(agent.output.join(id.to_string()));
    let input = RunInput { value, out, run: Some(id), tenant: caller.tenant.clone(), approver: None };
    let begin = Begin { id, tenant: caller.tenant, what: What::Agent(name), key };
    let most = host.config().server.runs;
    let work = |cancel: CancellationToken| async move {
        let cancelled = || Failure::new(Code::Cancelled, "the run was cancelled").why("by whoever began it");
        match cancel.run_until_cancelled(Box::pin(host.run(&agent, input))).await {
            Some(outcome) => Ended::Agent(outcome),
            None => Ended::Failed(cancelled()),
        }
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
