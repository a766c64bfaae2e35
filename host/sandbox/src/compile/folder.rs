//! A folder that only we can write: the files of the cache, and the rules under which they are touched.
//!
//! The folder is opened anew for each use and judged by what was opened; everything in it is reached from there, never by a path
//! that could have changed. It may vanish or turn read-only at any time: then there is no cache, and nothing else happens.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use hotcell_call::ByteSize;
use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, Stat};
use rustix::io::Errno;
use rustix::process::geteuid;

use crate::compile::examine::KeyState;
use crate::compile::seal::Key;

const KEY: &str = "key";
const UNFINISHED: &str = ".tmp";
/// An unfinished file this old was left behind by a process that died.
const ABANDONED: Duration = Duration::from_secs(60 * 60);

/// Why a folder is not used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FolderError {
    #[error("it belongs to another user")]
    Owner,
    #[error("others may write to it")]
    Writable,
    #[error("{0}")]
    Io(#[from] io::Error),
}

impl From<Errno> for FolderError {
    fn from(error: Errno) -> Self {
        Self::Io(error.into())
    }
}

/// An open folder.
pub(crate) struct Folder(OwnedFd);

impl Folder {
    /// Makes the folder, if it isn't there, and opens it.
    pub(crate) fn create(path: &Path) -> Result<Self, FolderError> {
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path)?;
        Self::open(path)
    }

    /// Opens the folder, if it is ours alone to write.
    pub(crate) fn open(path: &Path) -> Result<Self, FolderError> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let folder = rustix::fs::open(path, flags, Mode::empty())?;
        let stat = rustix::fs::fstat(&folder)?;
        if stat.st_uid != geteuid().as_raw() {
            return Err(FolderError::Owner);
        }
        if Mode::from_raw_mode(stat.st_mode).intersects(Mode::WGRP | Mode::WOTH) {
            return Err(FolderError::Writable);
        }
        Ok(Self(folder))
    }

    /// Reads a regular file of ours, of at most `most` bytes; none if there is none. What is anything else is an error.
    pub(crate) fn read(&self, name: &str, most: ByteSize) -> io::Result<Option<Vec<u8>>> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = match rustix::fs::openat(&self.0, name, flags, Mode::empty()) {
            Ok(file) => file,
            Err(Errno::NOENT) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let stat = rustix::fs::fstat(&file)?;
        let size = ByteSize::bytes(u64::try_from(stat.st_size).unwrap_or_default());
        if !is_ours(&stat) || size > most {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "not a file of ours, or too large"));
        }
        let mut bytes = Vec::with_capacity(size.as_usize());
        let file = File::from(file);
        (&file).take(most.as_u64()).read_to_end(&mut bytes)?;
        // Used now: the oldest are the first to go when there is no room. It may fail where the folder is read-only.
        let _ = file.set_modified(SystemTime::now());
        Ok(Some(bytes))
    }

    /// Writes a file whole or not at all. It is not flushed to the disk: after a power cut a torn file fails its MAC, and is made again.
    pub(crate) fn write(&self, name: &str, pieces: &[&[u8]]) -> io::Result<()> {
        let unfinished = self.write_unfinished(pieces)?;
        rustix::fs::renameat(&self.0, &unfinished, &self.0, name).map_err(|error| {
            self.remove(&unfinished);
            error.into()
        })
    }

    fn write_unfinished(&self, pieces: &[&[u8]]) -> io::Result<String> {
        static COUNTER: AtomicU64 = AtomicU64::new(0);
        let count = COUNTER.fetch_add(1, Ordering::Relaxed);
        let name = format!("{}-{count}{UNFINISHED}", std::process::id());
        // Of a dead process that had our number.
        self.remove(&name);
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mut file = File::from(rustix::fs::openat(&self.0, &name, flags, Mode::RUSR | Mode::WUSR)?);
        let written = pieces.iter().try_for_each(|piece| file.write_all(piece));
        written.inspect_err(|_| self.remove(&name))?;
        Ok(name)
    }

    /// The key, made if there is none or if it is not a secret.
    pub(crate) fn key(&self) -> io::Result<Key> {
        if let Some(key) = self.read_key() {
            return Ok(key);
        }
        self.remove(KEY);
        let mut key = Key::default();
        getrandom::fill(&mut key).map_err(io::Error::other)?;
        self.put_key(&key)?;
        // Another process may have been first; then its key counts.
        self.read_key().ok_or_else(|| io::Error::other("the key can't be kept"))
    }

    /// Puts the key back, if the folder was emptied.
    pub(crate) fn put_key(&self, key: &Key) -> io::Result<()> {
        let unfinished = self.write_unfinished(&[key])?;
        // A link is made only where there is nothing yet, and what it leads to is whole.
        let linked = rustix::fs::linkat(&self.0, &unfinished, &self.0, KEY, AtFlags::empty());
        self.remove(&unfinished);
        match linked {
            Ok(()) | Err(Errno::EXIST) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    fn read_key(&self) -> Option<Key> {
        let stat = rustix::fs::statat(&self.0, KEY, AtFlags::SYMLINK_NOFOLLOW).ok()?;
        if !is_ours(&stat) || Mode::from_raw_mode(stat.st_mode).intersects(Mode::RWXG | Mode::RWXO) {
            return None;
        }
        self.read(KEY, ByteSize::bytes(64)).ok()??.try_into().ok()
    }

    /// How it stands with the key.
    pub(crate) fn key_state(&self) -> KeyState {
        match rustix::fs::statat(&self.0, KEY, AtFlags::SYMLINK_NOFOLLOW) {
            Err(_) => KeyState::Absent,
            Ok(_) if self.read_key().is_some() => KeyState::Secret,
            Ok(_) => KeyState::Open,
        }
    }

    /// Counts what is kept: the components, and the size of all their files.
    pub(crate) fn tally(&self) -> io::Result<(u64, ByteSize)> {
        let (mut components, mut size) = (0, 0_u64);
        for entry in Dir::read_from(&self.0)? {
            let entry = entry?;
            let Ok(name) = entry.file_name().to_str() else { continue };
            let (code, meta) = (name.ends_with(".code"), name.ends_with(".meta"));
            if let Ok(stat) = rustix::fs::statat(&self.0, name, AtFlags::SYMLINK_NOFOLLOW)
                && (code || meta)
            {
                components += u64::from(code);
                size = size.saturating_add(u64::try_from(stat.st_size).unwrap_or_default());
            }
        }
        Ok((components, ByteSize::bytes(size)))
    }

    /// Removes a file, if it is there and can be removed.
    pub(crate) fn remove(&self, name: &str) {
        let _ = rustix::fs::unlinkat(&self.0, name, AtFlags::empty());
    }

    /// Makes room: removes the files that were used least lately until all together are no larger than `most`.
    pub(crate) fn sweep(&self, most: ByteSize) -> io::Result<()> {
        let now = SystemTime::now();
        let mut files = Vec::new();
        let mut total = 0_u64;
        for entry in Dir::read_from(&self.0)? {
            let entry = entry?;
            let Ok(name) = entry.file_name().to_str() else {
                continue;
            };
            let Ok(stat) = rustix::fs::statat(&self.0, name, AtFlags::SYMLINK_NOFOLLOW) else {
                continue;
            };
            let used = SystemTime::UNIX_EPOCH + Duration::from_secs(u64::try_from(stat.st_mtime).unwrap_or_default());
            let age = now.duration_since(used).unwrap_or_default();
            if name.ends_with(UNFINISHED) && age > ABANDONED {
                self.remove(name);
            } else if name.ends_with(".code") || name.ends_with(".meta") {
                let size = u64::try_from(stat.st_size).unwrap_or_default();
                total = total.saturating_add(size);
                files.push((used, size, name.to_owned()));
            }
        }
        files.sort_unstable();
        for (_, size, name) in files {
            if total <= most.as_u64() {
                break;
            }
            self.remove(&name);
            total = total.saturating_sub(size);
        }
        Ok(())
    }
}

fn is_ours(stat: &Stat) -> bool {
    FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile && stat.st_uid == geteuid().as_raw()
}
