//! The list of trusted files, on disk.
//!
//! Whoever could write it could trust anything, so it is believed only if it belongs to the user and nobody else may write it or
//! the folder in which it lies. It is replaced whole, under a lock: two that decide at once both count.

use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use hotcell_call::{Code, Digest, Failure};
use rustix::fs::{AtFlags, FlockOperation, Mode, OFlags};
use serde_json::{Value, json};

/// A file that is trusted as long as it reads the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) file: PathBuf,
    pub(super) digest: Digest,
}

const NAME: &str = "trusted.json";
/// While it is written.
const NEXT: &str = "trusted.json.next";
/// Beyond, the oldest are forgotten.
const MOST: usize = 1_000;
/// As many entries of the longest paths do not fit, but nobody has those.
const MOST_BYTES: u64 = 1 << 20;

/// The entries in `folder`; none if nothing was ever trusted.
pub(super) fn read(folder: &Path) -> Result<Vec<Entry>, Failure> {
    match open(folder) {
        Ok(handle) => entries(&handle, folder),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(refused(folder, error)),
    }
}

/// Changes the entries in `folder`, which is made if it is not there.
pub(super) fn change(folder: &Path, change: impl FnOnce(&mut Vec<Entry>)) -> Result<(), Failure> {
    let fail = |error| refused(folder, error);
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(fail)?;
    let handle = open(folder).map_err(fail)?;
    // Held until the handle is dropped.
    rustix::fs::flock(&handle, FlockOperation::LockExclusive).map_err(|error| fail(error.into()))?;
    let mut entries = entries(&handle, folder)?;
    change(&mut entries);
    let surplus = entries.len().saturating_sub(MOST);
    entries.drain(..surplus);
    replace(&handle, &entries).map_err(fail)
}

fn open(folder: &Path) -> std::io::Result<File> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let handle = File::from(rustix::fs::open(folder, flags, Mode::empty())?);
    ours(&handle)?;
    Ok(handle)
}

fn entries(folder: &File, path: &Path) -> Result<Vec<Entry>, Failure> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let text = match rustix::fs::openat(folder, NAME, flags, Mode::empty()) {
        Ok(file) => bounded(File::from(file)).map_err(|error| refused(path, error))?,
        Err(rustix::io::Errno::NOENT) => return Ok(Vec::new()),
        Err(error) => return Err(refused(path, error.into())),
    };
    let damaged = || refused(path, std::io::Error::other(format!("{NAME} is damaged: remove it")));
    let list: Vec<Value> = serde_json::from_slice(&text).map_err(|_| damaged())?;
    list.iter().map(entry).collect::<Option<_>>().ok_or_else(damaged)
}

fn bounded(file: File) -> std::io::Result<Vec<u8>> {
    if !file.metadata()?.is_file() {
        return Err(std::io::Error::other(format!("{NAME} is not a regular file")));
    }
    ours(&file)?;
    let mut text = Vec::new();
    file.take(MOST_BYTES).read_to_end(&mut text)?;
    Ok(text)
}

/// Makes sure that nobody else can have written it.
fn ours(file: &File) -> std::io::Result<()> {
    let meta = file.metadata()?;
    let user = rustix::process::geteuid().as_raw();
    if meta.uid() != user {
        return Err(std::io::Error::other("it belongs to another user"));
    }
    if meta.mode() & 0o022 != 0 {
        return Err(std::io::Error::other("others may write it: chmod go-w"));
    }
    Ok(())
}

fn replace(folder: &File, entries: &[Entry]) -> std::io::Result<()> {
    let list: Option<Vec<Value>> = entries.iter().map(written).collect();
    let list = list.ok_or_else(|| std::io::Error::other("the file's path is not UTF-8: use --config"))?;
    match rustix::fs::unlinkat(folder, NEXT, AtFlags::empty()) {
        Ok(()) | Err(rustix::io::Errno::NOENT) => {}
        Err(error) => return Err(error.into()),
    }
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mut file = File::from(rustix::fs::openat(folder, NEXT, flags, Mode::RUSR | Mode::WUSR)?);
    file.write_all(&serde_json::to_vec_pretty(&list)?)?;
    file.sync_all()?;
    rustix::fs::renameat(folder, NEXT, folder, NAME)?;
    Ok(())
}

fn written(entry: &Entry) -> Option<Value> {
    Some(json!({ "file": entry.file.to_str()?, "sha256": entry.digest.hex() }))
}

fn entry(value: &Value) -> Option<Entry> {
    let text = |key| value.get(key)?.as_str();
    Some(Entry { file: PathBuf::from(text("file")?), digest: digest(text("sha256")?)? })
}

/// 64 hexadecimal digits, as [`Digest::hex`] writes them.
fn digest(hex: &str) -> Option<Digest> {
    let mut bytes = [0; 32];
    if hex.len() != 64 {
        return None;
    }
    for (at, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(hex.get(2 * at..2 * at + 2)?, 16).ok()?;
    }
    Some(Digest::from_bytes(bytes))
}

fn refused(folder: &Path, error: std::io::Error) -> Failure {
    Failure::new(Code::Untrusted, "what is trusted can't be told")
        .why(format!("{}: {error}", folder.display()))
        .fix("mend that folder, or name the file: --config hotcell.toml")
        .caused_by(error)
}
