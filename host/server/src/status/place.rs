//! The folder in which the sockets are.

use std::fs::{DirBuilder, File};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use hotcell_call::{Code, Failure};
use hotcell_runtime::config::state_folder;
use rustix::fs::{Mode, OFlags};

/// How the socket of a process is called.
const ENDING: &str = "sock";

/// The folder of this user: `hotcell` in `$XDG_RUNTIME_DIR` where that is as private as it should be, else `run` in the folder
/// where hotcell keeps its state.
pub(super) fn folder() -> Result<PathBuf, Failure> {
    let runtime = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
    chosen(runtime, state_folder()).ok_or_else(|| {
        Failure::new(Code::RunFolder, "there is no folder of running hosts")
            .why("neither XDG_RUNTIME_DIR nor HOME is set to a folder of this user")
            .fix("HOTCELL_STATE_DIR=some/folder")
    })
}

fn chosen(runtime: Option<PathBuf>, state: Option<PathBuf>) -> Option<PathBuf> {
    let private = |folder: &PathBuf| folder.is_absolute() && open(folder).is_ok();
    let runtime = runtime.filter(private).map(|folder| folder.join("hotcell"));
    runtime.or_else(|| Some(state?.join("run")))
}

/// Makes the folder, should it not be there.
pub(super) fn make(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    open(folder)
}

/// Makes sure that nobody else can have put anything there, or reach what is there.
pub(super) fn open(folder: &Path) -> io::Result<()> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let meta = File::from(rustix::fs::open(folder, flags, Mode::empty())?).metadata()?;
    if meta.uid() != rustix::process::geteuid().as_raw() {
        return Err(io::Error::other("it belongs to another user"));
    }
    if meta.mode() & 0o077 != 0 {
        return Err(io::Error::other(format!("others may open it (its mode is {:o})", meta.mode() & 0o7777)));
    }
    Ok(())
}

/// Why the folder is not used.
pub(super) fn unusable(folder: &Path, error: io::Error) -> Failure {
    let failure = Failure::new(Code::RunFolder, "the folder of running hosts can't be used")
        .why(format!("{}: {error}", folder.display()));
    let failure = match remedy(folder) {
        Some(fix) => failure.fix(fix),
        None => failure,
    };
    failure.caused_by(error)
}

/// What makes it fit, where its mode or its owner is what is wrong.
fn remedy(folder: &Path) -> Option<String> {
    let meta = std::fs::symlink_metadata(folder).ok()?;
    let shown = folder.display();
    if !meta.is_dir() || meta.uid() != rustix::process::geteuid().as_raw() {
        return Some(format!("mv {shown} {shown}.old"));
    }
    (meta.mode() & 0o777 != 0o700).then(|| format!("chmod 700 {shown}"))
}

/// The path of a process's socket.
pub(super) fn socket(folder: &Path, pid: u32) -> PathBuf {
    folder.join(format!("{pid}.{ENDING}"))
}

/// The process whose socket has that name.
pub(super) fn process(name: &Path) -> Option<u32> {
    let digits = name.file_stem()?.to_str()?;
    let pid = digits.parse().ok()?;
    // As it is written by `socket`, and in no other way.
    (name.file_name()?.to_str()? == format!("{pid}.{ENDING}")).then_some(pid)
}

#[cfg(test)]
mod tests {
    use std::fs::{Permissions, create_dir, set_permissions};
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    fn folder_of(mode: u32) -> (tempfile::TempDir, PathBuf) {
        let outer = tempfile::tempdir().unwrap();
        let folder = outer.path().join("private");
        create_dir(&folder).unwrap();
        set_permissions(&folder, Permissions::from_mode(mode)).unwrap();
        (outer, folder)
    }

    #[test]
    fn what_the_system_offers_is_taken_where_it_is_private() {
        let state = || Some(PathBuf::from("/home/ada/.local/state/hotcell"));
        let fallback = Some(PathBuf::from("/home/ada/.local/state/hotcell/run"));
        let (outer, private) = folder_of(0o700);
        let (_other, open) = folder_of(0o755);
        let link = outer.path().join("link");
        symlink(&private, &link).unwrap();
        assert_eq!(chosen(Some(private.clone()), state()), Some(private.join("hotcell")));
        for unfit in [open, link, private.join("missing"), "run/user/1000".into(), "".into()] {
            assert_eq!(chosen(Some(unfit.clone()), state()), fallback, "{}", unfit.display());
        }
        assert_eq!(chosen(None, None), None);
    }

    #[test]
    fn a_folder_that_others_may_open_is_refused_and_one_that_is_made_is_private() {
        for mode in [0o755, 0o701, 0o710, 0o770, 0o777] {
            let (_outer, folder) = folder_of(mode);
            assert!(make(&folder).is_err(), "{mode:o}");
        }
        let (_outer, folder) = folder_of(0o700);
        make(&folder.join("a/b")).unwrap();
        for made in ["a", "a/b"] {
            assert_eq!(folder.join(made).metadata().unwrap().mode() & 0o777, 0o700, "{made}");
        }
    }

    #[test]
    fn the_fix_is_of_what_is_wrong() {
        let (outer, wrong) = folder_of(0o755);
        let link = outer.path().join("link");
        symlink(&wrong, &link).unwrap();
        let fix = |folder: &Path| unusable(folder, open(folder).unwrap_err()).remedy().map(str::to_owned);
        assert_eq!(fix(&wrong), Some(format!("chmod 700 {}", wrong.display())));
        assert_eq!(fix(&link), Some(format!("mv {0} {0}.old", link.display())));
        // No mode helps where a path is too long for a socket.
        let (_outer, private) = folder_of(0o700);
        assert_eq!(unusable(&private, io::ErrorKind::InvalidInput.into()).remedy(), None);
    }

    #[test]
    fn only_names_of_sockets_are_names_of_processes() {
        assert_eq!(process(&socket(Path::new("/run"), 4711)), Some(4711));
        for name in ["", "sock", ".sock", "x.sock", "12", "12.socket", "012.sock", "+12.sock", "12.new", "-1.sock"] {
            assert_eq!(process(Path::new(name)), None, "{name}");
        }
    }
}
