//! Compiled components on disk: for each digest what is known of it, and its code.
//!
//! The two are apart because they are needed apart: listing a thousand tools reads a thousand small files and no code. Whatever
//! is wrong with a file is no error: it is as if it were not there, and a warning says which.

use std::path::{Path, PathBuf};

use hotcell_call::{ByteSize, Digest};
use wasmtime::Engine;

use crate::compile::folder::{Folder, FolderError};
use crate::compile::seal::{HEADER, Part, Seal, Verified};
use crate::compile::wire::{MOST_REPORT, Meta};

/// The largest code that is read back.
const MOST_CODE: ByteSize = ByteSize::mib(4 << 10);

/// A cache in a folder of the host's user.
pub(crate) struct Cache {
    path: PathBuf,
    seal: Seal,
    most: ByteSize,
}

impl Cache {
    /// Opens the cache at `path`, and makes it if there is none.
    pub(crate) fn new(path: &Path, engine: &Engine, most: ByteSize) -> Result<Self, FolderError> {
        let key = Folder::create(path)?.key()?;
        Ok(Self { path: path.to_owned(), seal: Seal::new(key, engine), most })
    }

    /// What is known of a component.
    pub(crate) fn meta(&self, digest: &Digest) -> Option<Meta> {
        let verified = self.read(Part::Meta, digest, ByteSize::bytes(2 * MOST_REPORT))?;
        match serde_json::from_slice(verified.as_bytes()) {
            Ok(meta) => Some(meta),
            Err(error) => {
                tracing::warn!(%digest, %error, "a cached description can't be read and is made again");
                None
            }
        }
    }

    /// The code of a component.
    pub(crate) fn code(&self, digest: &Digest) -> Option<Verified> {
        self.read(Part::Code, digest, MOST_CODE)
    }

    /// Keeps what is known of a component.
    pub(crate) fn keep_meta(&self, digest: &Digest, meta: &Meta) {
        match serde_json::to_vec(meta) {
            Ok(bytes) => self.write(Part::Meta, digest, &bytes),
            Err(error) => tracing::warn!(%digest, %error, "a description can't be written"),
        }
    }

    /// Keeps the code of a component.
    pub(crate) fn keep_code(&self, digest: &Digest, code: &Verified) {
        self.write(Part::Code, digest, code.as_bytes());
    }

    /// Forgets a component.
    pub(crate) fn forget(&self, digest: &Digest) {
        if let Ok(folder) = Folder::open(&self.path) {
            [Part::Meta, Part::Code].iter().for_each(|part| folder.remove(&self.seal.file(*part, digest)));
        }
    }

    fn read(&self, part: Part, digest: &Digest, most: ByteSize) -> Option<Verified> {
        let name = self.seal.file(part, digest);
        // A folder that went away is an empty one.
        let read = Folder::open(&self.path).ok()?.read(&name, most);
        let opened = match read {
            Ok(None) => return None,
            Ok(Some(bytes)) => self.seal.open(part, digest, bytes),
            Err(_) => None,
        };
        if opened.is_none() {
            tracing::warn!(%digest, file = name, "a cached file is not what this host wrote; it is not used, and made again");
        }
        opened
    }

    fn write(&self, part: Part, digest: &Digest, payload: &[u8]) {
        if ByteSize::of(payload.len().saturating_add(HEADER)) > self.most {
            return;
        }
        let header = self.seal.header(part, digest, payload);
        let written = Folder::create(&self.path).and_then(|folder| {
            folder.put_key(self.seal.key())?;
            folder.write(&self.seal.file(part, digest), &[&header, payload])?;
            Ok(folder.sweep(self.most)?)
        });
        if let Err(error) = written {
            tracing::debug!(%digest, %error, "a compiled component can't be kept");
        }
    }
}

#[cfg(test)]
mod tests;
