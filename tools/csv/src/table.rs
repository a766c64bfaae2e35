//! A CSV text, read.
//!
//! All cells lie in one string, with the end of each beside it: a text of two million cells takes three times its own size,
//! where a string per cell would take forty times and not fit a cell's memory.

use std::collections::HashSet;

use csv::{ErrorKind, ReaderBuilder, StringRecord};
use hotcell::Error;

const MOST_COLUMNS: usize = 1_000;
/// As many as can be described, sorted and all, within the memory and the fuel that a cell has by default.
const MOST_CELLS: usize = 1_000_000;
/// What `auto` chooses from, in this order where several fit as well.
const DELIMITERS: [u8; 4] = [b',', b';', b'\t', b'|'];

/// The cells of a text, each row with as many as there are columns.
pub(crate) struct Table {
    /// Names of the columns, each of them once.
    pub(crate) columns: Vec<String>,
    pub(crate) rows: usize,
    cells: String,
    ends: Vec<u32>,
}

// === impl Table ===

impl Table {
    /// Reads a text.
    pub(crate) fn read(text: &str, delimiter: &str, header: bool) -> Result<Self, Error> {
        let mut reader = ReaderBuilder::new()
            .delimiter(delimiter_byte(delimiter, text)?)
            .has_headers(false)
            .from_reader(text.as_bytes());
        let mut record = StringRecord::new();
        let mut table = Self { columns: Vec::new(), rows: 0, cells: String::new(), ends: Vec::new() };
        while reader.read_record(&mut record).map_err(|error| unreadable(&error))? {
            if table.columns.is_empty() {
                table.columns = names(&record, header)?;
                if header {
                    continue;
                }
            }
            table.push(&record)?;
        }
        if table.columns.is_empty() {
            return Err(Error::invalid_input("$.text", "is empty: there is not even a header"));
        }
        Ok(table)
    }

    fn push(&mut self, record: &StringRecord) -> Result<(), Error> {
        for cell in record {
            self.cells.push_str(cell.trim());
            let end = u32::try_from(self.cells.len()).ok().filter(|_| self.ends.len() < MOST_CELLS);
            let end = end.ok_or_else(|| {
                let message = format!("has more than {MOST_CELLS} cells; take some rows or columns at a time");
                Error::invalid_input("$.text", message)
            });
            self.ends.push(end?);
        }
        self.rows += 1;
        Ok(())
    }

    /// The cell in a row and a column, counted from 0.
    pub(crate) fn cell(&self, row: usize, column: usize) -> &str {
        let nth = row * self.columns.len() + column;
        let end_of = |nth: usize| self.ends.get(nth).map_or(0, |end| *end as usize);
        let start = nth.checked_sub(1).map_or(0, end_of);
        self.cells.get(start..end_of(nth)).unwrap_or_default()
    }

    /// The cells of a column, from the first row to the last.
    pub(crate) fn column(&self, column: usize) -> impl Iterator<Item = &str> {
        (0..self.rows).map(move |row| self.cell(row, column))
    }

    /// Which column has a name; `path` is where the name stands in the input.
    pub(crate) fn position(&self, name: &str, path: &str) -> Result<usize, Error> {
        self.columns.iter().position(|column| column == name).ok_or_else(|| {
            let known: Vec<_> = self.columns.iter().take(20).map(|column| format!("`{column}`")).collect();
            let more = if self.columns.len() > known.len() { " …" } else { "" };
            Error::invalid_input(path, format!("there is no column `{name}`; there are {}{more}", known.join(", ")))
        })
    }
}

fn delimiter_byte(delimiter: &str, text: &str) -> Result<u8, Error> {
    match (delimiter, delimiter.as_bytes()) {
        ("tab" | "\\t", _) => Ok(b'\t'),
        ("auto", _) => Ok(guess(text)),
        (_, [byte]) if byte.is_ascii() && !byte.is_ascii_alphanumeric() && !b"\"\r\n".contains(byte) => Ok(*byte),
        _ => Err(Error::invalid_input(
            "$.delimiter",
            format!("must be one character such as `,` or `;`, `tab` or `auto`, got `{delimiter}`"),
        )),
    }
}

/// The delimiter that cuts the first lines into equally many fields, and of several such into the most.
fn guess(text: &str) -> u8 {
    let score = |delimiter: u8| {
        let mut counts = text
            .lines()
            .take(10)
            .filter(|line| !line.is_empty())
            .map(|line| line.bytes().filter(|byte| *byte == delimiter).count());
        let first = counts.next().unwrap_or_default();
        (first > 0 && counts.all(|count| count == first), first)
    };
    // `max_by_key` gives the last of equals, and the first is wanted.
    DELIMITERS.into_iter().rev().max_by_key(|delimiter| score(*delimiter)).unwrap_or(b',')
}

/// Names of the columns: those of the header, with a number where one is missing or there twice.
fn names(first: &StringRecord, header: bool) -> Result<Vec<String>, Error> {
    if first.len() > MOST_COLUMNS {
        return Err(Error::invalid_input("$.text", format!("has {} columns, the most is {MOST_COLUMNS}", first.len())));
    }
    let mut taken: HashSet<String> = HashSet::new();
    let given = first.iter().map(str::trim).enumerate().map(|(nth, name)| {
        let name = if header && !name.is_empty() { name.to_owned() } else { format!("column_{}", nth + 1) };
        let mut unique = name.clone();
        let mut count = 1;
        while !taken.insert(unique.clone()) {
            count += 1;
            unique = format!("{name}_{count}");
        }
        unique
    });
    Ok(given.collect())
}

fn unreadable(error: &csv::Error) -> Error {
    let message = match error.kind() {
        ErrorKind::UnequalLengths { pos, expected_len, len } => {
            let line = pos.as_ref().map_or_else(String::new, |pos| format!(" at line {}", pos.line()));
            format!(
                "the row{line} has {len} fields, but the first has {expected_len}; a field that holds the delimiter needs quotes"
            )
        }
        _ => format!("is not CSV: {error}"),
    };
    Error::invalid_input("$.text", message)
}
