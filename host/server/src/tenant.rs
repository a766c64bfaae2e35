//! A host as one tenant has it: the functions that it may call, the agents that it may run, and what came of them, told as a tenant is
//! told. HTTP and MCP both ask here, so that neither offers what the other refuses.

use std::collections::BTreeSet;

use hotcell_call::{AgentName, Code, Failure, Outcome, Payload, RunId, Target, TenantId, ToolCall, ToolName};
use hotcell_runtime::{Agent, Agents, Function, Host, RunInput, RunOutcome};
use serde_json::Value;

use crate::terms::Terms;
use crate::wire::told_to;

/// What one tenant has of a host.
#[derive(Debug, Clone)]
pub(crate) struct TenantHost {
    pub(crate) host: Host,
    pub(crate) tenant: TenantId,
}

/// A run of an agent that was not begun yet.
pub(crate) struct AgentRun {
    host: Host,
    agent: Agent,
    input: RunInput,
    pub(crate) id: RunId,
}

impl TenantHost {
    pub(crate) fn new(host: Host, tenant: TenantId) -> Self {
        Self { host, tenant }
    }

    /// Whether it may call anything of a tool. Whoever may not need not know what is wrong with it.
    pub(crate) fn may_see(&self, tool: &ToolName) -> bool {
        self.host.may_call(&self.tenant, &Target { tool: tool.clone(), function: None })
    }

    /// Which of a tool's functions it may call.
    pub(crate) fn functions(
        &self,
        tool: &ToolName,
        functions: impl IntoIterator<Item = Function>,
    ) -> Vec<(Target, Function)> {
        let callable = functions.into_iter().filter(|function| function.callable.is_ok());
        let named = callable.map(|function| (Target::new(tool.clone(), function.name.as_str()), function));
        named.filter(|(target, _)| self.host.may_call(&self.tenant, target)).collect()
    }

    /// The agents that it may run.
    ///
    /// # Errors
    ///
    /// [`Code::Fault`] where the folders can't be looked at.
    pub(crate) async fn agents(&self) -> Result<BTreeSet<AgentName>, Failure> {
        let agents = self.host.agents().clone();
        let names = tokio::task::spawn_blocking(move || agents.names()).await;
        let names = names.map_err(|error| Failure::new(Code::Fault, "a thread was lost").caused_by(error))?;
        Ok(names.into_iter().filter(|name| self.host.may_run(&self.tenant, name)).collect())
    }

    /// A call of its, under these terms.
    pub(crate) fn next_call(&self, target: Target, input: Payload, terms: &Terms) -> ToolCall {
        let mut call = self.host.next_call(target, input);
        call.tenant = self.tenant.clone();
        terms.hold_for(&mut call);
        call
    }

    /// Makes a call, until `cancel` ends.
    pub(crate) async fn call(&self, call: ToolCall, cancel: impl Future<Output = ()>) -> Outcome {
        let mut outcome = self.host.call_until(call, cancel).await;
        outcome.result = outcome.result.map_err(|failure| told_to(&self.tenant, failure));
        outcome
    }

    /// A run of an agent on `input`, to be begun. Runs at the same time have folders of their own.
    ///
    /// # Errors
    ///
    /// [`Code::UnknownAgent`], also for one that it may not run; what is wrong with the agent's file, or with the input.
    pub(crate) async fn next_run(&self, name: &AgentName, input: Value) -> Result<AgentRun, Failure> {
        let agents = self.agents().await?;
        if !agents.contains(name) {
            return Err(Agents::unknown(name, &agents));
        }
        let agent = Box::pin(self.host.named_agent(name)).await.map_err(|failure| told_to(&self.tenant, failure))?;
        let value = agent.input_of(input)?;
        let id = Host::next_run();
        let out = Some(agent.output.join(id.to_string()));
        let input = RunInput { value, out, run: Some(id), tenant: self.tenant.clone(), approver: None };
        Ok(AgentRun { host: self.host.clone(), agent, input, id })
    }
}

impl AgentRun {
    /// Does it, until `cancel` ends: then the run is dropped, and its calls end with it.
    ///
    /// # Errors
    ///
    /// [`Code::Cancelled`].
    pub(crate) async fn until(self, cancel: impl Future<Output = ()>) -> Result<RunOutcome, Failure> {
        tokio::select! {
            outcome = Box::pin(self.host.run(&self.agent, self.input)) => Ok(outcome),
            () = cancel => Err(Failure::new(Code::Cancelled, "the run was cancelled").why("by whoever began it")),
        }
    }
}
