//! `hotcell run`: an agent, from its file to what it wrote.

mod agent;
mod input;
mod summary;

use hotcell_agent::Agent;
use hotcell_runtime::{Host, RunInput, RunOutcome};

use super::offered;
use crate::args::{Global, RunArgs};
use crate::error;
use crate::exit::{Exit, Trouble};
use crate::operator::{Operator, Typed};
use crate::output::Output;
use crate::progress::Progress;
use crate::signals::blocking;

use agent::Found;
use input::Given;

pub(super) async fn run(args: RunArgs, global: &Global, output: &Output) -> Result<Exit, Trouble> {
    let mut operator = Operator::load(global)?;
    let found = Found::find(&args.agent, operator.config())?;
    let mut grants = Typed::read(&args.grants)?;
    let (kind, typed) = (found.input_kind().map(str::to_owned), args.input.as_deref().or(found.default_input()));
    let typed = typed.map(str::to_owned);
    let given = blocking(move || Given::read(kind.as_deref(), typed)).await?;
    if let Some(folder) = given.folder() {
        grants.add(folder.clone());
    }
    for tool in found.tools() {
        operator.give(tool, &args.limits.keys(), &grants)?;
    }
    let host = operator.host()?;
    let mut agent = host.agent(found.source()).await?;
    agent.bounds.parallel = args.parallel.unwrap_or(agent.bounds.parallel);
    let input = RunInput { value: given.value(&agent)?, out: args.out, approver: None };
    let _offer = offered(&host, format!("run {}", agent.name));
    let outcome = watched(&host, &agent, input, output).await;
    show(output, &outcome)
}

/// Runs the agent and shows how far it is.
async fn watched(host: &Host, agent: &Agent, input: RunInput, output: &Output) -> RunOutcome {
    let mut events = host.events();
    let mut progress = Progress::new(output, agent);
    let mut run = Box::pin(host.run(agent, input));
    let outcome = loop {
        // What is not heard now stays in the stream, and the run is polled on where it was.
        tokio::select! {
            outcome = &mut run => break outcome,
            heard = events.next() => progress.hear(heard),
        }
    };
    // The run told its end before it ended, so these come without waiting.
    while !progress.is_over() {
        progress.hear(events.next().await);
    }
    outcome
}

fn show(output: &Output, outcome: &RunOutcome) -> Result<Exit, Trouble> {
    if output.is_json() {
        output.object(&summary::Object::new(outcome))?;
        return Ok(Exit::with(outcome.exit_code()));
    }
    summary::data(output, outcome)?;
    if let Some(failure) = &outcome.failure {
        output.tell(error::failed(output, failure));
    }
    summary::tell(output, outcome);
    Ok(Exit::with(outcome.exit_code()))
}
