//! `time`: calendars and zones, which nobody should do in their head.
//!
//! A time goes through three hands: `written` reads it as a person or a program wrote it, `zone` says where, and
//! `moment` tells what it is. The reckoning between is a crate's; so are the time zones, which are part of the component.
//!
//! One rule for zones holds in all functions: the zone that is asked for; else the one that the text names; else UTC.

mod moment;
mod written;
mod zone;

use hotcell::Error;
use jiff::fmt::friendly::{Designator, Spacing, SpanPrinter};
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp, Unit, Zoned};

pub use moment::Moment;
use written::Written;

/// Gives the present time.
#[hotcell::tool(effect = "read")]
pub fn now(
    /// The time zone of the answer, e.g. `Europe/Oslo` or `+02:00`.
    #[hotcell(default = "UTC".to_owned())]
    zone: String,
) -> Result<Moment, Error> {
    Ok(Moment::of(&Timestamp::now().to_zoned(zone::named("zone", &zone)?)))
}

/// Reads a time in any usual form, and tells what it is.
///
/// Forms: RFC 3339 and ISO 8601 (`2026-11-22T19:00:00+01:00`, `2026-11-22`, `2026-W47-7`, with `[Europe/Oslo]` behind),
/// RFC 2822, seconds since 1970 (or more digits for smaller units), `22 November 2026 7:30 pm`, `22.11.2026`, and those of
/// `date`, `git` and web servers. A month, week or year alone is its first day.
#[hotcell::tool(effect = "pure")]
pub fn parse(
    /// The time, e.g. `Sun, 22 Nov 2026 19:00:00 +0100`.
    text: String,
    /// The zone of a text that names none, and of the answer. If not given: the zone in the text, else UTC.
    zone: Option<String>,
) -> Result<Moment, Error> {
    Ok(Moment::of(&read("text", &text, asked(zone)?)?))
}

/// Tells what a time is in another zone.
#[hotcell::tool(effect = "pure")]
pub fn convert(
    /// The time, in any form that `parse` reads.
    time: String,
    /// The zone of the answer, e.g. `America/New_York` or `+02:00`.
    zone: String,
    /// The zone of a time that names none.
    #[hotcell(default = "UTC".to_owned())]
    from: String,
) -> Result<Moment, Error> {
    let to = zone::named("zone", &zone)?;
    let from = zone::named("from", &from)?;
    Ok(Moment::of(&Written::read("time", &time)?.or_in(from)?.with_time_zone(to)))
}

/// Adds a duration to a time, on the calendar: a month keeps the day, a day keeps the hour even where clocks change.
#[hotcell::tool(effect = "pure")]
pub fn add(
    /// The time, in any form that `parse` reads.
    time: String,
    /// What to add, e.g. `1h 30m`, `2 weeks`, `-3 days` or `P1M`.
    duration: String,
    /// The zone to reckon in. If not given: the zone in the time, else UTC.
    zone: Option<String>,
) -> Result<Moment, Error> {
    let span: Span = duration.trim().parse().map_err(|error| {
        Error::invalid_input(
            "$.duration",
            format_args!("wanted a duration such as `1h 30m`, `2 weeks` or `P1M`: {error}"),
        )
    })?;
    let start = read("time", &time, asked(zone)?)?;
    let end =
        start.checked_add(span).map_err(|error| Error::failed(format_args!("failed to add `{duration}`: {error}")))?;
    Ok(Moment::of(&end))
}

/// How long it is from one time to another.
#[hotcell::output]
#[derive(Debug, PartialEq)]
pub struct Between {
    /// The duration in years, months, days and so on, by ISO 8601: `P1M3DT2H`.
    pub iso: String,
    /// The same for people: `1 month, 3 days, 2 hours`.
    pub text: String,
    /// All of it in milliseconds.
    pub ms: i64,
    /// Whole days on the calendar.
    pub days: i32,
}

/// Tells how long it is from one time to another; negative if the second is the earlier.
#[hotcell::tool(effect = "pure")]
pub fn between(
    /// The first time, in any form that `parse` reads.
    from: String,
    /// The second time.
    to: String,
    /// The zone to count days in. If not given: the zone in `from`, else UTC.
    zone: Option<String>,
) -> Result<Between, Error> {
    let zone = asked(zone)?;
    let from = read("from", &from, zone)?;
    // A second time without a zone is one of the first time's zone.
    let to = Written::read("to", &to)?.or_in(from.time_zone().clone())?.with_time_zone(from.time_zone().clone());
    let span = from.until((Unit::Year, &to))?;
    let days = from.until((Unit::Day, &to))?.get_days();
    let people = SpanPrinter::new()
        .designator(Designator::Verbose)
        .spacing(Spacing::BetweenUnitsAndDesignators)
        .comma_after_designator(true);
    Ok(Between {
        iso: span.to_string(),
        text: people.span_to_string(&span),
        ms: to.timestamp().as_millisecond() - from.timestamp().as_millisecond(),
        days,
    })
}

fn asked(zone: Option<String>) -> Result<Option<TimeZone>, Error> {
    zone.map(|zone| zone::named("zone", &zone)).transpose()
}

fn read(argument: &'static str, text: &str, zone: Option<TimeZone>) -> Result<Zoned, Error> {
    let written = Written::read(argument, text)?;
    match zone {
        None => written.or_in(TimeZone::UTC),
        Some(zone) => Ok(written.or_in(zone.clone())?.with_time_zone(zone)),
    }
}

#[cfg(test)]
mod tests;
