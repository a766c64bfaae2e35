//! `hotcell call`: one call, its answer on stdout and its receipt on stderr.

use std::time::Instant;

use hotcell_call::{CallId, Code, Failure, Outcome};
use hotcell_server::OutcomeObject;

use super::asked;
use crate::args::{CallArgs, Global};
use crate::exit::{Exit, Trouble};
use crate::output::Output;
use crate::signals::{Ended, cancelling, or_cancelled};
use crate::{error, receipt};

pub(super) async fn run(args: CallArgs, global: &Global, output: &Output) -> Result<Exit, Trouble> {
    show(output, &made(args, global).await?)
}

/// Makes the call. It is told what became of it when it is cancelled, so this listens for signals.
pub(super) async fn made(args: CallArgs, global: &Global) -> Result<Outcome, Trouble> {
    let CallArgs { asked } = args;
    let deadline = asked.schedule.deadline.and_then(|wait| Instant::now().checked_add(wait));
    let (host, target) = asked::host(&asked, global)?;
    let input = or_cancelled(asked::input(&host, &asked, &target, deadline)).await?;
    let mut call = host.next_call(target, input);
    call.deadline = deadline;
    asked.schedule.schedule(&mut call);
    let id = call.id;
    let cancel = || {
        // One that has just ended need not be cancelled.
        let _ = host.cancel(id);
    };
    match cancelling(Box::pin(host.call(call)), cancel).await {
        Ended::Done(outcome) => Ok(outcome),
        Ended::Abandoned => Err(abandoned(id).into()),
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
