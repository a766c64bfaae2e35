//! What the operator says: the configuration file, and what the command line adds to it.
//!
//! Whoever types a command is the operator. A flag may therefore widen what the file grants; a file that merely lies in the
//! folder may not grant what is outside of it until it is trusted.

use std::path::{Path, PathBuf};

use hotcell_call::{
    Access, ClockMode, Code, Failure, Folder, GrantKeys, LimitKeys, NetRule, NetRuleError, RandomMode, ToolName,
    shortened,
};
use hotcell_runtime::config::{Config, Place, ToolConfig, ceiling};
use hotcell_runtime::{Host, HostBuilder, ToolFile, Trust};

use crate::args::{Global, GrantArgs};
use crate::embedded::{AGENTS, STARTERS};
use crate::exit::Trouble;
use crate::harden;
use crate::telemetry;

/// A host that is being set up.
#[derive(Debug)]
pub(crate) struct Operator {
    config: Config,
    files: Vec<(ToolName, PathBuf)>,
    flags: Vec<(ToolName, ToolConfig)>,
    /// What was typed for all tools.
    others: Option<(LimitKeys, GrantKeys)>,
}

impl Operator {
    /// Reads the configuration that the command line names, or that lies in this folder or above it.
    ///
    /// # Errors
    ///
    /// Everything that is wrong in the file, or that it is not trusted.
    pub(crate) fn load(global: &Global) -> Result<Self, Trouble> {
        let config = Config::load(&place(global)?)?;
        Trust::of_user().check(&config)?;
        Ok(Self { config, files: Vec::new(), flags: Vec::new(), others: None })
    }

    /// The configuration as it was read.
    pub(crate) fn config(&self) -> &Config {
        &self.config
    }

    /// Adds a component by its file, and gives the name under which it can be called.
    ///
    /// # Errors
    ///
    /// [`Code::Name`] if neither the file's name nor the settings beside it make a name.
    pub(crate) fn file(&mut self, path: &Path) -> Result<ToolName, Failure> {
        let settings = path.with_extension("toml");
        let given = if settings.is_file() { ToolFile::read(&settings)?.name } else { None };
        let name = match given {
            Some(name) => name,
            None => name_of(path)?,
        };
        self.named(name.clone(), path);
        Ok(name)
    }

    /// Adds a component by its file, under a name.
    pub(crate) fn named(&mut self, name: ToolName, path: &Path) {
        self.files.push((name, path.to_owned()));
    }

    /// Gives a tool what was typed, beside what the file gives.
    ///
    /// # Errors
    ///
    /// [`Code::Command`] for a limit that is wider than the host can keep.
    pub(crate) fn give(&mut self, tool: &ToolName, limits: &LimitKeys, grants: &Typed) -> Result<(), Failure> {
        fits(limits)?;
        let before = self.config.tools.get(tool).map(|tool| &tool.grants);
        let flags = ToolConfig { limits: limits.clone(), grants: grants.beside(before), ..ToolConfig::default() };
        self.flags.push((tool.clone(), flags));
        Ok(())
    }

    /// Gives all tools what was typed, beside what the file gives: those that there are, and those that are dropped in later.
    ///
    /// # Errors
    ///
    /// As [`give`](Self::give).
    pub(crate) fn give_all(&mut self, limits: &LimitKeys, grants: &Typed) -> Result<(), Failure> {
        fits(limits)?;
        let named: Vec<ToolName> = self.config.tools.keys().cloned().collect();
        named.iter().try_for_each(|tool| self.give(tool, limits, grants))?;
        self.others = Some((limits.clone(), grants.beside(None)));
        Ok(())
    }

    /// Sets up the host.
    ///
    /// # Errors
    ///
    /// What the builder finds wrong with the machine.
    pub(crate) fn host(self) -> Result<Host, Failure> {
        let host = self.builder().build()?;
        harden::seal();
        telemetry::watch(&host);
        Ok(host)
    }

    /// Sets up a host that takes the place of one that runs.
    ///
    /// # Errors
    ///
    /// What can't be changed without a restart.
    pub(crate) fn host_in_place_of(self, before: &Host) -> Result<Host, Failure> {
        self.builder().in_place_of(before).build().inspect(telemetry::watch)
    }

    fn builder(self) -> HostBuilder {
        let builder = Host::builder(self.config).starters(STARTERS).shipped(AGENTS);
        let builder = self.files.into_iter().fold(builder, |builder, (name, path)| builder.file(name, path));
        let more = |builder: HostBuilder, (name, flags)| builder.tool(name, flags);
        let builder = self.flags.into_iter().fold(builder, more);
        match self.others {
            Some((limits, grants)) => builder.others(limits, grants),
            None => builder,
        }
    }
}

/// Grants that were typed, with folders and variables looked up.
#[derive(Debug, Clone, Default)]
pub(crate) struct Typed(GrantKeys);

impl Typed {
    /// Looks up what the flags name.
    ///
    /// # Errors
    ///
    /// [`Code::Grant`] for what is no folder; [`Code::Command`] for a variable that is not set, or what is no rule.
    pub(crate) fn read(args: &GrantArgs) -> Result<Self, Failure> {
        let read = args.allow_read.iter().map(|path| folder(path, Access::Read));
        let write = args.allow_write.iter().map(|path| folder(path, Access::Write));
        let folders = write.chain(read).collect::<Result<Vec<_>, _>>()?;
        let net = args.allow_net.iter().map(|text| rule(text)).collect::<Result<Vec<_>, _>>()?;
        let env = args.allow_env.iter().map(|name| variable(name)).collect::<Result<Vec<_>, _>>()?;
        Ok(Self(GrantKeys {
            folders: (!folders.is_empty()).then_some(folders),
            env: (!env.is_empty()).then(|| env.into_iter().collect()),
            net: (!net.is_empty()).then_some(net),
            secrets: None,
            clock: args.allow_clock.then_some(ClockMode::Real),
            random: args.allow_random.then_some(RandomMode::System),
        }))
    }

    /// Adds a folder, unless one of its name was typed already: that one covers it.
    pub(crate) fn add(&mut self, folder: Folder) {
        let folders = self.0.folders.get_or_insert_default();
        if !folders.iter().any(|known| known.guest == folder.guest) {
            folders.push(folder);
        }
    }

    /// These and those that were there before; where both name one thing, what was typed holds.
    fn beside(&self, before: Option<&GrantKeys>) -> GrantKeys {
        let mut keys = self.0.clone();
        if let (Some(folders), Some(before)) = (&mut keys.folders, before.and_then(|keys| keys.folders.as_ref())) {
            for folder in before {
                if !folders.iter().any(|typed| typed.guest == folder.guest) {
                    folders.push(folder.clone());
                }
            }
        }
        if let (Some(env), Some(before)) = (&mut keys.env, before.and_then(|keys| keys.env.as_ref())) {
            for (name, value) in before {
                env.entry(name.clone()).or_insert_with(|| value.clone());
            }
        }
        if let (Some(net), Some(before)) = (&mut keys.net, before.and_then(|keys| keys.net.as_ref())) {
            net.extend(before.iter().cloned());
        }
        keys
    }
}

/// Whether the host can keep such limits.
fn fits(limits: &LimitKeys) -> Result<(), Failure> {
    let Some(wider) = ceiling().wider(limits).into_iter().next() else { return Ok(()) };
    Err(Failure::new(Code::Command, format!("--{} {} is more than the host can keep", wider.key, wider.asked))
        .why(wider.to_string())
        .fix(format!("--{} {}", wider.key, wider.ceiling)))
}

/// The place of the configuration file. What is typed is a decision; a variable says no more than where a file lies.
pub(crate) fn place(global: &Global) -> Result<Place, Failure> {
    let told = || std::env::var_os("HOTCELL_CONFIG").filter(|file| !file.is_empty());
    match (&global.config, told()) {
        (Some(file), _) => Ok(Place::File(file.clone())),
        (None, Some(file)) => Ok(Place::Told(file.into())),
        (None, None) => here().map(Place::Above),
    }
}

/// The current folder.
pub(crate) fn here() -> Result<PathBuf, Failure> {
    std::env::current_dir()
        .map_err(|error| Failure::new(Code::Command, "the current folder can't be told").why(error.to_string()))
}

/// A folder under the name by which it was typed.
pub(crate) fn folder(typed: &str, access: Access) -> Result<Folder, Failure> {
    let refuse = |why: String| {
        let what = format!("the folder {} can't be granted", shortened(typed, 200));
        Failure::new(Code::Grant, what).why(why)
    };
    let host = Path::new(typed).canonicalize().map_err(|error| refuse(error.to_string()))?;
    if !host.is_dir() {
        return Err(refuse("it is not a folder".to_owned()));
    }
    let trimmed = typed.trim_end_matches('/');
    let guest = if trimmed.is_empty() { "/" } else { trimmed };
    Ok(Folder::whole(guest, host, access))
}

fn variable(name: &str) -> Result<(String, String), Failure> {
    let refuse = |why: &str| {
        let what = format!("the variable {} can't be granted", shortened(name, 60));
        Failure::new(Code::Command, what).why(why)
    };
    match std::env::var(name) {
        Ok(value) => Ok((name.to_owned(), value)),
        Err(std::env::VarError::NotPresent) => Err(refuse("it is not set")),
        Err(std::env::VarError::NotUnicode(_)) => Err(refuse("its value is not UTF-8")),
    }
}

/// A rule for requests.
fn rule(text: &str) -> Result<NetRule, Failure> {
    text.parse().map_err(|error: NetRuleError| Failure::new(Code::Command, error.to_string()).fix(error.fix()))
}

/// The name of a tool that is called by its file: the file's own, made to fit where only case and spaces are in the way.
fn name_of(path: &Path) -> Result<ToolName, Failure> {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let name = stem.to_ascii_lowercase().replace([' ', '.'], "-");
    name.parse().map_err(|error: hotcell_call::IdError| {
        Failure::new(Code::Name, format!("`{}` can't be a tool's name", shortened(&stem, 60)))
            .why(error.grammar())
            .fix("rename the file, or set `[tool] name` in the .toml beside it")
    })
}

#[cfg(test)]
mod tests;
