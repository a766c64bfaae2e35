//! What `write` and `stat` answer.

use std::fs::Metadata;
use std::time::UNIX_EPOCH;

/// A file that was written.
#[hotcell::output]
#[derive(Debug)]
pub struct Written {
    /// The path as it was asked for.
    pub path: String,
    /// Size of the file.
    pub bytes: u64,
}

/// What a path is.
#[hotcell::output]
#[derive(Debug, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A regular file.
    File,
    /// A folder.
    Folder,
    /// A symbolic link, whatever it points to.
    Link,
    /// A device, a socket, a pipe.
    Other,
}

/// One path, as the file system describes it.
#[hotcell::output]
#[derive(Debug)]
pub struct Stat {
    /// The path as it was asked for.
    pub path: String,
    /// What it is.
    pub kind: Kind,
    /// Size in bytes; for a folder, whatever the system says.
    pub bytes: u64,
    /// Last change, in milliseconds since 1970, where the system tells it.
    pub modified_unix_ms: Option<i64>,
}

impl Stat {
    pub(crate) fn of(path: String, meta: &Metadata) -> Self {
        let kind = match meta.file_type() {
            t if t.is_file() => Kind::File,
            t if t.is_dir() => Kind::Folder,
            t if t.is_symlink() => Kind::Link,
            _ => Kind::Other,
        };
        Self { path, kind, bytes: meta.len(), modified_unix_ms: modified(meta) }
    }
}

/// Files older than 1970 have a negative time; times beyond what 64 bits of milliseconds hold have none.
fn modified(meta: &Metadata) -> Option<i64> {
    let time = meta.modified().ok()?;
    match time.duration_since(UNIX_EPOCH) {
        Ok(after) => i64::try_from(after.as_millis()).ok(),
        Err(before) => i64::try_from(before.duration().as_millis()).ok().map(|ms| -ms),
    }
}
