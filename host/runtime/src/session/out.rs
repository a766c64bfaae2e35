//! Writes results below the output folder, and nowhere else.
//!
//! Names are made from results of tools that nobody trusts, and the folder may hold links that an earlier run, or somebody else,
//! left there. So every part of a path is opened by itself, without following links, beginning at the folder; a file appears whole
//! under its name or not at all.

use std::ffi::OsStr;
use std::fs::File;
use std::io::Write;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use hotcell_agent::Save;
use hotcell_call::{Code, Failure};
use rustix::fs::{AtFlags, Mode, OFlags};
use rustix::io::Errno;
use serde_json::Value;

/// The output folder of one run.
pub(super) struct Out {
    folder: PathBuf,
    files: Mutex<Vec<PathBuf>>,
}

impl Out {
    pub(super) fn new(folder: PathBuf) -> Self {
        Self { folder, files: Mutex::default() }
    }

    /// Writes a result; the folder is made with the first.
    pub(super) async fn write(&self, name: PathBuf, value: &Value) -> Result<(), Failure> {
        let (folder, path, bytes) = (self.folder.clone(), name.clone(), Save::bytes(value));
        let written = tokio::task::spawn_blocking(move || write(&folder, &path, &bytes)).await;
        let broken = |error: std::io::Error| {
            let shown = hotcell_call::shortened(&self.folder.join(&name).display().to_string(), 200);
            Failure::new(Code::Grant, format!("{shown} can't be written"))
                .why(error.kind().to_string())
                .caused_by(error)
        };
        written.map_err(|error| broken(error.into()))?.map_err(broken)?;
        self.files.lock().unwrap_or_else(PoisonError::into_inner).push(name);
        Ok(())
    }

    pub(super) fn finish(self) -> (PathBuf, Vec<PathBuf>) {
        let mut files = self.files.into_inner().unwrap_or_else(PoisonError::into_inner);
        files.sort();
        files.dedup();
        (self.folder, files)
    }
}

const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

fn write(folder: &Path, path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)?;
    // The folder itself was named by the operator, who may well have named a link.
    let mut here = rustix::fs::open(folder, FOLDER.difference(OFlags::NOFOLLOW), Mode::empty())?;
    for part in path.parent().into_iter().flat_map(Path::components) {
        here = enter(&here, part.as_os_str())?;
    }
    let name = path.file_name().ok_or(Errno::INVAL)?;
    let temporary = format!(".hotcell-{:032x}", rand::random::<u128>());
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mut file = File::from(rustix::fs::openat(&here, temporary.as_str(), flags, Mode::from(0o644))?);
    let written =
        file.write_all(bytes).and_then(|()| Ok(rustix::fs::renameat(&here, temporary.as_str(), &here, name)?));
    if written.is_err() {
        // What could not be finished is not left lying about; that this fails too changes nothing.
        let _ = rustix::fs::unlinkat(&here, temporary.as_str(), AtFlags::empty());
    }
    written
}

fn enter(here: &OwnedFd, part: &OsStr) -> std::io::Result<OwnedFd> {
    match rustix::fs::mkdirat(here, part, Mode::from(0o755)) {
        Ok(()) | Err(Errno::EXIST) => {}
        Err(errno) => return Err(errno.into()),
    }
    Ok(rustix::fs::openat(here, part, FOLDER, Mode::empty())?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_on_the_way_is_not_followed() {
        let temp = tempfile::tempdir().unwrap();
        let (out, elsewhere) = (temp.path().join("out"), temp.path().join("elsewhere"));
        std::fs::create_dir_all(&out).unwrap();
        std::fs::create_dir_all(&elsewhere).unwrap();
        std::os::unix::fs::symlink(&elsewhere, out.join("sub")).unwrap();
        assert!(write(&out, Path::new("sub/x"), b"x").is_err());
        std::fs::write(elsewhere.join("victim"), "kept").unwrap();
        std::os::unix::fs::symlink(elsewhere.join("victim"), out.join("link")).unwrap();
        write(&out, Path::new("link"), b"new").unwrap();
        assert_eq!(std::fs::read_to_string(elsewhere.join("victim")).unwrap(), "kept");
        assert_eq!(std::fs::read_to_string(out.join("link")).unwrap(), "new");
    }

    #[test]
    fn folders_are_made_and_files_replaced_whole() {
        let temp = tempfile::tempdir().unwrap();
        for text in ["one", "two"] {
            write(temp.path(), Path::new("a/b/c.txt"), text.as_bytes()).unwrap();
        }
        assert_eq!(std::fs::read_to_string(temp.path().join("a/b/c.txt")).unwrap(), "two");
        assert_eq!(std::fs::read_dir(temp.path().join("a/b")).unwrap().count(), 1);
    }
}
