//! Plain text and places of a Markdown text.

use pulldown_cmark::Event;

/// The text that a reader sees of an event inside a heading or a cell.
pub(crate) fn text_of<'a>(event: &'a Event<'_>) -> &'a str {
    match event {
        Event::Text(text) | Event::Code(text) | Event::InlineMath(text) | Event::DisplayMath(text) => text,
        Event::SoftBreak | Event::HardBreak => " ",
        Event::TaskListMarker(true) => "[x] ",
        Event::TaskListMarker(false) => "[ ] ",
        Event::Start(_)
        | Event::End(_)
        | Event::Html(_)
        | Event::InlineHtml(_)
        | Event::FootnoteReference(_)
        | Event::Rule => "",
    }
}

/// Finds the line of a place.
pub(crate) struct Lines {
    /// Where each line but the first begins.
    starts: Vec<usize>,
}

// === impl Lines ===

impl Lines {
    pub(crate) fn of(text: &str) -> Self {
        Self { starts: text.match_indices('\n').map(|(at, _)| at + 1).collect() }
    }

    /// The line that a byte is in, from 1.
    pub(crate) fn line(&self, byte: usize) -> usize {
        self.starts.partition_point(|start| *start <= byte) + 1
    }
}
