//! Headings, and the anchors that lead to them.

use std::collections::HashMap;

use pulldown_cmark::{Event, Parser, Tag, TagEnd};

use crate::LANGUAGE;
use crate::plain::{self, Lines};

const MOST_HEADINGS: usize = 10_000;
/// Bytes of all headings together; a heading may be as long as the text.
const MOST_BYTES: usize = 1024 * 1024;

/// One heading.
#[hotcell::output]
#[derive(Debug, PartialEq, Eq)]
pub struct Heading {
    /// From 1, the largest, to 6.
    pub level: u8,
    /// Its text, without markup.
    pub text: String,
    /// The line at which it begins, from 1.
    pub line: usize,
    /// Its `id` in the HTML: `#` and this lead to it.
    pub anchor: String,
}

/// The headings of a text.
#[hotcell::output]
#[derive(Debug, PartialEq, Eq)]
pub struct Outline {
    /// The headings, from top to bottom.
    pub headings: Vec<Heading>,
    /// Whether there are more than are listed.
    pub truncated: bool,
}

/// Lists the headings of a text.
pub(crate) fn outline(text: &str) -> Outline {
    let lines = Lines::of(text);
    let mut anchors = Anchors::default();
    let mut room = MOST_BYTES;
    let mut headings = Vec::new();
    for Found { level, text, byte } in Headings::of(text) {
        // Once for the text, and once for the anchor.
        room = room.saturating_sub(2 * text.len());
        if room == 0 || headings.len() == MOST_HEADINGS {
            return Outline { headings, truncated: true };
        }
        headings.push(Heading { level, line: lines.line(byte), anchor: anchors.name(&text), text });
    }
    Outline { headings, truncated: false }
}

/// A heading as the parser finds it.
struct Found {
    level: u8,
    text: String,
    byte: usize,
}

/// The headings of a text, one after the other.
struct Headings<'a> {
    events: pulldown_cmark::OffsetIter<'a>,
}

// === impl Headings ===

impl<'a> Headings<'a> {
    fn of(text: &'a str) -> Self {
        Self { events: Parser::new_ext(text, LANGUAGE).into_offset_iter() }
    }
}

impl Iterator for Headings<'_> {
    type Item = Found;

    fn next(&mut self) -> Option<Found> {
        let (level, byte) = self.events.find_map(|(event, range)| match event {
            Event::Start(Tag::Heading { level, .. }) => Some((level as u8, range.start)),
            _ => None,
        })?;
        let mut text = String::new();
        for (event, _) in self.events.by_ref() {
            if matches!(event, Event::End(TagEnd::Heading(_))) {
                break;
            }
            text.push_str(plain::text_of(&event));
        }
        Some(Found { level, text: text.trim().to_owned(), byte })
    }
}

/// Gives each heading a name of its own: its words in lower case with hyphens between, and a number where that is taken.
#[derive(Default)]
pub(crate) struct Anchors {
    /// How often each name was wanted.
    wanted: HashMap<String, usize>,
}

// === impl Anchors ===

impl Anchors {
    /// The anchors of all headings of a text.
    pub(crate) fn of(text: &str) -> Vec<String> {
        let mut anchors = Self::default();
        Headings::of(text).map(|heading| anchors.name(&heading.text)).collect()
    }

    fn name(&mut self, text: &str) -> String {
        let words = text.chars().filter_map(|c| match c {
            c if c.is_alphanumeric() || c == '_' || c == '-' => Some(c),
            c if c.is_whitespace() => Some('-'),
            _ => None,
        });
        let mut base: String = words.flat_map(char::to_lowercase).collect();
        if base.is_empty() {
            base.push_str("section");
        }
        loop {
            let count = self.wanted.entry(base.clone()).or_default();
            let name = if *count == 0 { base.clone() } else { format!("{base}-{count}") };
            *count += 1;
            // `a-1` may be a heading's own name: then it is taken, and the next number is tried.
            if name == base || !self.wanted.contains_key(&name) {
                self.wanted.entry(name.clone()).or_insert(1);
                return name;
            }
        }
    }
}
