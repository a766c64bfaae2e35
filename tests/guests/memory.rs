//! Memory: taken loudly, silently, all at once, and honestly.

use std::arch::wasm32::{memory_grow, memory_size};
use std::hint::black_box;

const MIB: usize = 1 << 20;

/// Takes 1 MiB after the other and writes to each, until the allocator gives up.
#[hotcell::tool]
fn touch() -> usize {
    let mut kept = Vec::new();
    loop {
        kept.push(vec![1_u8; MIB]);
        black_box(&kept);
    }
}

/// Grows until the engine says no, and answers as if nothing had happened: with the number of 64 KiB pages it has.
#[hotcell::tool]
fn silent() -> usize {
    // Room for the answer, before there is none.
    drop(black_box(vec![0_u8; MIB]));
    while memory_grow::<0>(1) != usize::MAX {}
    memory_size::<0>()
}

/// Takes 3 GiB at once, which is more than an allocator of 32 bits would ask for.
#[hotcell::tool]
fn giant() -> Result<usize, String> {
    match memory_grow::<0>((3 << 30) / (64 << 10)) {
        usize::MAX => Err("there is no room".to_owned()),
        before => Ok(before),
    }
}

/// Takes so much, writes to it, and answers: an honest call that needs memory.
#[hotcell::tool(effect = "pure")]
fn hold(mib: usize) -> usize {
    black_box(vec![1_u8; mib * MIB]).len() / MIB
}
