//! `hotcell top`.

use std::time::Duration;

use hotcell_call::{format_duration, parse_duration};

/// Watch the hosts of this user that are running: `hotcell run`, `hotcell bench`
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Times are in milliseconds and of all calls since a host began; calls/s is since the last look, at the first look
since the host began. Not on a terminal there is one look, with --json one after the other, an object a line.")]
pub(crate) struct TopArgs {
    /// Look once and end
    #[arg(long)]
    pub(crate) once: bool,
    /// From one look to the next: 200ms to 1h
    #[arg(long, value_name = "TIME", default_value = "1s", env = "HOTCELL_INTERVAL", hide_env = true)]
    #[arg(value_parser = interval)]
    pub(crate) interval: Duration,
}

/// Longer than a host tells all who ask the same.
const LEAST: Duration = Duration::from_millis(200);
const MOST: Duration = Duration::from_hours(1);

fn interval(text: &str) -> Result<Duration, String> {
    let interval = parse_duration(text).map_err(|error| error.to_string())?;
    if (LEAST..=MOST).contains(&interval) {
        return Ok(interval);
    }
    Err(format!("{} to {} fits", format_duration(LEAST), format_duration(MOST)))
}
