//! Randomness: asked for in one huge piece, in many, and honestly.

use wasip2::random::{insecure, insecure_seed, random};

/// Asks for so many secure bytes at once.
#[hotcell::tool(effect = "read")]
fn secure(bytes: u64) -> usize {
    random::get_random_bytes(bytes).len()
}

/// Asks for so many bytes of any quality at once.
#[hotcell::tool(effect = "read")]
fn any(bytes: u64) -> usize {
    insecure::get_insecure_random_bytes(bytes).len()
}

/// Asks for 64 KiB, for ever.
#[hotcell::tool]
fn storm() -> u64 {
    loop {
        random::get_random_bytes(64 << 10);
    }
}

/// Asks for numbers, for ever: the smallest pieces that there are.
#[hotcell::tool]
fn trickle() -> u64 {
    loop {
        random::get_random_u64();
        insecure::get_insecure_random_u64();
        insecure_seed::insecure_seed();
    }
}

/// Gives so many numbers: an honest call.
#[hotcell::tool(effect = "read")]
fn numbers(count: usize) -> Vec<String> {
    (0..count).map(|_| format!("{:016x}", random::get_random_u64())).collect()
}
