//! Work without end: what only fuel or the wall clock stops.

use std::fs::File;
use std::hint::black_box;
use std::net::TcpStream;

use wasip2::clocks::{monotonic_clock, wall_clock};

/// What a filled or copied block has: large, so that nearly all of the time is spent inside one instruction.
const BLOCK: usize = 4 << 20;

/// Counts for ever.
#[hotcell::tool]
fn spin() -> u64 {
    let mut n = 0_u64;
    loop {
        n = black_box(n.wrapping_add(1));
    }
}

/// Fills memory for ever, a block an instruction.
#[hotcell::tool]
fn fill() -> u64 {
    let mut block = vec![0_u8; BLOCK];
    loop {
        block.fill(black_box(1));
        black_box(&block);
    }
}

/// Copies memory for ever, a block an instruction.
#[hotcell::tool]
fn copy() -> u64 {
    let (mut to, from) = (vec![0_u8; BLOCK], vec![1_u8; BLOCK]);
    loop {
        to.copy_from_slice(&from);
        black_box(&to);
    }
}

/// Calls itself until the engine's stack ends.
#[hotcell::tool]
fn recurse() -> u64 {
    fn down(n: u64) -> u64 {
        if n == u64::MAX { n } else { black_box(down(black_box(n + 1))) + 1 }
    }
    down(0)
}

/// Calls itself with large frames, until the stack that the compiler keeps in the guest's memory ends.
#[hotcell::tool]
fn recurse_wide() -> u64 {
    #[expect(clippy::large_stack_arrays, reason = "the frames are to be large")]
    fn down(n: u64) -> u64 {
        let frame = [n as u8; 64 << 10];
        black_box(&frame);
        if n == u64::MAX { n } else { black_box(down(n + 1)) + u64::from(black_box(&frame)[7]) }
    }
    down(0)
}

/// Asks the host for the time, for ever.
#[hotcell::tool]
fn host_calls() -> u64 {
    loop {
        black_box((monotonic_clock::now(), wall_clock::now().seconds));
    }
}

/// Asks the host whether a moment that never comes has come, for ever.
#[hotcell::tool]
fn poll() -> bool {
    let never = monotonic_clock::subscribe_instant(u64::MAX);
    loop {
        black_box(never.ready());
    }
}

/// Asks for everything that it may not have, takes no for an answer, and asks again, for ever.
#[hotcell::tool]
fn swallow() -> u64 {
    loop {
        let _ = black_box(File::open("/etc/hostname"));
        let _ = black_box(TcpStream::connect("127.0.0.1:1"));
        let mut huge = Vec::<u8>::new();
        let _ = black_box(huge.try_reserve_exact(1 << 30));
    }
}
