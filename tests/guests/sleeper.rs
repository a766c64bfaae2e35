//! Waiting: it costs no fuel, and it must cost the host no thread.

use wasip2::clocks::monotonic_clock::{subscribe_duration, subscribe_instant};
use wasip2::io::poll;

const MILLISECOND: u64 = 1_000_000;

/// Waits for the end of time.
#[hotcell::tool]
fn forever() -> &'static str {
    subscribe_instant(u64::MAX).block();
    "the end of time has come"
}

/// Waits 5 ms, again and again.
#[hotcell::tool]
fn chain() -> u64 {
    loop {
        subscribe_duration(5 * MILLISECOND).block();
    }
}

/// Waits for many things at once, of which one is always there, for ever.
#[hotcell::tool]
fn rescan(
    /// How many never come.
    sleeping: usize,
) -> bool {
    let mut all: Vec<_> = (0..sleeping).map(|_| subscribe_instant(u64::MAX)).collect();
    all.push(subscribe_instant(0));
    let all: Vec<_> = all.iter().collect();
    loop {
        assert!(poll::poll(&all).contains(&(sleeping as u32)), "the one that is there was not seen");
    }
}

/// Waits for so long and answers: an honest call that takes its time without work.
#[hotcell::tool(effect = "read")]
fn nap(ms: u64) -> u64 {
    subscribe_duration(ms * MILLISECOND).block();
    ms
}
