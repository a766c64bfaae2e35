//! Markdown as HTML.

use hotcell::Error;
use pulldown_cmark::{CowStr, Event, Parser, Tag, TagEnd};

use crate::LANGUAGE;
use crate::link::{self, Use};
use crate::outline::Anchors;

/// Fits the 4 MiB that a host takes back by default, with room for escapes.
const MOST_BYTES: usize = 3 * 1024 * 1024;

/// A text as HTML.
#[hotcell::output]
#[derive(Debug, PartialEq, Eq)]
pub struct Page {
    /// The inner part of a page, without `<html>` and `<body>`.
    pub html: String,
}

/// What becomes of HTML in the text.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Raw {
    Keep,
    Escape,
}

/// Renders a text.
pub(crate) fn page(text: &str, raw: Raw) -> Result<Page, Error> {
    let mut anchors = Anchors::of(text).into_iter();
    let mut kept = Vec::new();
    let events = Parser::new_ext(text, LANGUAGE).filter_map(|event| {
        let event = if raw == Raw::Escape { escaped(event) } else { event };
        match event {
            Event::Start(Tag::Heading { level, classes, attrs, .. }) => {
                let id = anchors.next().map(CowStr::from);
                Some(Event::Start(Tag::Heading { level, id, classes, attrs }))
            }
            event => harmless(event, &mut kept),
        }
    });
    let mut html = String::with_capacity(text.len());
    pulldown_cmark::html::push_html(&mut html, events);
    if html.len() > MOST_BYTES {
        let message =
            format!("the HTML is {} bytes large, the most is {MOST_BYTES}; render the text in parts", html.len());
        return Err(Error::failed(message));
    }
    Ok(Page { html })
}

/// HTML as the text that it is written as. A block of it becomes a paragraph.
fn escaped(event: Event<'_>) -> Event<'_> {
    match event {
        Event::Html(text) | Event::InlineHtml(text) => Event::Text(text),
        Event::Start(Tag::HtmlBlock) => Event::Start(Tag::Paragraph),
        Event::End(TagEnd::HtmlBlock) => Event::End(TagEnd::Paragraph),
        event => event,
    }
}

/// The event, unless it begins or ends a link or an image that could run code. `kept` tells for each that is open whether
/// it was let through.
fn harmless<'a>(event: Event<'a>, kept: &mut Vec<bool>) -> Option<Event<'a>> {
    let keep = match &event {
        Event::Start(Tag::Link { dest_url, .. }) => {
            kept.push(link::is_harmless(dest_url, Use::Link));
            kept.last().copied()
        }
        Event::Start(Tag::Image { dest_url, .. }) => {
            kept.push(link::is_harmless(dest_url, Use::Image));
            kept.last().copied()
        }
        Event::End(TagEnd::Link | TagEnd::Image) => kept.pop(),
        _ => Some(true),
    };
    keep.unwrap_or(true).then_some(event)
}
