//! Company: calls that share a cell, and what each may do to those after it.
//!
//! Most answer with which call of its cell it was, so that a test can see where a new cell began.

#![expect(clippy::mem_forget, reason = "what is left behind is what is to be seen")]

use std::hint::black_box;
use std::io::{self, Write};
use std::mem::forget;
use std::sync::atomic::{AtomicU32, Ordering};

use wasip2::clocks::monotonic_clock::{self, subscribe_instant};
use wasip2::random::random;

static CALLS: AtomicU32 = AtomicU32::new(0);

/// Which call of its cell this is; the first is 1.
fn turn() -> u32 {
    CALLS.fetch_add(1, Ordering::Relaxed) + 1
}

/// What was said, and when.
#[hotcell::output]
struct Said {
    text: String,
    turn: u32,
}

/// Gives back the text.
#[hotcell::tool(effect = "pure")]
fn say(text: String) -> Said {
    Said { text, turn: turn() }
}

/// Fails with the text: the tool's own error.
#[hotcell::tool(effect = "pure")]
fn fail(text: String) -> Result<(), String> {
    turn();
    Err(text)
}

/// Breaks.
#[hotcell::tool(effect = "pure")]
#[expect(clippy::panic, reason = "that is the fault")]
fn breaks() -> u32 {
    panic!("in turn {}", turn());
}

/// Says that it has begun, and counts for ever.
#[hotcell::tool(effect = "pure")]
fn spin() -> u64 {
    hotcell::progress(turn().into(), None, "begun");
    let mut n = 0_u64;
    loop {
        n = black_box(n.wrapping_add(1));
    }
}

/// Answers with so many bytes.
#[hotcell::tool(effect = "pure")]
fn answer(bytes: usize) -> String {
    turn();
    "x".repeat(bytes)
}

/// Prints so many bytes.
#[hotcell::tool(effect = "pure")]
fn print(bytes: usize) -> io::Result<u32> {
    io::stdout().write_all(&vec![b'x'; bytes])?;
    io::stdout().flush()?;
    Ok(turn())
}

/// Takes so many random bytes and answers with their sum and its turn.
#[hotcell::tool(effect = "pure")]
fn dice(bytes: u64) -> (u64, u32) {
    (random::get_random_bytes(bytes).into_iter().map(u64::from).sum(), turn())
}

/// Looks at the clock and answers with what it saw and its turn.
#[hotcell::tool(effect = "pure")]
fn clock() -> (u64, u32) {
    (monotonic_clock::now(), turn())
}

/// Takes so many MiB and keeps them.
#[hotcell::tool(effect = "pure")]
fn hold(mib: usize) -> u32 {
    forget(black_box(vec![1_u8; mib << 20]));
    turn()
}

/// Opens so many handles and keeps them.
#[hotcell::tool(effect = "pure")]
fn keep(handles: u32) -> u32 {
    for _ in 0..handles {
        forget(subscribe_instant(0));
    }
    turn()
}

/// Asks how long it may still run, which no input tells.
#[hotcell::tool]
fn hurry() -> u32 {
    black_box(hotcell::time_left());
    turn()
}
