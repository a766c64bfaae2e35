//! `prices."MODEL"`: what a model costs.

use std::collections::BTreeMap;

use hotcell_agent::Cost;
use hotcell_agent::document::{Item, Section};
use hotcell_agent::model::Usage;

/// What a million tokens cost, in millionths of a dollar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Price {
    /// Of requests.
    pub input: u64,
    /// Of replies.
    pub output: u64,
}

const EXAMPLE: &str = "{ input = \"3.00usd\", output = \"15.00usd\" }";
const MILLION: u128 = 1_000_000;
/// Beyond a million dollars, somebody has mistaken the unit.
const MOST: Cost = Cost(1_000_000_000_000);

impl Price {
    /// What so many tokens cost, in millionths of a dollar, rounded up: a budget must not be told of less than is spent.
    #[must_use]
    pub fn of(self, usage: Usage) -> u64 {
        let part = |tokens: u64, price: u64| u128::from(tokens) * u128::from(price);
        let sum = part(usage.input, self.input).saturating_add(part(usage.output, self.output));
        u64::try_from(sum.div_ceil(MILLION)).unwrap_or(u64::MAX)
    }
}

pub(super) fn read(section: &Section<'_>) -> BTreeMap<String, Price> {
    let mut prices = BTreeMap::new();
    for (name, item) in section.others() {
        let Some(table) = item.section() else { continue };
        let price = |key| price(&table.need(key, EXAMPLE)?);
        let (input, output) = (price("input"), price("output"));
        if let (Some(input), Some(output)) = (input, output) {
            prices.insert(name.value.to_owned(), Price { input, output });
        }
    }
    prices
}

fn price(item: &Item<'_>) -> Option<u64> {
    let cost = item.parsed::<Cost>()?.value;
    if cost > MOST {
        item.report(item.wrong(format!("{cost} for a million tokens is more than {MOST}"), ""));
        return None;
    }
    Some(cost.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sum_is_rounded_up_and_never_wraps() {
        let price = Price { input: 3_000_000, output: 15_000_000 };
        assert_eq!(price.of(Usage { input: 1_000_000, output: 0 }), 3_000_000);
        assert_eq!(price.of(Usage { input: 11, output: 7 }), 138);
        assert_eq!(Price { input: 1, output: 0 }.of(Usage { input: 1, output: 0 }), 1);
        assert_eq!(price.of(Usage { input: u64::MAX, output: u64::MAX }), u64::MAX);
    }
}
