//! From a configuration to a host; whatever can't work fails here, before anything is started.

use std::path::PathBuf;
use std::sync::Arc;

use hotcell_call::{Code, Failure, ToolName};
use hotcell_flow::permit::Permits;
use hotcell_flow::queue::Queue;
use hotcell_sandbox::{Compiler, Sandbox, Settings};

use crate::catalog::{Catalog, Sources, Starter};
use crate::config::{Config, ToolConfig};
use crate::events::Events;
use crate::host::{Host, Inner};
use crate::journey::UnderWay;
use crate::timer::TokioTimer;

/// Sets up a [`Host`].
#[derive(Debug)]
pub struct HostBuilder {
    config: Config,
    compiler: Option<Compiler>,
    starters: Vec<Starter>,
    files: Vec<(ToolName, PathBuf)>,
}

impl HostBuilder {
    pub(crate) fn new(config: Config) -> Self {
        Self { config, compiler: None, starters: Vec::new(), files: Vec::new() }
    }

    /// The program that compiles components in a process of its own; without one, the running program is taken to do so
    /// when it is started with `__compile`.
    #[must_use]
    pub fn compiler(mut self, compiler: Compiler) -> Self {
        self.compiler = Some(compiler);
        self
    }

    /// Tools that come with the binary.
    #[must_use]
    pub fn starters(mut self, starters: &[Starter]) -> Self {
        self.starters.extend_from_slice(starters);
        self
    }

    /// A tool by its file; it wins over others of the same name.
    #[must_use]
    pub fn file(mut self, name: ToolName, path: PathBuf) -> Self {
        self.files.push((name, path));
        self
    }

    /// What the operator says of a tool besides the configuration file: flags on a command line. What is set here is set
    /// over what the file says.
    #[must_use]
    pub fn tool(mut self, name: ToolName, more: ToolConfig) -> Self {
        self.config.overlay(name, more);
        self
    }

    /// Sets up the host.
    ///
    /// # Errors
    ///
    /// [`Code::Fault`] when the engine can't be set up on this machine.
    pub fn build(self) -> Result<Host, Failure> {
        let compiler = match self.compiler {
            Some(compiler) => compiler,
            None => Compiler::this_program().map_err(|error| {
                Failure::new(Code::Fault, "the running program can't be found, so nothing can be compiled")
                    .caused_by(error)
            })?,
        };
        let mut settings = Settings::new(compiler);
        settings.calls = self.config.in_flight;
        settings.process_memory = self.config.process_memory;
        settings.compile = self.config.compile.clone();
        settings.cache = self.config.cache.clone();
        let sandbox = Sandbox::new(settings).map_err(|error| {
            Failure::new(Code::Fault, "the sandbox can't be set up").why(error.to_string()).caused_by(error)
        })?;
        let configured = self.config.tools.iter();
        let configured = configured.filter_map(|(name, tool)| Some((name.clone(), tool.path.clone()?)));
        let sources = Sources {
            folders: self.config.folders.clone(),
            starters: self.starters,
            named: configured.chain(self.files).collect(),
        };
        let in_flight = usize::try_from(self.config.in_flight).unwrap_or(usize::MAX);
        Ok(Host(Arc::new(Inner {
            sandbox,
            catalog: Catalog::new(sources),
            events: Arc::new(Events::new()),
            under_way: Arc::new(UnderWay::default()),
            queue: Queue::new(self.config.queue, Arc::new(TokioTimer)),
            permits: Permits::new(in_flight),
            config: self.config,
        })))
    }
}
