//! What every section checks of a value: that it is neither too small to work nor too large to mean anything.

use std::fmt::Display;
use std::time::Duration;

use hotcell_agent::document::Item;
use hotcell_call::{ByteSize, format_duration};

/// The least and the most that a key takes, and why no more.
pub(super) struct Bounds<T> {
    pub(super) least: T,
    pub(super) most: T,
    /// Fit for a hint.
    pub(super) because: &'static str,
}

/// A size within its bounds.
pub(super) fn size(item: &Item<'_>, bounds: &Bounds<ByteSize>) -> Option<ByteSize> {
    within(item, item.size()?, bounds, ByteSize::to_string)
}

/// A duration within its bounds.
pub(super) fn duration(item: &Item<'_>, bounds: &Bounds<Duration>) -> Option<Duration> {
    within(item, item.duration()?, bounds, |duration| format_duration(*duration))
}

fn within<T: PartialOrd>(item: &Item<'_>, value: T, bounds: &Bounds<T>, shown: impl Fn(&T) -> String) -> Option<T> {
    if value >= bounds.least && value <= bounds.most {
        return Some(value);
    }
    let message = outside(item.name(), shown(&bounds.least), shown(&bounds.most));
    item.report(item.wrong(message, "").hint(bounds.because));
    None
}

fn outside(key: &str, least: impl Display, most: impl Display) -> String {
    format!("`{key}` goes from {least} to {most}")
}
