//! Granted folders, opened once.
//!
//! A folder is opened when it is granted and used through that handle from then on: whatever is put in its place later, under the
//! same path, is not reached.

use std::collections::BTreeMap;
use std::fs::File;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use hotcell_call::{Access, Code, Failure, Folder, GrantSet, Wants, shortened};
use rustix::fs::{AtFlags, FileType, Mode, OFlags};
use rustix::io::Errno;
use wasmtime_wasi::filesystem::{Dir, FsPerms, OpenMode};

use crate::secrets::Secrets;

/// Folders of the system itself: their files are doors, not data.
const NEVER: &[&str] = &["/proc", "/sys", "/dev"];

/// A set of grants with its folders open; cheap to share between calls.
pub struct OpenGrants {
    set: Arc<GrantSet>,
    folders: Vec<OpenFolder>,
    /// Read when they are granted: a later change of a file is not seen.
    secrets: Option<Arc<Secrets>>,
    /// The folders that the operator named. Parts of them are opened from here, when the grants are narrowed.
    named: BTreeMap<PathBuf, Arc<OwnedFd>>,
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
    /// [`Code::Grant`] with the first folder that does not exist, is a link or lies behind one, is no folder, may not be opened,
    /// or belongs to the system; [`Code::Secret`] with the first secret that has no value.
    pub fn open(set: GrantSet) -> Result<Arc<Self>, Failure> {
        let mut named = BTreeMap::new();
        for folder in &set.folders {
            if !named.contains_key(&folder.host) {
                named.insert(folder.host.clone(), Arc::new(named_folder(folder)?));
            }
        }
        let secrets = Secrets::read(&set.secrets)?;
        Self::within(set, named, secrets)
    }

    /// Opens what `wants` leaves of these grants, from the folders that are open already.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    pub fn narrowed(&self, wants: &Wants) -> Result<Arc<Self>, Failure> {
        Self::within(self.set.narrowed(wants), self.named.clone(), self.secrets.clone())
    }

    /// What is granted.
    #[must_use]
    pub fn set(&self) -> &Arc<GrantSet> {
        &self.set
    }

    /// The granted folders, with the handles by which they are reached.
    pub fn opened(&self) -> impl Iterator<Item = (&Folder, BorrowedFd<'_>)> {
        self.set.folders.iter().zip(self.folders.iter().map(|folder| folder.dir.dir.as_fd()))
    }

    pub(crate) fn folders(&self) -> &[OpenFolder] {
        &self.folders
    }

    pub(crate) fn secrets(&self) -> Option<&Arc<Secrets>> {
        self.secrets.as_ref()
    }

    fn within(
        set: GrantSet,
        named: BTreeMap<PathBuf, Arc<OwnedFd>>,
        secrets: Option<Arc<Secrets>>,
    ) -> Result<Arc<Self>, Failure> {
        let open = |folder: &Folder| named.get(&folder.host).map(|named| part(folder, named));
        let folders = set.folders.iter().filter_map(open).collect::<Result<Vec<_>, _>>()?;
        Ok(Arc::new(Self { set: Arc::new(set), folders, secrets, named }))
    }
}

impl std::fmt::Debug for OpenGrants {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("OpenGrants").field(&self.set).finish()
    }
}

const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// Opens the folder that the operator named. Links on the way to it are the operator's own.
fn named_folder(folder: &Folder) -> Result<OwnedFd, Failure> {
    let path = folder.host.as_path();
    let real = std::fs::canonicalize(path)
        .map_err(|error| refused(folder, &said(&error), "name a folder that exists").caused_by(error))?;
    if real == Path::new("/") || NEVER.iter().any(|never| real.starts_with(never)) {
        return Err(refused(folder, "it belongs to the system", "grant a folder that holds nothing but data"));
    }
    rustix::fs::open(path, FOLDER, Mode::empty()).map_err(|errno| {
        let error = std::io::Error::from(errno);
        match errno {
            Errno::LOOP | Errno::NOTDIR if path.is_symlink() => {
                refused(folder, "it is a link", &format!("name the folder that it leads to: {}", real.display()))
            }
            _ => refused(folder, &said(&error), "name a folder that may be read").caused_by(error),
        }
    })
}

/// Opens the part that is meant, one name after the other, each from the folder before it and never through a link: what lies
/// there was put there by others, guests with a right to write among them.
fn part(folder: &Folder, named: &OwnedFd) -> Result<OpenFolder, Failure> {
    let broken = |errno: Errno| {
        let error = std::io::Error::from(errno);
        refused(folder, &said(&error), "name a folder that exists and may be read").caused_by(error)
    };
    // Opened anew, not duplicated: a place in the list of files belongs to one call.
    let mut here = rustix::fs::openat(named, ".", FOLDER, Mode::empty()).map_err(broken)?;
    for name in &folder.part {
        here = rustix::fs::openat(&here, name, FOLDER, Mode::empty()).map_err(|errno| {
            if !is_link(&here, name) {
                return broken(errno);
            }
            let name = shortened(&name.to_string_lossy(), 100);
            refused(
                folder,
                &format!("`{name}` in it is a link, and a part of a folder must not lead out of it"),
                "name a part without links; what the link leads to can only be granted by the operator, by its own path",
            )
        })?;
    }
    let (perms, mode) = match folder.access {
        Access::Read => (FsPerms::ReadOnly, OpenMode::READ),
        Access::Write => (FsPerms::ReadWrite, OpenMode::READ | OpenMode::WRITE),
    };
    let dir = Dir::new(File::from(here), perms, mode, false);
    Ok(OpenFolder { guest: folder.guest.clone(), access: folder.access, dir })
}

fn is_link(folder: &OwnedFd, name: &std::ffi::OsStr) -> bool {
    let stat = rustix::fs::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW);
    stat.is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::Symlink)
}

fn refused(folder: &Folder, why: &str, fix: &str) -> Failure {
    Failure::new(Code::Grant, format!("the folder `{}` can't be granted", shortened(&folder.guest, 200)))
        .why(why)
        .fix(fix)
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

    fn given(path: &Path) -> GrantSet {
        GrantSet { folders: vec![Folder::whole("x", path, Access::Write)], ..GrantSet::default() }
    }

    fn granted(path: &Path) -> Result<Arc<OpenGrants>, Failure> {
        OpenGrants::open(given(path))
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

    #[test]
    fn a_part_is_never_reached_through_a_link() {
        let temp = tempfile::tempdir().unwrap();
        let (folder, outside) = (temp.path().join("granted"), temp.path().join("outside"));
        std::fs::create_dir_all(folder.join("a/b")).unwrap();
        std::fs::create_dir_all(outside.join("b")).unwrap();
        std::fs::write(folder.join("file"), "x").unwrap();
        for (link, target) in
            [("out", "../outside"), ("a/out", "../../outside"), ("absolute", "/etc"), ("inner", "a"), ("self", "self")]
        {
            std::os::unix::fs::symlink(target, folder.join(link)).unwrap();
        }
        let open = granted(&folder).unwrap();
        for (path, why) in [
            ("out", "`out` in it is a link"),
            ("out/b", "`out` in it is a link"),
            ("a/out", "`out` in it is a link"),
            ("a/out/b", "`out` in it is a link"),
            ("absolute/ssh", "`absolute` in it is a link"),
            ("inner/b", "`inner` in it is a link"),
            ("self", "`self` in it is a link"),
            ("file", "it is not a folder"),
            ("file/b", "it is not a folder"),
            ("missing/b", "it does not exist"),
        ] {
            for wants in [
                Wants { read: vec![path.to_owned()], ..Wants::default() },
                Wants { write: vec![path.to_owned()], ..Wants::default() },
            ] {
                let late = open.narrowed(&wants).unwrap_err();
                let early = OpenGrants::open(given(&folder).narrowed(&wants)).unwrap_err();
                assert_eq!((late.code(), late.reason()), (early.code(), early.reason()));
                assert!(late.code() == Code::Grant && late.reason().starts_with(why), "{path}: {late}");
                assert!(late.what().contains(path), "{late}");
            }
        }
        let wants = |path: &str| Wants { read: vec![path.to_owned()], ..Wants::default() };
        assert!(open.narrowed(&wants("a/b")).unwrap().narrowed(&wants(".")).is_ok());
    }

    #[test]
    fn a_part_belongs_to_the_folder_that_was_opened() {
        let temp = tempfile::tempdir().unwrap();
        let folder = temp.path().join("granted");
        std::fs::create_dir_all(folder.join("first")).unwrap();
        let open = granted(&folder).unwrap();
        std::fs::rename(&folder, temp.path().join("moved")).unwrap();
        std::fs::create_dir_all(folder.join("second")).unwrap();
        let wants = |path: &str| Wants { read: vec![path.to_owned()], ..Wants::default() };
        assert!(open.narrowed(&wants("first")).is_ok());
        assert_eq!(open.narrowed(&wants("second")).unwrap_err().reason(), "it does not exist");
    }
}
