//! What is in a column, found out from all its cells.

use hotcell::serde_json::Value;

use crate::number;
use crate::stats;
use crate::table::Table;

/// Characters of a text that are shown.
const SHOWN: usize = 80;
const MOST_FREQUENT: usize = 3;

/// What the cells of a column are.
#[hotcell::output]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Whole numbers.
    Integer,
    /// Numbers.
    Number,
    /// True and false.
    Boolean,
    /// ISO dates, with or without a time.
    Date,
    /// Anything else.
    Text,
    /// Nothing: all are missing.
    Empty,
}

/// A value and how often it is there.
#[hotcell::output]
#[derive(Debug, PartialEq, Eq)]
pub struct Frequent {
    /// The value as it stands in the text, cut at 80 characters.
    pub value: String,
    /// How many cells hold it.
    pub count: usize,
}

/// One column.
#[hotcell::output]
#[derive(Debug, PartialEq)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// What its cells are, the missing ones apart.
    #[serde(rename = "type")]
    pub kind: Kind,
    /// How many cells are empty, or `NA`, `N/A`, `NaN`, `null`.
    pub missing: usize,
    /// How many different values there are, without the missing ones.
    pub distinct: usize,
    /// The smallest value: a number in a column of numbers, else the first text in the order of its characters.
    pub min: Value,
    /// The largest value.
    pub max: Value,
    /// The sum, for numbers.
    pub sum: Option<f64>,
    /// The mean, for numbers.
    pub mean: Option<f64>,
    /// The value in the middle, for numbers.
    pub median: Option<f64>,
    /// The standard deviation of a sample, for numbers.
    pub deviation: Option<f64>,
    /// The most frequent values, at most three.
    pub top: Vec<Frequent>,
}

/// A whole text.
#[hotcell::output]
#[derive(Debug, PartialEq)]
pub struct Description {
    /// How many rows there are, without the header.
    pub rows: usize,
    /// The columns, from left to right.
    pub columns: Vec<Column>,
}

/// Describes all columns of a table.
pub(crate) fn table(table: &Table) -> Description {
    let columns = table.columns.iter().enumerate().map(|(nth, name)| column(table, nth, name)).collect();
    Description { rows: table.rows, columns }
}

/// What the cells of a column are: the narrowest kind that holds all of them.
pub(crate) fn kind(table: &Table, column: usize) -> Kind {
    let mut fit = vec![Kind::Integer, Kind::Number, Kind::Boolean, Kind::Date];
    let mut empty = true;
    for cell in table.column(column).filter(|cell| !number::is_missing(cell)) {
        empty = false;
        fit.retain(|kind| kind.holds(cell));
        if fit.is_empty() {
            return Kind::Text;
        }
    }
    if empty { Kind::Empty } else { fit.first().copied().unwrap_or(Kind::Text) }
}

// === impl Kind ===

impl Kind {
    fn holds(self, cell: &str) -> bool {
        match self {
            Self::Integer => number::integer(cell).is_some(),
            Self::Number => number::number(cell).is_some(),
            Self::Boolean => number::boolean(cell).is_some(),
            Self::Date => number::is_date(cell),
            Self::Text => true,
            Self::Empty => false,
        }
    }
}

fn column(table: &Table, nth: usize, name: &str) -> Column {
    let mut cells: Vec<&str> = table.column(nth).filter(|cell| !number::is_missing(cell)).collect();
    cells.sort_unstable();
    let kind = kind(table, nth);
    let mut numbers: Vec<f64> = match kind {
        Kind::Integer | Kind::Number => cells.iter().filter_map(|cell| number::number(cell)).collect(),
        Kind::Boolean | Kind::Date | Kind::Text | Kind::Empty => Vec::new(),
    };
    let median = stats::median(&mut numbers);
    let end = |number: Option<&f64>, cell: Option<&&str>| match number {
        Some(number) => number::json(*number),
        None => cell.map_or(Value::Null, |cell| Value::from(shown(cell))),
    };
    let runs: Vec<&[&str]> = cells.chunk_by(|a, b| a == b).collect();
    Column {
        name: name.to_owned(),
        kind,
        missing: table.rows - cells.len(),
        distinct: runs.len(),
        // The median has put the numbers in order.
        min: end(numbers.first(), cells.first()),
        max: end(numbers.last(), cells.last()),
        sum: (!numbers.is_empty()).then(|| stats::sum(&numbers)),
        mean: stats::mean(&numbers),
        median,
        deviation: stats::deviation(&numbers),
        top: top(runs),
    }
}

/// The longest runs of equal cells; of equally long ones, the first in the order of values.
fn top(mut runs: Vec<&[&str]>) -> Vec<Frequent> {
    runs.sort_by_key(|run| std::cmp::Reverse(run.len()));
    let first = runs.iter().take(MOST_FREQUENT);
    first.filter_map(|run| run.first().map(|value| Frequent { value: shown(value), count: run.len() })).collect()
}

fn shown(cell: &str) -> String {
    match cell.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", cell.get(..end).unwrap_or_default()),
        None => cell.to_owned(),
    }
}
