//! Reads the files that people write, and tells everything that is wrong in them at once.
//!
//! `hotcell.toml`, `tool.toml` and agents are read by the same few types, so a key means the same in all three and a mistake
//! is shown the same way: the place, a caret, a hint. The rules:
//!
//! - Nobody forgets to refuse unknown keys: a [`Section`] reports, when it is dropped, each key that nobody asked for.
//! - An error doesn't end the reading. Each reader reports what it finds and gives none; [`read`] gives either a value without
//!   one error, or all errors.
//! - A text is read under bounds ([`MOST_BYTES`], at most 100 errors told, nesting as the TOML parser bounds it), because
//!   it may be a stranger's.
//!
//! serde is not used for this: its errors end at the first, know no place once a value was looked at twice, and its words are
//! for programmers.

mod grants;
mod item;
mod limits;
mod neighbours;
mod problems;
mod section;
mod source;
mod written;

use std::sync::Arc;

use toml::de::DeTable;

pub use grants::{WantKeys, grants, tidy, wants};
pub use item::Item;
pub use limits::{LimitTable, limits};
pub use problems::Problems;
pub use section::Section;
pub use source::{MOST_BYTES, Source, Span, Spanned};
pub use written::{Written, written};

use crate::Diagnostic;

/// Reads `source` as TOML and hands its root to `reader`.
///
/// # Errors
///
/// All that is wrong, in the order of the file: the syntax errors if there are any, else what `reader` and the sections
/// that it opened reported.
pub fn read<T>(source: &Arc<Source>, reader: impl FnOnce(&Section<'_>) -> Option<T>) -> Result<T, Vec<Diagnostic>> {
    let problems = Problems::new(source);
    if source.text().len() > MOST_BYTES {
        problems.push(Diagnostic::new(source, "the file is larger than 1 MiB"));
        return problems.finish(None);
    }
    let (root, errors) = DeTable::parse_recoverable(source.text());
    if !errors.is_empty() {
        let mut told = 0;
        for error in errors {
            let end = source.text().len();
            let span = error.span().unwrap_or(end..end);
            // A second error in a line is mostly the first once more.
            let (line, _) = source.position(span.start);
            if line != told {
                problems.push(Diagnostic::new(source, error.message()).at(span, ""));
                told = line;
            }
        }
        return problems.finish(None);
    }
    let value = {
        let root = Section::root(root.get_ref(), &problems);
        reader(&root)
    };
    problems.finish(value)
}

#[cfg(test)]
mod tests;
