//! Tables, as texts by row and column.

use pulldown_cmark::{Event, Parser, Tag, TagEnd};

use crate::LANGUAGE;
use crate::plain::{self, Lines};

/// Bytes of all cells together, counted about as they are written.
const MOST_BYTES: usize = 3 * 1024 * 1024;

/// One table.
#[hotcell::output]
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Table {
    /// The line at which it begins, from 1.
    pub line: usize,
    /// The cells of its header, without markup.
    pub header: Vec<String>,
    /// Its rows, each with as many cells as the header.
    pub rows: Vec<Vec<String>>,
}

/// The tables of a text.
#[hotcell::output]
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Tables {
    /// The tables, from top to bottom.
    pub tables: Vec<Table>,
    /// Whether there is more than what is listed.
    pub truncated: bool,
}

/// Takes the tables out of a text.
pub(crate) fn tables(text: &str) -> Tables {
    let lines = Lines::of(text);
    let mut found = Tables::default();
    let mut room = MOST_BYTES;
    let mut row = Vec::new();
    let mut cell = None;
    for (event, range) in Parser::new_ext(text, LANGUAGE).into_offset_iter() {
        match event {
            Event::Start(Tag::Table(_)) => {
                found.tables.push(Table { line: lines.line(range.start), ..Table::default() });
            }
            Event::Start(Tag::TableCell) => cell = Some(String::new()),
            Event::End(TagEnd::TableCell) => {
                row.push(cell.take().unwrap_or_default().trim().to_owned());
            }
            Event::End(end @ (TagEnd::TableHead | TagEnd::TableRow)) => {
                let row = std::mem::take(&mut row);
                room = room.saturating_sub(row.iter().map(|cell| cell.len() + 4).sum());
                if room == 0 {
                    found.truncated = true;
                    return found;
                }
                found.put(row, end == TagEnd::TableHead);
            }
            event => {
                if let Some(cell) = &mut cell {
                    cell.push_str(plain::text_of(&event));
                }
            }
        }
    }
    found
}

// === impl Tables ===

impl Tables {
    fn put(&mut self, row: Vec<String>, header: bool) {
        if let Some(table) = self.tables.last_mut() {
            if header {
                table.header = row;
            } else {
                table.rows.push(row);
            }
        }
    }
}
