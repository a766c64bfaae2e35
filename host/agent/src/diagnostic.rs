//! What is wrong in a file, where, and what to write instead.
//!
//! Made for whoever wrote the file: the place with a caret, in their own words, and a hint that can be pasted. Files come from
//! strangers too, so whatever is repeated of them is escaped first; it can't drive a terminal.

mod excerpt;

use std::sync::Arc;

use hotcell_call::{Code, Failure, printable, shortened};
use serde::Serialize;
use serde::ser::{SerializeStruct, Serializer};

use crate::document::{Source, Span};

/// The most characters that are shown of a file's name: as many as a path has on most systems.
const MOST_NAME: usize = 4_096;

/// One thing that is wrong in a file.
#[derive(Debug, Clone, PartialEq)]
pub struct Diagnostic {
    code: Code,
    message: String,
    /// The places it is about; the first is the one that is wrong.
    labels: Vec<Label>,
    hint: Option<String>,
    source: Arc<Source>,
}

/// A place in the file and what there is to say about it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Label {
    pub(crate) span: Span,
    pub(crate) text: String,
}

/// How a diagnostic is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// Text alone.
    Plain,
    /// With the colours of a terminal.
    Colour,
}

// === impl Diagnostic ===

impl Diagnostic {
    /// Says what is wrong, in a sentence without a full stop.
    #[must_use]
    pub fn new(source: &Arc<Source>, message: impl AsRef<str>) -> Self {
        Self {
            code: Code::File,
            message: printable(message.as_ref()),
            labels: Vec::new(),
            hint: None,
            source: Arc::clone(source),
        }
    }

    /// Says where, and in a few words what stands there. A second place is one that explains the first.
    #[must_use]
    pub fn at(mut self, span: Span, text: impl AsRef<str>) -> Self {
        self.labels.push(Label { span, text: printable(text.as_ref()) });
        self
    }

    /// Says what to do: best a line to paste.
    #[must_use]
    pub fn hint(mut self, hint: impl AsRef<str>) -> Self {
        self.hint = Some(printable(hint.as_ref()));
        self
    }

    /// Gives it another code than that of a file that does not fit.
    #[must_use]
    pub fn code(mut self, code: Code) -> Self {
        self.code = code;
        self
    }

    /// The file, as its user knows it.
    #[must_use]
    pub fn file(&self) -> &str {
        self.source.name()
    }

    /// The line, from 1; none where the whole file is meant.
    #[must_use]
    pub fn line(&self) -> Option<usize> {
        self.position().map(|(line, _)| line)
    }

    /// The column in characters, from 1.
    #[must_use]
    pub fn column(&self) -> Option<usize> {
        self.position().map(|(_, column)| column)
    }

    /// The bytes of the file that are wrong.
    #[must_use]
    pub fn span(&self) -> Option<Span> {
        self.labels.first().map(|label| label.span.clone())
    }

    /// What is wrong.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// What to do.
    #[must_use]
    pub fn remedy(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    /// As plain text with the lines that it is about, and a caret.
    #[must_use]
    pub fn render(&self) -> String {
        self.draw(Style::Plain)
    }

    /// As [`render`](Self::render), in a style.
    #[must_use]
    pub fn draw(&self, style: Style) -> String {
        excerpt::draw(self, style)
    }

    /// `agents/x.toml:12:8`.
    #[must_use]
    pub fn place(&self) -> String {
        let file = shown(self.file());
        match self.position() {
            Some((line, column)) => format!("{file}:{line}:{column}"),
            None => file,
        }
    }

    fn position(&self) -> Option<(usize, usize)> {
        self.span().map(|span| self.source.position(span.start))
    }

    pub(crate) fn order(&self) -> usize {
        self.labels.first().map_or(0, |label| label.span.start)
    }
}

/// The name of a file as it is shown: whoever named it may have put a line of ours into it.
fn shown(file: &str) -> String {
    shortened(file, MOST_NAME)
}

/// All that is wrong in a file as one failure: the first in words, the others by number.
///
/// Its outcome is `denied` where nothing is wrong but that more is asked than the operator grants, else `invalid`.
#[must_use]
pub fn failure(diagnostics: &[Diagnostic]) -> Failure {
    let Some(first) = diagnostics.first() else {
        return Failure::new(Code::Fault, "a file was refused without a reason");
    };
    let wider = diagnostics.iter().all(|d| d.code == Code::Wider);
    let code = if wider { Code::Wider } else { Code::File };
    let more = match diagnostics.len() {
        1 => String::new(),
        count => format!(" (and {} more)", count - 1),
    };
    let failure = Failure::new(code, format!("{} does not fit", shown(first.file()))).why(format!(
        "{}: {}{more}",
        first.place(),
        first.message
    ));
    match &first.hint {
        Some(hint) => failure.fix(hint),
        None => failure.fix(format!("hotcell check {}", shown(first.file()))),
    }
}

impl Serialize for Diagnostic {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let label = self.labels.first().map(|label| label.text.as_str());
        let mut object = serializer.serialize_struct("Diagnostic", 8)?;
        object.serialize_field("code", &self.code)?;
        object.serialize_field("file", self.file())?;
        object.serialize_field("line", &self.line())?;
        object.serialize_field("column", &self.column())?;
        object.serialize_field("span", &self.span().map(|span| [span.start, span.end]))?;
        object.serialize_field("message", &self.message)?;
        object.serialize_field("label", &label.filter(|label| !label.is_empty()))?;
        object.serialize_field("hint", &self.hint)?;
        object.end()
    }
}

#[cfg(test)]
mod tests;
