//! A host for one test, and the calls that are made of it.
//!
//! Each test has a host of its own, with the guests in its catalog and nothing granted but what the test's `hotcell.toml` says. Only
//! the cache of compiled components is shared, and kept: compiling is not what most tests are about.

use std::fs;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use hotcell_agent::Diagnostic;
use hotcell_call::{LimitKeys, Outcome, Payload, ToolCall, Wants, parse_duration};
use hotcell_runtime::config::{Config, InFlight, Place};
use hotcell_runtime::trust::Trust;
use hotcell_runtime::{Host, HostBuilder};
use hotcell_sandbox::{Compiler, Names};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::Seen;
use super::program::{GUESTS, guest, hotcell, scratch};

/// A host with hostile guests.
pub(crate) struct Harness {
    pub(crate) host: Host,
    folder: TempDir,
}

/// With all hostile guests as tools.
fn guests(builder: HostBuilder) -> HostBuilder {
    GUESTS.iter().fold(builder, |builder, name| builder.file(name.parse().expect("a name"), guest(name)))
}

impl Harness {
    /// Nothing is granted, and all limits but the time are the defaults.
    pub(crate) fn new() -> Self {
        Self::with("")
    }

    /// With an operator's file.
    pub(crate) fn with(toml: &str) -> Self {
        Self::try_with(toml).unwrap_or_else(|error| panic!("{error}"))
    }

    /// With an operator's file that may be refused.
    pub(crate) fn try_with(toml: &str) -> Result<Self, String> {
        Self::set_up(toml, guests)
    }

    /// With the starter tools, and no guests.
    pub(crate) fn starters(toml: &str) -> Self {
        let starters = scratch("../starter");
        let toml = format!("[catalog]\nfolders = [{starters:?}]\n{toml}");
        Self::set_up(&toml, |builder| builder).unwrap_or_else(|error| panic!("{error}"))
    }

    /// With a folder for what it remembers.
    pub(crate) fn remembering(state: &Path) -> Self {
        Self::set_up("", |builder| guests(builder).trust(Trust::at(state))).unwrap_or_else(|error| panic!("{error}"))
    }

    /// With an operator's file, and names that lead where the test says.
    pub(crate) fn named(toml: &str, names: Names) -> Self {
        Self::set_up(toml, |builder| guests(builder).names(names)).unwrap_or_else(|error| panic!("{error}"))
    }

    fn set_up(toml: &str, more: impl FnOnce(HostBuilder) -> HostBuilder) -> Result<Self, String> {
        let folder = tempfile::tempdir().expect("a folder");
        fs::create_dir(folder.path().join("tools")).expect("a folder of tools");
        let file = folder.path().join("hotcell.toml");
        fs::write(&file, toml).expect("a file");
        let mut config = Config::load(&Place::File(file))
            .map_err(|wrong| wrong.iter().map(Diagnostic::render).collect::<Vec<_>>().join("\n"))?;
        if config.cache == Config::default().cache {
            config.cache = Some(scratch("cache"));
        }
        if !toml.contains("in_flight") {
            // Many hosts share the address space of one process here.
            config.schedule.in_flight = InFlight::Fixed(256);
        }
        if !toml.contains("timeout") {
            // A test that asks for another bound should reach that one, however busy the machine is.
            config.limits.timeout = Some(Duration::from_secs(600));
        }
        let compiler = Compiler { program: hotcell(), args: vec!["__compile".into()] };
        let host = more(Host::builder(config).compiler(compiler)).build().map_err(|failure| failure.to_string())?;
        Ok(Self { host, folder })
    }

    /// The folder of tools that is watched.
    pub(crate) fn tools(&self) -> PathBuf {
        self.folder.path().join("tools")
    }

    /// Drops a component into the folder of tools.
    pub(crate) fn shape(&self, name: &str, component: &[u8]) -> PathBuf {
        let path = self.tools().join(format!("{name}.wasm"));
        fs::write(&path, component).expect("a file");
        settle();
        path
    }

    /// Drops a guest under another name into the folder of tools, with what its author says of it.
    pub(crate) fn tool(&self, name: &str, of: &str, toml: &str) {
        fs::write(self.tools().join(format!("{name}.toml")), toml).expect("a file");
        self.shape(name, &fs::read(guest(of)).expect("a guest"));
    }

    /// A call that is yet to be made.
    pub(crate) fn call(&self, target: &str, input: Value) -> Call {
        let target = target.parse().unwrap_or_else(|error| panic!("{error}"));
        let call = self.host.next_call(target, Payload::new(input.to_string()));
        Call { host: self.host.clone(), call }
    }

    /// Waits for `case` while an honest neighbour, another tenant, makes calls all the time; each of those has to be answered.
    pub(crate) async fn with_neighbour<T>(&self, case: impl Future<Output = T>) -> T {
        Neighbour::beside(&self.host, case).await
    }
}

/// Lets a catalog see what was put into its folder: a name that is not known is looked for again, but not twice within this
/// time.
pub(crate) fn settle() {
    std::thread::sleep(Duration::from_millis(21));
}

/// Measures until it fits, a few times: other tests hold the cores too, and what the host itself makes too long never fits.
pub(crate) async fn fits(what: &str, most: Duration, measure: impl AsyncFn() -> Duration) {
    let mut least = Duration::MAX;
    for _ in 0..8 {
        least = least.min(measure().await);
        if least < most {
            return;
        }
    }
    panic!("{what}: {least:?} at the least, of {most:?}");
}

/// A call that is yet to be made.
#[must_use = "a call is made by `run` or `beside`"]
pub(crate) struct Call {
    host: Host,
    pub(crate) call: ToolCall,
}

impl Call {
    /// Lowers a limit, as a flag of that name would.
    pub(crate) fn limit(mut self, key: &str, value: &str) -> Self {
        set(&mut self.call.limits, key, value);
        self
    }

    /// On behalf of another tenant.
    pub(crate) fn by(mut self, tenant: &str) -> Self {
        self.call.tenant = tenant.parse().expect("a tenant");
        self
    }

    /// With no more of the grants than this.
    pub(crate) fn wanting(mut self, wants: Wants) -> Self {
        self.call.wants = Some(wants);
        self
    }

    /// With a caller who stops waiting.
    pub(crate) fn deadline(mut self, wait: Duration) -> Self {
        self.call.deadline = Some(Instant::now() + wait);
        self
    }

    /// With an input that is no JSON value.
    pub(crate) fn raw(mut self, input: &str) -> Self {
        self.call.input = Payload::new(input);
        self
    }

    /// Makes the call.
    pub(crate) async fn run(self) -> Outcome {
        Box::pin(self.host.call(self.call)).await
    }

    /// Makes the call with an honest neighbour beside it.
    pub(crate) async fn beside(self) -> Outcome {
        let host = self.host.clone();
        Neighbour::beside(&host, self.run()).await
    }
}

/// An honest tenant. Its limits are those that anybody has: whatever others do, its calls are answered within them.
struct Neighbour;

impl Neighbour {
    async fn beside<T>(host: &Host, case: impl Future<Output = T>) -> T {
        let stop = Arc::new(AtomicBool::new(false));
        let neighbour = tokio::spawn(Self::live(host.clone(), Arc::clone(&stop)));
        let result = Box::pin(case).await;
        stop.store(true, Ordering::Relaxed);
        let calls = neighbour.await.expect("the neighbour is unharmed");
        assert!(calls > 0);
        result
    }

    async fn live(host: Host, stop: Arc<AtomicBool>) -> u32 {
        let mut calls = 0;
        loop {
            // Looked at before the call: the last one is made when the case is over.
            let last = stop.load(Ordering::Relaxed);
            let text = json!({"text": format!("call {calls}")});
            let target = "echo.text".parse().expect("a target");
            let mut call = host.next_call(target, Payload::new(text.to_string()));
            call.tenant = "neighbour".parse().expect("a tenant");
            let outcome = Box::pin(host.call(call)).await;
            assert_eq!(outcome.ok(), text["text"], "the neighbour's call {calls}");
            calls += 1;
            if last {
                return calls;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

/// Sets a limit by its name.
pub(crate) fn set(limits: &mut LimitKeys, key: &str, value: &str) {
    match key {
        "fuel" => limits.fuel = read(value),
        "timeout" => limits.timeout = parse_duration(value).ok(),
        "memory" => limits.memory = read(value),
        "input" => limits.input = read(value),
        "output" => limits.output = read(value),
        "log" => limits.log = read(value),
        "handles" => limits.handles = read(value),
        "instances" => limits.instances = read(value),
        "random" => limits.random = read(value),
        "host_data" => limits.host_data = read(value),
        "disk" => limits.disk = read(value),
        "entries" => limits.entries = read(value),
        "requests" => limits.requests = read(value),
        "sent" => limits.sent = read(value),
        "received" => limits.received = read(value),
        _ => panic!("there is no limit `{key}`"),
    }
}

fn read<T: FromStr>(value: &str) -> Option<T> {
    Some(value.parse().unwrap_or_else(|_| panic!("`{value}` fits no limit")))
}
