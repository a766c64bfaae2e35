//! Sizes, counts and durations as people write them: `64MiB`, `50M`, `2s`.
//!
//! Files and flags take units in strings, so that no key needs a suffix that says what its number means. What is printed can be
//! read back: `"64MiB".parse::<ByteSize>()?.to_string()` is `64MiB` again.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Serialize, Serializer};

/// The text is not a size, count or duration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a {wanted}")]
pub struct UnitError {
    text: String,
    wanted: &'static str,
}

impl UnitError {
    /// Says what would fit, with an example.
    #[must_use]
    pub fn wanted(&self) -> &'static str {
        self.wanted
    }
}

/// A number of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct ByteSize(u64);

/// A number of things that is written short: fuel, mostly.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Count(u64);

const SIZES: &[(&str, u64)] = &[
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("GB", 1_000_000_000),
    ("MB", 1_000_000),
    ("kB", 1_000),
    ("KB", 1_000),
    ("B", 1),
];
const COUNTS: &[(&str, u64)] = &[("G", 1_000_000_000), ("M", 1_000_000), ("k", 1_000), ("K", 1_000)];
const TIMES: &[(&str, u64)] = &[
    ("ms", 1_000_000),
    ("us", 1_000),
    ("µs", 1_000),
    ("ns", 1),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
];

// === impl ByteSize ===

impl ByteSize {
    /// A size of so many bytes.
    #[must_use]
    pub const fn bytes(bytes: u64) -> Self {
        Self(bytes)
    }

    /// A size of so many KiB (1 024 bytes).
    #[must_use]
    pub const fn kib(kib: u64) -> Self {
        Self(kib.saturating_mul(1 << 10))
    }

    /// A size of so many MiB (1 048 576 bytes).
    #[must_use]
    pub const fn mib(mib: u64) -> Self {
        Self(mib.saturating_mul(1 << 20))
    }

    /// The size of something held in memory.
    #[must_use]
    pub fn of(len: usize) -> Self {
        Self(u64::try_from(len).unwrap_or(u64::MAX))
    }

    /// The number of bytes.
    #[must_use]
    pub const fn as_u64(self) -> u64 {
        self.0
    }

    /// The number of bytes, at most what an index can be.
    #[must_use]
    pub fn as_usize(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }
}

impl FromStr for ByteSize {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        scaled(text, SIZES, "size such as \"64MiB\"").map(Self)
    }
}

impl fmt::Display for ByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match SIZES.iter().take(3).find(|(_, unit)| self.0 >= *unit) {
            None => write!(f, "{}B", self.0),
            Some((name, unit)) if self.0.is_multiple_of(*unit) => {
                write!(f, "{}{name}", self.0 / unit)
            }
            Some((name, unit)) => {
                write!(f, "{}.{}{name}", self.0 / unit, self.0 % unit * 10 / unit)
            }
        }
    }
}

impl Serialize for ByteSize {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(self.0)
    }
}

// === impl Count ===

impl Count {
    /// So many.
    #[must_use]
    pub const fn new(count: u64) -> Self {
        Self(count)
    }

    /// The plain number.
    #[must_use]
    pub const fn as_u64(self) -> u64 {
        self.0
    }
}

impl FromStr for Count {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        scaled(text, COUNTS, "count such as \"50M\" or 50_000_000").map(Self)
    }
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match COUNTS.iter().take(3).find(|(_, unit)| self.0 >= *unit) {
            None => write!(f, "{}", self.0),
            Some((name, unit)) if self.0.is_multiple_of(*unit) => {
                write!(f, "{}{name}", self.0 / unit)
            }
            Some((name, unit)) => {
                write!(f, "{}.{}{name}", self.0 / unit, self.0 % unit * 10 / unit)
            }
        }
    }
}

impl Serialize for Count {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(self.0)
    }
}

// === patterns ===

/// The most digits behind the point.
const MOST_FRACTION: usize = 9;

impl ByteSize {
    /// What is read as a size, as a regular expression: the same units as the parser takes. Some that fit are too large all the same.
    #[must_use]
    pub fn pattern() -> String {
        pattern(SIZES, "?")
    }
}

impl Count {
    /// What is read as a count, as a regular expression, like that of [sizes](ByteSize::pattern).
    #[must_use]
    pub fn pattern() -> String {
        pattern(COUNTS, "?")
    }
}

/// What [`parse_duration`] reads, as a regular expression, like that of [sizes](ByteSize::pattern).
#[must_use]
pub fn duration_pattern() -> String {
    pattern(TIMES, "")
}

fn pattern(units: &[(&str, u64)], often: &str) -> String {
    let units: Vec<&str> = units.iter().map(|(name, _)| *name).collect();
    format!("^[0-9_]*[0-9][0-9_]*(\\.[0-9]{{1,{MOST_FRACTION}}})?(\\s*({})){often}$", units.join("|"))
}

// === durations ===

/// Reads a duration such as `250ms`, `2s`, `5m`, `1h`, `1.5s`.
///
/// # Errors
///
/// [`UnitError`] when the text has no unit, another unit, or does not fit 64 bits of nanoseconds.
pub fn parse_duration(text: &str) -> Result<Duration, UnitError> {
    let wanted = "duration such as \"250ms\", \"2s\" or \"5m\"";
    if text.trim().ends_with(|c: char| c.is_ascii_digit()) {
        return Err(UnitError { text: crate::shortened(text, 40), wanted });
    }
    scaled(text, TIMES, wanted).map(Duration::from_nanos)
}

/// Writes a duration as a person would: three significant digits at most, `0.41ms`, `1.5s`, `2m`.
#[must_use]
pub fn format_duration(duration: Duration) -> String {
    let nanos = duration.as_nanos();
    let (name, unit) = match nanos {
        0..1_000_000_000 => ("ms", 1_000_000_u128),
        1_000_000_000..60_000_000_000 => ("s", 1_000_000_000),
        60_000_000_000..3_600_000_000_000 => ("m", 60_000_000_000),
        _ => ("h", 3_600_000_000_000),
    };
    let (whole, hundredths) = (nanos / unit, nanos % unit * 100 / unit);
    match (whole, hundredths) {
        (_, 0) | (100.., _) => format!("{whole}{name}"),
        (10.., _) if hundredths / 10 == 0 => format!("{whole}{name}"),
        (10.., _) => format!("{whole}.{}{name}", hundredths / 10),
        _ => format!("{whole}.{}{name}", format!("{hundredths:02}").trim_end_matches('0')),
    }
}

/// Gives a duration to programs: in milliseconds, to the microsecond.
///
/// # Errors
///
/// The serializer's own.
pub fn serialize_millis<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64((duration.as_secs_f64() * 1e6).round() / 1e3)
}

/// Reads `12`, `1.5MiB`, `50_000 k`: a decimal number and one of `units`, exactly (no floating point).
fn scaled(text: &str, units: &[(&str, u64)], wanted: &'static str) -> Result<u64, UnitError> {
    let error = || UnitError { text: crate::shortened(text, 40), wanted };
    let trimmed = text.trim();
    let (digits, unit) = match units.iter().find_map(|(name, unit)| Some((trimmed.strip_suffix(name)?, *unit))) {
        Some((digits, unit)) => (digits.trim_end(), unit),
        None => (trimmed, 1),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let whole = whole.replace('_', "");
    let all_digits = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
    if whole.is_empty()
        || !all_digits(&whole)
        || !all_digits(fraction)
        || fraction.len() > MOST_FRACTION
        || digits.ends_with('.')
    {
        return Err(error());
    }
    let whole: u64 = whole.parse().map_err(|_| error())?;
    let mut value = whole.checked_mul(unit).ok_or_else(error)?;
    if !fraction.is_empty() {
        let scale = 10_u128.pow(u32::try_from(fraction.len()).unwrap_or(9));
        let part = fraction.parse::<u128>().map_err(|_| error())? * u128::from(unit) / scale;
        value = value.checked_add(u64::try_from(part).map_err(|_| error())?).ok_or_else(error)?;
    }
    Ok(value)
}

#[cfg(test)]
mod tests {
    use proptest::string::string_regex;

    use super::*;

    #[test]
    fn programs_read_milliseconds_without_digits_that_nobody_measured() {
        #[derive(serde::Serialize)]
        struct Told(#[serde(serialize_with = "serialize_millis")] Duration);
        for (nanos, told) in [(2_894_670, "2.895"), (739_389, "0.739"), (0, "0.0"), (10_000_000_000, "10000.0")] {
            assert_eq!(serde_json::to_string(&Told(Duration::from_nanos(nanos))).unwrap(), told);
        }
    }
    #[test]
    fn sizes_are_read_as_people_write_them() {
        for (text, bytes) in [
            ("0", 0),
            ("4096", 4096),
            ("64MiB", 64 << 20),
            ("64 MiB", 64 << 20),
            ("1.5KiB", 1536),
            ("1MB", 1_000_000),
            ("1_000B", 1000),
        ] {
            assert_eq!(text.parse::<ByteSize>().map(ByteSize::as_u64), Ok(bytes), "{text}");
        }
        for text in ["", "MiB", "-1", "1e9", "64 Mib", "1.", "99999999999GiB", "१MiB"] {
            assert!(text.parse::<ByteSize>().is_err(), "{text}");
        }
    }

    #[test]
    fn durations_need_a_unit() {
        for (text, nanos) in
            [("250ms", 250_000_000), ("2s", 2_000_000_000), ("1.5s", 1_500_000_000), ("5m", 300_000_000_000)]
        {
            assert_eq!(parse_duration(text), Ok(Duration::from_nanos(nanos)), "{text}");
        }
        for text in ["", "2", "2 days", "s", "-1s", "99999999999h"] {
            assert!(parse_duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn what_is_printed_is_short() {
        assert_eq!(ByteSize::mib(64).to_string(), "64MiB");
        assert_eq!(ByteSize::bytes(1_153_434).to_string(), "1.1MiB");
        assert_eq!(ByteSize::bytes(17).to_string(), "17B");
        assert_eq!(Count::new(10_000_000_000).to_string(), "10G");
        assert_eq!(Count::new(41_234).to_string(), "41.2k");
        for (micros, text) in [
            (0, "0ms"),
            (412, "0.41ms"),
            (1_500_000, "1.5s"),
            (12_340, "12.3ms"),
            (250_400, "250ms"),
            (90_000_000, "1.5m"),
        ] {
            assert_eq!(format_duration(Duration::from_micros(micros)), text);
        }
    }

    proptest::proptest! {
        #[test]
        fn whole_sizes_survive_the_round_trip(bytes in 0_u64..1 << 40, unit in 0_usize..3) {
            let size = ByteSize::bytes((bytes >> (10 * unit)) << (10 * unit));
            if !size.to_string().contains('.') {
                proptest::prop_assert_eq!(size.to_string().parse(), Ok(size));
            }
        }

        #[test]
        fn any_text_is_a_number_or_an_error(text in ".{0,40}") {
            let _ = text.parse::<ByteSize>();
            let _ = text.parse::<Count>();
            let _ = parse_duration(&text);
        }
    }

    proptest::proptest! {
        #[test]
        fn what_a_pattern_takes_is_read(
            size in string_regex(ByteSize::pattern().trim_matches(['^', '$'])).unwrap(),
            count in string_regex(Count::pattern().trim_matches(['^', '$'])).unwrap(),
            time in string_regex(duration_pattern().trim_matches(['^', '$'])).unwrap(),
        ) {
            // What is left to fail is that it is more than 64 bits.
            let digits = |text: &str| text.split('.').next().unwrap_or_default().bytes().filter(u8::is_ascii_digit).count();
            proptest::prop_assert!(digits(&size) > 6 || size.parse::<ByteSize>().is_ok(), "{size}");
            proptest::prop_assert!(digits(&count) > 6 || count.parse::<Count>().is_ok(), "{count}");
            proptest::prop_assert!(digits(&time) > 6 || parse_duration(&time).is_ok(), "{time}");
        }
    }
}
