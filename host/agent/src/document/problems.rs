//! Everything that is wrong in a file, gathered while it is read.

use std::cell::{Cell, RefCell};
use std::sync::Arc;

use crate::Diagnostic;
use crate::document::{Source, Span};

/// How many are told: whoever made more will mend these first.
const MOST: usize = 100;

/// Gathers [`Diagnostic`]s about one file.
#[derive(Debug)]
pub struct Problems {
    source: Arc<Source>,
    found: RefCell<Vec<Diagnostic>>,
    more: Cell<usize>,
}

impl Problems {
    /// None yet, about this file.
    #[must_use]
    pub fn new(source: &Arc<Source>) -> Self {
        Self { source: Arc::clone(source), found: RefCell::default(), more: Cell::default() }
    }

    /// Begins a diagnostic about a place; it counts when it is [pushed](Self::push).
    #[must_use]
    pub fn at(&self, span: Span, message: impl AsRef<str>, label: impl AsRef<str>) -> Diagnostic {
        Diagnostic::new(&self.source, message).at(span, label)
    }

    /// The file.
    #[must_use]
    pub fn source(&self) -> &Arc<Source> {
        &self.source
    }

    /// Takes one in.
    pub fn push(&self, diagnostic: Diagnostic) {
        let mut found = self.found.borrow_mut();
        if found.len() < MOST {
            found.push(diagnostic);
        } else {
            self.more.set(self.more.get() + 1);
        }
    }

    /// Whether no more are told: what costs time to say need not be said.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.found.borrow().len() >= MOST
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.found.borrow().is_empty()
    }

    /// The value if nothing was wrong.
    ///
    /// # Errors
    ///
    /// All that is wrong, in the order of the file; never an empty list.
    pub fn finish<T>(self, value: Option<T>) -> Result<T, Vec<Diagnostic>> {
        let mut found = self.found.into_inner();
        found.sort_by_key(Diagnostic::order);
        let more = self.more.get();
        if more > 0 {
            let rest = format!("{more} more errors are not shown");
            found.push(Diagnostic::new(&self.source, rest));
        }
        match value {
            Some(value) if found.is_empty() => Ok(value),
            _ if found.is_empty() => {
                Err(vec![Diagnostic::new(&self.source, "the file was refused without a reason: please report this")])
            }
            _ => Err(found),
        }
    }
}
