//! Tools that fail in ways which pass, and those that say more of themselves than is true.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::time::Duration;

use hotcell::Error;
use wasip2::clocks::monotonic_clock::subscribe_duration;

const MILLISECOND: u64 = 1_000_000;

/// Notes in a file that it was called; says how often it was by now.
fn note(root: &str) -> Result<u64, Error> {
    let noted = || -> io::Result<u64> {
        let path = format!("{root}/calls");
        OpenOptions::new().create(true).append(true).open(&path)?.write_all(b".")?;
        Ok(std::fs::metadata(&path)?.len())
    };
    noted().map_err(|error| Error::failed(error.to_string()))
}

fn down_until(root: &str, calls: u64) -> Result<u64, Error> {
    let called = note(root)?;
    if called < calls { Err(Error::unavailable("warming up", Some(Duration::from_millis(1)))) } else { Ok(called) }
}

/// Is not available before so many calls; twice is as good as once.
#[hotcell::tool(effect = "idempotent")]
fn idempotent(root: String, calls: u64) -> Result<u64, Error> {
    down_until(&root, calls)
}

/// The same, but each call counts.
#[hotcell::tool(effect = "write")]
fn write(root: String, calls: u64) -> Result<u64, Error> {
    down_until(&root, calls)
}

/// Is not available, and has done nothing that anybody could see.
#[hotcell::tool(effect = "write")]
fn down(ms: u64) -> Result<(), Error> {
    Err(Error::unavailable("down for today", Some(Duration::from_millis(ms))))
}

/// Fails in a way of its own, which says nothing of anything behind it.
#[hotcell::tool(effect = "read")]
fn wrong() -> Result<(), Error> {
    Err(Error::failed("there is no such city"))
}

/// Answers if it is told to.
#[hotcell::tool(effect = "read")]
fn maybe(up: bool) -> Result<(), Error> {
    if up { Ok(()) } else { Err(Error::unavailable("down", None)) }
}

/// Says that it is pure, and notes each of its runs in a file.
#[hotcell::tool(effect = "pure")]
fn liar(root: String) -> Result<u64, Error> {
    note(&root)
}

/// Says nothing of itself, works for so many rounds, and uses nothing but its input.
#[hotcell::tool]
fn honest(rounds: u64) -> u64 {
    (0..rounds).fold(rounds, |sum, round| sum.wrapping_mul(31).wrapping_add(std::hint::black_box(round)))
}

/// Waits, which a virtual clock ends at once and a real one doesn't.
#[hotcell::tool(effect = "read")]
fn nap(ms: u64) -> u64 {
    subscribe_duration(ms * MILLISECOND).block();
    ms
}
