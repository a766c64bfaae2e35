//! Files within the folder that the operator granted: list them, read them, write them, look at one.
//!
//! The tool has no rules of its own about which paths are allowed. It asks the system for what the caller named, the
//! host decides, and a refusal comes back as an error that names the path. A second opinion in here could only
//! disagree with the one that counts.
//!
//! Every answer is bounded before it is built: a walk by its number of files, a read by its number of bytes. What was
//! left out is said (`truncated`, `next`, `skipped`, `unreadable`), because a caller that can't tell a short folder from a
//! cut listing draws wrong conclusions from it.

mod content;
mod fault;
mod model;
mod walk;

use std::fs;
use std::path::Path;

use hotcell::Error;

pub use crate::content::{Content, Encoding};
pub use crate::model::{Kind, Stat, Written};
pub use crate::walk::{Entry, Listing, Unreadable};

/// Lists the files below a folder, sorted by path, with their sizes.
///
/// Symbolic links below the folder are not followed. Hidden entries and the folders `.git`, `target` and `node_modules` are left out unless
/// asked for.
#[hotcell::tool(effect = "read")]
fn walk(
    /// Folder to list (a single file is listed as itself).
    #[hotcell(default = ".")]
    path: String,
    /// Only files that match, e.g. `*.rs` (by name, at any depth) or `src/**/*.{rs,toml}` (by path below `path`).
    glob: Option<String>,
    /// Largest number of files to list, up to 50000.
    #[hotcell(default = 10_000)]
    max: u32,
    /// Whether to list files and folders whose name starts with a dot.
    #[hotcell(default = false)]
    hidden: bool,
    /// Whether to enter `.git`, `target` and `node_modules`, and hidden folders too.
    #[hotcell(default = false)]
    all: bool,
) -> Result<Listing, Error> {
    walk::list(&path, walk::Rules::new(glob, max, hidden, all)?)
}

/// Reads a file, or a part of one.
///
/// The answer holds text where the bytes are text. For binary files it says so, and holds the bytes only if base64 was
/// asked for.
#[hotcell::tool(effect = "read")]
fn read(
    /// File to read.
    path: String,
    /// Largest number of bytes to read, up to 2097152.
    #[hotcell(default = 1_048_576)]
    max_bytes: u64,
    /// Byte at which to start: `next` of the answer before, to go on reading a long file.
    #[hotcell(default = 0)]
    offset: u64,
    /// How to give the bytes back: `text`, or `base64` for exact bytes.
    #[hotcell(default = Encoding::Text)]
    encoding: Encoding,
) -> Result<Content, Error> {
    content::read(&path, offset, max_bytes, encoding)
}

/// Writes a file: makes the folders above it if they are missing, and replaces the file if it is there.
///
/// The replacement is not atomic: a write that is stopped half-way leaves a part of the new content.
#[hotcell::tool(effect = "idempotent")]
fn write(
    /// File to write.
    path: String,
    /// The new content as text. Give either this or `base64`.
    text: Option<String>,
    /// The new content as base64, for bytes that are not text.
    base64: Option<String>,
) -> Result<Written, Error> {
    let bytes = content::to_write(text, base64)?;
    let failed = |error| fault::io("write", &path, &error);
    if let Some(folder) = Path::new(&path).parent().filter(|folder| !folder.as_os_str().is_empty()) {
        fs::create_dir_all(folder).map_err(failed)?;
    }
    fs::write(&path, &bytes).map_err(failed)?;
    Ok(Written { bytes: bytes.len() as u64, path })
}

/// Tells what a path is (file, folder, link), its size, and when it was last changed.
#[hotcell::tool(effect = "read")]
fn stat(
    /// File or folder to look at. A symbolic link is described, not followed.
    path: String,
) -> Result<Stat, Error> {
    let meta = fs::symlink_metadata(&path).map_err(|error| fault::io("look at", &path, &error))?;
    Ok(Stat::of(path, &meta))
}

#[cfg(test)]
mod tests;
