//! Rows by group.
//!
//! Groups are found by sorting the rows by their keys, not by a map of keys: that takes four bytes per row, whatever
//! the keys are.

use hotcell::Error;
use hotcell::serde_json::{Map, Value};

use crate::aggregate::{self, Aggregate, Planned, Scalar};
use crate::table::Table;

const MOST_LISTED: u32 = 10_000;
/// Groups are computed all, to be sorted, before they are cut.
const MOST_GROUPS: usize = 50_000;
const MOST_KEYS: usize = 20;
/// Bytes of the result, counted about as they will be written.
const MOST_BYTES: usize = 3 * 1024 * 1024;

/// Aggregates by group.
#[hotcell::output]
#[derive(Debug, PartialEq)]
pub struct Groups {
    /// The columns of the result: those that the rows are grouped by, then the aggregates.
    pub columns: Vec<String>,
    /// One object per group.
    pub rows: Vec<Map<String, Value>>,
    /// How many groups there are.
    pub groups: usize,
    /// Whether there are more groups than `rows` has.
    pub truncated: bool,
}

/// Aggregates over all rows.
#[hotcell::output]
#[derive(Debug, PartialEq)]
pub struct Totals {
    /// How many rows there are, without the header.
    pub rows: usize,
    /// The aggregates by name.
    pub values: Map<String, Value>,
}

/// Computes aggregates over all rows.
pub(crate) fn totals(table: &Table, aggregates: &[Aggregate]) -> Result<Totals, Error> {
    let planned = aggregate::plan(table, &[], aggregates)?;
    let rows = all_rows(table);
    let values = planned.iter().map(|planned| (planned.name.clone(), planned.over(table, &rows).json())).collect();
    Ok(Totals { rows: table.rows, values })
}

/// Computes aggregates by group.
pub(crate) fn groups(
    table: &Table,
    by: &[String],
    aggregates: &[Aggregate],
    sort: Option<&str>,
    limit: u32,
) -> Result<Groups, Error> {
    if limit == 0 || limit > MOST_LISTED {
        return Err(Error::invalid_input("$.limit", format!("must be between 1 and {MOST_LISTED}, got {limit}")));
    }
    let keys = key_columns(table, by)?;
    let planned = aggregate::plan(table, by, aggregates)?;
    let columns: Vec<String> = by.iter().cloned().chain(planned.iter().map(|planned| planned.name.clone())).collect();
    let sort = sort.map(|sort| Sort::of(sort, &columns)).transpose()?;

    let mut rows = computed(table, &keys, &planned)?;
    if let Some(sort) = sort {
        sort.apply(&mut rows);
    }
    let groups = rows.len();
    let rows = listed(&columns, &rows, limit as usize);
    Ok(Groups { truncated: rows.len() < groups, columns, rows, groups })
}

fn key_columns(table: &Table, by: &[String]) -> Result<Vec<usize>, Error> {
    if by.is_empty() || by.len() > MOST_KEYS {
        let message = format!(
            "must name 1 to {MOST_KEYS} columns, got {}; `csv.aggregate` takes all rows as one group",
            by.len()
        );
        return Err(Error::invalid_input("$.by", message));
    }
    let position = |(nth, name): (usize, &String)| {
        let path = format!("$.by[{nth}]");
        if by.iter().take(nth).any(|earlier| earlier == name) {
            return Err(Error::invalid_input(path, format!("`{name}` is named twice")));
        }
        table.position(name, &path)
    };
    by.iter().enumerate().map(position).collect()
}

/// One row of the result per group, in the order in which the groups first appear.
fn computed<'a>(table: &'a Table, keys: &[usize], planned: &[Planned]) -> Result<Vec<Vec<Scalar<'a>>>, Error> {
    let cells = |row: &u32| {
        let row = *row as usize;
        keys.iter().map(move |key| table.cell(row, *key))
    };
    let mut rows = all_rows(table);
    // A stable sort keeps the rows of a group in order: the first of a run is where the group first appears.
    rows.sort_by(|a, b| cells(a).cmp(cells(b)));
    let mut groups: Vec<&[u32]> = rows.chunk_by(|a, b| cells(a).eq(cells(b))).collect();
    if groups.len() > MOST_GROUPS {
        let message = format!(
            "makes {} groups, the most is {MOST_GROUPS}; choose columns with fewer different values",
            groups.len()
        );
        return Err(Error::invalid_input("$.by", message));
    }
    groups.sort_unstable_by_key(|rows| rows.first().copied());
    let row = |group: &[u32]| {
        let key = group.first().into_iter().flat_map(&cells).map(Scalar::Text);
        key.chain(planned.iter().map(|planned| planned.over(table, group))).collect()
    };
    Ok(groups.into_iter().map(row).collect())
}

fn listed(columns: &[String], rows: &[Vec<Scalar<'_>>], limit: usize) -> Vec<Map<String, Value>> {
    let names: usize = columns.iter().map(|name| name.len() + 4).sum();
    let mut room = MOST_BYTES;
    let fits = |row: &&Vec<Scalar<'_>>| {
        let cells = row.iter().map(|cell| if let Scalar::Text(text) = cell { text.len() + 2 } else { 12 });
        room = room.saturating_sub(names + cells.sum::<usize>());
        room > 0
    };
    let object = |row: &Vec<Scalar<'_>>| columns.iter().cloned().zip(row.iter().map(|cell| cell.json())).collect();
    rows.iter().take(limit).take_while(fits).map(object).collect()
}

fn all_rows(table: &Table) -> Vec<u32> {
    // A table has at most as many rows as it has cells, and these are counted in 32 bits.
    (0..u32::try_from(table.rows).unwrap_or(u32::MAX)).collect()
}

/// The column to sort by, and the direction.
struct Sort {
    column: usize,
    largest_first: bool,
}

// === impl Sort ===

impl Sort {
    /// A name that is there as it is written wins over one with a `-` before it.
    fn of(text: &str, columns: &[String]) -> Result<Self, Error> {
        let find = |name: &str| columns.iter().position(|column| column == name);
        if let Some(column) = find(text) {
            return Ok(Self { column, largest_first: false });
        }
        if let Some(column) = text.strip_prefix('-').and_then(find) {
            return Ok(Self { column, largest_first: true });
        }
        let known = columns.iter().map(|column| format!("`{column}`")).collect::<Vec<_>>().join(", ");
        Err(Error::invalid_input("$.sort", format!("the result has no column `{text}`; it has {known}")))
    }

    fn apply<'a>(&self, rows: &mut [Vec<Scalar<'a>>]) {
        let cell = |row: &Vec<Scalar<'a>>| row.get(self.column).copied().unwrap_or(Scalar::Missing);
        rows.sort_by(|a, b| cell(a).order(cell(b), self.largest_first));
    }
}
