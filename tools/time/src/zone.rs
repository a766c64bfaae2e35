//! Time zones by name.

use hotcell::Error;
use jiff::fmt::temporal::DateTimeParser;
use jiff::tz::{TimeZone, TimeZoneDatabase};

/// Longer texts are no names, and comparing them with all that are known would cost much.
const MAX_NAME: usize = 64;

/// The zones that are part of the component.
///
/// Never those that the crate would find by itself: how it is built is also up to the other tools that are built with it, and
/// it may look through the machine's files first.
pub(crate) fn all() -> TimeZoneDatabase {
    TimeZoneDatabase::bundled()
}

/// The zone of that name (of any case), or at that offset.
pub(crate) fn named(argument: &'static str, name: &str) -> Result<TimeZone, Error> {
    let name = name.trim();
    if name.eq_ignore_ascii_case("z") {
        return Ok(TimeZone::UTC);
    }
    DateTimeParser::new().parse_time_zone_with(&all(), name).map_err(|_| {
        let shown: String = name.chars().take(MAX_NAME).collect();
        let hint = near(name).map_or_else(
            || "wanted a name such as `Europe/Oslo`, or an offset such as `+02:00`".to_owned(),
            |near| format!("did you mean `{near}`?"),
        );
        Error::invalid_input(argument, format_args!("there is no time zone `{shown}`; {hint}"))
    })
}

/// The known name that is most like this one, by all of it or by its city.
fn near(name: &str) -> Option<String> {
    if name.len() > MAX_NAME {
        return None;
    }
    let wanted = name.to_ascii_lowercase().replace(' ', "_");
    let unlike = |zone: &str| {
        let zone = zone.to_ascii_lowercase();
        let city = zone.rsplit('/').next().unwrap_or(&zone);
        strsim::damerau_levenshtein(&zone, &wanted).min(strsim::damerau_levenshtein(city, &wanted))
    };
    all()
        .available()
        .map(|zone| (unlike(zone.as_str()), zone.to_string()))
        .min()
        // Of short names every other one is two letters away.
        .filter(|(unlike, _)| *unlike <= 2 && unlike * 4 <= wanted.len())
        .map(|(_, zone)| zone)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zones_have_names_and_offsets() {
        for (name, wanted) in [
            ("Europe/Oslo", Some("Europe/Oslo")),
            (" america/new_york ", Some("America/New_York")),
            ("utc", Some("UTC")),
            ("Z", Some("UTC")),
            ("+05:30", None),
            ("-03", None),
        ] {
            assert_eq!(named("zone", name).unwrap().iana_name(), wanted, "{name}");
        }
    }

    #[test]
    fn unknown_names_get_a_hint() {
        let huge = "x".repeat(1 << 20);
        for (name, part) in [
            ("Oslo", "did you mean `Europe/Oslo`?"),
            ("new york", "did you mean `America/New_York`?"),
            ("Olso", "did you mean `Europe/Oslo`?"),
            ("Europe/Olso", "did you mean `Europe/Oslo`?"),
            ("Mars", "there is no time zone `Mars`; wanted a name"),
            ("", "there is no time zone ``"),
            (huge.as_str(), "wanted a name"),
        ] {
            let error = named("from", name).unwrap_err().to_string();
            assert!(error.starts_with("$.from: ") && error.contains(part) && error.len() < 300, "{error}");
        }
    }
}
