//! What a tool is granted in `hotcell.toml`, read and changed as text: comments, order and everything else stay as they were.
//!
//! Granting is what a person does, on the command line or in the file. It is never a function that a tool or a model can call.

mod document;

use std::path::{Path, PathBuf};

use clap::ValueEnum;
use hotcell_agent::document::tidy;
use hotcell_call::{Access, Capability, Code, Denial, Failure, NetRule, ToolName};
use hotcell_runtime::Trust;
use hotcell_runtime::config::{Config, FILE_NAME, Place};

pub(crate) use document::{Document, Entry};

use crate::args::Global;
use crate::exit::Trouble;
use crate::operator::{Operator, folder, here};
use crate::output::one_line;

/// What can be granted, by the words of the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    /// Reading a folder
    Read,
    /// Reading and writing a folder
    Write,
    /// Seeing a variable of the operator's environment
    Env,
    /// Sending requests
    Net,
    /// Reading the real clock
    Clock,
    /// Using the system's randomness
    Random,
}

/// A `hotcell.toml` that is being changed.
pub(crate) struct File {
    path: PathBuf,
    /// Whether somebody named it: then it is trusted for that, and nothing is remembered.
    named: bool,
    pub(crate) document: Document,
}

impl Kind {
    pub(crate) const ALL: [Self; 6] = [Self::Read, Self::Write, Self::Env, Self::Net, Self::Clock, Self::Random];

    /// The section of a tool, and the key in it.
    pub(crate) const fn key(self) -> (&'static str, &'static str) {
        match self {
            Self::Read => ("fs", "read"),
            Self::Write => ("fs", "write"),
            Self::Env => ("env", "allow"),
            Self::Net => ("net", "allow"),
            Self::Clock => ("clock", "mode"),
            Self::Random => ("random", "mode"),
        }
    }

    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Env => "env",
            Self::Net => "net",
            Self::Clock => "clock",
            Self::Random => "random",
        }
    }

    /// The one value of a kind that has no rules.
    pub(crate) const fn mode(self) -> Option<&'static str> {
        match self {
            Self::Clock => Some("real"),
            Self::Random => Some("system"),
            Self::Read | Self::Write | Self::Env | Self::Net => None,
        }
    }

    /// What a rule looks like; nothing where there is none.
    pub(crate) const fn example(self) -> &'static str {
        match self {
            Self::Read | Self::Write => "FOLDER",
            Self::Env => "NAME",
            Self::Net => "'GET https://example.com/*'",
            Self::Clock | Self::Random => "",
        }
    }

    /// What would have to be granted so that nothing is refused; none where nothing can grant it.
    pub(crate) fn of(denial: &Denial) -> Option<(Self, String)> {
        let kind = match denial.capability {
            Capability::Read => Self::Read,
            Capability::Write => Self::Write,
            Capability::Env => Self::Env,
            Capability::Net => Self::Net,
            Capability::Clock => Self::Clock,
            Capability::Random => Self::Random,
        };
        Some((kind, denial.need()?))
    }

    /// The rule as the file has it, of what was typed.
    ///
    /// # Errors
    ///
    /// [`Code::Command`] for a rule that is missing or too much, [`Code::Grant`] for what is no folder.
    pub(crate) fn rule(self, typed: Option<&str>, file: &Path) -> Result<Option<String>, Failure> {
        let word = self.word();
        match (self, typed) {
            (Self::Clock | Self::Random, None) => Ok(None),
            (Self::Clock | Self::Random, Some(_)) => {
                Err(Failure::new(Code::Command, format!("`{word}` is granted as a whole"))
                    .fix(format!("hotcell allow TOOL {word}")))
            }
            (_, None) => Err(Failure::new(Code::Command, format!("`{word}` needs to know what"))
                .fix(format!("hotcell allow TOOL {word} {}", self.example()))),
            (Self::Env, Some(name)) => Ok(Some(name.to_owned())),
            (Self::Net, Some(text)) => {
                let read = text.parse::<NetRule>();
                let rule = read.map_err(|error| Failure::new(Code::Command, error.to_string()).fix(error.fix()))?;
                Ok(Some(rule.to_string()))
            }
            (Self::Read | Self::Write, Some(path)) => {
                folder(path, if self == Self::Read { Access::Read } else { Access::Write })?;
                Ok(Some(beside(path, file)?))
            }
        }
    }
}

/// A path as it must stand in `file` to mean what it means here.
fn beside(typed: &str, file: &Path) -> Result<String, Failure> {
    let trimmed = typed.trim_end_matches('/');
    let typed = if trimmed.is_empty() { "/" } else { trimmed };
    let (here, folder) = (here()?, file.parent().unwrap_or(Path::new("/")));
    if Path::new(typed).is_absolute() || here == folder {
        return Ok(typed.to_owned());
    }
    let whole = tidy(&here.join(typed));
    let inner = whole.strip_prefix(folder).unwrap_or(&whole);
    Ok(if inner.as_os_str().is_empty() { ".".to_owned() } else { inner.display().to_string() })
}

impl File {
    /// The file that is in force here; a new one in this folder, if there is none.
    ///
    /// # Errors
    ///
    /// All that is wrong in it, or that it is not trusted: whoever adds to a file has to know what it says.
    pub(crate) fn open(global: &Global) -> Result<Self, Trouble> {
        let operator = Operator::load(global)?;
        let Some(origin) = &operator.config().origin else {
            return Ok(Self { path: here()?.join(FILE_NAME), named: false, document: Document::default() });
        };
        // A link that somebody named stays one.
        let path = origin.file.canonicalize().unwrap_or_else(|_| origin.file.clone());
        let text = std::fs::read_to_string(&path).map_err(|error| unwritten(&path, &error))?;
        Ok(Self { document: Document::read(&path, &text)?, named: origin.named, path })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Its path as people read it: from here, if it is here or below.
    pub(crate) fn shown(&self) -> String {
        let here = here().unwrap_or_default();
        one_line(self.path.strip_prefix(here).unwrap_or(&self.path).display())
    }

    /// Writes it, whole or not at all. What is granted by that needs no further trust: it was just typed.
    ///
    /// # Errors
    ///
    /// What keeps it from being written.
    pub(crate) fn save(&self) -> Result<(), Trouble> {
        let failed = |error: &std::io::Error| unwritten(&self.path, error);
        let folder = self.path.parent().unwrap_or(Path::new("."));
        let mut draft = tempfile::Builder::new().prefix(".hotcell.").suffix(".toml").tempfile_in(folder);
        let draft = draft.as_mut().map_err(|error| failed(error))?;
        std::io::Write::write_all(draft, self.document.to_string().as_bytes()).map_err(|error| failed(&error))?;
        if let Ok(before) = std::fs::metadata(&self.path) {
            std::fs::set_permissions(draft.path(), before.permissions()).map_err(|error| failed(&error))?;
        }
        // A file that could not be read would take all calls down.
        Config::load(&Place::File(draft.path().to_owned()))?;
        draft.as_file().sync_all().map_err(|error| failed(&error))?;
        std::fs::rename(draft.path(), &self.path).map_err(|error| failed(&error))?;
        if !self.named {
            let config = Config::load(&Place::Told(self.path.clone()))?;
            let trust = Trust::of_user();
            if trust.check(&config).is_err() {
                trust.accept(&config)?;
            }
        }
        Ok(())
    }
}

fn unwritten(path: &Path, error: &std::io::Error) -> Failure {
    Failure::new(Code::Command, format!("{} can't be changed", path.display())).why(error.to_string())
}

/// The tool, if there is one of that name.
///
/// # Errors
///
/// That there is none: a grant to a name that is misspelt would be no grant, and wait for whoever takes the name.
pub(crate) async fn known(tool: &ToolName, global: &Global) -> Result<hotcell_runtime::Inspected, Trouble> {
    let host = Operator::load(global)?.host()?;
    Ok(host.inspect(tool).await?)
}
