//! The hosts of the proof, set up from the operator's configuration.

use std::time::Duration;

use hotcell_call::{Access, ByteSize, ClockMode, Code, Failure, Folder, GrantKeys, Limits, NetRule, TenantId};

use super::attacks::{self, INSTANCES};
use super::ground::{FOLDER, Ground};
use super::server::Server;
use super::{NEIGHBOUR, PROOF, TIMER, WEB, WRITER, name, shapes, unwritable};
use crate::catalog::Starter;
use crate::config::{BreakerKeys, Config, InFlight, RetryKeys, TenantConfig, ToolConfig};
use crate::host::Host;

/// The loops and locals of the bomb: a quarter of them is more than an optimised compiler gets done with in what it is given.
const LOOPS: u32 = 2_000;
/// What the compiler of the bomb has at the most.
const COMPILER_MEMORY: ByteSize = ByteSize::mib(256);
const COMPILER_TIME: Duration = Duration::from_secs(1);

/// What of a configuration is to be proved, with the grants that the attacks need.
///
/// The proof is no tool of somebody's file, and nobody's share of the host: no rates, no quotas, no breaker, no retries.
pub(super) fn settings(config: &Config, ground: &Ground, tenants: [&TenantId; 2]) -> Result<Config, Failure> {
    let with = |grants| ToolConfig { grants, ..ToolConfig::default() };
    let timer = with(GrantKeys { clock: Some(ClockMode::Real), ..GrantKeys::default() });
    let folder = Folder::whole(FOLDER, ground.folder(), Access::Write);
    let writer = with(GrantKeys { folders: Some(vec![folder]), ..GrantKeys::default() });
    let web = with(GrantKeys { net: ground.server().ok().map(rule).transpose()?, ..GrantKeys::default() });
    Ok(Config {
        tools: [(name(TIMER)?, timer), (name(WRITER)?, writer), (name(WEB)?, web)].into(),
        tenants: tenants.map(|tenant| (tenant.clone(), TenantConfig::default())).into(),
        retry: RetryKeys::default(),
        breaker: BreakerKeys { on: Some(false), ..BreakerKeys::default() },
        folders: Vec::new(),
        agents: Vec::new(),
        // What is left of it reaches nothing that would need trust.
        origin: None,
        ..config.clone()
    })
}

/// All that may be sent to the server, and to nobody else.
fn rule(server: &Server) -> Result<Vec<NetRule>, Failure> {
    let rule = format!("GET,POST http://{}/*", server.address()).parse();
    rule.map(|rule| vec![rule])
        .map_err(|error| Failure::new(Code::Fault, "a rule of the proof is none").caused_by(error))
}

/// The host on which all attacks are made but one.
pub(super) fn host(settings: &Config, guest: &'static [u8], ground: &Ground, limits: &Limits) -> Result<Host, Failure> {
    let guests = [PROOF, TIMER, WRITER, WEB, NEIGHBOUR].map(|name| Starter { name, wasm: guest, toml: None });
    let mut builder = Host::builder(settings.clone()).starters(&guests);
    for (of, bytes) in [
        ("start", shapes::start()),
        ("memories", shapes::memories(5, attacks::pages(limits))),
        ("table", shapes::table()),
        ("instances", shapes::instances(limits.instances.min(INSTANCES).saturating_add(1))),
    ] {
        builder = builder.file(name(of)?, ground.component(of, &bytes).map_err(unwritable)?);
    }
    builder.build()
}

/// The host on which the compiler is attacked: its limits are those of a whole host, so they are narrowed there.
pub(super) fn bomb(mut settings: Config, ground: &Ground) -> Result<Host, Failure> {
    let compile = &mut settings.compile;
    compile.memory = compile.memory.min(COMPILER_MEMORY);
    (compile.cpu, compile.timeout) = (compile.cpu.min(COMPILER_TIME), compile.timeout.min(2 * COMPILER_TIME));
    settings.schedule.in_flight = InFlight::Fixed(1);
    let bomb = ground.component("bomb", &shapes::loops(LOOPS)).map_err(unwritable)?;
    Host::builder(settings).file(name("bomb")?, bomb).build()
}
