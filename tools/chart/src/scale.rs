//! From numbers to pixels, and from numbers to words.

/// A smaller range is shown as none: its steps would be too small for a float to count.
const MIN_RANGE: f64 = 1e-290;

/// From how many digits on thousands are set apart by commas.
#[derive(Clone, Copy)]
pub(crate) enum Grouping {
    /// For amounts: `1,234`.
    Amounts = 4,
    /// For what may be a year: `2026`, but `12,345`.
    Years = 5,
}

/// Maps a range of numbers to a range of pixels, and marks it at round numbers.
pub(crate) struct Scale {
    low: f64,
    high: f64,
    step: f64,
    from: f64,
    to: f64,
}

impl Scale {
    /// A scale from `from` to `to` pixels that shows all from `low` to `high` and ends at round numbers, with about `count`
    /// marks.
    pub(crate) fn round(low: f64, high: f64, count: f64, from: f64, to: f64) -> Self {
        let exact = Self::exact(low, high, count, from, to);
        let (low, high) = ((exact.low / exact.step).floor(), (exact.high / exact.step).ceil());
        Self { low: low * exact.step, high: high * exact.step, ..exact }
    }

    /// The same, ending where the numbers do.
    pub(crate) fn exact(low: f64, high: f64, count: f64, from: f64, to: f64) -> Self {
        // A single value gets room around it; so small a range that floats can't divide it is none.
        let middle = low.abs().max(high.abs());
        let (low, high) = match high - low {
            size if size > middle * 1e-9 && size > MIN_RANGE => (low, high),
            _ if middle < MIN_RANGE => (0.0, 1.0),
            _ => (low - middle / 2.0, high + middle / 2.0),
        };
        Self { low, high, step: round_step((high - low) / count.max(1.0)), from, to }
    }

    /// Where a number is.
    pub(crate) fn at(&self, value: f64) -> f64 {
        self.from + (value - self.low) / (self.high - self.low) * (self.to - self.from)
    }

    /// The marks, with their words.
    pub(crate) fn marks(&self, grouping: Grouping) -> Vec<(f64, String)> {
        let decimals = (-self.step.log10().floor()).clamp(0.0, 12.0);
        // A mark at the very end must not be lost to the last bit of a float.
        let (first, last) = ((self.low / self.step - 1e-6).ceil(), (self.high / self.step + 1e-6).floor());
        let mut marks = Vec::new();
        let mut index = first;
        while index <= last {
            // Adding nothing makes a zero of what would be written as -0.
            let value = index * self.step + 0.0;
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to 0 to 12")]
            marks.push((value, with_decimals(value, decimals as usize, grouping)));
            index += 1.0;
        }
        marks
    }
}

/// The next step of 1, 2 or 5 times a power of ten.
fn round_step(rough: f64) -> f64 {
    let power = 10_f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].iter().map(|factor| factor * power).find(|step| *step >= rough * 0.999_999);
    step.unwrap_or(rough)
}

/// A number as people write it: `12,345.6`, `0.00123`, `1.2e18`.
pub(crate) fn number(value: f64, grouping: Grouping) -> String {
    let decimals = match value.abs() {
        size if size >= 100.0 && value.fract() == 0.0 => 0,
        size if size >= 100.0 => 1,
        size if size >= 1.0 => 2,
        size if size >= 0.01 => 4,
        _ => 6,
    };
    with_decimals(value, decimals, grouping)
}

fn with_decimals(value: f64, decimals: usize, grouping: Grouping) -> String {
    let size = value.abs();
    if size >= 1e12 || (size > 0.0 && size < 1e-4) {
        return trim(&format!("{value:.2e}"));
    }
    let text = format!("{size:.decimals$}");
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let fraction = fraction.trim_end_matches('0');
    let mut grouped = String::new();
    for (index, digit) in whole.chars().enumerate() {
        if whole.len() >= grouping as usize && index > 0 && (whole.len() - index) % 3 == 0 {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    let nothing = fraction.is_empty() && whole == "0";
    format!(
        "{}{grouped}{}{fraction}",
        if value < 0.0 && !nothing { "−" } else { "" },
        if fraction.is_empty() { "" } else { "." }
    )
}

/// `1.20e15` is `1.2e15`.
fn trim(scientific: &str) -> String {
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((scientific, "0"));
    format!("{}e{exponent}", mantissa.trim_end_matches('0').trim_end_matches('.')).replace('-', "−")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_round_and_cover_the_range() {
        for (low, high, count, wanted) in [
            (0.0, 10.0, 5.0, vec!["0", "2", "4", "6", "8", "10"]),
            (0.0, 97.0, 5.0, vec!["0", "20", "40", "60", "80", "100"]),
            (-3.0, 7.0, 4.0, vec!["−5", "0", "5", "10"]),
            (0.0, 1.0, 4.0, vec!["0", "0.5", "1"]),
            (0.1, 0.3, 4.0, vec!["0.1", "0.15", "0.2", "0.25", "0.3"]),
            (0.0, 25000.0, 3.0, vec!["0", "10,000", "20,000", "30,000"]),
            (0.0, 0.0, 4.0, vec!["0", "0.5", "1"]),
            (5.0, 5.0, 4.0, vec!["2", "4", "6", "8"]),
        ] {
            let marks = Scale::round(low, high, count, 0.0, 100.0).marks(Grouping::Amounts);
            let words: Vec<_> = marks.iter().map(|(_, words)| words.as_str()).collect();
            assert_eq!(words, wanted, "{low} to {high}");
        }
    }

    #[test]
    fn an_exact_scale_is_marked_within() {
        let scale = Scale::exact(2019.0, 2026.0, 4.0, 0.0, 70.0);
        let marks: Vec<_> =
            scale.marks(Grouping::Years).into_iter().map(|(value, words)| (scale.at(value), words)).collect();
        assert_eq!(marks, [(10.0, "2020".into()), (30.0, "2022".into()), (50.0, "2024".into()), (70.0, "2026".into())]);
    }

    #[test]
    fn any_range_has_a_few_marks() {
        let sizes = [0.0, 5e-324, 1e-300, 1e-9, 0.3, 1.0, 7.0, 1e9, 1e15, 1e300];
        for low in sizes.iter().flat_map(|size| [-size, *size]) {
            for high in sizes.iter().flat_map(|size| [-size, *size]).filter(|high| *high >= low) {
                let scale = Scale::round(low, high, 5.0, 0.0, 100.0);
                assert!(
                    (2..=12).contains(&scale.marks(Grouping::Amounts).len()),
                    "{low} to {high}: {:?}",
                    scale.marks(Grouping::Amounts)
                );
                assert!(scale.at(low) >= -1e-6 && scale.at(high) <= 100.0 + 1e-6, "{low} to {high}");
                let marks = Scale::exact(low, high, 5.0, 0.0, 100.0).marks(Grouping::Amounts);
                assert!((1..=12).contains(&marks.len()), "{low} to {high}: {marks:?}");
            }
        }
    }

    #[test]
    fn numbers_are_written_for_people() {
        for (value, wanted) in [
            (0.0, "0"),
            (-0.0, "0"),
            (2026.0, "2,026"),
            (-1_234_567.0, "−1,234,567"),
            (12_345.67, "12,345.7"),
            (12.345, "12.35"),
            (99.999, "100"),
            (0.123_456, "0.1235"),
            (0.001_234, "0.001234"),
            (0.000_012, "1.2e−5"),
            (1.5e18, "1.5e18"),
        ] {
            assert_eq!(number(value, Grouping::Amounts), wanted);
        }
        assert_eq!(number(2026.0, Grouping::Years), "2026");
        assert_eq!(number(12_026.0, Grouping::Years), "12,026");
    }
}
