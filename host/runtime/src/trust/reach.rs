//! What a file reaches beyond the folder in which it lies.

use std::fmt;
use std::path::{Path, PathBuf};

use hotcell_call::{SecretSource, ToolName, shortened};
use hotcell_sandbox::CompileLimits;

use crate::config::{Config, Origin, ToolConfig};

/// Something beyond its own folder that a file gives to tools, or takes for itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reach {
    key: String,
    what: String,
}

impl Reach {
    fn new(key: impl Into<String>, what: impl fmt::Display) -> Self {
        Self { key: key.into(), what: shortened(&what.to_string(), 200) }
    }
}

impl fmt::Display for Reach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.key, self.what)
    }
}

/// Everything that the file of `config` reaches beyond its folder; nothing for the defaults.
///
/// Judged by where paths really lead: a link within the folder that leads out of it is outside.
#[must_use]
pub fn reaches(config: &Config) -> Vec<Reach> {
    let Some(origin) = &config.origin else {
        return Vec::new();
    };
    let base = Base::of(origin);
    let mut reaches = Vec::new();
    for (name, tool) in &config.tools {
        base.tool(name, tool, &mut reaches);
    }
    for (key, paths) in [("folders", &config.folders), ("agents", &config.agents)] {
        let outside = paths.iter().filter(|path| !base.holds(path));
        reaches.extend(outside.map(|path| Reach::new(format!("[catalog] {key}"), path.display())));
    }
    for (name, provider) in &config.providers {
        let what = format!("models of {}, key: {}", provider.base, provider.key_shown());
        reaches.push(Reach::new(format!("[providers.{name}]"), what));
    }
    served(config, &mut reaches);
    watched(config, &mut reaches);
    machine(config, &mut reaches);
    reaches
}

/// The folder of the file, as far as the file may arrange things in it.
struct Base {
    /// Where it really is.
    folder: PathBuf,
    /// Whether the file belongs to somebody else, who might have put it above the folder in which the operator works.
    stranger: bool,
}

impl Base {
    fn of(origin: &Origin) -> Self {
        let folder = real(&origin.folder).unwrap_or_else(|| origin.folder.clone());
        Self { folder, stranger: origin.stranger }
    }

    fn holds(&self, path: &Path) -> bool {
        real(path).is_some_and(|real| real.starts_with(&self.folder))
    }

    fn tool(&self, name: &ToolName, tool: &ToolConfig, reaches: &mut Vec<Reach>) {
        for folder in tool.grants.folders.iter().flatten() {
            let key = format!("[tools.{name}] fs");
            if self.stranger {
                reaches.push(Reach::new(key, format!("{} (the file belongs to another user)", folder.guest)));
            } else if !self.holds(&folder.host) {
                reaches.push(Reach::new(key, folder.host.display()));
            }
        }
        for variable in &tool.environment {
            let what = format!("the value of {variable} in your environment");
            reaches.push(Reach::new(format!("[tools.{name}] env.allow"), what));
        }
        for rule in tool.grants.net.iter().flatten() {
            reaches.push(Reach::new(format!("[tools.{name}] net.allow"), rule));
        }
        for secret in tool.grants.secrets.iter().flatten() {
            let key = format!("[tools.{name}] secrets.{}", secret.name);
            reaches.push(match &secret.from {
                SecretSource::Env(variable) => Reach::new(key, format!("the value of {variable} in your environment")),
                SecretSource::File(path) => Reach::new(key, path.display()),
            });
        }
        if let Some(path) = tool.path.as_ref().filter(|path| !self.holds(path)) {
            reaches.push(Reach::new(format!("[tools.{name}] path"), path.display()));
        }
    }
}

/// To whom the file opens the host, beyond the user of this machine.
fn served(config: &Config, reaches: &mut Vec<Reach>) {
    let server = &config.server;
    if !server.listen.ip().is_loopback() {
        reaches.push(Reach::new("[server] listen", server.listen));
    }
    for (key, names) in [("hosts", &server.hosts), ("origins", &server.origins)] {
        if !names.is_empty() {
            reaches.push(Reach::new(format!("[server] {key}"), names.join(", ")));
        }
    }
    for (name, tenant) in &config.tenants {
        if !tenant.tokens.is_empty() {
            reaches.push(Reach::new(format!("[tenants.{name}] tokens"), format!("{} of them", tenant.tokens.len())));
        }
    }
}

/// Who is told what the host does: a file says so for whoever uses it.
fn watched(config: &Config, reaches: &mut Vec<Reach>) {
    let telemetry = &config.telemetry;
    if let Some(base) = telemetry.otlp.as_ref().filter(|_| telemetry.otlp_from.is_none()) {
        reaches.push(Reach::new("[telemetry] otlp", format!("traces and metrics of all calls, to {base}")));
    }
    for (name, _) in config.tenants.iter().filter(|(_, tenant)| tenant.metrics) {
        reaches.push(Reach::new(format!("[tenants.{name}] metrics"), "the metrics of all tenants"));
    }
}

/// What the file takes of the machine beyond the defaults: limits of a call end with the call, these protect what is beside it.
fn machine(config: &Config, reaches: &mut Vec<Reach>) {
    let usual = CompileLimits::default();
    let defaults = Config::defaults(Path::new("/"));
    let raised = [
        ("[host] memory", config.process_memory > defaults.process_memory),
        ("[compile] max_file", config.compile.max_file > usual.max_file),
        ("[compile] memory", config.compile.memory > usual.memory),
        ("[compile] cpu", config.compile.cpu > usual.cpu),
        ("[compile] timeout", config.compile.timeout > usual.timeout),
        ("[cache] max_size", config.compile.max_cache > usual.max_cache),
        ("[budget] memory", config.budget.memory > defaults.budget.memory),
        ("[results] max_size", config.results.max_size > defaults.results.max_size),
    ];
    for (key, _) in raised.iter().filter(|(_, raised)| *raised) {
        reaches.push(Reach::new(*key, "more than the default"));
    }
    if let Some(folder) = config.cache.as_ref().filter(|_| config.cache_moved) {
        reaches.push(Reach::new("[cache] folder", folder.display()));
    }
}

/// Where a path leads, links followed; parts that are not there yet are taken as they are written.
///
/// None where that can't be told: a link that leads nowhere yet can lead anywhere later.
pub(crate) fn real(path: &Path) -> Option<PathBuf> {
    let mut known = path.to_owned();
    let mut missing = Vec::new();
    loop {
        match known.canonicalize() {
            Ok(real) => return Some(missing.iter().rev().fold(real, |path, part| path.join(part))),
            Err(_) if known.symlink_metadata().is_ok() => return None,
            Err(_) => {
                missing.push(known.file_name()?.to_owned());
                known.pop();
            }
        }
    }
}
