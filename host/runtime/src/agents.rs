//! Agents by name: those in the agents' folders, before those that came with the program.

use std::collections::BTreeSet;
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::path::PathBuf;
use std::sync::Arc;

use hotcell_agent::Diagnostic;
use hotcell_agent::document::Source;
use hotcell_call::{AgentName, Code, Failure, nearest};

use crate::config::Config;

/// An agent that comes with the binary.
#[derive(Debug, Clone, Copy)]
pub struct Shipped {
    /// Its name.
    pub name: &'static str,
    /// Its file.
    pub text: &'static str,
}

/// The agents that there are; their files are read when somebody asks for one.
#[derive(Debug, Clone)]
pub struct Agents {
    folders: Vec<PathBuf>,
    shipped: Vec<Shipped>,
}

/// How the path of a shipped agent is shown.
const SHIPPED: &str = "<shipped>";
/// Files of a folder that are looked at; more are not.
const MOST_FILES: usize = 10_000;

impl Agents {
    /// Those of a configuration, and those that came with the program.
    #[must_use]
    pub fn new(config: &Config, shipped: &[Shipped]) -> Self {
        Self { folders: config.agents.clone(), shipped: shipped.to_vec() }
    }

    /// The file of an agent; none: there is no such agent. Reads the disk.
    ///
    /// # Errors
    ///
    /// Why its file can't be read.
    pub fn find(&self, name: &AgentName) -> Result<Option<Arc<Source>>, Box<Diagnostic>> {
        let mut files = self.folders.iter().map(|folder| folder.join(format!("{name}.toml")));
        if let Some(path) = files.find(|path| path.symlink_metadata().is_ok()) {
            return Source::found(&path).map(Some);
        }
        let shipped = self.shipped.iter().find(|shipped| shipped.name == name.as_str());
        Ok(shipped.map(|shipped| Source::new(format!("{SHIPPED}/{name}.toml"), shipped.text)))
    }

    /// The names of all. Reads the disk.
    #[must_use]
    pub fn names(&self) -> BTreeSet<AgentName> {
        let mut names: BTreeSet<AgentName> =
            self.shipped.iter().filter_map(|shipped| shipped.name.parse().ok()).collect();
        for file in self.files() {
            let path = PathBuf::from(file.file_name());
            let is_agent = path.extension().is_some_and(|ending| ending == "toml");
            let stem = path.file_stem().and_then(|stem| stem.to_str()).filter(|_| is_agent);
            names.extend(stem.and_then(|stem| stem.parse().ok()));
        }
        names
    }

    /// A number that is another when a file was added, taken away or changed. Reads the disk, but no file.
    pub(crate) fn stamp(&self) -> u64 {
        let state = |file: std::fs::DirEntry| {
            let meta = file.metadata().ok();
            (file.path(), meta.as_ref().map(std::fs::Metadata::len), meta.and_then(|meta| meta.modified().ok()))
        };
        let files: BTreeSet<_> = self.files().map(state).collect();
        BuildHasherDefault::<DefaultHasher>::default().hash_one(files)
    }

    fn files(&self) -> impl Iterator<Item = std::fs::DirEntry> + '_ {
        self.folders.iter().flat_map(|folder| folder.read_dir().into_iter().flatten().take(MOST_FILES).flatten())
    }

    /// That there is no such agent, and which of `known` may have been meant.
    #[must_use]
    pub fn unknown(name: &AgentName, known: &BTreeSet<AgentName>) -> Failure {
        let names = || known.iter().map(AgentName::as_str);
        let failure = Failure::new(Code::UnknownAgent, format!("there is no agent `{name}`"));
        match nearest(name.as_str(), names()) {
            Some(near) => failure.fix(format!("did you mean `{near}`?")),
            None if known.is_empty() => failure.why("there are none at all"),
            None => failure.why(format!("there are {}", names().take(10).collect::<Vec<_>>().join(", "))),
        }
    }
}
