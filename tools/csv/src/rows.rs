//! Rows as JSON objects.

use hotcell::Error;
use hotcell::serde_json::{Map, Value};

use crate::describe::{self, Kind};
use crate::number;
use crate::table::Table;

const MOST_ROWS: u32 = 100_000;
/// Bytes of the result, counted about as they will be written.
const MOST_BYTES: usize = 3 * 1024 * 1024;

/// Rows of a text.
#[hotcell::output]
#[derive(Debug, PartialEq)]
pub struct Rows {
    /// The columns, from left to right.
    pub columns: Vec<String>,
    /// One object per row.
    pub rows: Vec<Map<String, Value>>,
    /// How many rows the text has.
    pub total: usize,
    /// Whether there are more rows after the last of these. Go on with `offset`.
    pub truncated: bool,
}

/// Gives rows back as objects, from `offset`.
pub(crate) fn objects(table: &Table, types: bool, offset: u64, limit: u32) -> Result<Rows, Error> {
    if limit == 0 || limit > MOST_ROWS {
        return Err(Error::invalid_input("$.limit", format!("must be between 1 and {MOST_ROWS}, got {limit}")));
    }
    let start = usize::try_from(offset).unwrap_or(usize::MAX).min(table.rows);
    let end = table.rows.min(start.saturating_add(limit as usize));
    let kinds: Vec<Kind> =
        (0..table.columns.len()).map(|column| if types { describe::kind(table, column) } else { Kind::Text }).collect();
    let mut rows = Vec::new();
    let mut room = MOST_BYTES;
    for row in start..end {
        let cells = || table.columns.iter().enumerate().map(|(column, name)| (column, name, table.cell(row, column)));
        let size = cells().map(|(_, name, cell)| name.len() + cell.len() + 6).sum();
        room = room.saturating_sub(size);
        if room == 0 {
            break;
        }
        let value = |(column, name, cell): (usize, &String, &str)| {
            let kind = kinds.get(column).copied().unwrap_or(Kind::Text);
            (name.clone(), if types { typed(kind, cell) } else { Value::from(cell) })
        };
        rows.push(cells().map(value).collect());
    }
    Ok(Rows { truncated: start + rows.len() < table.rows, columns: table.columns.clone(), rows, total: table.rows })
}

fn typed(kind: Kind, cell: &str) -> Value {
    if number::is_missing(cell) {
        return Value::Null;
    }
    match kind {
        Kind::Integer => number::integer(cell).map_or(Value::Null, Value::from),
        Kind::Number => number::number(cell).map_or(Value::Null, number::json),
        Kind::Boolean => number::boolean(cell).map_or(Value::Null, Value::from),
        Kind::Date | Kind::Text | Kind::Empty => Value::from(cell),
    }
}
