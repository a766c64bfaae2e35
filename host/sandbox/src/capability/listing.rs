//! Reading a folder, a few entries at a time.
//!
//! The stock host collects a whole folder before the first entry is asked for, in memory that no limit of the call counts. Here a
//! folder of any size costs a batch.

use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::sync::Arc;

use rustix::fs::{AtFlags, Dir, FileType, statat};
use wasmtime_wasi::p2::bindings::filesystem::types::{DescriptorType, DirectoryEntry, ErrorCode};
use wasmtime_wasi::p2::{FsError, FsResult};

use super::descriptors::Slot;

/// Entries that are read at once.
const BATCH: usize = 64;

/// A folder that is being read.
pub(super) struct Listing {
    ready: VecDeque<FsResult<DirectoryEntry>>,
    /// None: the end was reached, or a batch is being read.
    reader: Option<Reader>,
    _slot: Slot,
}

/// What reads; it blocks.
pub(super) struct Reader {
    folder: Arc<File>,
    /// Opened by the first batch.
    entries: Option<Dir>,
}

impl Listing {
    pub(super) fn new(folder: Arc<File>, slot: Slot) -> Self {
        Self { ready: VecDeque::new(), reader: Some(Reader { folder, entries: None }), _slot: slot }
    }

    /// The next entry, if it is there; else what reads more, unless there is no more.
    pub(super) fn next(&mut self) -> Result<FsResult<Option<DirectoryEntry>>, Reader> {
        match (self.ready.pop_front(), self.reader.take()) {
            (Some(entry), reader) => {
                self.reader = reader;
                Ok(entry.map(Some))
            }
            (None, Some(reader)) => Err(reader),
            (None, None) => Ok(Ok(None)),
        }
    }

    /// Takes over what was read.
    pub(super) fn fill(&mut self, batch: Batch) {
        self.ready.extend(batch.entries);
        self.reader = batch.reader;
    }
}

/// What was read at once.
pub(super) struct Batch {
    entries: Vec<FsResult<DirectoryEntry>>,
    reader: Option<Reader>,
}

impl Reader {
    /// Reads so many entries as are kept at a time.
    pub(super) fn batch(mut self) -> Batch {
        let mut entries = Vec::new();
        while entries.len() < BATCH {
            match self.entry() {
                Ok(Some(entry)) => entries.extend(entry.transpose()),
                Ok(None) => return Batch { entries, reader: None },
                // Whatever it is, it would come again.
                Err(error) => {
                    entries.push(Err(FsError::from(error)));
                    return Batch { entries, reader: None };
                }
            }
        }
        Batch { entries, reader: Some(self) }
    }

    /// One entry; within it none: the folder itself, or its parent.
    fn entry(&mut self) -> io::Result<Option<FsResult<Option<DirectoryEntry>>>> {
        let entries = match &mut self.entries {
            Some(entries) => entries,
            closed => closed.insert(Dir::read_from(&*self.folder)?),
        };
        let Some(entry) = entries.read().transpose()? else { return Ok(None) };
        let name = entry.file_name();
        if matches!(name.to_bytes(), b"." | b"..") {
            return Ok(Some(Ok(None)));
        }
        let kind = match entry.file_type() {
            // The file system does not tell; one that is gone by now is passed over.
            FileType::Unknown => match statat(&*self.folder, name, AtFlags::SYMLINK_NOFOLLOW) {
                Ok(stat) => FileType::from_raw_mode(stat.st_mode),
                Err(_) => return Ok(Some(Ok(None))),
            },
            kind => kind,
        };
        let Some(name) = std::ffi::OsStr::from_bytes(name.to_bytes()).to_str() else {
            return Ok(Some(Err(ErrorCode::IllegalByteSequence.into())));
        };
        Ok(Some(Ok(Some(DirectoryEntry { type_: described(kind), name: name.to_owned() }))))
    }
}

fn described(kind: FileType) -> DescriptorType {
    match kind {
        FileType::RegularFile => DescriptorType::RegularFile,
        FileType::Directory => DescriptorType::Directory,
        FileType::Symlink => DescriptorType::SymbolicLink,
        FileType::Fifo => DescriptorType::Fifo,
        FileType::Socket => DescriptorType::Socket,
        FileType::CharacterDevice => DescriptorType::CharacterDevice,
        FileType::BlockDevice => DescriptorType::BlockDevice,
        FileType::Unknown => DescriptorType::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::descriptors::Descriptors;
    use super::*;

    #[test]
    fn a_folder_of_any_size_is_read_batch_by_batch_and_once() {
        let temp = tempfile::tempdir().unwrap();
        std::fs::create_dir(temp.path().join("folder")).unwrap();
        std::os::unix::fs::symlink("nowhere", temp.path().join("link")).unwrap();
        for n in 0..300 {
            std::fs::write(temp.path().join(format!("file-{n}")), "").unwrap();
        }
        let folder = Arc::new(File::open(temp.path()).unwrap());
        let mut listing = Listing::new(folder, Descriptors::new().share().take().unwrap());
        let mut seen = BTreeSet::new();
        loop {
            match listing.next() {
                Ok(Ok(Some(entry))) => assert!(seen.insert(entry.name), "each once"),
                Ok(Ok(None)) => break,
                Ok(Err(error)) => panic!("{error}"),
                Err(reader) => {
                    let batch = reader.batch();
                    assert!(batch.entries.len() <= BATCH);
                    listing.fill(batch);
                }
            }
        }
        assert_eq!(seen.len(), 302);
        assert!(seen.contains("folder") && seen.contains("link") && seen.contains("file-299"));
    }
}
