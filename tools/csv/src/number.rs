//! What counts as missing, as a number, as a date, in a cell.
//!
//! Digits alone make no number: an article code `007`, a postcode `01067`, a card number of 20 digits would lose what they
//! say if they became one. So a number has no leading zeros, and a whole one is small enough to be kept exactly.

use hotcell::serde_json::{Number, Value};

/// Up to here, each integer is a floating-point number of its own.
const LARGEST_EXACT: f64 = 9_007_199_254_740_992.0;
const MOST_DIGITS: usize = 16;

/// Whether a cell holds nothing, or a common word for it.
pub(crate) fn is_missing(cell: &str) -> bool {
    // Most cells are told by their length: this is asked of each, often.
    match cell.len() {
        0 => true,
        2..=4 => ["NA", "N/A", "NaN", "null"].iter().any(|word| cell.eq_ignore_ascii_case(word)),
        _ => false,
    }
}

/// The whole number in a cell, if it is one.
pub(crate) fn integer(cell: &str) -> Option<i64> {
    let digits = cell.strip_prefix(['-', '+']).unwrap_or(cell);
    let plain = !digits.is_empty() && digits.len() <= MOST_DIGITS && digits.bytes().all(|byte| byte.is_ascii_digit());
    let leading = digits.len() > 1 && digits.starts_with('0');
    if plain && !leading { cell.parse().ok().filter(|integer: &i64| is_exact(*integer as f64)) } else { None }
}

fn is_exact(whole: f64) -> bool {
    whole.abs() < LARGEST_EXACT
}

/// The number in a cell, if it is one: `-3`, `0.5`, `.5`, `1e-9`.
pub(crate) fn number(cell: &str) -> Option<f64> {
    let unsigned = cell.strip_prefix(['-', '+']).unwrap_or(cell);
    let (whole, fraction) = unsigned.split_at(unsigned.find(['.', 'e', 'E']).unwrap_or(unsigned.len()));
    if fraction.is_empty() {
        return integer(cell).map(|integer| integer as f64);
    }
    let leading = whole.len() > 1 && whole.starts_with('0');
    let spelled = unsigned.bytes().all(|byte| byte.is_ascii_digit() || b".eE+-".contains(&byte));
    if leading || !spelled || whole.len() > MOST_DIGITS {
        None
    } else {
        cell.parse().ok().filter(|number: &f64| number.is_finite())
    }
}

/// The truth value in a cell, if it is one.
pub(crate) fn boolean(cell: &str) -> Option<bool> {
    if cell.eq_ignore_ascii_case("true") {
        Some(true)
    } else if cell.eq_ignore_ascii_case("false") {
        Some(false)
    } else {
        None
    }
}

/// Whether a cell looks like an ISO date, with or without a time. Such texts sort as the dates do.
pub(crate) fn is_date(cell: &str) -> bool {
    let (date, time) = cell.split_at_checked(10).unwrap_or((cell, ""));
    let parts: Vec<_> = date.split('-').collect();
    let fits = |part: &str, length: usize, most: u32| {
        part.len() == length && part.parse::<u32>().is_ok_and(|number| (1..=most).contains(&number))
    };
    let is_time = |time: &str| {
        time.starts_with(['T', ' '])
            && time.bytes().skip(1).all(|byte| byte.is_ascii_digit() || b":.,+-Z ".contains(&byte))
    };
    matches!(parts[..], [year, month, day] if fits(year, 4, 9999) && fits(month, 2, 12) && fits(day, 2, 31))
        && (time.is_empty() || is_time(time))
}

/// A number as JSON: a whole one is written as such, and null stands for what is beyond all numbers.
pub(crate) fn json(number: f64) -> Value {
    if number.fract() == 0.0 && is_exact(number) {
        return Value::from(number as i64);
    }
    Number::from_f64(number).map_or(Value::Null, Value::Number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_numbers_from_codes() {
        for (cell, expect) in [
            ("0", Some(0.0)),
            ("-0", Some(0.0)),
            ("+7", Some(7.0)),
            ("-12.50", Some(-12.5)),
            ("0.5", Some(0.5)),
            (".5", Some(0.5)),
            ("5.", Some(5.0)),
            ("1e3", Some(1000.0)),
            ("1E-3", Some(0.001)),
            ("9007199254740991", Some(9_007_199_254_740_991.0)),
            ("9007199254740992", None),
            ("1234567890123456789", None),
            ("007", None),
            ("00.5", None),
            ("1,5", None),
            ("1 000", None),
            ("0x10", None),
            ("inf", None),
            ("NaN", None),
            ("infinity", None),
            ("1e999", None),
            ("12345678901234567.5", None),
            ("e5", None),
            ("-", None),
            (".", None),
            ("", None),
            ("1.2.3", None),
            ("--1", None),
            ("١", None),
        ] {
            assert_eq!(number(cell), expect, "{cell}");
        }
    }

    #[test]
    fn tells_dates() {
        for (cell, expect) in [
            ("2024-02-29", true),
            ("2024-02-29T10:00:00Z", true),
            ("2024-02-29 10:00", true),
            ("2024-13-01", false),
            ("2024-2-1", false),
            ("2024-02-29x", false),
            ("24-02-2900", false),
            ("2024-02-2é", false),
            ("", false),
        ] {
            assert_eq!(is_date(cell), expect, "{cell}");
        }
    }

    #[test]
    fn writes_whole_numbers_as_such() {
        for (number, expect) in [
            (3.0, "3"),
            (-0.5, "-0.5"),
            (9_007_199_254_740_991.0, "9007199254740991"),
            (1e300, "1e+300"),
            (f64::INFINITY, "null"),
        ] {
            assert_eq!(json(number).to_string(), expect);
        }
    }
}
