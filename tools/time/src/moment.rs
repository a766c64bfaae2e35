//! What a time is.

use jiff::Zoned;
use jiff::tz::TimeZone;

/// A point in time, as clocks and calendars of its zone show it.
#[hotcell::output]
#[derive(Debug, PartialEq)]
pub struct Moment {
    /// By RFC 3339: `2026-11-22T19:00:00+01:00`.
    pub iso: String,
    /// Milliseconds since 1970 in UTC.
    pub unix_ms: i64,
    /// The time zone: a name, or a fixed offset.
    pub zone: String,
    /// The offset from UTC then: `+01:00`.
    pub offset: String,
    /// The day of the week: `Sunday`.
    pub weekday: String,
    /// The day by ISO week: `2026-W47-7`.
    pub week: String,
    /// The day of the year, from 1.
    pub day_of_year: i16,
}

impl Moment {
    /// Describes a time.
    pub(crate) fn of(time: &Zoned) -> Self {
        let offset = time.strftime("%:z").to_string();
        let week = time.date().iso_week_date();
        Self {
            iso: if *time.time_zone() == TimeZone::UTC {
                time.timestamp().to_string()
            } else {
                time.timestamp().display_with_offset(time.offset()).to_string()
            },
            unix_ms: time.timestamp().as_millisecond(),
            zone: time.time_zone().iana_name().map_or_else(|| offset.clone(), ToOwned::to_owned),
            offset,
            weekday: time.strftime("%A").to_string(),
            week: format!("{:04}-W{:02}-{}", week.year(), week.week(), week.weekday().to_monday_one_offset()),
            day_of_year: time.day_of_year(),
        }
    }
}
