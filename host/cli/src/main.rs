//! The binary `hotcell`: what a person types, made calls to the host, and what the host answers, made words.
//!
//! Nothing is decided here. A command reads what was typed ([`args`]), sets up the host with what the operator says
//! ([`operator`]), asks it, and prints: data to stdout, everything else to stderr ([`output`]).

#![forbid(unsafe_code)]

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

use std::process::ExitCode;

use clap::{ColorChoice, CommandFactory, FromArgMatches};

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
            // Help goes to stdout, a refusal to stderr; with neither there is nobody to tell.
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    let output = Output::new(&args.global);
    logging::start(&args.global, output.is_colourful());
    harden::limit();
    let exit = commands::run(args, &output).unwrap_or_else(|trouble| {
        error::report(&output, &trouble);
        trouble.exit()
    });
    match output.finish() {
        Ok(()) => exit.into(),
        Err(failure) => {
            output.tell(error::failed(&output, &failure));
            ExitCode::from(failure.kind().exit_code())
        }
    }
}

/// Reads the command line. `--no-color` holds for its own messages too, which come before anything is read.
fn parse() -> Result<Args, clap::Error> {
    let plain = std::env::args_os().any(|word| word == "--no-color");
    let command = Args::command().color(if plain { ColorChoice::Never } else { ColorChoice::Auto });
    Args::from_arg_matches(&command.try_get_matches()?)
}
