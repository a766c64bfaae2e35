//! Draws a diagnostic over the lines that it is about.
//!
//! Only those lines are handed to the drawing library, cut to a window where they are long and with every deceptive
//! character replaced: a file of one line of a megabyte costs no more to show than any other.

use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};

use super::{Diagnostic, Label, Style};
use crate::document::{Source, Span};

/// How many characters of a line are shown before and after the place.
const WINDOW: (usize, usize) = (60, 60);

/// How many lines apart two places may be to be drawn together.
const NEAR: usize = 30;

pub(super) fn draw(diagnostic: &Diagnostic, style: Style) -> String {
    let id = diagnostic.code.to_string();
    let file = super::shown(diagnostic.file());
    let excerpt = Excerpt::of(diagnostic);
    let title = Level::ERROR.primary_title(diagnostic.message.as_str());
    let mut group = Group::with_title(title.id(id.as_str()));
    match &excerpt {
        // The library counts columns in what it is given: right, as long as that is the whole line.
        Some(excerpt) if !excerpt.cut => {
            group = group.element(excerpt.snippet().path(file.as_str()));
        }
        _ => {
            let mut origin = Origin::path(file.as_str());
            if let Some((line, column)) = diagnostic.position() {
                origin = origin.line(line).char_column(column);
            }
            group = group.element(origin);
            group = group.elements(excerpt.as_ref().map(Excerpt::snippet));
        }
    }
    for note in excerpt.iter().flat_map(|excerpt| &excerpt.far) {
        group = group.element(Level::NOTE.message(note.as_str()));
    }
    if let Some(hint) = &diagnostic.hint {
        group = group.element(Level::HELP.message(hint.as_str()));
    }
    let renderer = match style {
        Style::Plain => Renderer::plain(),
        Style::Colour => Renderer::styled(),
    };
    renderer.render(&[group])
}

/// A few lines of a file, made harmless.
struct Excerpt {
    text: String,
    /// The number of the first line.
    first: usize,
    /// Ranges of `text`, each with its label.
    places: Vec<(Span, String)>,
    /// Places too far away to be drawn, in words.
    far: Vec<String>,
    /// Whether a line is not shown from its beginning.
    cut: bool,
}

impl Excerpt {
    fn of(diagnostic: &Diagnostic) -> Option<Self> {
        let source = &*diagnostic.source;
        let line_of = |label: &Label| source.position(label.span.start).0;
        let main = line_of(diagnostic.labels.first()?);
        let near = |label: &&Label| line_of(label).abs_diff(main) <= NEAR;
        let drawn: Vec<&Label> = diagnostic.labels.iter().filter(near).collect();
        let first = drawn.iter().map(|label| line_of(label)).min()?;
        let last = drawn.iter().map(|label| line_of(label)).max()?;
        let mut excerpt = Self {
            text: String::new(),
            first,
            places: vec![(0..0, String::new()); drawn.len()],
            far: Vec::new(),
            cut: false,
        };
        for line in first..=last {
            excerpt.add(source, line, &drawn)?;
        }
        let far = diagnostic.labels.iter().filter(|label| !near(label));
        excerpt.far = far.map(|label| format!("{}: line {}", label.text, line_of(label))).collect();
        Some(excerpt)
    }

    /// For the drawing library.
    fn snippet(&self) -> Snippet<'_, annotate_snippets::Annotation<'_>> {
        let mut snippet = Snippet::source(self.text.as_str()).line_start(self.first);
        for (place, (span, text)) in self.places.iter().enumerate() {
            let kind = if place == 0 { AnnotationKind::Primary } else { AnnotationKind::Context };
            let label = Some(text.as_str()).filter(|text| !text.is_empty());
            snippet = snippet.annotation(kind.span(span.clone()).label(label));
        }
        snippet
    }

    /// Adds a line, and the places of those labels that begin in it.
    fn add(&mut self, source: &Source, line: usize, labels: &[&Label]) -> Option<()> {
        let range = source.line_range(line)?;
        let text = source.line(line)?.trim_end_matches('\r');
        let here = |label: &Label| range.contains(&label.span.start) || label.span.start == range.end;
        let focus = labels
            .iter()
            .find(|label| here(label))
            .map_or(0, |label| source.position(label.span.start).1.saturating_sub(1));
        let skipped = if text.chars().count() > WINDOW.0 + WINDOW.1 { focus.saturating_sub(WINDOW.0) } else { 0 };
        self.cut |= skipped > 0;
        let start = self.text.len();
        // Byte offsets in the line, and where they are in the excerpt.
        let mut moved: Vec<(usize, usize)> = Vec::new();
        let shown = text.char_indices().skip(skipped).take(WINDOW.0 + WINDOW.1);
        for (at, c) in shown {
            moved.push((range.start + at, self.text.len()));
            self.text.push(harmless(c));
        }
        let end = self.text.len();
        let place = |at: usize| {
            let known = moved.partition_point(|(from, _)| *from < at);
            moved.get(known).map_or(end, |(_, to)| *to).max(start)
        };
        for (label, slot) in labels.iter().zip(&mut self.places) {
            if here(label) {
                let stop = label.span.end.min(range.end);
                *slot = (place(label.span.start)..place(stop), label.text.clone());
            }
        }
        self.text.push('\n');
        Some(())
    }
}

/// The character, or a mark in place of one that would not stand where it is written.
fn harmless(c: char) -> char {
    if c == '\t' {
        return ' ';
    }
    let mut buffer = [0; 4];
    let text: &str = c.encode_utf8(&mut buffer);
    if hotcell_call::printable(text) == text { c } else { '\u{fffd}' }
}
