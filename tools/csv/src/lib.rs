//! CSV: what is in its columns, its rows by group, and its rows as JSON.
//!
//! A text is read as RFC 4180 has it, strictly in one thing: each row has as many fields as the header. A row that has not
//! is more often a mistake (a comma without quotes) than meant, and every number after it would be wrong.
//!
//! Cells have no types. What a column holds is found out from all its cells (`number` tells what counts as a number), and an
//! operation that needs numbers refuses a column with other cells, and names the first of them: a sum that silently left
//! out half of the rows would look like an answer.

mod aggregate;
mod describe;
mod group;
mod number;
mod rows;
mod stats;
mod table;

use hotcell::Error;

pub use crate::aggregate::{Aggregate, Op};
pub use crate::describe::{Column, Description, Frequent, Kind};
pub use crate::group::{Groups, Totals};
pub use crate::rows::Rows;
use crate::table::Table;

/// Describes a CSV text: its rows, and per column the type, missing and distinct values, range, mean and most frequent
/// values.
#[hotcell::tool(effect = "pure")]
fn describe(
    /// The CSV text.
    text: String,
    /// What separates the fields: one character, `tab`, or `auto` to find out.
    #[hotcell(default = ",")]
    delimiter: String,
    /// Whether the first row holds the names of the columns. If not, they are `column_1`, `column_2` …
    #[hotcell(default = true)]
    header: bool,
) -> Result<Description, Error> {
    Ok(describe::table(&Table::read(&text, &delimiter, header)?))
}

/// Groups the rows by the values of some columns, and computes aggregates per group.
#[hotcell::tool(effect = "pure")]
fn group(
    /// The CSV text.
    text: String,
    /// Columns whose values make a group.
    by: Vec<String>,
    /// What to compute per group; without any, the number of rows (`count`).
    #[hotcell(default = Vec::new())]
    aggregates: Vec<Aggregate>,
    /// Column of the result to sort by, with `-` before it for largest first. Otherwise groups come as they first appear.
    sort: Option<String>,
    /// Largest number of groups to give back, up to 10000.
    #[hotcell(default = 1_000)]
    limit: u32,
    /// What separates the fields: one character, `tab`, or `auto` to find out.
    #[hotcell(default = ",")]
    delimiter: String,
    /// Whether the first row holds the names of the columns.
    #[hotcell(default = true)]
    header: bool,
) -> Result<Groups, Error> {
    let table = Table::read(&text, &delimiter, header)?;
    group::groups(&table, &by, &aggregates, sort.as_deref(), limit)
}

/// Computes aggregates over all rows.
#[hotcell::tool(effect = "pure")]
fn aggregate(
    /// The CSV text.
    text: String,
    /// What to compute.
    aggregates: Vec<Aggregate>,
    /// What separates the fields: one character, `tab`, or `auto` to find out.
    #[hotcell(default = ",")]
    delimiter: String,
    /// Whether the first row holds the names of the columns.
    #[hotcell(default = true)]
    header: bool,
) -> Result<Totals, Error> {
    group::totals(&Table::read(&text, &delimiter, header)?, &aggregates)
}

/// Turns rows into JSON objects, with the names of the columns as keys.
#[hotcell::tool(effect = "pure")]
fn to_json(
    /// The CSV text.
    text: String,
    /// Whether columns of numbers and of true and false become such values, and missing ones null. If not, all are texts.
    #[hotcell(default = true)]
    types: bool,
    /// Rows to leave out at the start.
    #[hotcell(default = 0)]
    offset: u64,
    /// Largest number of rows to give back, up to 100000.
    #[hotcell(default = 10_000)]
    limit: u32,
    /// What separates the fields: one character, `tab`, or `auto` to find out.
    #[hotcell(default = ",")]
    delimiter: String,
    /// Whether the first row holds the names of the columns.
    #[hotcell(default = true)]
    header: bool,
) -> Result<Rows, Error> {
    rows::objects(&Table::read(&text, &delimiter, header)?, types, offset, limit)
}

#[cfg(test)]
mod tests;
