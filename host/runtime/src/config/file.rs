//! The whole file.

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use hotcell_agent::Diagnostic;
use hotcell_agent::document::{self, Section, Source, Written};
use hotcell_call::{ByteSize, Digest, GrantSet, LimitKeys, Limits, TenantId, ToolName};
use hotcell_sandbox::CompileLimits;
use sha2::{Digest as _, Sha256};

use super::breaker::BreakerKeys;
use super::cache::Cache;
use super::catalog::Catalog;
use super::place::{Place, nearest};
use super::results::Results;
use super::retry::RetryKeys;
use super::schedule::Schedule;
use super::user::{Lookup, environment};
use super::{
    Ceiling, ModelPattern, ProviderConfig, ServerConfig, TelemetryConfig, TenantConfig, ToolConfig, compile, host,
    limits, models, providers, server, telemetry, tenants, tools, user,
};

/// The configuration of a host, checked.
#[derive(Debug, Clone)]
pub struct Config {
    /// `[limits]`: over the defaults, for every tool.
    pub limits: LimitKeys,
    /// `[tools.NAME]`.
    pub tools: BTreeMap<ToolName, ToolConfig>,
    /// What the operator says of all tools that are not in `tools`, also of those that are dropped in later.
    pub(crate) others: ToolConfig,
    /// `[catalog] folders`: each `.wasm` in them is a tool. One that does not exist is empty.
    pub folders: Vec<PathBuf>,
    /// `[catalog] agents`: each `.toml` in them is an agent.
    pub agents: Vec<PathBuf>,
    /// `[schedule]`: how many calls run and wait, and in which order.
    pub schedule: Schedule,
    /// `[tenants.NAME]`. Once one is named, there are no others but those named and the local one.
    pub tenants: BTreeMap<TenantId, TenantConfig>,
    /// `[providers.NAME]`, as they are written; [`provider`](Self::provider) gives those that are known besides.
    pub providers: BTreeMap<String, ProviderConfig>,
    /// `[server]`: where the host is served.
    pub server: ServerConfig,
    /// `[models] allow`: the models that agents may ask; none: all.
    pub models: Option<Vec<ModelPattern>>,
    /// `[budget]`: what one run may spend at most.
    pub budget: Ceiling,
    /// `[telemetry]`: where traces and metrics go.
    pub telemetry: TelemetryConfig,
    /// `[retry]`, for every tool.
    pub retry: RetryKeys,
    /// `[breaker]`, for every tool.
    pub breaker: BreakerKeys,
    /// `[results]`: answers kept for later.
    pub results: Results,
    /// `[host] memory`: resident memory of the process beyond which no new cell starts.
    pub process_memory: ByteSize,
    /// `[compile]`, and `[cache] max_size`.
    pub compile: CompileLimits,
    /// `[cache] folder`, else the user's own; none where the user has none, and then every start compiles anew.
    pub cache: Option<PathBuf>,
    /// Where it is remembered what the user trusts; known once the host is set up.
    pub(crate) state: Option<PathBuf>,
    /// Whether the file names another cache than the user's.
    pub(crate) cache_moved: bool,
    /// The variable that says where the user's own cache is.
    pub(crate) cache_from: Option<&'static str>,
    /// Everything that the file says, and where.
    pub(crate) written: Vec<Written>,
    /// The file that all this stands in; none for the defaults.
    pub origin: Option<Origin>,
}

/// The file that a configuration came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// Its absolute path.
    pub file: PathBuf,
    /// The folder in which it lies.
    pub folder: PathBuf,
    /// The SHA-256 of the text that was read.
    pub digest: Digest,
    /// Whether the operator named it; one that was found by its place, or that the environment names, may be a stranger's.
    pub named: bool,
    /// Whether it belongs to another user, the system's administrator excepted.
    pub stranger: bool,
}

impl Config {
    /// The defaults, with `tools` and `agents` in `folder`.
    #[must_use]
    pub fn defaults(folder: &Path) -> Self {
        Self::default_in(folder, &environment)
    }

    /// Reads the file at `place`.
    ///
    /// # Errors
    ///
    /// All that is wrong in the file, or why it can't be read; never an empty list.
    pub fn load(place: &Place) -> Result<Self, Vec<Diagnostic>> {
        match place {
            Place::Defaults(folder) => Ok(Self::defaults(folder)),
            Place::File(file) => Self::open(Source::read(file), file, &shown(file, Path::new("")), true),
            Place::Told(file) => Self::open(Source::read(file), file, &shown(file, Path::new("")), false),
            Place::Above(folder) => {
                let folder = std::path::absolute(folder).unwrap_or_else(|_| folder.clone());
                match nearest(&folder) {
                    Some(file) => Self::open(Source::found(&file), &file, &shown(&file, &folder), false),
                    None => Ok(Self::defaults(&folder)),
                }
            }
        }
    }

    /// Limits and grants of a tool: what this file says of it, over what it says of all, over the defaults.
    #[must_use]
    pub fn for_tool(&self, tool: &ToolName) -> (Limits, GrantSet) {
        let all = Limits::default().with(&self.limits);
        match self.tools.get(tool) {
            Some(tool) => (all.with(&tool.limits), GrantSet::default().with(&tool.grants)),
            None => (all.with(&self.others.limits), GrantSet::default().with(&self.others.grants)),
        }
    }

    /// Sets what `more` says of a tool over what this says of it: flags of a command line. What they grant comes on top.
    ///
    /// Whether the file may be used is to be [checked](crate::trust) before: afterwards nobody can tell who said what.
    pub fn overlay(&mut self, tool: ToolName, more: ToolConfig) {
        self.tools.entry(tool).or_default().overlay(more);
    }

    fn open(
        read: Result<Arc<Source>, Box<Diagnostic>>,
        file: &Path,
        name: &str,
        named: bool,
    ) -> Result<Self, Vec<Diagnostic>> {
        let read = read.map_err(|diagnostic| vec![*diagnostic])?;
        let source = Source::new(name, read.text());
        let file = std::path::absolute(file).unwrap_or_else(|_| file.to_owned());
        Self::read(&source, &file, named, &environment)
    }

    /// Reads a text that might be a `hotcell.toml`, for the fuzz targets.
    ///
    /// # Errors
    ///
    /// All that is wrong in it.
    #[cfg(fuzzing)]
    pub fn parse(source: &Arc<Source>) -> Result<Self, Vec<Diagnostic>> {
        Self::read(source, Path::new("/nowhere/hotcell.toml"), false, &|_| None)
    }

    pub(super) fn read(
        source: &Arc<Source>,
        file: &Path,
        named: bool,
        lookup: Lookup<'_>,
    ) -> Result<Self, Vec<Diagnostic>> {
        let folder = file.parent().unwrap_or(Path::new("/")).to_owned();
        let mut config = document::read(source, |root| Some(Self::sections(root, &folder, lookup)))?;
        config.written = document::written(source);
        config.origin = Some(Origin {
            file: file.to_owned(),
            folder,
            digest: Digest::from_bytes(Sha256::digest(source.text()).into()),
            named,
            stranger: is_strangers(file),
        });
        Ok(config)
    }

    fn sections(root: &Section<'_>, folder: &Path, lookup: Lookup<'_>) -> Self {
        let limits = limits::read(root);
        let tools = tools::read(root, folder, lookup);
        let Catalog { folders, agents } = Catalog::read(root, folder);
        let schedule = Schedule::read(root);
        let tenants = tenants::read(root);
        let providers = providers::read(root, folder);
        let (server, telemetry) = (server::read(root), telemetry::read(root, lookup));
        let (models, budget) = (models::read(root), Ceiling::read(root));
        let (retry, breaker, results) = (RetryKeys::read(root), BreakerKeys::read(root), Results::read(root));
        let process_memory = host::memory(root);
        let mut compile = compile::read(root);
        let cache = Cache::read(root, folder);
        compile.max_cache = cache.max_size.unwrap_or(compile.max_cache);
        Self {
            limits,
            tools,
            others: ToolConfig::default(),
            folders,
            agents,
            schedule,
            tenants,
            providers,
            server,
            models,
            budget,
            telemetry,
            retry,
            breaker,
            results,
            process_memory,
            compile,
            state: None,
            cache_moved: cache.folder.is_some(),
            cache_from: user::cache_variable(lookup),
            written: Vec::new(),
            cache: cache.folder.or_else(|| user::cache_folder(lookup)),
            origin: None,
        }
    }

    pub(super) fn default_in(folder: &Path, lookup: Lookup<'_>) -> Self {
        let Catalog { folders, agents } = Catalog::within(folder);
        Self {
            limits: LimitKeys::default(),
            tools: BTreeMap::new(),
            others: ToolConfig::default(),
            folders,
            agents,
            schedule: Schedule::default(),
            tenants: BTreeMap::new(),
            providers: BTreeMap::new(),
            server: ServerConfig::default(),
            models: None,
            budget: Ceiling::default(),
            telemetry: TelemetryConfig::surroundings(lookup),
            retry: RetryKeys::default(),
            breaker: BreakerKeys::default(),
            results: Results::default(),
            process_memory: host::MEMORY,
            compile: CompileLimits::default(),
            cache: user::cache_folder(lookup),
            state: None,
            cache_moved: false,
            cache_from: user::cache_variable(lookup),
            written: Vec::new(),
            origin: None,
        }
    }
}

impl Default for Config {
    /// The defaults, with `tools` and `agents` in the current folder.
    fn default() -> Self {
        Self::defaults(Path::new(""))
    }
}

/// Whether a file belongs to neither this user nor the administrator; one that can't be looked at counts as a stranger's.
fn is_strangers(file: &Path) -> bool {
    let user = rustix::process::geteuid().as_raw();
    std::fs::metadata(file).map_or(true, |meta| meta.uid() != user && meta.uid() != 0)
}

/// The file as messages name it: short where it lies in `folder`.
fn shown(file: &Path, folder: &Path) -> String {
    file.strip_prefix(folder).unwrap_or(file).display().to_string()
}

#[cfg(test)]
mod tests;
