//! Markdown: as HTML that is safe to show, its outline, its tables.
//!
//! The language is CommonMark with what people know from GitHub: tables, footnotes, task lists, strikethrough, alerts. A
//! YAML block at the start is left out, as it is a description of the text and not a part of it.

mod html;
mod link;
mod outline;
mod plain;
mod tables;

use hotcell::Error;
use pulldown_cmark::Options;

pub use crate::html::Page;
pub use crate::outline::{Heading, Outline};
pub use crate::tables::{Table, Tables};

/// What Markdown is, for all functions alike: an anchor of the outline is one of the HTML, too.
const LANGUAGE: Options = Options::ENABLE_TABLES
    .union(Options::ENABLE_FOOTNOTES)
    .union(Options::ENABLE_STRIKETHROUGH)
    .union(Options::ENABLE_TASKLISTS)
    .union(Options::ENABLE_GFM)
    .union(Options::ENABLE_YAML_STYLE_METADATA_BLOCKS);

/// Turns Markdown into HTML: the inner part of a page, with an `id` on each heading.
///
/// Links and images that could run code (`javascript:` and the like) lose their target and stay as text.
#[hotcell::tool(effect = "pure")]
fn html(
    /// The Markdown text.
    text: String,
    /// Whether to keep HTML that stands in the text. If not, it is shown as text. Keep it only from authors you trust.
    #[hotcell(default = false)]
    unsafe_html: bool,
) -> Result<Page, Error> {
    html::page(&text, if unsafe_html { html::Raw::Keep } else { html::Raw::Escape })
}

/// Lists the headings, with level, line, and the anchor that leads to each in the HTML.
#[hotcell::tool(effect = "pure")]
fn outline(
    /// The Markdown text.
    text: String,
) -> Outline {
    outline::outline(&text)
}

/// Takes the tables out, with the text of their cells.
#[hotcell::tool(effect = "pure")]
fn tables(
    /// The Markdown text.
    text: String,
) -> Tables {
    tables::tables(&text)
}

#[cfg(test)]
mod tests;
