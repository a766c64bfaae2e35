//! The result: a float that is written as a person would write it.
//!
//! Binary fractions leave noise in the last digits: `0.1 + 0.2` is 0.30000000000000004. Spreadsheets round to 15 digits
//! and so show 0.3, but they also cut the true digits of pi. So a number is rounded only where that makes it much shorter:
//! then the digits were noise.

use hotcell::schemars;
use hotcell::serde::{Serialize, Serializer};

/// The largest magnitude up to which every whole number has a float of its own.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// Digits that a float always holds.
const DIGITS: usize = 15;

/// A number that needs no more digits than this after rounding was meant to have no more.
const SHORT: usize = 12;

/// A finite number; whole ones are written without a fraction (`1024`, not `1024.0`).
#[derive(Clone, Copy, Debug, PartialEq, schemars::JsonSchema)]
#[schemars(crate = "hotcell::schemars", transparent)]
pub struct Number(f64);

impl From<f64> for Number {
    fn from(value: f64) -> Self {
        Self(without_noise(value))
    }
}

fn without_noise(value: f64) -> f64 {
    if value.fract() == 0.0 {
        return value;
    }
    let rounded = format!("{value:.*e}", DIGITS - 1);
    let mantissa = rounded.split_once('e').map_or(rounded.as_str(), |(mantissa, _)| mantissa);
    let digits = mantissa.trim_end_matches('0').chars().filter(char::is_ascii_digit).count();
    if digits <= SHORT { rounded.parse().unwrap_or(value) } else { value }
}

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0.fract() == 0.0 && self.0.abs() <= EXACT {
            #[expect(clippy::cast_possible_truncation, reason = "whole and within 2^53: exact")]
            let whole = self.0 as i64;
            serializer.serialize_i64(whole)
        } else {
            serializer.serialize_f64(self.0)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn noise_is_rounded_away_and_digits_are_kept() {
        for (value, wanted) in [
            (0.1 + 0.2, 0.3),
            (20.0 * (1.0 + 19.0 / 100.0), 23.8),
            (std::f64::consts::PI, std::f64::consts::PI),
            (1.0 / 3.0, 1.0 / 3.0),
            (9_007_199_254_740_991.0, 9_007_199_254_740_991.0),
            (1_234_567_890_120_001.0, 1_234_567_890_120_001.0),
            (5e-324, 5e-324),
            (f64::MAX, f64::MAX),
            (0.0, 0.0),
        ] {
            assert_eq!(without_noise(value), wanted);
        }
    }

    #[test]
    fn is_written_as_a_person_would() {
        for (value, text) in
            [(0.0, "0"), (-0.0, "0"), (-3.0, "-3"), (0.5, "0.5"), (EXACT, "9007199254740992"), (1e300, "1e+300")]
        {
            assert_eq!(hotcell::serde_json::to_string(&Number(value)).unwrap(), text);
        }
    }
}
