//! The tools: what there is, and a call.

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use hotcell_call::{Code, Effect, Failure, Outcome, Payload, RunId, Target, shortened};
use hotcell_runtime::Listed;
use http::header::{CONTENT_TYPE, HeaderValue};
use http::{HeaderMap, StatusCode};
use serde::Serialize;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::body;
use super::headers::{Preference, idempotency_key};
use super::problem::{Problem, call_header};
use super::runs::begun;
use crate::runs::{Begin, Ended, What};
use crate::serve::{Caller, Shared};
use crate::tenant::TenantHost;
use crate::terms::Terms;
use crate::wire::{OutcomeObject, told_to};

/// What can be called.
#[derive(Serialize)]
pub(crate) struct Tools {
    tools: Vec<Tool>,
}

#[derive(Serialize)]
pub(crate) struct Tool {
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    functions: Vec<Function>,
    /// Why it can't be used.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Failure>,
}

#[derive(Serialize)]
pub(crate) struct Function {
    /// What is called: `calc.eval`.
    name: String,
    description: String,
    effect: Effect,
    input: Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    output: Option<Value>,
}

impl Function {
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn description(&self) -> &str {
        &self.description
    }

    pub(super) fn input(&self) -> &Value {
        &self.input
    }

    pub(super) fn output(&self) -> Option<&Value> {
        self.output.as_ref()
    }
}

impl Tool {
    pub(super) fn functions(&self) -> impl Iterator<Item = &Function> {
        self.functions.iter()
    }

    /// What the tenant may call of it; none: nothing.
    fn of(host: &TenantHost, listed: Listed) -> Option<Self> {
        let (functions, error) = match listed.descriptor {
            Ok(descriptor) => (descriptor.functions, None),
            Err(failure) => (Vec::new(), Some(told_to(&host.tenant, failure)).filter(|_| host.may_see(&listed.name))),
        };
        let functions: Vec<Function> = host
            .functions(&listed.name, functions)
            .into_iter()
            .map(|(target, function)| Function {
                name: target.to_string(),
                description: function.description,
                effect: function.effect,
                input: function.input,
                output: function.output,
            })
            .collect();
        let is_shown = !functions.is_empty() || error.is_some();
        is_shown.then(|| Self { name: listed.name.to_string(), description: listed.description, functions, error })
    }
}

/// All that the caller may call.
pub(crate) async fn offered(host: &TenantHost) -> Vec<Tool> {
    let (tools, _) = host.host.tools().await;
    tools.into_iter().filter_map(|listed| Tool::of(host, listed)).collect()
}

pub(super) async fn list(State(shared): State<Arc<Shared>>, Extension(caller): Extension<Caller>) -> Response {
    let tools = offered(&caller.host(&shared)).await;
    super::json(StatusCode::OK, &Tools { tools })
}

pub(super) async fn show(
    State(shared): State<Arc<Shared>>,
    Extension(caller): Extension<Caller>,
    Path(name): Path<String>,
) -> Result<Response, Problem> {
    let host = caller.host(&shared);
    let listed = match name.parse() {
        Ok(name) => host.host.tool(&name).await,
        Err(_) => None,
    };
    match listed.and_then(|listed| Tool::of(&host, listed)) {
        Some(tool) => Ok(super::json(StatusCode::OK, &tool)),
        None => Err(Failure::new(Code::UnknownTool, format!("there is no tool `{}`", shortened(&name, 60)))
            .fix("GET /v1/tools lists those that there are")
            .into()),
    }
}

pub(super) async fn call(
    State(shared): State<Arc<Shared>>,
    Extension(caller): Extension<Caller>,
    Path(target): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let host = caller.host(&shared);
    let target: Target = target.parse().map_err(|error: hotcell_call::IdError| {
        Failure::new(Code::UnknownTool, error.to_string()).fix("GET /v1/tools lists those that there are")
    })?;
    let (terms, preference) = (Terms::read(&headers)?, Preference::read(&headers));
    let key = idempotency_key(&headers)?;
    let input = body::text(body, host.host.config().server.body).await?;
    let key = key.map(|key| shared.runs.key(key, &format!("call {target}"), input.as_bytes()));
    let input = if input.trim().is_empty() { Payload::default() } else { Payload::new(input) };
    let mut call = host.next_call(target.clone(), input, &terms);
    if key.is_none() && !preference.respond_async {
        return Ok(answer(host.call(call, pending()).await));
    }
    let id = RunId::from_bits(call.id.bits());
    call.run = Some(id);
    let begin = Begin { id, tenant: caller.tenant, what: What::Call(target), key };
    let most = host.host.config().server.runs;
    let work = |cancel: CancellationToken| async move { Ended::Call(host.call(call, cancel.cancelled()).await) };
    let run = shared.runs.begin(begin, most, work)?;
    if preference.respond_async {
        return Ok(begun(&run, preference.wait.unwrap_or(Duration::ZERO), true).await);
    }
    let end = run.end().await;
    Ok(match &end.result {
        Ended::Call(outcome) => answer(outcome.clone()),
        Ended::Failed(failure) => Problem::from(failure.clone()).into_response(),
        Ended::Agent(_) => Problem::from(Failure::new(Code::Fault, "a call ended as an agent")).into_response(),
    })
}

/// The answer to a call: its outcome where the tool answered, else the problem.
fn answer(outcome: Outcome) -> Response {
    let failure = outcome.result.as_ref().err().filter(|failure| failure.kind() != hotcell_call::Kind::Failed).cloned();
    if let Some(failure) = failure {
        return Problem::of(outcome, failure).into_response();
    }
    let body = serde_json::to_vec(&OutcomeObject::new(&outcome)).unwrap_or_default();
    let mut response = Response::new(Body::from(body));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response.headers_mut().extend(call_header(&outcome));
    response
}
