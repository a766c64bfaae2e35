//! One number, or text, out of many rows.

use std::cmp::Ordering;
use std::collections::HashSet;

use hotcell::Error;
use hotcell::serde_json::Value;

use crate::describe::{self, Kind};
use crate::number;
use crate::stats;
use crate::table::Table;

const MOST_AGGREGATES: usize = 20;

/// How to compute one value from many.
#[hotcell::input]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Op {
    /// How many cells are not missing; without a column, how many rows there are.
    Count,
    /// How many different values there are.
    Distinct,
    /// The sum of numbers.
    Sum,
    /// The mean of numbers.
    Mean,
    /// The number in the middle.
    Median,
    /// The smallest number; in a column that holds others, the first text in the order of its characters.
    Min,
    /// The largest number, or the last text.
    Max,
}

/// What to compute from a column.
#[hotcell::input]
#[derive(Debug, Clone)]
pub struct Aggregate {
    /// The column; `count` can do without one.
    pub column: Option<String>,
    /// How to compute it.
    pub op: Op,
    /// Name of the result; `sum_price` for the sum of `price` if none is given.
    #[serde(rename = "as")]
    pub name: Option<String>,
}

/// An aggregate that fits its table.
pub(crate) struct Planned {
    pub(crate) name: String,
    op: Op,
    column: Option<usize>,
    numeric: bool,
}

/// A value of a result, before it is JSON.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Scalar<'a> {
    Missing,
    Number(f64),
    Text(&'a str),
}

/// Checks aggregates against a table. Without any, the rows are counted.
pub(crate) fn plan(table: &Table, by: &[String], aggregates: &[Aggregate]) -> Result<Vec<Planned>, Error> {
    if aggregates.len() > MOST_AGGREGATES {
        let message = format!("has {} items, the most is {MOST_AGGREGATES}", aggregates.len());
        return Err(Error::invalid_input("$.aggregates", message));
    }
    let rows = [Aggregate { column: None, op: Op::Count, name: None }];
    let aggregates = if aggregates.is_empty() { &rows } else { aggregates };
    let planned = aggregates
        .iter()
        .enumerate()
        .map(|(nth, aggregate)| Planned::of(table, aggregate, &format!("$.aggregates[{nth}]")));
    let planned: Vec<Planned> = planned.collect::<Result<_, _>>()?;

    let mut names: HashSet<&str> = by.iter().map(String::as_str).collect();
    match planned.iter().find(|planned| !names.insert(&planned.name)) {
        Some(twice) => {
            let message = format!("the result would have two columns `{}`; name one of them with `as`", twice.name);
            Err(Error::invalid_input("$.aggregates", message))
        }
        None => Ok(planned),
    }
}

// === impl Planned ===

impl Planned {
    fn of(table: &Table, aggregate: &Aggregate, path: &str) -> Result<Self, Error> {
        let Aggregate { column: name, op, .. } = aggregate;
        let path = format!("{path}.column");
        let column = name.as_ref().map(|name| table.position(name, &path)).transpose()?;
        let kind = match column {
            Some(column) => describe::kind(table, column),
            None if *op == Op::Count => Kind::Empty,
            None => {
                return Err(Error::invalid_input(
                    path,
                    format!("is missing: only `count` can do without, not `{}`", op.word()),
                ));
            }
        };
        let numeric = matches!(kind, Kind::Integer | Kind::Number | Kind::Empty);
        if op.needs_numbers() && !numeric {
            return Err(no_number(table, column.unwrap_or_default(), *op, &path));
        }
        let word = op.word();
        let default = || name.as_ref().map_or_else(|| word.to_owned(), |name| format!("{word}_{name}"));
        Ok(Self { name: aggregate.name.clone().unwrap_or_else(default), op: *op, column, numeric })
    }

    /// Computes the value over some rows.
    pub(crate) fn over<'a>(&self, table: &'a Table, rows: &[u32]) -> Scalar<'a> {
        let Some(column) = self.column else {
            return Scalar::Number(rows.len() as f64);
        };
        let cells = rows.iter().map(|row| table.cell(*row as usize, column)).filter(|cell| !number::is_missing(cell));
        if self.op == Op::Count {
            return Scalar::Number(cells.count() as f64);
        }
        if self.op == Op::Distinct {
            return Scalar::Number(cells.collect::<HashSet<_>>().len() as f64);
        }
        if !self.numeric {
            let end = if self.op == Op::Min { cells.min() } else { cells.max() };
            return end.map_or(Scalar::Missing, Scalar::Text);
        }
        let mut numbers: Vec<f64> = cells.filter_map(number::number).collect();
        let number = match self.op {
            Op::Sum => Some(stats::sum(&numbers)),
            Op::Mean => stats::mean(&numbers),
            Op::Median => stats::median(&mut numbers),
            Op::Min => numbers.iter().copied().reduce(f64::min),
            Op::Max => numbers.iter().copied().reduce(f64::max),
            Op::Count | Op::Distinct => None,
        };
        number.map_or(Scalar::Missing, Scalar::Number)
    }
}

// === impl Op ===

impl Op {
    fn word(self) -> &'static str {
        match self {
            Self::Count => "count",
            Self::Distinct => "distinct",
            Self::Sum => "sum",
            Self::Mean => "mean",
            Self::Median => "median",
            Self::Min => "min",
            Self::Max => "max",
        }
    }

    fn needs_numbers(self) -> bool {
        matches!(self, Self::Sum | Self::Mean | Self::Median)
    }
}

// === impl Scalar ===

impl Scalar<'_> {
    pub(crate) fn json(self) -> Value {
        match self {
            Self::Missing => Value::Null,
            Self::Number(number) => number::json(number),
            Self::Text(text) => Value::from(text),
        }
    }

    /// Numbers before texts; what is missing comes last in either direction.
    pub(crate) fn order(self, other: Self, largest_first: bool) -> Ordering {
        let present = match (self, other) {
            (Self::Missing, Self::Missing) => return Ordering::Equal,
            (Self::Missing, _) => return Ordering::Greater,
            (_, Self::Missing) => return Ordering::Less,
            (Self::Number(a), Self::Number(b)) => a.total_cmp(&b),
            (Self::Text(a), Self::Text(b)) => a.cmp(b),
            (Self::Number(_), Self::Text(_)) => Ordering::Less,
            (Self::Text(_), Self::Number(_)) => Ordering::Greater,
        };
        if largest_first { present.reverse() } else { present }
    }
}

fn no_number(table: &Table, column: usize, op: Op, path: &str) -> Error {
    let other =
        table.column(column).enumerate().find(|(_, cell)| !number::is_missing(cell) && number::number(cell).is_none());
    let found = other.map_or_else(String::new, |(row, cell)| {
        format!(": row {} holds `{}`", row + 1, cell.chars().take(40).collect::<String>())
    });
    Error::invalid_input(path, format!("`{}` needs a column of numbers{found}", op.word()))
}
