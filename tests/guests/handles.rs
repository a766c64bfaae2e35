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

/// Opens the folder from within itself, each time by the longest detour, and keeps each.
#[hotcell::tool]
fn detours(root: String, count: u64) -> Result<u64, String> {
    let (mut here, detour) = (folder(&root)?, "./".repeat(2_000));
    for opened in 0..count {
        let next = here
            .open_at(PathFlags::empty(), &detour, OpenFlags::DIRECTORY, DescriptorFlags::READ)
            .map_err(|error| format!("{error} after {opened}"))?;
        forget(std::mem::replace(&mut here, next));
    }
    Ok(count)
}

/// Begins to read a folder so many times and keeps each.
#[hotcell::tool]
fn listings(root: String, count: u64) -> Result<u64, String> {
    let folder = folder(&root)?;
    for opened in 0..count {
        let listing = folder.read_directory().map_err(|error| format!("{error} after {opened}"))?;
        listing.read_directory_entry().map_err(|error| error.to_string())?;
        forget(listing);
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
