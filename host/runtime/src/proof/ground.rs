//! The place of the attacks: a folder that a guest may write, and what lies around it that must stay as it is; a server that it may
//! ask.

use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use super::judge::Found;
use super::server::Server;

/// The granted folder's name, for the guest too.
pub(super) const FOLDER: &str = "granted";
/// The name of the file beside it that no guest may reach.
pub(super) const SECRET: &str = "secret";
/// What stands in it.
const WORDS: &str = "nobody may read or change this";
const COMPONENTS: &str = "components";

/// A folder of the host's own, with the granted one in it.
#[derive(Debug)]
pub(super) struct Ground {
    root: PathBuf,
    /// Or why there is none: what is proved without it is proved all the same.
    server: Result<Server, String>,
}

impl Ground {
    /// Prepares an empty folder.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub(super) fn new(root: &Path) -> io::Result<Self> {
        let server = Server::new().map_err(|error| format!("this machine can't be reached from itself: {error}"));
        let ground = Self { root: root.canonicalize()?, server };
        fs::create_dir(ground.root.join(COMPONENTS))?;
        fs::write(ground.secret(), WORDS)?;
        fs::create_dir(ground.folder())?;
        ground.plant()?;
        Ok(ground)
    }

    pub(super) fn folder(&self) -> PathBuf {
        self.root.join(FOLDER)
    }

    pub(super) fn secret(&self) -> PathBuf {
        self.root.join(SECRET)
    }

    pub(super) fn server(&self) -> Result<&Server, &str> {
        self.server.as_ref().map_err(String::as_str)
    }

    /// Writes a component down, and gives its path.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub(super) fn component(&self, name: &str, bytes: &[u8]) -> io::Result<PathBuf> {
        let path = self.root.join(COMPONENTS).join(name).with_extension("wasm");
        fs::write(&path, bytes)?;
        Ok(path)
    }

    /// Makes the granted folder what it was, in place: a guest's grant is the folder itself, and not its name.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub(super) fn clear(&self) -> io::Result<()> {
        for entry in fs::read_dir(self.folder())? {
            let entry = entry?;
            // Of a link it is the link that goes.
            if entry.file_type()?.is_dir() { fs::remove_dir_all(entry.path())? } else { fs::remove_file(entry.path())? }
        }
        self.plant()
    }

    fn plant(&self) -> io::Result<()> {
        symlink("..", self.folder().join("way-out"))
    }

    /// Looks at what came of an attack.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub(super) fn look(&self) -> io::Result<Found> {
        let mut found = Found::default();
        for entry in fs::read_dir(self.folder())? {
            let entry = entry?;
            if entry.file_name() != "way-out" {
                found.entries += 1;
            }
            let meta = entry.metadata()?;
            found.bytes += if meta.is_file() { meta.len() } else { 0 };
        }
        found.harm = self.harm()?;
        Ok(found)
    }

    fn harm(&self) -> io::Result<Option<String>> {
        if fs::read_to_string(self.secret()).ok().as_deref() != Some(WORDS) {
            return Ok(Some("the file beside its folder was changed".to_owned()));
        }
        for entry in fs::read_dir(&self.root)? {
            let name = entry?.file_name();
            if ![FOLDER, SECRET, COMPONENTS].iter().any(|known| name == *known) {
                return Ok(Some(format!("`{}` was made beside its folder", name.display())));
            }
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_done_inside_is_counted_and_what_was_done_outside_is_harm() {
        let root = tempfile::tempdir().unwrap();
        let ground = Ground::new(root.path()).unwrap();
        assert_eq!(ground.look().unwrap(), Found::default());
        fs::write(ground.folder().join("a"), "12345").unwrap();
        fs::create_dir(ground.folder().join("b")).unwrap();
        assert_eq!(ground.look().unwrap(), Found { bytes: 5, entries: 2, harm: None });
        fs::write(root.path().join("made"), "").unwrap();
        assert!(ground.look().unwrap().harm.unwrap().contains("`made`"));
        fs::remove_file(root.path().join("made")).unwrap();
        ground.clear().unwrap();
        assert_eq!(ground.look().unwrap(), Found::default());
        fs::write(ground.folder().join("way-out").join(SECRET), "changed").unwrap();
        assert!(ground.look().unwrap().harm.unwrap().contains("was changed"));
    }
}
