//! The honest neighbour: answers what it is asked, and has to be able to do so whatever others do.

use std::hint::black_box;

use hotcell::serde_json::Value;

/// Gives back the text.
#[hotcell::tool(effect = "pure")]
fn text(text: String) -> String {
    text
}

/// Gives back anything.
#[hotcell::tool(effect = "pure")]
fn any(value: Value) -> Value {
    value
}

/// Does so many rounds of work, about a nanosecond each, and answers with their number.
#[hotcell::tool(effect = "pure")]
fn work(rounds: u64) -> u64 {
    (0..rounds).map(|round| black_box(round) & 1).fold(rounds, |sum, _| sum)
}

/// Says how far it is, so many times.
#[hotcell::tool(effect = "pure")]
fn progress(times: u64) -> u64 {
    for done in 1..=times {
        hotcell::progress(done, times, format!("step {done}"));
    }
    times
}

/// Refuses its input.
#[hotcell::tool(effect = "pure")]
fn refuse(path: String) -> Result<(), hotcell::Error> {
    Err(hotcell::Error::invalid_input(path, "never fits"))
}

/// Says that it can't work now, but in so many milliseconds.
#[hotcell::tool(effect = "pure")]
fn unavailable(ms: u64) -> Result<(), hotcell::Error> {
    Err(hotcell::Error::unavailable("still warming up", Some(std::time::Duration::from_millis(ms))))
}
