//! `hotcell call`: one call, its answer on stdout and its receipt on stderr.

use std::time::Instant;

use hotcell_call::{CallId, Code, Failure, Limits, Outcome, Payload, Target, ToolName};
use hotcell_runtime::{Function, Host};
use hotcell_server::OutcomeObject;
use serde_json::Value;

use crate::args::{CallArgs, CallTarget, Global};
use crate::arguments::{self, Wanted};
use crate::exit::{Exit, Trouble};
use crate::operator::{Operator, Typed};
use crate::output::Output;
use crate::signals::{Ended, blocking, cancelling, or_cancelled};
use crate::{error, receipt};

pub(super) async fn run(args: CallArgs, global: &Global, output: &Output) -> Result<Exit, Trouble> {
    let deadline = args.schedule.deadline.and_then(|wait| Instant::now().checked_add(wait));
    let mut operator = Operator::load(global)?;
    let target = target(&args.target, &mut operator)?;
    operator.give(&target.tool, &args.limits.keys(), &Typed::read(&args.grants)?)?;
    let host = operator.host()?;
    let input = or_cancelled(input(&host, &args, &target, deadline)).await?;
    let mut call = host.next_call(target, input);
    call.deadline = deadline;
    args.schedule.schedule(&mut call);
    let id = call.id;
    let cancel = || {
        // One that has just ended need not be cancelled.
        let _ = host.cancel(id);
    };
    match cancelling(Box::pin(host.call(call)), cancel).await {
        Ended::Done(outcome) => show(output, &outcome),
        Ended::Abandoned => Err(abandoned(id).into()),
    }
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
async fn input(host: &Host, args: &CallArgs, target: &Target, deadline: Option<Instant>) -> Result<Payload, Failure> {
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

fn show(output: &Output, outcome: &Outcome) -> Result<Exit, Trouble> {
    if output.is_json() {
        output.object(&OutcomeObject::new(outcome))?;
        return Ok(Exit::with(outcome.exit_code()));
    }
    match &outcome.result {
        // A text is itself, without quotes: that is what a pipe wants.
        Ok(value) => match serde_json::from_str::<String>(value.as_str()) {
            Ok(text) => output.text(&text),
            Err(_) => output.json_text(value.as_str()),
        },
        Err(failure) => output.tell(error::failed(output, failure)),
    }
    receipt::tell(output, outcome);
    if outcome.exit_code() == Exit::FAULT {
        output.tell(format_args!("  call  {}", outcome.call));
    }
    Ok(Exit::with(outcome.exit_code()))
}

fn abandoned(call: CallId) -> Failure {
    Failure::new(Code::Cancelled, "the call was abandoned")
        .why(format!("it was still ending when a second signal came (call {call})"))
}
