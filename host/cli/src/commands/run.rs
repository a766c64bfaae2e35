//! `hotcell run`: an agent, from its file to what it wrote; once, or for each of many tasks.

mod agent;
mod input;
mod summary;
mod tasks;
mod trace;

use std::num::NonZeroUsize;
use std::sync::Arc;

use hotcell_agent::Agent;
use hotcell_agent::document::Source;
use hotcell_agent::model::ModelName;
use hotcell_call::{Code, Failure};
use hotcell_runtime::{Heard, Host, RunInput, RunOutcome, Subscription};
use serde::Serialize;

use super::offered;
use crate::approver::approver;
use crate::args::{Global, RunArgs, TASKS_IN_FLIGHT, Telling};
use crate::error;
use crate::exit::{Exit, Trouble};
use crate::operator::{Operator, Typed};
use crate::output::Output;
use crate::progress::{Progress, Stage};
use crate::signals::{blocking, or_cancelled};

use agent::Found;
use input::Given;
use trace::Trace;

pub(super) async fn run(args: RunArgs, global: &Global, output: &Output) -> Result<Exit, Trouble> {
    match args.tasks.file {
        Some(_) => tasks::run(args, global, output).await,
        None => or_cancelled(once(args, global, output)).await,
    }
}

/// Runs the agent for what was typed.
async fn once(args: RunArgs, global: &Global, output: &Output) -> Result<Exit, Trouble> {
    alone(&args)?;
    let mut operator = Operator::load(global)?;
    let found = Found::find(&args.agent, operator.config())?;
    let mut grants = Typed::read(&args.grants)?;
    let (kind, typed) = (found.input_kind().map(str::to_owned), args.input.as_deref().or(found.default_input()));
    let typed = typed.map(str::to_owned);
    let given = blocking(move || Given::read(kind.as_deref(), typed)).await?;
    if let Some(folder) = given.folder() {
        grants.add(folder.clone());
    }
    operator.give_all(&args.limits.keys(), &grants)?;
    let (host, agent) = ready(operator, found.source(), &args, output).await?;
    let stage = Stage::new(output);
    let approver = agent.mind.as_ref().and_then(|_| approver(output, &stage, args.yes));
    let input = RunInput { value: given.value(&agent)?, out: args.out.clone(), approver, ..RunInput::default() };
    let _offer = offered(&host, format!("run {}", agent.name));
    let watch = Watch::new(&host, output, Progress::new(output, &agent, stage), args.telling);
    let (outcome, trace) = watch.run(&host, &agent, input).await?;
    show(output, &outcome, trace.and_then(|trace| trace.of(outcome.run)).as_ref(), args.telling)
}

/// Refuses what belongs to many tasks. What the shell sets for other runs is no mistake of this one.
fn alone(args: &RunArgs) -> Result<(), Failure> {
    let typed = args.tasks.in_flight.is_some() && std::env::var_os(TASKS_IN_FLIGHT).is_none();
    let (flag, what) = match (&args.tasks.results, typed) {
        (Some(_), _) => ("--results", "keeps the results of many tasks"),
        (None, true) => ("-j", "is the number of tasks at the same time"),
        (None, false) => return Ok(()),
    };
    Err(Failure::new(Code::Command, format!("{flag} {what}, and there is one"))
        .fix("--tasks FILE for many; --parallel N bounds the calls of one run"))
}

/// The host, and the agent as it is to be run.
async fn ready(
    operator: Operator,
    source: &Arc<Source>,
    args: &RunArgs,
    output: &Output,
) -> Result<(Host, Agent), Trouble> {
    let host = operator.host()?;
    let mut agent = host.agent(source).await?;
    agent.bounds.parallel = args.parallel.and_then(at_once).unwrap_or(agent.bounds.parallel);
    if let Some(model) = &args.model {
        choose(&mut agent, model, output)?;
    }
    if args.yes && agent.mind.is_some() {
        output.tell(format_args!("--yes: {} is let do every call that it would have to ask for", agent.name));
    }
    Ok((host, agent))
}

fn at_once(calls: u16) -> Option<NonZeroUsize> {
    NonZeroUsize::new(usize::from(calls))
}

/// Lets the agent, and those at its side that have no model of their own, ask another model.
fn choose(agent: &mut Agent, model: &ModelName, output: &Output) -> Result<(), Failure> {
    let Some(mind) = agent.mind.as_deref_mut() else {
        output.note(format_args!("{} has no model, so --model {model} means nothing to it", agent.name));
        return Ok(());
    };
    if *model == ModelName::Scripted && mind.script.is_empty() {
        return Err(Failure::new(Code::Command, format!("{} has no replies for `scripted`", agent.name))
            .why("they stand in its file, as [[model.reply]]")
            .fix("--model rules"));
    }
    let before = std::mem::replace(&mut mind.models, vec![model.clone()]);
    if *model != ModelName::Scripted {
        mind.script.clear();
        follow(agent, &before, model);
    }
    Ok(())
}

/// An agent at the side of one has its model, unless it names another.
fn follow(agent: &mut Agent, before: &[ModelName], model: &ModelName) {
    let inherited: Vec<&ModelName> = before.iter().filter(|name| **name != ModelName::Scripted).collect();
    for sub in agent.mind.iter_mut().flat_map(|mind| &mut mind.agents) {
        if let Some(mind) = &mut sub.agent.mind
            && mind.models.iter().eq(inherited.iter().copied())
        {
            mind.models = vec![model.clone()];
            follow(&mut sub.agent, before, model);
        }
    }
}

/// What looks at a run while it runs.
struct Watch<'a> {
    events: Subscription,
    output: &'a Output,
    progress: Progress<'a>,
    /// What was done; none: nobody wants to know.
    trace: Option<Trace>,
    /// Whether everything is printed that happens.
    tells: bool,
}

impl<'a> Watch<'a> {
    /// Begins to listen: before the run does.
    fn new(host: &Host, output: &'a Output, progress: Progress<'a>, telling: Telling) -> Self {
        let trace = telling.trace.then(Trace::default);
        Self { events: host.events(), output, progress, trace, tells: telling.events }
    }

    /// Runs the agent and shows how far it is.
    async fn run(
        mut self,
        host: &Host,
        agent: &Agent,
        input: RunInput,
    ) -> Result<(RunOutcome, Option<Trace>), Failure> {
        let mut run = Box::pin(host.run(agent, input));
        let outcome = loop {
            // What is not heard now stays in the stream, and the run is polled on where it was.
            tokio::select! {
                outcome = &mut run => break outcome,
                heard = self.events.next() => self.hear(heard)?,
            }
        };
        // The run told its end before it ended, so these come without waiting.
        while !self.progress.is_over(outcome.run) {
            let heard = self.events.next().await;
            self.hear(heard)?;
        }
        Ok((outcome, self.trace))
    }

    fn hear(&mut self, heard: Option<Heard>) -> Result<(), Failure> {
        self.progress.hear(heard.as_ref());
        let Some(heard) = heard else { return Ok(()) };
        if let Some(trace) = &mut self.trace {
            trace.hear(&heard);
        }
        match heard {
            _ if !self.tells => Ok(()),
            Heard::Event(event) => self.output.record(&*event),
            Heard::Missed(missed) => self.output.record(&Missed { missed }),
        }
    }
}

/// Events that came too fast to be printed.
#[derive(Serialize)]
struct Missed {
    missed: u64,
}

fn show(output: &Output, outcome: &RunOutcome, trace: Option<&trace::Run>, telling: Telling) -> Result<Exit, Trouble> {
    let exit = Exit::with(outcome.exit_code());
    let object = summary::Object::new(outcome);
    if telling.events {
        output.record(&object.with(trace))?;
        return Ok(exit);
    }
    if output.is_json() {
        output.object(&object.with(trace))?;
        return Ok(exit);
    }
    summary::data(output, outcome)?;
    for line in trace.iter().flat_map(|trace| trace::lines(output, trace)) {
        output.tell(line);
    }
    if let Some(failure) = &outcome.failure {
        output.tell(error::failed(output, failure));
    }
    summary::tell(output, outcome);
    Ok(exit)
}
