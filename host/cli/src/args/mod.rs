//! What was typed; what it means is decided by the commands.
//!
//! The comments here are the help that a person reads, so they are written for them. Each setting that changes no right has a
//! twin in the environment; a grant has none, because it should stand where the call stands and not come with a shell.

mod allow;
mod bench;
mod call;
mod doctor;
mod grants;
mod limits;
mod mcp;
mod run;
mod schedule;
mod serve;
mod tools;
mod top;

use std::path::PathBuf;

use clap::builder::FalseyValueParser;
use clap::{ArgAction, Parser, Subcommand};

pub(crate) use allow::{AllowArgs, GrantCommand, RevokeArgs};
pub(crate) use bench::BenchArgs;
pub(crate) use call::{Asked, CallArgs, CallTarget};
pub(crate) use doctor::DoctorArgs;
pub(crate) use grants::GrantArgs;
pub(crate) use limits::LimitArgs;
pub(crate) use mcp::{McpArgs, McpClient, McpCommand};
pub(crate) use run::{AgentRef, RunArgs, TASKS_IN_FLIGHT, Telling};
pub(crate) use schedule::ScheduleArgs;
pub(crate) use serve::{ServeArgs, TokenArgs};
pub(crate) use tools::{BuildArgs, InspectArgs, NewArgs, NewKind, SchemaOf, Sdk, ToolRef};
pub(crate) use top::TopArgs;

use crate::embedded::VERSION;

/// The first word by which the program calls itself to compile a component in a process of its own.
pub(crate) const COMPILE: &str = "__compile";

/// Runs untrusted tools for AI agents, each call in a fresh WebAssembly cell with limits that are real and shown.
#[derive(Debug, Parser)]
#[command(name = "hotcell", version = VERSION, arg_required_else_help = true, max_term_width = 110)]
#[command(after_help = "Flags that grant nothing can be set in the environment too: --fuel 50M is HOTCELL_FUEL=50M.\n\
                        HOTCELL_CONFIG names a hotcell.toml, but trusts it no more than one that is found.")]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What every command takes.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Everywhere")]
pub(crate) struct Global {
    /// Print one JSON object for programs
    #[arg(long, global = true, env = "HOTCELL_JSON", value_parser = FalseyValueParser::new())]
    #[arg(hide_env = true)]
    pub(crate) json: bool,
    /// Take this hotcell.toml, and trust it [default: found in this folder or above]
    // Its twin in the environment grants nothing, so it is read where that is known, and not as if it had been typed.
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Print nothing but data and errors
    #[arg(short, long, global = true, env = "HOTCELL_QUIET", value_parser = FalseyValueParser::new())]
    #[arg(hide_env = true, conflicts_with = "verbose")]
    pub(crate) quiet: bool,
    /// Tell what happens inside; -vv tells more
    #[arg(short, long, global = true, action = ArgAction::Count, env = "HOTCELL_VERBOSE", hide_env = true)]
    pub(crate) verbose: u8,
    /// Print without colours; so does NO_COLOR=1
    #[arg(long, global = true, env = "HOTCELL_NO_COLOR", value_parser = FalseyValueParser::new())]
    #[arg(hide_env = true)]
    pub(crate) no_color: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Call(CallArgs),
    Run(RunArgs),
    Bench(BenchArgs),
    Top(TopArgs),
    Serve(ServeArgs),
    Mcp(McpArgs),
    Token(TokenArgs),
    /// List the tools that can be called
    Ls,
    Inspect(InspectArgs),
    New(NewArgs),
    Build(BuildArgs),
    /// Check agents, tool.toml and hotcell.toml, and show everything that is wrong in them
    Check {
        /// The files
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
    },
    Allow(AllowArgs),
    Revoke(RevokeArgs),
    /// Show what tools may do, and find out what they need
    #[command(subcommand)]
    Grant(GrantCommand),
    /// Let a checkout's hotcell.toml grant what lies outside of its folder
    Trust {
        /// The file, or the folder that it is in
        #[arg(default_value = ".", value_name = "FILE|FOLDER")]
        place: PathBuf,
        /// Show what it would grant and whether it is trusted, and change nothing
        #[arg(long)]
        show: bool,
    },
    Doctor(DoctorArgs),
    /// Explain a code such as E0302, or list all codes
    Explain {
        /// The code
        code: Option<String>,
    },
    /// Print the JSON Schema of a file that people write, for editors
    Schema {
        /// Of which
        #[arg(value_name = "FILE")]
        of: SchemaOf,
    },
    /// Print the completions of a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
}

#[cfg(test)]
mod tests;
