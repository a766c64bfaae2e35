//! JavaScript: the code that nobody has read before it runs.
//!
//! The engine is written in Rust and runs inside the cell, so a program that breaks out of the language has only broken into
//! the cell. Within the language it has the standard library and `console`; there is no way to a file, a network, a
//! timer or a module. `Date` and `Math.random` are the cell's clock and chance, which the host may make virtual and seeded.
//!
//! What a program leaves behind is bounded here: its value and its log. What it takes while it runs (instructions, memory,
//! stack) is bounded by the cell.

mod console;
mod depth;
mod program;
mod text;

use hotcell::Error;
use hotcell::serde_json::Value;

pub use crate::program::Run;

/// Runs a JavaScript expression or program, and gives back its value as JSON.
///
/// The value is that of the last expression, or what `main(input)` returns if the code defines a function `main`. A promise
/// is waited for. Example: `input.items.filter(i => i.price > 10).length`.
#[hotcell::tool(effect = "pure")]
fn run(
    /// The code. `input` holds the input, `console.log` writes to the log.
    code: String,
    /// Any value for the code to work on.
    input: Option<Value>,
) -> Result<Run, Error> {
    program::run(&code, input.unwrap_or(Value::Null))
}

#[cfg(test)]
mod tests;
