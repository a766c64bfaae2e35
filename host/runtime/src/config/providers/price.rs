//! `prices."MODEL"`: what a model costs.

use std::collections::BTreeMap;
use std::str::FromStr;

use hotcell_agent::document::Section;
use hotcell_agent::model::Usage;
use hotcell_call::shortened;

/// What a million tokens cost, in millionths of a dollar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Price {
    /// Of requests.
    pub input: u64,
    /// Of replies.
    pub output: u64,
}

/// An amount of money, in millionths of a dollar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Usd(u64);

const EXAMPLE: &str = "{ input = \"3.00usd\", output = \"15.00usd\" }";
const MILLION: u128 = 1_000_000;
/// In dollars: beyond, somebody has mistaken the unit.
const MOST: u64 = 1_000_000;

impl Price {
    /// What so many tokens cost, in millionths of a dollar, rounded up: a budget must not be told of less than is spent.
    #[must_use]
    pub fn of(self, usage: Usage) -> u64 {
        let part = |tokens: u64, price: u64| u128::from(tokens) * u128::from(price);
        let sum = part(usage.input, self.input).saturating_add(part(usage.output, self.output));
        u64::try_from(sum.div_ceil(MILLION)).unwrap_or(u64::MAX)
    }
}

impl FromStr for Usd {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        read_usd(text).map(Self).ok_or_else(|| format!("`{}` is no price: such as \"3.00usd\"", shortened(text, 40)))
    }
}

/// Digits, up to six behind a dot, and `usd`.
fn read_usd(text: &str) -> Option<u64> {
    let amount = text.strip_suffix("usd")?.trim_end();
    let (whole, part) = amount.split_once('.').unwrap_or((amount, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(part) || part.len() > 6 {
        return None;
    }
    let whole: u64 = whole.parse().ok().filter(|whole| *whole <= MOST)?;
    let part: u64 = format!("{part:0<6}").parse().ok()?;
    Some(whole * 1_000_000 + part)
}

pub(super) fn read(section: &Section<'_>) -> BTreeMap<String, Price> {
    let mut prices = BTreeMap::new();
    for (name, item) in section.others() {
        let Some(table) = item.section() else { continue };
        let price = |key| Some(table.need(key, EXAMPLE)?.parsed::<Usd>()?.value.0);
        let (input, output) = (price("input"), price("output"));
        if let (Some(input), Some(output)) = (input, output) {
            prices.insert(name.value.to_owned(), Price { input, output });
        }
    }
    prices
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_is_counted_in_whole_millionths() {
        for (text, micros) in [
            ("3.00usd", Some(3_000_000)),
            ("0.075usd", Some(75_000)),
            ("15 usd", Some(15_000_000)),
            ("0.000001usd", Some(1)),
            ("0usd", Some(0)),
            ("1000000usd", Some(1_000_000_000_000)),
            ("1000001usd", None),
            ("0.0000001usd", None),
            ("3", None),
            ("3.usd", None),
            (".5usd", None),
            ("-1usd", None),
            ("1e3usd", None),
            ("99999999999999999999usd", None),
        ] {
            assert_eq!(read_usd(text), micros, "{text}");
        }
    }

    #[test]
    fn a_sum_is_rounded_up_and_never_wraps() {
        let price = Price { input: 3_000_000, output: 15_000_000 };
        assert_eq!(price.of(Usage { input: 1_000_000, output: 0 }), 3_000_000);
        assert_eq!(price.of(Usage { input: 11, output: 7 }), 138);
        assert_eq!(Price { input: 1, output: 0 }.of(Usage { input: 1, output: 0 }), 1);
        assert_eq!(price.of(Usage { input: u64::MAX, output: u64::MAX }), u64::MAX);
    }
}
