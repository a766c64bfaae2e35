//! JSON: ask it questions in the jq language, compare two values, apply a patch, lay text out, check text.
//!
//! Queries run in jaq, an implementation of the jq language, with its whole library but for what would reach outside
//! (`now`, `env`, `input`, the local time zone) or end the process: a query is a function of its filter and its input.
//!
//! A filter is a program, and may loop for ever or build something enormous. Inside, only what leaves is bounded: the
//! number of outputs and their size. Time and memory are the cell's to bound.

mod depth;
mod diff;
mod jq;
mod layout;
mod value;

use hotcell::Error;
use hotcell::serde_json::Value;

pub use crate::diff::{Change, Diff, Op};
pub use crate::jq::Outputs;
pub use crate::layout::Verdict;

/// Runs a filter of the jq language over a JSON value.
///
/// Examples: `.items[].name`, `map(select(.price > 10)) | length`, `group_by(.kind) | map({kind: .[0].kind, n: length})`.
#[hotcell::tool(effect = "pure")]
fn query(
    /// The value to run the filter on.
    input: Value,
    /// The filter, in the jq language.
    filter: String,
    /// Whether to stop after the first output.
    #[hotcell(default = false)]
    first: bool,
    /// Largest number of outputs to give back, up to 100000.
    #[hotcell(default = 10_000)]
    limit: u32,
) -> Result<Outputs, Error> {
    let most = jq::most_outputs(limit)?;
    jq::run(&filter, input, if first { 1 } else { most })
}

/// Lists the changes that turn one JSON value into another, as a JSON Patch (RFC 6902) with the old values beside it.
#[hotcell::tool(effect = "pure")]
fn diff(
    /// The value before.
    before: Value,
    /// The value after.
    after: Value,
) -> Diff {
    diff::between(&before, &after)
}

/// Applies a JSON Patch (RFC 6902) to a value: all of it, or nothing.
#[hotcell::tool(effect = "pure")]
fn patch(
    /// The value to change.
    value: Value,
    /// The operations, in order: `[{"op": "replace", "path": "/a/0", "value": 1}, …]`. The `changes` of `diff` fit.
    patch: Vec<Value>,
) -> Result<Value, Error> {
    let mut value = value;
    diff::apply(&mut value, patch)?;
    Ok(value)
}

/// Lays JSON text out with line breaks, or on one line. Order of keys, numbers and strings stay as they are written.
#[hotcell::tool(effect = "pure")]
fn format(
    /// The JSON text.
    text: String,
    /// Spaces per level, up to 16; 0 puts everything on one line.
    #[hotcell(default = 2)]
    indent: u8,
) -> Result<String, Error> {
    layout::format(&text, indent)
}

/// Checks whether a text is JSON, and tells where it stops being so.
#[hotcell::tool(effect = "pure")]
fn validate(
    /// The text to check.
    text: String,
) -> Verdict {
    layout::check(&text)
}

#[cfg(test)]
mod tests;
