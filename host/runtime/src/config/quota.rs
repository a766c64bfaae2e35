//! `quota`: what a tenant may use in a time, measured when its calls have ended.

use std::time::Duration;

use hotcell_agent::document::{Item, Section};
use hotcell_call::parse_duration;
use hotcell_flow::quota::{Allowance, Window};

use super::per;

/// What a tenant may use. What is not named is not bounded.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Quotas {
    /// Calls that were let in.
    pub calls: Option<Allowance>,
    /// Fuel, in units of the guest's own instructions.
    pub fuel: Option<Allowance>,
    /// Time in cells, in microseconds.
    pub time: Option<Allowance>,
}

const WINDOWS: &[(&str, Window)] = &[("fixed", Window::Fixed), ("rolling", Window::Rolling)];

impl Quotas {
    /// Reads `quota` in `section`.
    pub(super) fn read(section: &Section<'_>) -> Self {
        let Some(quota) = section.section("quota") else {
            return Self::default();
        };
        let window = quota.get("window").and_then(|item| item.word(WINDOWS)).unwrap_or_default();
        let count = |key, example| {
            let item = quota.get(key)?;
            let (units, time) = per::count(&item, example)?;
            allowance(&item, units, time, window)
        };
        Self {
            calls: count("calls", "10k/h"),
            fuel: count("fuel", "100G/h"),
            time: quota.get("time").and_then(|item| time(&item, window)),
        }
    }
}

/// So much time in cells, in a time on the clock.
fn time(item: &Item<'_>, window: Window) -> Option<Allowance> {
    let per = per::read(item, "10m/h")?;
    match parse_duration(per.amount) {
        Ok(amount) => allowance(item, u64::try_from(amount.as_micros()).unwrap_or(u64::MAX), per.time, window),
        Err(error) => {
            item.report(item.wrong(error.to_string(), "").hint("ten minutes of each hour: \"10m/h\""));
            None
        }
    }
}

fn allowance(item: &Item<'_>, units: u64, time: Duration, window: Window) -> Option<Allowance> {
    Allowance::new(units, time, window).map_err(|error| item.report(item.wrong(error.to_string(), ""))).ok()
}
