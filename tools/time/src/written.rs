//! Times as they are written.
//!
//! From the strict to the loose: a number, the forms of standards, then a table of those that people and programs use.
//! What could mean two days is refused: `03/04/2026` is in March or in April.

use hotcell::Error;
use jiff::civil::{Date, DateTime, ISOWeekDate};
use jiff::fmt::temporal::{DateTimeParser, Pieces};
use jiff::fmt::{rfc2822, strtime};
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};

use crate::zone;

/// What a text says: a point in time, or what the clocks show somewhere.
#[derive(Debug)]
pub(crate) enum Written {
    /// The text names its zone or offset, or counts from 1970.
    Point(Zoned),
    /// It names none.
    Local(DateTime),
}

/// Dates of people and programs. A weekday may stand before.
const DATES: &[&str] = &[
    "%d %B %Y",
    "%d %b %Y",
    "%B %d, %Y",
    "%b %d, %Y",
    "%B %d %Y",
    "%b %d %Y",
    "%d. %B %Y",
    "%d-%b-%Y",
    "%d.%m.%Y",
    "%Y/%m/%d",
    "%Y.%m.%d",
];

/// Times after a date.
const TIMES: &[&str] = &["", " %H:%M", " %H:%M:%S%.f", " %I:%M %p", " %I:%M%p", " %I:%M:%S %p", " %I %p", " %I%p"];

/// Forms with the time in the middle or an offset at the end: `date`, `asctime`, `git`, web servers.
const WHOLE: &[&str] = &[
    "%a %b %d %H:%M:%S UTC %Y",
    "%a %b %d %H:%M:%S GMT %Y",
    "%a %b %d %H:%M:%S %Y",
    "%a %b %d %H:%M:%S %Y %z",
    "%d/%b/%Y:%H:%M:%S %z",
    "%Y-%m-%d %H:%M:%S%.f %z",
    "%Y-%m-%d %H:%M:%S%.f UTC",
    "%Y-%m-%d %H:%M UTC",
    "%Y/%m/%d %H:%M:%S%.f %z",
];

/// The longest text that can be a time.
const MAX_TEXT: usize = 200;

impl Written {
    /// Reads a time.
    pub(crate) fn read(argument: &'static str, text: &str) -> Result<Self, Error> {
        let text = text.trim();
        if text.len() > MAX_TEXT {
            return Err(Error::invalid_input(
                argument,
                format_args!("wanted a time, found {} bytes of text", text.len()),
            ));
        }
        number(text)
            .or_else(|| standard(text))
            .or_else(|| loose(text))
            .ok_or_else(|| Error::invalid_input(argument, refusal(text)))
    }

    /// The time; in this zone if the text names none. What clocks skip or show twice is read as if they hadn't changed yet.
    pub(crate) fn or_in(self, zone: TimeZone) -> Result<Zoned, Error> {
        match self {
            Self::Point(time) => Ok(time),
            Self::Local(time) => Ok(time.to_zoned(zone)?),
        }
    }
}

/// Seconds since 1970, and smaller units by the number of digits. Four digits are a year and eight a date; with an `@`
/// before it, every number is one of seconds.
fn number(text: &str) -> Option<Written> {
    let counted = text.strip_prefix('@');
    let (whole, fraction) = counted.unwrap_or(text).split_once('.').unwrap_or((counted.unwrap_or(text), ""));
    let digits = whole.strip_prefix(['-', '+']).unwrap_or(whole);
    let numeric = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    if digits.is_empty() || !numeric(digits) || !numeric(fraction) || fraction.len() > 9 {
        return None;
    }
    let value: i64 = whole.parse().ok()?;
    let point = match digits.len() {
        _ if counted.is_some() || !fraction.is_empty() => seconds(value, fraction, whole.starts_with('-')),
        4 | 8 if digits == whole => return None,
        ..12 => Timestamp::from_second(value).ok(),
        12..15 => Timestamp::from_millisecond(value).ok(),
        15..18 => Timestamp::from_microsecond(value).ok(),
        _ => Timestamp::from_nanosecond(value.into()).ok(),
    };
    Some(Written::Point(point?.to_zoned(TimeZone::UTC)))
}

fn seconds(whole: i64, fraction: &str, negative: bool) -> Option<Timestamp> {
    let nanoseconds: i32 = format!("{fraction:0<9}").parse().ok()?;
    Timestamp::new(whole, if negative { -nanoseconds } else { nanoseconds }).ok()
}

/// RFC 3339, RFC 9557, ISO 8601 and RFC 2822.
fn standard(text: &str) -> Option<Written> {
    let parser = DateTimeParser::new();
    if let Ok(time) = parser.parse_zoned_with(&zone::all(), text) {
        return Some(Written::Point(time));
    }
    if let Ok(day) = first_day(text).as_deref().unwrap_or(text).parse::<ISOWeekDate>() {
        return Some(Written::Local(day.date().into()));
    }
    if let Some(day) = first_day(text) {
        return day.parse::<Date>().ok().map(|day| Written::Local(day.into()));
    }
    if let Ok(pieces) = Pieces::parse(text) {
        // One with a zone that isn't known, or that contradicts its offset, was refused above, and is so here.
        return match (pieces.time_zone_annotation(), pieces.to_numeric_offset()) {
            (Some(_), _) => None,
            (None, Some(offset)) => {
                let time = parser.parse_timestamp(text).ok()?;
                let zone = if offset.is_zero() { TimeZone::UTC } else { TimeZone::fixed(offset) };
                Some(Written::Point(time.to_zoned(zone)))
            }
            (None, None) => Some(Written::Local(pieces.date().to_datetime(pieces.time().unwrap_or_default()))),
        };
    }
    rfc2822::parse(text).ok().map(Written::Point)
}

/// The first day of a year, month or week that stands alone.
fn first_day(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    let digits =
        |range: std::ops::Range<usize>| bytes.get(range).is_some_and(|part| part.iter().all(u8::is_ascii_digit));
    match bytes.len() {
        4 if digits(0..4) => Some(format!("{text}-01-01")),
        7 if digits(0..4) && bytes.get(4) == Some(&b'-') && digits(5..7) => Some(format!("{text}-01")),
        8 if digits(0..4) && bytes.get(4..6) == Some(b"-W") && digits(6..8) => Some(format!("{text}-1")),
        _ => None,
    }
}

fn loose(text: &str) -> Option<Written> {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let whole = WHOLE.iter().find_map(|form| written(form, &text));
    whole.or_else(|| {
        ["", "%A, ", "%a, ", "%A ", "%a "].iter().find_map(|weekday| {
            DATES
                .iter()
                .find_map(|date| TIMES.iter().find_map(|time| written(&format!("{weekday}{date}{time}"), &text)))
        })
    })
}

fn written(form: &str, text: &str) -> Option<Written> {
    let parts = strtime::parse(form, text).ok()?;
    let utc = form.contains("UTC") || form.contains("GMT");
    match parts.offset() {
        Some(_) => parts.to_zoned_with(&zone::all()).ok().map(Written::Point),
        None => {
            let date = parts.to_date().ok()?;
            let time = date.to_datetime(parts.to_time().unwrap_or_default());
            if utc { time.to_zoned(TimeZone::UTC).ok().map(Written::Point) } else { Some(Written::Local(time)) }
        }
    }
}

fn refusal(text: &str) -> String {
    let shown: String = text.chars().take(60).collect();
    let slashed: Vec<&str> = text.split([' ', 'T']).next().unwrap_or_default().split('/').collect();
    let small = |part: &&str| part.parse::<u8>().is_ok_and(|number| number <= 31);
    match slashed.as_slice() {
        [first, second, _] if small(first) && small(second) => {
            format!("`{shown}` may be a day before a month or a month before a day; write it as 2026-11-22")
        }
        _ => format!("`{shown}` is not a time that can be read; write it as 2026-11-22T19:00:00+01:00"),
    }
}
