//! So much in so much time, as people write it: `"600/m"`, `"10/s"`, `"5/10s"`, `"100G/h"`.

use std::time::Duration;

use hotcell_agent::document::Item;
use hotcell_call::{Count, parse_duration};

const TIMES: &[(&str, u64)] = &[("s", 1), ("m", 60), ("h", 3_600), ("d", 86_400)];

/// An amount, as text, and the time for which it is.
pub(super) struct Per<'t> {
    pub(super) amount: &'t str,
    pub(super) time: Duration,
}

/// Reads `item` as an amount for a time; `example` is shown where it is none.
pub(super) fn read<'d>(item: &Item<'d>, example: &'static str) -> Option<Per<'d>> {
    let text = item.string()?.value;
    let per = split(text);
    if per.is_none() {
        let message = format!("`{}` wants so much in a time", item.name());
        item.report(item.wrong(message, "").hint(format!("such as \"{example}\"; times are s, m, h, d or \"10s\"")));
    }
    per
}

/// As [`read`], where the amount is a count.
pub(super) fn count(item: &Item<'_>, example: &'static str) -> Option<(u64, Duration)> {
    let per = read(item, example)?;
    match per.amount.parse::<Count>() {
        Ok(count) => Some((count.as_u64(), per.time)),
        Err(error) => {
            item.report(item.wrong(error.to_string(), "").hint(format!("such as \"{example}\"")));
            None
        }
    }
}

fn split(text: &str) -> Option<Per<'_>> {
    let (amount, time) = text.split_once('/')?;
    let (amount, time) = (amount.trim(), time.trim());
    let unit = TIMES.iter().find(|(unit, _)| *unit == time).map(|(_, seconds)| Duration::from_secs(*seconds));
    let time = unit.or_else(|| parse_duration(time).ok())?;
    Some(Per { amount, time })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_a_unit_or_a_duration() {
        for (text, amount, seconds) in [
            ("600/m", "600", 60.0),
            ("10 / s", "10", 1.0),
            ("5/10s", "5", 10.0),
            ("1G/h", "1G", 3_600.0),
            ("1/250ms", "1", 0.25),
        ] {
            let per = split(text).unwrap();
            assert_eq!((per.amount, per.time.as_secs_f64()), (amount, seconds), "{text}");
        }
        for text in ["600", "600/", "600/minute", "/x", "1/2"] {
            assert!(split(text).is_none(), "{text}");
        }
    }
}
