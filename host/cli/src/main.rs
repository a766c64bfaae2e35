//! The binary `hotcell`: what a person types, made calls to the host, and what the host answers, made words.
//!
//! Nothing is decided here. A command reads what was typed ([`args`]), sets up the host with what the operator says
//! ([`operator`]), asks it, and prints: data to stdout, everything else to stderr ([`output`]).

#![forbid(unsafe_code)]

mod approver;
mod args;
mod arguments;
mod commands;
mod embedded;
mod error;
mod exit;
mod grants;
mod harden;
mod json;
mod logging;
mod operator;
mod output;
mod progress;
mod receipt;
mod schema;
mod screen;
mod signals;
mod table;
mod telemetry;

use std::io::Write;
use std::process::ExitCode;

use clap::{ColorChoice, CommandFactory, FromArgMatches};
use hotcell_call::printable;

use crate::args::Args;
use crate::output::Output;

fn main() -> ExitCode {
    // Before anything else: the compile child starts with nothing but its limits.
    if std::env::args_os().nth(1).is_some_and(|word| word == args::COMPILE) {
        return hotcell_runtime::child_main();
    }
    let args = match parse() {
        Ok(args) => args,
        Err(error) => {
            refuse(&error);
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    let output = Output::new(&args.global);
    let telemetry = telemetry::start(&args);
    logging::start(&args.global, output.is_colourful(), telemetry.as_ref().ok().and_then(Option::as_ref));
    let telemetry = telemetry.inspect_err(|failure| tracing::warn!(%failure, "neither traces nor metrics"));
    harden::limit();
    let exit = commands::run(args, &output).unwrap_or_else(|trouble| {
        error::report(&output, &trouble);
        trouble.exit()
    });
    if let Ok(Some(telemetry)) = telemetry {
        telemetry.end();
    }
    match output.finish() {
        Ok(()) => exit.into(),
        Err(failure) => {
            output.tell(error::failed(&output, &failure));
            ExitCode::from(failure.kind().exit_code())
        }
    }
}

/// Prints help to stdout, a refusal to stderr. A refusal repeats what was typed, which may be a stranger's words: then it has no
/// colours, because what sets those would be escaped as well.
fn refuse(error: &clap::Error) {
    let set = std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("HOTCELL_"));
    let typed = std::env::args_os().chain(set.map(|(_, value)| value));
    let strange = typed.map(|word| word.to_string_lossy().into_owned()).any(|word| printable(&word) != word);
    // With nobody at the other end there is nobody to tell.
    let _ = if strange && error.use_stderr() {
        std::io::stderr().lock().write_all(printable(&error.render().to_string()).as_bytes())
    } else {
        error.print()
    };
}

/// Reads the command line. `--no-color` holds for its own messages too, which come before anything is read.
fn parse() -> Result<Args, clap::Error> {
    let plain = std::env::args_os().any(|word| word == "--no-color");
    let command = Args::command().color(if plain { ColorChoice::Never } else { ColorChoice::Auto });
    Args::from_arg_matches(&command.try_get_matches()?)
}
