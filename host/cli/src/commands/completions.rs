//! `hotcell completions`.

use clap::CommandFactory;
use clap_complete::Shell;

use crate::args::Args;
use crate::exit::{Exit, Trouble};
use crate::output::Output;

pub(super) fn run(shell: Shell, output: &Output) -> Result<Exit, Trouble> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Args::command(), "hotcell", &mut script);
    output.text(&String::from_utf8_lossy(&script));
    Ok(Exit::OK)
}
