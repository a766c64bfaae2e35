//! Whether a `hotcell.toml` that was merely found may do what it says.
//!
//! hotcell reads the nearest `hotcell.toml`, and who unpacks a stranger's checkout has thereby a stranger's `hotcell.toml`. Such
//! a file may arrange everything within its own folder; whatever [reaches](Reach) beyond it (other folders, the values of the
//! operator's environment, more of the machine than by default) waits until the operator has read the file and said
//! `hotcell trust`. Then its path and the SHA-256 of its text are remembered, so a file that is changed is a stranger again. A file
//! that was named with `--config` needs no trust: naming it is the same decision. One that `HOTCELL_CONFIG` names does need it: a
//! variable can come with a shell or a checkout, and be set long before anybody decides anything.
//!
//! What this does not do: judge the tools in a checkout. They run with what they are granted, and that is what is judged here.

mod list;
mod reach;

use std::path::{Path, PathBuf};

use hotcell_call::{Code, Failure};

use crate::config::{Config, Origin, state_folder};

pub(crate) use reach::real;
pub use reach::{Reach, reaches};

/// The files that the user of this machine trusts.
#[derive(Debug, Clone)]
pub struct Trust {
    /// None where the user has no home: then nothing can be remembered.
    folder: Option<PathBuf>,
}

/// How many reaches are told in one message.
const TOLD: usize = 5;

impl Trust {
    /// What the user who runs the host trusts.
    #[must_use]
    pub fn of_user() -> Self {
        Self { folder: state_folder() }
    }

    /// What is remembered in `folder`.
    #[must_use]
    pub fn at(folder: impl Into<PathBuf>) -> Self {
        Self { folder: Some(folder.into()) }
    }

    /// Whether `config` may be used as it is.
    ///
    /// # Errors
    ///
    /// [`Code::Untrusted`], with what the file would reach and how to allow it.
    pub fn check(&self, config: &Config) -> Result<(), Failure> {
        let reaches = reaches(config);
        let Some(origin) = config.origin.as_ref().filter(|origin| !origin.named && !reaches.is_empty()) else {
            return Ok(());
        };
        let (known, changed) = match self.folder.as_deref().map(list::read).transpose() {
            Ok(entries) => {
                let of_file = |entry: &&list::Entry| entry.file == origin.file;
                let entry = entries.iter().flatten().find(of_file);
                (entry.is_some_and(|entry| entry.digest == origin.digest), entry.is_some())
            }
            Err(failure) => return Err(failure),
        };
        if known { Ok(()) } else { Err(refusal(origin, &reaches, changed)) }
    }

    /// Remembers the file that `config` was read from, as it was then.
    ///
    /// # Errors
    ///
    /// [`Code::Command`] when it came from no file, [`Code::Untrusted`] when nothing can be remembered safely.
    pub fn accept(&self, config: &Config) -> Result<(), Failure> {
        let Some(origin) = &config.origin else {
            return Err(Failure::new(Code::Command, "there is no hotcell.toml to trust")
                .why("neither in this folder nor above it"));
        };
        list::change(self.folder()?, |entries| {
            entries.retain(|entry| entry.file != origin.file);
            entries.push(list::Entry { file: origin.file.clone(), digest: origin.digest });
        })
    }

    /// Forgets a file; false if it was not known.
    ///
    /// # Errors
    ///
    /// [`Code::Untrusted`] when what is remembered can't be changed safely.
    pub fn forget(&self, file: &Path) -> Result<bool, Failure> {
        let mut forgotten = false;
        list::change(self.folder()?, |entries| {
            let before = entries.len();
            entries.retain(|entry| entry.file != file);
            forgotten = entries.len() < before;
        })?;
        Ok(forgotten)
    }

    /// Where it is remembered.
    pub(crate) fn place(&self) -> Option<&Path> {
        self.folder.as_deref()
    }

    fn folder(&self) -> Result<&Path, Failure> {
        self.folder.as_deref().ok_or_else(|| {
            Failure::new(Code::Untrusted, "there is no place to remember what is trusted")
                .why("neither HOTCELL_STATE_DIR, XDG_STATE_HOME nor HOME is set")
                .fix("name the file instead: --config hotcell.toml")
        })
    }
}

fn refusal(origin: &Origin, reaches: &[Reach], changed: bool) -> Failure {
    let file = origin.file.display();
    let mut told: Vec<String> = reaches.iter().take(TOLD).map(Reach::to_string).collect();
    if let Some(more) = reaches.len().checked_sub(TOLD).filter(|more| *more > 0) {
        told.push(format!("and {more} more"));
    }
    let since = if changed { "it has changed since it was trusted; " } else { "" };
    Failure::new(Code::Untrusted, format!("{file} reaches beyond its own folder and is not trusted"))
        .why(format!("{since}{}", told.join("; ")))
        .fix(format!("read the file, then\nonce: --config {file}\nalways: hotcell trust {file}"))
}

#[cfg(test)]
mod tests;
