//! What hotcell costs, beside what can't be had for less.
//!
//! A figure in microseconds says more of the machine than of the program, so nearly every one has a second one beside it that was taken
//! in the same run: the engine alone with the same component and the same limits, the same call without a crowd, the same
//! compilation without its process. The two are taken in turns, and the ratio is the median of the turns' ratios: what
//! the machine does meanwhile meets both. Where the [original](original) has a figure of the same thing, that stands there too.
//!
//! `just bench` builds what is measured and runs everything; `cargo bench -p hotcell-benches -- load.` runs the figures whose names
//! begin so. The table goes to the terminal, the figures to `target/bench.json`.

#![expect(clippy::print_stdout, reason = "a table is what it is for")]

mod batch;
mod call;
mod compare;
mod engine;
mod figure;
mod flow;
mod isolation;
mod load;
mod memory;
mod metrics;
mod original;
mod place;
mod queue;
mod serve;
mod subject;

use std::process::ExitCode;

use anyhow::{Context, Result};

use crate::figure::Figures;

/// The hidden command by which a host has this program compile.
const COMPILE: &str = "__compile";
/// The hidden command by which this program measures a fresh process.
const FRESH: &str = "__fresh";
/// The hidden commands by which it is a server at its pipes: of a host, and of the floor.
const MCP: &str = "__mcp";
const MCP_FLOOR: &str = "__mcp_floor";

fn main() -> ExitCode {
    let mut args = std::env::args().skip(1);
    match args.next().as_deref() {
        Some(COMPILE) => hotcell_sandbox::child_main(),
        Some(FRESH) => ended(memory::fresh(args)),
        Some(MCP) => ended(serve::serve()),
        Some(MCP_FLOOR) => ended(serve::serve_floor()),
        first => {
            let all: Vec<String> = first.map(str::to_owned).into_iter().chain(args).collect();
            // `cargo test --benches` runs this too, without the flag: there is nothing to test.
            if all.iter().any(|arg| arg == "--bench") { ended(measure(&all)) } else { ExitCode::SUCCESS }
        }
    }
}

fn ended(result: Result<()>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            println!("bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Runs each group of which a figure is wanted.
fn measure(args: &[String]) -> Result<()> {
    let wanted = args.iter().filter(|arg| !arg.starts_with('-')).cloned().collect();
    let mut figures = Figures::new(wanted);
    call::measure(&mut figures).context("calls")?;
    batch::measure(&mut figures).context("batches")?;
    load::measure(&mut figures).context("loading")?;
    memory::measure(&mut figures).context("memory")?;
    isolation::measure(&mut figures).context("isolation")?;
    queue::measure(&mut figures).context("the queue")?;
    flow::measure(&mut figures).context("the flow of calls")?;
    metrics::measure(&mut figures).context("the five measures")?;
    serve::measure(&mut figures).context("serving")?;
    let path = place::target()?.join("bench.json");
    figures.write(&path)?;
    println!("{figures}");
    println!("figures: {}", path.display());
    Ok(())
}
