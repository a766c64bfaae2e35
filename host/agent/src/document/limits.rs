//! The keys of `[limits]`, the same in every file.

use std::time::Duration;

use hotcell_call::{ByteSize, Count, LimitKeys};

use super::{Item, Section, Span};

/// What a file says of limits, and where.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LimitTable {
    /// The values.
    pub keys: LimitKeys,
    places: Vec<(&'static str, Span)>,
}

impl LimitTable {
    /// Where the value of a limit stands.
    #[must_use]
    pub fn place(&self, key: &str) -> Option<Span> {
        let found = self.places.iter().find(|(name, _)| *name == key);
        found.map(|(_, span)| span.clone())
    }
}

/// Reads `limits` within `parent`: `[limits]`, or `limits.fuel = "50M"` in a tool's table.
///
/// Whether a value is over its ceiling is for whoever knows the ceiling.
#[must_use]
pub fn limits(parent: &Section<'_>) -> LimitTable {
    let Some(section) = parent.section("limits") else {
        return LimitTable::default();
    };
    let size = |key| section.get(key).and_then(|item| item.size());
    let some_size = |key| some(&section, key, |item| item.size(), ByteSize::default());
    let number = |key, least| section.get(key)?.number(least, u32::MAX);
    let keys = LimitKeys {
        fuel: some(&section, "fuel", |item| item.count(), Count::default()),
        timeout: some(&section, "timeout", |item| item.duration(), Duration::ZERO),
        memory: some_size("memory"),
        input: some_size("input"),
        output: some_size("output"),
        log: size("log"),
        handles: number("handles", 0),
        instances: number("instances", 1),
        random: size("random"),
        host_data: some_size("host_data"),
        disk: size("disk"),
        entries: number("entries", 0),
        requests: number("requests", 0),
        sent: size("sent"),
        received: size("received"),
    };
    let place = |key: &&'static str| Some((*key, section.get(key)?.span()));
    LimitTable { keys, places: LimitKeys::NAMES.iter().filter_map(place).collect() }
}

/// A limit without which nothing can run: some write 0 and mean that there is none.
fn some<T: PartialEq>(
    section: &Section<'_>,
    key: &'static str,
    read: impl Fn(&Item<'_>) -> Option<T>,
    nothing: T,
) -> Option<T> {
    let item = section.get(key)?;
    let value = read(&item)?;
    if value == nothing {
        let message = format!("`{key}` is zero: no call could run");
        let hint = "every call has a limit; to leave it as it is, leave out the key";
        item.report(item.wrong(message, "").hint(hint));
        return None;
    }
    Some(value)
}
