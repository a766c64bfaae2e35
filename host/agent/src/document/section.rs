//! A table of the file, and the keys that someone asked it for.

use std::cell::{Cell, RefCell};

use hotcell_call::{nearest, shortened};
use toml::de::DeTable;

use super::neighbours;
use super::{Item, Problems, Span, Spanned};

/// A table: `[limits]`, or the whole file.
///
/// Each key that is asked for is thereby known. Dropped, it reports all others, with the nearest known key or the word that
/// hotcell has for what other hosts call so.
pub struct Section<'d> {
    name: String,
    table: &'d DeTable<'d>,
    span: Span,
    problems: &'d Problems,
    known: RefCell<Vec<&'static str>>,
    any: Cell<bool>,
    /// Whether it is one of several: `[[step]]`.
    listed: bool,
}

impl<'d> Section<'d> {
    /// The whole file.
    pub(super) fn root(table: &'d DeTable<'d>, problems: &'d Problems) -> Self {
        Self::new(String::new(), table, 0..0, problems)
    }

    pub(super) fn new(name: String, table: &'d DeTable<'d>, span: Span, problems: &'d Problems) -> Self {
        Self { name, table, span, problems, known: RefCell::default(), any: Cell::new(false), listed: false }
    }

    /// The value of a key, if it is there.
    pub fn get(&self, key: &'static str) -> Option<Item<'d>> {
        let mut known = self.known.borrow_mut();
        if !known.contains(&key) {
            known.push(key);
        }
        let (name, value) = self.table.get_key_value(key)?;
        Some(Item::new(self.path(key), name.span(), value, self.problems))
    }

    /// As [`get`](Self::get); a missing key is an error, and `example` is the line that would mend it.
    pub fn need(&self, key: &'static str, example: &str) -> Option<Item<'d>> {
        let item = self.get(key);
        if item.is_none() {
            let message = format!("{} has no `{key}`", self.shown());
            self.problems.push(self.problems.at(self.span(), message, "").hint(example));
        }
        item
    }

    /// A table within this one, if it is there.
    pub fn section(&self, key: &'static str) -> Option<Section<'d>> {
        self.get(key)?.section()
    }

    /// The tables of `[[key]]`; none of them if it is absent.
    pub fn sections(&self, key: &'static str) -> Vec<Section<'d>> {
        let Some(item) = self.get(key) else {
            return Vec::new();
        };
        if item.is_table() {
            let message = format!("`{key}` wants a list of tables");
            item.report(item.wrong(message, "").hint(format!("[[{key}]]")));
            return Vec::new();
        }
        let sections = item.list().into_iter().flatten();
        let listed = sections.filter_map(|item| {
            let mut section = item.section()?;
            section.listed = true;
            Some(section)
        });
        listed.collect()
    }

    /// All keys that were not asked for before, with their values, in the order of the file. From here on every key is known.
    pub fn others(&self) -> Vec<(Spanned<&'d str>, Item<'d>)> {
        self.any.set(true);
        let known = self.known.borrow();
        let asked = |key: &str| known.contains(&key);
        let others = self.table.iter().filter(|(key, _)| !asked(key.get_ref()));
        let mut others: Vec<_> = others
            .map(|(key, value)| {
                let name: &'d str = key.get_ref();
                let item = Item::new(self.path(name), key.span(), value, self.problems);
                (Spanned::new(name, key.span()), item)
            })
            .collect();
        others.sort_by_key(|(key, _)| key.span.start);
        others
    }

    /// Where it stands: its header, its key, or the braces of an inline table.
    #[must_use]
    pub fn span(&self) -> Span {
        self.span.clone()
    }

    /// Its name as a header, fit for messages: `[limits]`.
    #[must_use]
    pub fn shown(&self) -> String {
        match self.name.as_str() {
            "" => "the file".to_owned(),
            name if self.listed => format!("`[[{name}]]`"),
            name => format!("`[{name}]`"),
        }
    }

    /// Where to report what is wrong in it.
    #[must_use]
    pub fn problems(&self) -> &'d Problems {
        self.problems
    }

    fn path(&self, key: &str) -> String {
        let key = shortened(key, 60);
        if self.name.is_empty() { key } else { format!("{}.{key}", self.name) }
    }

    fn unknown(&self, key: &str, span: Span) {
        let known = self.known.borrow();
        let message = format!("unknown key `{}`", shortened(key, 60));
        let label = format!("not a key of {}", self.shown());
        let diagnostic = self.problems.at(span, message, label);
        let hint = if let Some(ours) = neighbours::ours(key) {
            ours.to_owned()
        } else if let Some(near) = nearest(key, known.iter().copied()) {
            format!("did you mean `{near}`?")
        } else if known.is_empty() {
            format!("{} has no keys", self.shown())
        } else {
            format!("{} has: {}", self.shown(), known.join(", "))
        };
        self.problems.push(diagnostic.hint(hint));
    }
}

impl Drop for Section<'_> {
    fn drop(&mut self) {
        if self.any.get() {
            return;
        }
        for key in self.table.keys() {
            let name: &str = key.get_ref();
            let known = self.known.borrow().contains(&name);
            if known {
                continue;
            }
            if self.problems.is_full() {
                let wrong = self.problems.at(key.span(), "unknown key", "");
                self.problems.push(wrong);
            } else {
                self.unknown(name, key.span());
            }
        }
    }
}
