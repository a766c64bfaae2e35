//! `hotcell run`.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use clap::builder::FalseyValueParser;
use hotcell_agent::model::ModelName;
use hotcell_call::{AgentName, IdError};

use super::{GrantArgs, LimitArgs};

/// Run an agent
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  hotcell run file-analyst ./docs
  hotcell run csv-report sales.csv --out report
  hotcell run ./my-agent.toml 'some text' --trace
  hotcell run ./my-agent.toml --tasks tasks.jsonl --results results.jsonl -j 16")]
pub(crate) struct RunArgs {
    /// An agent's name, or its file: my-agent.toml
    #[arg(value_name = "AGENT")]
    pub(crate) agent: AgentRef,
    /// What it works on: text, JSON, or the path of a file or folder, as the agent says; - for stdin
    #[arg(allow_hyphen_values = true)]
    pub(crate) input: Option<String>,
    /// Write what it saves into this folder; of many tasks, each into one of its own there
    #[arg(long, value_name = "FOLDER", env = "HOTCELL_OUT", hide_env = true)]
    pub(crate) out: Option<PathBuf>,
    /// Calls at the same time, at most
    #[arg(long, value_name = "N", env = "HOTCELL_PARALLEL", hide_env = true)]
    #[arg(value_parser = clap::value_parser!(u16).range(1..=MOST_AT_ONCE))]
    pub(crate) parallel: Option<u16>,
    /// Ask this model, whatever the agent's file names: provider/model, rules
    #[arg(long, value_name = "NAME", env = "HOTCELL_MODEL", hide_env = true)]
    pub(crate) model: Option<ModelName>,
    // It agrees to what it has not seen, so it has no twin in the environment.
    /// Agree to every call that the agent has to ask for; never to more budget
    #[arg(long)]
    pub(crate) yes: bool,
    #[command(flatten)]
    pub(crate) telling: Telling,
    #[command(flatten)]
    pub(crate) tasks: TaskArgs,
    #[command(flatten)]
    pub(crate) limits: LimitArgs,
    #[command(flatten)]
    pub(crate) grants: GrantArgs,
}

/// What is told of a run beside its answer.
#[derive(Debug, Clone, Copy, clap::Args)]
pub(crate) struct Telling {
    /// Draw at the end what was done, as a tree with times
    #[arg(long, env = "HOTCELL_TRACE", hide_env = true, value_parser = FalseyValueParser::new())]
    pub(crate) trace: bool,
    /// Print what happens while it happens, a line of JSON each, and the outcome as the last
    #[arg(long, env = "HOTCELL_EVENTS", hide_env = true, value_parser = FalseyValueParser::new())]
    pub(crate) events: bool,
}

/// Many tasks for one agent.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Many tasks")]
pub(crate) struct TaskArgs {
    /// Run the agent for each line: a JSON string, or {"id": …, "input": …}; - for stdin. A line of JSON is printed for each
    #[arg(long = "tasks", value_name = "FILE", conflicts_with = "input")]
    pub(crate) file: Option<PathBuf>,
    /// Tasks at the same time, at most [default: 8]
    #[arg(short = 'j', long, value_name = "N", env = TASKS_IN_FLIGHT, hide_env = true)]
    #[arg(value_parser = clap::value_parser!(u16).range(1..=MOST_AT_ONCE))]
    pub(crate) in_flight: Option<u16>,
    /// Append the lines to this file too, and leave out tasks that are in it as ok
    #[arg(long, value_name = "FILE")]
    pub(crate) results: Option<PathBuf>,
}

/// What an agent's file may say, too: more side by side are no use.
const MOST_AT_ONCE: i64 = 1_024;

/// The twin of `-j`. That of `bench` has another, because its numbers are others.
pub(crate) const TASKS_IN_FLIGHT: &str = "HOTCELL_TASKS_IN_FLIGHT";

/// Which agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum AgentRef {
    /// One in the agents' folders, or a shipped one.
    Named(AgentName),
    /// A file.
    File(PathBuf),
}

impl FromStr for AgentRef {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let path = Path::new(text);
        let ends = path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("toml"));
        if ends || text.contains('/') {
            return Ok(Self::File(path.into()));
        }
        text.parse().map(Self::Named)
    }
}
