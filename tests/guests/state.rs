//! State: what one call leaves behind and the next one looks for.

use std::arch::wasm32::memory_grow;
use std::slice;
use std::sync::atomic::{AtomicU32, Ordering};

const PAGE: usize = 64 << 10;
const MARK: u8 = 0xa5;

static CALLS: AtomicU32 = AtomicU32::new(0);

/// Counts its calls; the first is 1.
#[hotcell::tool]
fn count() -> u32 {
    CALLS.fetch_add(1, Ordering::Relaxed) + 1
}

/// Fills fresh pages with a mark and leaves them.
#[hotcell::tool]
fn plant(pages: usize) -> Result<usize, String> {
    fresh(pages)?.fill(MARK);
    Ok(pages)
}

/// Takes fresh pages and counts the bytes that are not zero.
#[hotcell::tool]
fn scan(pages: usize) -> Result<usize, String> {
    Ok(fresh(pages)?.iter().filter(|byte| **byte != 0).count())
}

/// Pages as the engine gives them, untouched by any allocator.
#[expect(unsafe_code, reason = "an allocator would clear what is to be seen")]
fn fresh(pages: usize) -> Result<&'static mut [u8], String> {
    let first = memory_grow::<0>(pages);
    if first == usize::MAX {
        return Err(format!("{pages} pages can't be had"));
    }
    // SAFETY: the engine has just made these pages, all bits of them are defined, and nobody else knows of them.
    Ok(unsafe { slice::from_raw_parts_mut((first * PAGE) as *mut u8, pages * PAGE) })
}
