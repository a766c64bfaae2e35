//! Clocks: read, waited for, and caught at going backwards.

use std::time::{Duration, Instant, SystemTime};

use wasip2::clocks::{monotonic_clock, wall_clock};

/// Reads both clocks so many times; fails if one goes backwards.
#[hotcell::tool(effect = "read")]
fn read(times: u32) -> Result<u32, String> {
    let now = || {
        (monotonic_clock::now(), {
            let now = wall_clock::now();
            (now.seconds, now.nanoseconds)
        })
    };
    let mut last = now();
    for reading in 0..times {
        let next = now();
        if next.0 < last.0 || next.1 < last.1 {
            return Err(format!("backwards at {reading}: {last:?} and then {next:?}"));
        }
        last = next;
    }
    Ok(times)
}

/// Gives the time of day, in seconds since 1970.
#[hotcell::tool(effect = "read")]
fn now() -> Result<u64, String> {
    SystemTime::UNIX_EPOCH.elapsed().map(|since| since.as_secs()).map_err(|error| error.to_string())
}

/// Sleeps so long by the standard library, and gives the milliseconds that have passed.
#[hotcell::tool(effect = "read")]
fn sleep(ms: u64) -> u128 {
    let start = Instant::now();
    std::thread::sleep(Duration::from_millis(ms));
    start.elapsed().as_millis()
}

/// Gives how much time the host says is left, in milliseconds.
#[hotcell::tool(effect = "read")]
fn left() -> u128 {
    hotcell::time_left().as_millis()
}
