//! Handles: files, streams and pollables, opened and never closed.

#![expect(clippy::mem_forget, reason = "what is never given back is the attack")]

use std::mem::forget;

use wasip2::cli::stdout;
use wasip2::clocks::monotonic_clock::subscribe_instant;
use wasip2::filesystem::types::{DescriptorFlags, OpenFlags, PathFlags};

use hotcell_test_guests::folder;

/// Opens a file so many times and keeps each.
#[hotcell::tool]
fn files(
    /// The granted folder.
    root: String,
    /// A file in it.
    name: String,
    count: u64,
) -> Result<u64, String> {
    let folder = folder(&root)?;
    for opened in 0..count {
        let file = folder
            .open_at(PathFlags::empty(), &name, OpenFlags::empty(), DescriptorFlags::READ)
            .map_err(|error| format!("{error} after {opened}"))?;
        forget(file);
    }
    Ok(count)
}

/// Takes stdout so many times and keeps each.
#[hotcell::tool]
fn streams(count: u64) -> u64 {
    for _ in 0..count {
        forget(stdout::get_stdout());
    }
    count
}

/// Waits for so many moments at once.
#[hotcell::tool]
fn pollables(count: u64) -> u64 {
    for _ in 0..count {
        forget(subscribe_instant(u64::MAX));
    }
    count
}

/// Takes and drops a handle so many times: an honest call that needs one at a time.
#[hotcell::tool]
fn one_by_one(count: u64) -> u64 {
    for _ in 0..count {
        drop(subscribe_instant(0));
    }
    count
}
