//! One client's questions, answered: what there is, and what came of a call.

use std::sync::Arc;

use hotcell_call::{AgentName, Code, Failure, Payload, TenantId, ToolCall, nearest, shortened};
use hotcell_runtime::trace::within;
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, CustomRequest, CustomResult, ErrorCode, Implementation,
    JsonObject, ListToolsResult, PaginatedRequestParams, ServerCapabilities, ServerConfig, SubscriptionFilter,
};
use rmcp::service::{NotificationContext, RequestContext, RoleServer, SubscriptionContext};
use rmcp::{ErrorData, ServerHandler};
use serde_json::Value;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::offer::{Known, Offer};
use super::page::page;
use super::progress::{Progress, beside};
use super::shape::Output;
use super::{Mcp, meta, result};
use crate::serve::Caller;
use crate::tenant::TenantHost;
use crate::terms::Terms;

/// One client.
#[derive(Debug)]
pub(crate) struct Handler {
    mcp: Arc<Mcp>,
    whose: Whose,
    /// Places for calls.
    calls: Semaphore,
    /// Places for streams that tell of changes.
    streams: Semaphore,
    /// The client is gone: nobody waits for an answer.
    gone: CancellationToken,
}

/// On whose behalf a client asks.
#[derive(Debug)]
pub(crate) enum Whose {
    /// Of this tenant alone.
    Of(TenantId),
    /// Of the tenant whose token each request shows.
    ByRequest,
}

/// Calls of one client at a time: more than any client makes, and few enough that a flood of requests is no flood of calls.
pub(super) const MOST_CALLS: usize = 256;
/// Streams of one client that tell of changes; one is enough.
const MOST_STREAMS: usize = 16;

/// What a model is told of this server before it uses it.
const INSTRUCTIONS: &str = "\
Each tool runs in a sandbox of its own: nothing is kept from one call to the next, and a tool reaches no file, host or variable that \
its operator did not grant. A result with isError has an object that says what happened, why, and often how to mend it: `invalid` \
means other arguments, `exhausted` and `timed-out` a smaller task, `refused` to try again later; `denied` only the operator can \
change, so tell the user its fix. Names are TOOL__FUNCTION; agent__NAME runs an agent, which may take long.";

impl Handler {
    pub(super) fn new(mcp: Arc<Mcp>, whose: Whose, gone: CancellationToken) -> Self {
        Self { mcp, whose, calls: Semaphore::new(MOST_CALLS), streams: Semaphore::new(MOST_STREAMS), gone }
    }

    fn tenant(&self, extensions: &rmcp::model::Extensions) -> Result<TenantId, ErrorData> {
        if let Whose::Of(tenant) = &self.whose {
            return Ok(tenant.clone());
        }
        let caller = extensions.get::<http::request::Parts>().and_then(|parts| parts.extensions.get::<Caller>());
        caller.map(|caller| caller.tenant.clone()).ok_or_else(|| ErrorData::internal_error("nobody asks", None))
    }

    /// Ends when nobody waits for the answer to a request any more.
    async fn given_up(&self, context: &RequestContext<RoleServer>) {
        tokio::select! {
            () = context.ct.cancelled() => {}
            () = self.gone.cancelled() => {}
        }
    }

    async fn call(
        &self,
        host: &TenantHost,
        call: ToolCall,
        output: &Output,
        context: &RequestContext<RoleServer>,
    ) -> CallToolResult {
        let progress = Progress::of_call(&host.host, context, call.id);
        let outcome = beside(progress, Box::pin(host.call(call, self.given_up(context)))).await;
        result::of_call(outcome, output)
    }

    async fn run(
        &self,
        host: &TenantHost,
        name: &AgentName,
        arguments: Option<JsonObject>,
        context: &RequestContext<RoleServer>,
    ) -> Result<CallToolResult, Failure> {
        let run = host.next_run(name, task(name, arguments)?).await?;
        let progress = Progress::of_run(&host.host, context, run.id);
        let outcome = beside(progress, run.until(self.given_up(context))).await?;
        Ok(result::of_run(&outcome))
    }

    /// What came of a tool's use.
    async fn used(
        &self,
        request: CallToolRequestParams,
        tenant: &TenantId,
        context: &RequestContext<RoleServer>,
    ) -> Result<CallToolResult, ErrorData> {
        let terms = meta::terms(&context.meta)?;
        let offer = self.mcp.offer(tenant).await;
        let host = self.mcp.host_of(tenant);
        match offer.known(&request.name) {
            None => Err(unknown(&request.name, &offer)),
            Some(Known::Function(target, output)) => {
                let input = Payload::new(Value::Object(request.arguments.unwrap_or_default()).to_string());
                let call = host.next_call(target.clone(), input, &terms);
                Ok(self.call(&host, call, output, context).await)
            }
            Some(Known::Agent(_)) if terms != Terms::default() => Err(ErrorData::invalid_params(
                "the terms of a call in _meta mean nothing to an agent: its file has its own",
                None,
            )),
            Some(Known::Agent(name)) => {
                let run = self.run(&host, name, request.arguments, context).await;
                Ok(run.unwrap_or_else(|failure| result::of_failure(&failure)))
            }
        }
    }
}

impl ServerHandler for Handler {
    fn get_info(&self) -> ServerConfig {
        let capabilities = ServerCapabilities::builder().enable_tools().enable_tool_list_changed().build();
        let mut name = Implementation::new("hotcell", env!("CARGO_PKG_VERSION"));
        name.title = Some("hotcell".to_owned());
        ServerConfig::new(capabilities).with_server_info(name).with_instructions(INSTRUCTIONS)
    }

    async fn list_tools(
        &self,
        request: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let tenant = self.tenant(&context.extensions)?;
        let offer = self.mcp.offer(&tenant).await;
        let cursor = request.and_then(|request| request.cursor);
        let (tools, next) = page(&offer.tools, cursor.as_deref())?;
        let mut list = ListToolsResult::with_all_items(tools);
        list.next_cursor = next;
        Ok(list)
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let tenant = self.tenant(&context.extensions)?;
        if self.mcp.leaving.is_cancelled() {
            let failure = Failure::new(Code::Draining, "the server is about to end");
            return Ok(result::of_failure(&failure).into());
        }
        let Ok(_place) = self.calls.try_acquire() else {
            return Ok(result::of_failure(&too_many()).into());
        };
        let parent = meta::parent(&context.meta, &context.extensions);
        Ok(within(parent, Box::pin(self.used(request, &tenant, &context))).await?.into())
    }

    /// What the library knows, but could not read, comes here, too.
    async fn on_custom_request(
        &self,
        request: CustomRequest,
        _context: RequestContext<RoleServer>,
    ) -> Result<CustomResult, ErrorData> {
        let method = shortened(&request.method, 80);
        Err(match request.method.as_str() {
            "tools/call" | "tools/list" | "initialize" | "server/discover" | "subscriptions/listen" => {
                ErrorData::invalid_params(format!("the parameters of {method} can't be read"), None)
            }
            _ => ErrorData::new(ErrorCode::METHOD_NOT_FOUND, method, None),
        })
    }

    async fn on_initialized(&self, context: NotificationContext<RoleServer>) {
        if let Ok(tenant) = self.tenant(&context.extensions) {
            let mark = self.mcp.offer(&tenant).await.mark;
            self.mcp.listeners.add(&tenant, mark, context.peer);
        }
    }

    fn accepted_subscription_filter(&self, requested: &SubscriptionFilter) -> Option<SubscriptionFilter> {
        Some(requested.supported_by(&self.get_info().capabilities))
    }

    async fn listen(&self, context: SubscriptionContext) -> Result<(), ErrorData> {
        let tenant = self.tenant(&context.request_context().extensions)?;
        let Ok(_place) = self.streams.try_acquire() else {
            return Err(ErrorData::invalid_request(format!("there are {MOST_STREAMS} of these already"), None));
        };
        let mark = self.mcp.offer(&tenant).await.mark;
        let mut told = self.mcp.listeners.stream(&tenant, mark);
        loop {
            // None loses anything by not being waited for: what was not told is still another mark.
            tokio::select! {
                Ok(()) = told.changed() => if context.sink().notify_tool_list_changed().await.is_err() {
                    return Ok(());
                },
                () = self.given_up(context.request_context()) => return Ok(()),
                () = self.mcp.end.cancelled() => return Ok(()),
            }
        }
    }
}

/// What an agent is to work on.
fn task(name: &AgentName, arguments: Option<JsonObject>) -> Result<Value, Failure> {
    let mut arguments = arguments.unwrap_or_default();
    let input = arguments.remove("input").unwrap_or_default();
    match arguments.keys().next() {
        None => Ok(input),
        Some(other) => Err(Failure::new(Code::Input, format!("agent {name} takes nothing but `input`"))
            .why(format!("there is `{}`", shortened(other, 60)))),
    }
}

fn too_many() -> Failure {
    Failure::new(Code::Overloaded, "too many calls of this client are under way")
        .why(format!("{MOST_CALLS} of {MOST_CALLS}"))
        .fix("wait for some to end")
        .reached(MOST_CALLS, MOST_CALLS)
        .retry_after(std::time::Duration::from_secs(1))
}

/// That there is no such tool, for this client at least.
fn unknown(name: &str, offer: &Offer) -> ErrorData {
    let mut failure = Failure::new(Code::UnknownTool, format!("there is no tool `{}`", shortened(name, 80)));
    if let Some(near) = nearest(name, offer.names()) {
        failure = failure.fix(format!("did you mean `{near}`?"));
    }
    let fix = failure.remedy().map(|fix| format!(": {fix}")).unwrap_or_default();
    ErrorData::invalid_params(format!("{}{fix}", failure.what()), serde_json::to_value(&failure).ok())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_task_is_its_input_and_nothing_else() {
        let name: AgentName = "critic".parse().unwrap();
        let object = |value: Value| value.as_object().cloned();
        assert_eq!(task(&name, object(json!({ "input": "x" }))).unwrap(), json!("x"));
        assert_eq!(task(&name, None).unwrap(), Value::Null);
        let refused = task(&name, object(json!({ "input": "x", "model": "other" }))).unwrap_err();
        assert!(refused.reason().contains("model"), "{refused}");
    }
}
