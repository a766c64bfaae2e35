//! The host that is measured, set up as the binary sets it up.

use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow};
use hotcell_agent::Diagnostic;
use hotcell_call::{Failure, Outcome, Payload, Target, ToolName};
use hotcell_runtime::Host;
use hotcell_runtime::config::{Config, FILE_NAME, Place, ToolConfig};
use hotcell_sandbox::Compiler;
use tokio::runtime::Runtime;

use crate::{COMPILE, place};

/// A host that is being set up.
pub(crate) struct Subject {
    config: Config,
    files: Vec<(ToolName, PathBuf)>,
}

impl Subject {
    /// The defaults, with no tools and with a cache that outlives the run.
    pub(crate) fn new() -> Result<Self> {
        let mut config = Config::defaults(&place::scratch("nothing")?);
        config.cache = Some(place::scratch("cache")?);
        config.folders = Vec::new();
        Ok(Self { config, files: Vec::new() })
    }

    /// What an operator's file says, with no tools but those that are named here, and with the same cache.
    pub(crate) fn with(toml: &str) -> Result<Self> {
        let file = place::scratch("nothing")?.join(FILE_NAME);
        std::fs::write(&file, toml)?;
        let told = |wrong: Vec<Diagnostic>| anyhow!(wrong.iter().map(Diagnostic::render).collect::<String>());
        let mut config = Config::load(&Place::File(file)).map_err(told)?;
        config.cache = Some(place::scratch("cache")?);
        config.folders = Vec::new();
        Ok(Self { config, files: Vec::new() })
    }

    /// Another configuration.
    pub(crate) fn config(mut self, change: impl FnOnce(&mut Config)) -> Self {
        change(&mut self.config);
        self
    }

    /// A tool by its file.
    pub(crate) fn tool(mut self, name: &str, file: &Path) -> Result<Self> {
        self.files.push((name.parse()?, file.to_owned()));
        Ok(self)
    }

    /// What the operator says of a tool.
    pub(crate) fn given(mut self, name: &str, tool: ToolConfig) -> Result<Self> {
        self.config.overlay(name.parse()?, tool);
        Ok(self)
    }

    /// The host.
    pub(crate) fn host(self) -> Result<Host> {
        let compiler = Compiler { program: std::env::current_exe()?, args: vec![COMPILE.into()] };
        let builder = Host::builder(self.config).compiler(compiler);
        let builder = self.files.into_iter().fold(builder, |builder, (name, file)| builder.file(name, file));
        builder.build().map_err(|failure| told(&failure))
    }
}

/// A runtime with so many workers.
pub(crate) fn runtime(workers: usize) -> Result<Runtime> {
    Ok(tokio::runtime::Builder::new_multi_thread().worker_threads(workers).enable_all().build()?)
}

/// One call that has to end well.
pub(crate) async fn call(host: &Host, target: &Target, input: &Payload) -> Result<Payload> {
    answer(host.call(host.next_call(target.clone(), input.clone())).await)
}

/// The answer of a call that had to end well.
pub(crate) fn answer(outcome: Outcome) -> Result<Payload> {
    let target = outcome.target;
    outcome.result.map_err(|failure| told(&failure).context(target.to_string()))
}

/// A failure with its remedy.
pub(crate) fn told(failure: &Failure) -> anyhow::Error {
    match failure.remedy() {
        Some(fix) => anyhow!("{failure}: {fix}"),
        None => anyhow!("{failure}"),
    }
}
