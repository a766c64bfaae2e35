//! Granted folders, opened once.
//!
//! A folder is opened when it is granted and used through that handle from then on: whatever is put in its place later, under the
//! same path, is not reached.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use hotcell_call::{Access, Code, Failure, Folder, GrantSet};
use rustix::fs::{Mode, OFlags};
use wasmtime_wasi::filesystem::{Dir, FsPerms, OpenMode};

/// Folders of the system itself: their files are doors, not data.
const NEVER: &[&str] = &["/proc", "/sys", "/dev"];

/// A set of grants with its folders open; cheap to share between calls.
pub struct OpenGrants {
    set: GrantSet,
    folders: Vec<OpenFolder>,
}

/// A granted folder.
pub(crate) struct OpenFolder {
    pub(crate) guest: String,
    pub(crate) access: Access,
    pub(crate) dir: Dir,
}

impl OpenGrants {
    /// Opens every folder of `set`.
    ///
    /// # Errors
    ///
    /// [`Code::Grant`] with the first folder that does not exist, is a link, is no folder, may not be opened, or belongs to the
    /// system.
    pub fn open(set: GrantSet) -> Result<Arc<Self>, Failure> {
        let folders = set.folders.iter().map(open).collect::<Result<Vec<_>, _>>()?;
        Ok(Arc::new(Self { set, folders }))
    }

    /// What is granted.
    #[must_use]
    pub fn set(&self) -> &GrantSet {
        &self.set
    }

    pub(crate) fn folders(&self) -> &[OpenFolder] {
        &self.folders
    }
}

impl std::fmt::Debug for OpenGrants {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("OpenGrants").field(&self.set).finish()
    }
}

fn open(folder: &Folder) -> Result<OpenFolder, Failure> {
    let path = folder.host.as_path();
    let refuse = |why: &str, fix: &str| {
        Failure::new(Code::Grant, format!("the folder `{}` can't be granted", folder.guest)).why(why).fix(fix)
    };
    let real = std::fs::canonicalize(path)
        .map_err(|error| refuse(&said(&error), "name a folder that exists").caused_by(error))?;
    if real == Path::new("/") || NEVER.iter().any(|never| real.starts_with(never)) {
        return Err(refuse("it belongs to the system", "grant a folder that holds nothing but data"));
    }
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let handle = rustix::fs::open(path, flags, Mode::empty()).map_err(|errno| {
        let error = std::io::Error::from(errno);
        match errno {
            rustix::io::Errno::LOOP | rustix::io::Errno::NOTDIR if path.is_symlink() => {
                refuse("it is a link", &format!("name the folder that it leads to: {}", real.display()))
            }
            _ => refuse(&said(&error), "name a folder that may be read").caused_by(error),
        }
    })?;
    let (perms, mode) = match folder.access {
        Access::Read => (FsPerms::ReadOnly, OpenMode::READ),
        Access::Write => (FsPerms::ReadWrite, OpenMode::READ | OpenMode::WRITE),
    };
    let dir = Dir::new(File::from(handle), perms, mode, false);
    Ok(OpenFolder { guest: folder.guest.clone(), access: folder.access, dir })
}

/// What the system says, in words of our own where it is one of the usual things.
fn said(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => "it does not exist".to_owned(),
        std::io::ErrorKind::NotADirectory => "it is not a folder".to_owned(),
        std::io::ErrorKind::PermissionDenied => "it may not be opened by this user".to_owned(),
        kind => kind.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn granted(path: &Path) -> Result<Arc<OpenGrants>, Failure> {
        let folder = Folder { guest: "x".to_owned(), host: path.to_owned(), access: Access::Read };
        OpenGrants::open(GrantSet { folders: vec![folder], ..GrantSet::default() })
    }

    #[test]
    fn what_is_no_plain_folder_is_refused_with_the_reason() {
        let temp = tempfile::tempdir().unwrap();
        let (file, link) = (temp.path().join("file"), temp.path().join("link"));
        std::fs::write(&file, "x").unwrap();
        std::os::unix::fs::symlink(temp.path(), &link).unwrap();
        for (path, why) in [
            (temp.path().join("missing"), "it does not exist"),
            (file, "it is not a folder"),
            (link, "it is a link"),
            (Path::new("/").to_owned(), "it belongs to the system"),
            (Path::new("/proc/self").to_owned(), "it belongs to the system"),
        ] {
            let failure = granted(&path).unwrap_err();
            assert_eq!((failure.code(), failure.reason()), (Code::Grant, why), "{}", path.display());
        }
        assert!(granted(temp.path()).is_ok());
    }
}
