//! Many tasks for one agent: each a run of its own, side by side over one host, and a line for each in the order of the file.
//!
//! A file may be longer than memory, so it is read as tasks are started. What has ended waits for what stands before it, so only so
//! many are started ahead of the first that is still under way ([`AHEAD`] times as many as run at once). A line that is no task is
//! an outcome of that line and ends nothing.
//!
//! A file of tasks grants nothing. What is typed as the input of one run lets the tools read it; what stands in a file of tasks is
//! data, and a path in it leads only to what the command line or hotcell.toml grants.

mod kept;
mod line;
mod read;

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use hotcell_agent::{Agent, InputKind};
use hotcell_call::{Code, Failure, format_duration};
use hotcell_runtime::{Approver, Host, RunInput};
use tokio::task::{JoinError, JoinSet};

use super::agent::Found;
use super::ready;
use super::summary::counted;
use crate::approver::approver;
use crate::args::{Global, RunArgs};
use crate::commands::offered;
use crate::error;
use crate::exit::{Exit, Trouble};
use crate::operator::{Operator, Typed};
use crate::output::{BOLD, GREEN, Output, RED, YELLOW};
use crate::progress::Stage;
use crate::signals::{blocking, interrupted, or_cancelled};

use kept::{Kept, Known};
use line::{Ended, Task};
use read::{Lines, Read};

/// Tasks at the same time unless it is said how many.
const AT_ONCE: usize = 8;
/// How many tasks are started ahead of the first that is under way, in multiples of those that run at once.
const AHEAD: usize = 4;

/// What each run is made of.
struct Maker {
    host: Host,
    agent: Arc<Agent>,
    kind: InputKind,
    /// The folder in which each task that saves something has one of its own.
    out: PathBuf,
    approver: Option<Arc<dyn Approver>>,
}

/// The tasks that were started, and how those before them ended.
struct Batch<'a> {
    output: &'a Output,
    stage: Stage,
    at_once: usize,
    /// Runs with their numbers: tasks are counted from 0 in the order in which they are started.
    runs: JoinSet<(usize, Ended)>,
    /// From the first that was not told yet; none: under way.
    window: VecDeque<Option<Ended>>,
    /// The number of the first in the window.
    first: usize,
    kept: Option<Kept>,
    tally: Tally,
}

#[derive(Default)]
struct Tally {
    ok: u64,
    failed: u64,
    skipped: u64,
    /// The exit code of the first failure, in the order of the file.
    exit: Option<u8>,
}

/// How the work on a file ended.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    /// With its last task.
    Whole,
    /// By a signal.
    Interrupted,
    /// Nobody reads the answers any more.
    Alone,
}

/// Runs the agent for each line of the file.
pub(super) async fn run(args: RunArgs, global: &Global, output: &Output) -> Result<Exit, Trouble> {
    let started = Instant::now();
    let (maker, mut lines, mut batch) = or_cancelled(begun(args, global, output)).await?;
    let _offer = offered(&maker.host, format!("run {}", maker.agent.name));
    let ended = batch.all(&maker, &mut lines).await;
    // What is under way stops by being dropped, and so does the reading.
    batch.runs.shutdown().await;
    batch.stage.clear();
    batch.summary(&maker.agent, started);
    if ended? == End::Interrupted {
        let failure = Failure::new(Code::Cancelled, "the command was cancelled");
        let failure = failure.why("by a signal; tasks that were answered stay answered");
        output.tell(error::failed(output, &failure));
        return Ok(Exit::with(failure.kind().exit_code()));
    }
    Ok(Exit::with(batch.tally.exit.unwrap_or(0)))
}

async fn begun<'a>(args: RunArgs, global: &Global, output: &'a Output) -> Result<(Maker, Lines, Batch<'a>), Trouble> {
    if args.telling.trace || args.telling.events {
        let failure = Failure::new(Code::Command, "--trace and --events are of one run, and --tasks makes many");
        return Err(failure.fix("leave them out, and HOTCELL_TRACE and HOTCELL_EVENTS").into());
    }
    let mut operator = Operator::load(global)?;
    let found = Found::find(&args.agent, operator.config())?;
    let grants = Typed::read(&args.grants)?;
    operator.give_all(&args.limits.keys(), &grants)?;
    let tasks = args.tasks.file.clone().unwrap_or_default();
    let lines = blocking(move || Lines::open(&tasks)).await?;
    let results = args.tasks.results.clone();
    let kept = blocking(move || results.as_deref().map(Kept::open).transpose()).await?;
    let (host, agent) = ready(operator, found.source(), &args, output).await?;
    let Some(kind) = agent.input.as_ref().map(|input| input.kind) else {
        let failure = Failure::new(Code::Command, format!("{} takes no input, so it has no tasks", agent.name));
        return Err(failure.fix("[input]\nkind = \"text\"").into());
    };
    // A line that moves would be drawn into the answers.
    let stage = if output.is_screen() { Stage::default() } else { Stage::new(output) };
    let approver = agent.mind.as_ref().and_then(|_| approver(output, &stage, args.yes));
    let out = args.out.unwrap_or_else(|| agent.output.clone());
    let batch = Batch {
        output,
        stage,
        at_once: args.tasks.in_flight.map_or(AT_ONCE, usize::from),
        runs: JoinSet::new(),
        window: VecDeque::new(),
        first: 0,
        kept,
        tally: Tally::default(),
    };
    Ok((Maker { host, agent: Arc::new(agent), kind, out, approver }, lines, batch))
}

impl Batch<'_> {
    /// Starts all tasks, tells how each ended, and stops early for a signal.
    async fn all(&mut self, maker: &Maker, lines: &mut Lines) -> Result<End, Failure> {
        let mut more = true;
        while more || !self.runs.is_empty() {
            let free = self.runs.len() < self.at_once && self.window.len() < self.at_once * AHEAD;
            // Nothing is lost by not being waited for: a signal, an end and a line are all still there at the next turn.
            tokio::select! {
                biased;
                () = interrupted() => return Ok(End::Interrupted),
                Some(ended) = self.runs.join_next() => self.ended(ended)?,
                line = lines.next(), if more && free => match line {
                    Some(line) => self.start(maker, line?),
                    None => more = false,
                },
            }
            self.tell()?;
            if self.output.is_alone() && self.kept.is_none() {
                return Ok(End::Alone);
            }
        }
        Ok(End::Whole)
    }

    fn start(&mut self, maker: &Maker, line: Read) {
        let task = match Task::read(line, maker.kind) {
            Ok(task) => task,
            Err(wrong) => return self.window.push_back(Some(wrong)),
        };
        match self.kept.as_mut().map(|kept| kept.know(&task.id)) {
            Some(Known::Done) => {
                self.tally.skipped += 1;
                return;
            }
            Some(Known::Twice) => return self.window.push_back(Some(task.twice())),
            Some(Known::New) | None => {}
        }
        let number = self.first + self.window.len();
        self.window.push_back(None);
        let (host, agent) = (maker.host.clone(), Arc::clone(&maker.agent));
        let input = RunInput {
            value: task.input.clone(),
            out: Some(maker.out.join(task.index.to_string())),
            approver: maker.approver.clone(),
            ..RunInput::default()
        };
        self.runs.spawn(async move {
            let outcome = host.run(&agent, input).await;
            (number, task.ended(&outcome))
        });
    }

    fn ended(&mut self, ended: Result<(usize, Ended), JoinError>) -> Result<(), Failure> {
        let (number, ended) = ended.map_err(|error| Failure::new(Code::Fault, "a run was lost").caused_by(error))?;
        let place = number.checked_sub(self.first).and_then(|place| self.window.get_mut(place));
        if let Some(place) = place {
            *place = Some(ended);
        }
        Ok(())
    }

    /// Tells how those ended that nothing is before any more.
    fn tell(&mut self) -> Result<(), Failure> {
        while let Some(Some(_)) = self.window.front() {
            let Some(ended) = self.window.pop_front().flatten() else { break };
            self.first += 1;
            self.tally.count(ended.exit);
            let line = ended.line?;
            self.output.record_line(&line);
            if let Some(kept) = &mut self.kept {
                kept.keep(&line)?;
            }
        }
        let Tally { ok, failed, .. } = self.tally;
        self.stage.say(format!("{}  {failed} failed  {} under way", counted(ok + failed, "task"), self.runs.len()));
        Ok(())
    }

    fn summary(&self, agent: &Agent, started: Instant) {
        let Tally { ok, failed, skipped, .. } = self.tally;
        let output = self.output;
        let mut parts = vec![counted(ok + failed, "task"), output.styled_note(GREEN, format_args!("{ok} ok"))];
        if failed > 0 {
            parts.push(output.styled_note(RED, format_args!("{failed} failed")));
        }
        if skipped > 0 {
            parts.push(output.styled_note(YELLOW, format_args!("{skipped} skipped")));
        }
        // What was started and not told is done anew by whoever goes on.
        if !self.window.is_empty() {
            parts.push(output.styled_note(YELLOW, format_args!("{} broken off", self.window.len())));
        }
        parts.push(format!("time {}", format_duration(started.elapsed())));
        output.note(format_args!("{}  {}", output.styled_note(BOLD, &agent.name), parts.join("  ")));
    }
}

impl Tally {
    fn count(&mut self, exit: u8) {
        match exit {
            0 => self.ok += 1,
            exit => {
                self.failed += 1;
                self.exit.get_or_insert(exit);
            }
        }
    }
}
