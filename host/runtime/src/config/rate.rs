//! `rate`: how many calls may start in a time, of a tenant or of a tool.
//!
//! A string is enough for most: `rate = "600/m"`. A table says more: `rate = { limit = "600/m", burst = 20 }`.

use hotcell_agent::document::{Item, Section};
use hotcell_flow::rate::{Algorithm, Rate};

use super::per;

const EXAMPLE: &str = "600/m";

const ALGORITHMS: &[(&str, Algorithm)] = &[
    (Algorithm::Gcra.as_str(), Algorithm::Gcra),
    (Algorithm::TokenBucket.as_str(), Algorithm::TokenBucket),
    (Algorithm::SlidingWindow.as_str(), Algorithm::SlidingWindow),
];

/// Reads `rate` in `section`.
pub(super) fn read(section: &Section<'_>) -> Option<Rate> {
    let item = section.get("rate")?;
    if !item.is_table() {
        return limit(&item, Algorithm::default());
    }
    let table = item.section()?;
    let algorithm = table.get("algorithm").and_then(|item| item.word(ALGORITHMS));
    let burst = table.get("burst").map(|item| (item.number(1, u32::MAX), item));
    let rate = limit(&table.need("limit", "limit = \"600/m\"")?, algorithm.unwrap_or_default())?;
    let Some((burst, item)) = burst else {
        return Some(rate);
    };
    fits(&item, rate.with_burst(burst?))
}

fn limit(item: &Item<'_>, algorithm: Algorithm) -> Option<Rate> {
    let (count, time) = per::count(item, EXAMPLE)?;
    let count = u32::try_from(count).unwrap_or(u32::MAX);
    fits(item, Rate::new(algorithm, count, time))
}

fn fits<T, E: std::fmt::Display>(item: &Item<'_>, made: Result<T, E>) -> Option<T> {
    made.map_err(|error| item.report(item.wrong(error.to_string(), ""))).ok()
}
