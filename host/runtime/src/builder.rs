//! From a configuration to a host; whatever can't work fails here, before anything is started.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use hotcell_call::{Clock, Code, Failure, GrantKeys, LimitKeys, ToolName};
use hotcell_sandbox::{Compiler, Names, Sandbox, Settings};

use crate::admission::Admission;
use crate::agents::{Agents, Shipped};
use crate::catalog::{Catalog, Sources, Starter};
use crate::config::{Config, ToolConfig};
use crate::events::{Events, Middleware};
use crate::flight::Flight;
use crate::host::{Host, Inner};
use crate::metrics::Metrics;
use crate::model::Models;
use crate::queue::Queue;
use crate::switches;
use crate::terms::Book;
use crate::timer::TokioTimer;
use crate::trust::Trust;

/// Sets up a [`Host`].
pub struct HostBuilder {
    config: Config,
    /// What the operator said besides the file, which needs no trust.
    flags: Vec<(ToolName, ToolConfig)>,
    others: ToolConfig,
    trust: Option<Trust>,
    compiler: Option<Compiler>,
    starters: Vec<Starter>,
    shipped: Vec<Shipped>,
    files: Vec<(ToolName, PathBuf)>,
    names: Names,
    middleware: Vec<Box<dyn Middleware>>,
    before: Option<Host>,
}

impl HostBuilder {
    pub(crate) fn new(config: Config) -> Self {
        Self {
            config,
            flags: Vec::new(),
            others: ToolConfig::default(),
            trust: None,
            compiler: None,
            starters: Vec::new(),
            shipped: Vec::new(),
            files: Vec::new(),
            names: Names::default(),
            middleware: Vec::new(),
            before: None,
        }
    }

    /// Who says which configuration files are trusted; without it, what the user of this machine said.
    #[must_use]
    pub fn trust(mut self, trust: Trust) -> Self {
        self.trust = Some(trust);
        self
    }

    /// The program that compiles components in a process of its own; without one, the running program is taken to do so
    /// when it is started with `__compile`.
    #[must_use]
    pub fn compiler(mut self, compiler: Compiler) -> Self {
        self.compiler = Some(compiler);
        self
    }

    /// How names of hosts are looked up for requests; without it, as the system does it. What it answers is judged like any answer.
    #[must_use]
    pub fn names(mut self, names: Names) -> Self {
        self.names = names;
        self
    }

    /// What every event goes through before anybody is told; in the order in which they are added.
    #[must_use]
    pub fn middleware(mut self, middleware: impl Middleware + 'static) -> Self {
        self.middleware.push(Box::new(middleware));
        self
    }

    /// Takes the place of a host that runs: with its engine, its events and middleware, its metrics and the calls that it has under
    /// way. Those that are in their cells count, so that who comes waits for a cell. What the configuration says of tools, tenants,
    /// queue and limits is new; so rates and quotas begin anew.
    #[must_use]
    pub fn in_place_of(mut self, before: &Host) -> Self {
        self.before = Some(before.clone());
        self
    }

    /// Tools that come with the binary.
    #[must_use]
    pub fn starters(mut self, starters: &[Starter]) -> Self {
        self.starters.extend_from_slice(starters);
        self
    }

    /// Agents that come with the binary.
    #[must_use]
    pub fn shipped(mut self, agents: &[Shipped]) -> Self {
        self.shipped.extend_from_slice(agents);
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
        self.flags.push((name, more));
        self
    }

    /// Limits and grants of all tools of which neither the file nor [`tool`](Self::tool) says anything, also of those that are
    /// dropped into a folder later.
    #[must_use]
    pub fn others(mut self, limits: LimitKeys, grants: GrantKeys) -> Self {
        self.others = ToolConfig { limits, grants, ..ToolConfig::default() };
        self
    }

    /// Sets up the host.
    ///
    /// # Errors
    ///
    /// [`Code::Untrusted`] when the configuration came with somebody's folder and grants more than that folder;
    /// [`Code::Restart`] when it takes the place of a host whose engine was set up in another way; [`Code::Fault`] when the engine
    /// can't be set up on this machine.
    pub fn build(mut self) -> Result<Host, Failure> {
        let trust = self.trust.take().unwrap_or_else(Trust::of_user);
        trust.check(&self.config)?;
        self.config.state = trust.place().map(Path::to_owned);
        for (name, flags) in std::mem::take(&mut self.flags) {
            overlay(self.config.tools.entry(name).or_default(), flags);
        }
        self.config.others = self.others;
        let sandbox = match &self.before {
            Some(before) => before.engine_for(&self.config)?,
            None => engine(&self.config, self.compiler.take(), self.names.clone())?,
        };
        let configured = self.config.tools.iter();
        let configured = configured.filter_map(|(name, tool)| Some((name.clone(), tool.path.clone()?)));
        let sources = Sources {
            folders: self.config.folders.clone(),
            starters: self.starters,
            named: configured.chain(self.files).collect(),
        };
        let (config, now) = (Arc::new(self.config), TokioTimer.now());
        let book = Book::new(Arc::clone(&config), now);
        let (events, under_way, metrics) = match &self.before {
            Some(Host(before)) => {
                (Arc::clone(&before.events), Arc::clone(&before.under_way), Arc::clone(&before.metrics))
            }
            None => (Arc::new(Events::through(self.middleware)), Arc::default(), Arc::new(Metrics::new(now))),
        };
        Ok(Host(Arc::new(Inner {
            sandbox,
            catalog: Catalog::new(sources),
            under_way,
            metrics,
            admission: Admission::new(config.tenants.iter(), now),
            flight: Flight::new(config.results),
            queue: Queue::new(&config, &book, &events, self.before.as_ref().map(|before| &before.0.queue))?,
            models: Models::default(),
            agents: Agents::new(&config, &self.shipped),
            closed: AtomicBool::new(false),
            book,
            events,
            config,
        })))
    }
}

/// Sets up the engine.
fn engine(config: &Config, compiler: Option<Compiler>, names: Names) -> Result<Sandbox, Failure> {
    let compiler = match compiler {
        Some(compiler) => compiler,
        None => this_program()?,
    };
    let mut settings = Settings::new(compiler);
    settings.calls = config.schedule.in_flight.most();
    settings.process_memory = config.process_memory;
    settings.compile = switches::compiler(config.compile.clone());
    settings.cache = config.cache.clone();
    settings.names = names;
    Sandbox::new(settings).map_err(|error| {
        Failure::new(Code::Fault, "the sandbox can't be set up").why(error.to_string()).caused_by(error)
    })
}

impl Host {
    /// The engine of this host, for one that takes its place with another configuration.
    fn engine_for(&self, next: &Config) -> Result<Sandbox, Failure> {
        let now = self.config();
        let changed: Vec<&str> = [
            ("schedule.in_flight", now.schedule.in_flight != next.schedule.in_flight),
            ("host.memory", now.process_memory != next.process_memory),
            ("compile", now.compile != next.compile),
            ("cache.folder", now.cache != next.cache),
            ("telemetry", now.telemetry != next.telemetry),
        ]
        .into_iter()
        .filter_map(|(key, is_changed)| is_changed.then_some(key))
        .collect();
        if changed.is_empty() {
            return Ok(self.0.sandbox.clone());
        }
        Err(Failure::new(Code::Restart, "the new configuration needs another engine")
            .why(format!("what was set up with the engine has changed: {}", changed.join(", ")))
            .fix("start the program anew"))
    }
}

/// Sets what `flags` say over what `tool` says.
fn overlay(tool: &mut ToolConfig, flags: ToolConfig) {
    tool.set(&flags);
    let (over, under) = (flags.grants, &mut tool.grants);
    under.folders = over.folders.or(under.folders.take());
    under.env = over.env.or(under.env.take());
    under.net = over.net.or(under.net.take());
    under.secrets = over.secrets.or(under.secrets.take());
    under.clock = over.clock.or(under.clock);
    under.random = over.random.or(under.random);
}

/// The running program, told to compile. On Linux by a name that stays right when an upgrade replaces its file.
fn this_program() -> Result<Compiler, Failure> {
    let running = Path::new("/proc/self/exe");
    let program = if running.exists() { Ok(running.to_owned()) } else { std::env::current_exe() };
    let program = program.map_err(|error| {
        Failure::new(Code::Fault, "the running program can't be found, so nothing can be compiled").caused_by(error)
    })?;
    Ok(Compiler { program, args: vec!["__compile".into()] })
}
