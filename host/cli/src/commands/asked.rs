//! What `call` and `bench` make of what was typed: a host, what to call of it, and the input.

use std::time::Instant;

use hotcell_call::{Code, Failure, Limits, Payload, Target, ToolName};
use hotcell_runtime::{Function, Host};
use serde_json::Value;

use crate::args::{Asked, CallTarget, Global};
use crate::arguments::{self, Wanted};
use crate::exit::Trouble;
use crate::operator::{Operator, Typed};
use crate::signals::blocking;

/// Sets up the host, with what was typed for the tool, and says what to call of it.
pub(super) fn host(asked: &Asked, global: &Global) -> Result<(Host, Target), Trouble> {
    let mut operator = Operator::load(global)?;
    let target = target(&asked.target, &mut operator)?;
    operator.give(&target.tool, &asked.limits.keys(), &Typed::read(&asked.grants)?)?;
    Ok((operator.host()?, target))
}

/// What to call; a file becomes a tool of the host.
fn target(target: &CallTarget, operator: &mut Operator) -> Result<Target, Failure> {
    match target {
        CallTarget::Named(target) => Ok(target.clone()),
        CallTarget::File { path, function } => {
            let tool: ToolName = operator.file(path)?;
            match function {
                None => Ok(Target { tool, function: None }),
                Some(function) => format!("{tool}.{function}").parse().map_err(|error: hotcell_call::IdError| {
                    Failure::new(Code::Command, error.to_string()).why(error.grammar())
                }),
            }
        }
    }
}

/// The arguments as JSON.
pub(super) async fn input(
    host: &Host,
    args: &Asked,
    target: &Target,
    deadline: Option<Instant>,
) -> Result<Payload, Failure> {
    if args.data.is_none() && args.assignments.is_empty() {
        return Ok(Payload::default());
    }
    // A tool that can't be looked at, or not in time, can't be called either: the call itself will say so, as it would of any
    // other.
    let look = host.inspect(&target.tool);
    let looked = match deadline {
        Some(deadline) => tokio::time::timeout_at(deadline.into(), look).await.ok().and_then(Result::ok),
        None => look.await.ok(),
    };
    let (target, data, assignments) = (target.clone(), args.data.clone(), args.assignments.clone());
    blocking(move || {
        let most = looked.as_ref().map_or_else(Limits::default, |looked| looked.limits.clone()).input;
        if let Some(data) = data {
            return arguments::data(&data, &target, most);
        }
        let functions = looked.as_ref().map(|looked| looked.descriptor.functions.as_slice()).unwrap_or_default();
        let function = function(functions, &target);
        let wanted = Wanted {
            target: &target,
            schema: function.map_or(&Value::Null, |function| &function.input),
            parameters: function.map(|function| function.parameters.as_slice()).unwrap_or_default(),
            most,
        };
        arguments::assigned(&assignments, wanted)
    })
    .await
}

fn function<'a>(functions: &'a [Function], target: &Target) -> Option<&'a Function> {
    match (target.function.as_deref(), functions) {
        (None, [only]) => Some(only),
        (None, _) => None,
        (Some(name), functions) => functions.iter().find(|function| function.name == name),
    }
}
