//! The first stage: is this a call that can be made at all?
//!
//! A known tool and function, an input within its limit that fits the schema, limits and grants that only narrow what the operator
//! set, and a deadline. Whatever fails here has cost nothing and started nothing.

use std::sync::Arc;
use std::time::Instant;

use hotcell_call::{Code, Failure, Limits, Payload, ToolCall, ToolName, Wider};
use hotcell_sandbox::{Attempt, Invocation, OpenGrants, ProgressSink};
use tokio_util::sync::CancellationToken;

use crate::entry::Opened;
use crate::host::Host;

/// A call that may be made.
pub(crate) struct Ready {
    opened: Arc<Opened>,
    function: Arc<str>,
    call: ToolCall,
    input: Payload,
    limits: Limits,
    grants: Arc<OpenGrants>,
}

impl Host {
    /// Checks a call.
    pub(crate) async fn intake(&self, call: ToolCall) -> Result<Ready, Failure> {
        let opened = self.opened(&call.target).await?;
        let schema = opened.function(&call.target)?;
        if let Some(wider) = opened.limits.wider(&call.limits).first() {
            return Err(too_wide(&call, wider));
        }
        let limits = opened.limits.tighten(&call.limits);
        if call.input.size() > limits.input {
            return Err(too_large(&call, &limits));
        }
        let input = schema.check(&call.target, &call.input)?;
        let grants = match &call.wants {
            Some(wants) => opened.narrowed(wants)?,
            None => Arc::clone(&opened.grants),
        };
        let function = Arc::clone(&schema.name);
        Ok(Ready { function, opened, call, input, limits, grants })
    }
}

impl Ready {
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.call.deadline
    }

    /// The last stage: the cell.
    pub(crate) async fn run(self, cancel: CancellationToken, progress: ProgressSink) -> Attempt {
        let mut target = self.call.target;
        target.function = Some(Arc::clone(&self.function));
        let invocation = Invocation {
            call: self.call.id,
            target,
            tenant: self.call.tenant,
            input: self.input,
            limits: self.limits,
            grants: self.grants,
            deadline: self.call.deadline,
            cancel,
            progress: Some(progress),
        };
        self.opened.tool.invoke(&self.function, invocation).await
    }
}

fn too_wide(call: &ToolCall, wider: &Wider) -> Failure {
    Failure::new(Code::Wider, format!("the call asks for a wider limit than {} has", call.target.tool))
        .why(format!("{wider}; a call can only narrow"))
        .fix(operator(&call.target.tool, wider.key, &wider.asked))
}

fn too_large(call: &ToolCall, limits: &Limits) -> Failure {
    let (size, limit) = (call.input.size(), limits.input);
    Failure::new(Code::InputTooLarge, format!("the input of {} is too large", call.target))
        .why(format!("{size} of JSON, of at most {limit}"))
        .fix(operator(&call.target.tool, "input", &size.to_string()))
        .reached(size, limit)
}

fn operator(tool: &ToolName, key: &str, value: &str) -> String {
    format!("limits.{key} = \"{value}\" under [tools.{tool}] in hotcell.toml")
}
