//! Proves the limits in force, on this machine and with this configuration: hostile guests are let loose, and it is seen to that
//! each is stopped.
//!
//! The guests run as any call does, down the same path, under the limits that the operator set for all tools. What is
//! believed is said in [`judge`]: what stood on the store, what the host counted, what lies in the folder. An honest neighbour
//! is called all the time beside them.
//!
//! It does not prove the absence of faults in the engine, and it says nothing of the limits of single tools.

mod attacks;
mod ground;
mod judge;
mod neighbour;
mod shapes;

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hotcell_call::{
    Access, ByteSize, ClockMode, Code, Failure, Folder, GrantKeys, Limits, Outcome, Payload, Target, TenantId, ToolName,
};
use hotcell_flow::profile::Times;

use crate::catalog::Starter;
use crate::config::{BreakerKeys, Config, InFlight, TenantConfig, ToolConfig};
use crate::host::Host;
use attacks::{Attack, INSTANCES};
use ground::{FOLDER, Ground};
use judge::{Bound, GRACE, judge};
use neighbour::Neighbour;

pub use judge::Verdict;

/// Attacks, ready to be made.
pub struct Prover {
    host: Host,
    /// Where the compiler's limits are narrowed, which are those of a whole host.
    bomb: Host,
    ground: Ground,
    attacker: TenantId,
    neighbour: TenantId,
}

/// What came of all attacks.
#[derive(Debug, Clone)]
pub struct Proof {
    /// One for each attack, in their order.
    pub rows: Vec<Row>,
    /// The limits in force, as the store of a call without any of its own had them.
    pub limits: Arc<Limits>,
    /// How long the neighbour's calls took while it was alone.
    pub idle: Times,
    /// How long all of them took.
    pub beside: Times,
    /// The first of them that was not answered.
    pub harmed: Option<Failure>,
    /// How long it all took.
    pub took: Duration,
}

/// What came of one attack.
#[derive(Debug, Clone)]
pub struct Row {
    /// What it does.
    pub attack: &'static str,
    /// The limit that it goes for, by its key, or what else has to hold.
    pub limit: &'static str,
    /// The value that stood on the store.
    pub set: Option<String>,
    /// The value in force, where it was narrowed for the proof.
    pub narrowed_from: Option<String>,
    /// The outcome that there should be.
    pub expected: &'static str,
    /// The outcome; none: it was not made.
    pub outcome: Option<String>,
    /// How far it came.
    pub reached: Option<String>,
    /// How long its slowest call took, as its caller saw it.
    pub took: Duration,
    /// How long after its limit it was gone, where the limit is a time.
    pub after: Option<Duration>,
    /// How often it was made.
    pub calls: u32,
    /// How long the neighbour's calls took beside it.
    pub neighbour: Times,
    /// What that shows.
    pub verdict: Verdict,
}

/// How many attacks there are.
pub const ATTACKS: u64 = attacks::ATTACKS.len() as u64;

/// The time that all attacks have together; what is not made by then is said not to be.
const WHOLE: Duration = Duration::from_secs(20);
/// An attack that is over sooner is made again, so that the neighbour has met it, too.
const LEAST: Duration = Duration::from_millis(60);
const MOST_CALLS: u32 = 1_000;
/// What a neighbour may wait, however short it waits alone.
const SLOW: Duration = Duration::from_millis(250);
/// How long the neighbour is alone at first.
const ALONE: Duration = Duration::from_millis(250);
/// How deep the blocks of the bomb are nested: half of it is more than the compiler is given.
const DEPTH: usize = 60_000;
/// What the compiler of the bomb has at the most.
const COMPILER_MEMORY: ByteSize = ByteSize::mib(256);
const COMPILER_TIME: Duration = Duration::from_secs(1);

/// The tools with the guest in them, and what each is granted.
const PROOF: &str = "proof";
const TIMER: &str = "timer";
const WRITER: &str = "folder";
const NEIGHBOUR: &str = "neighbour";

// === impl Prover ===

impl Prover {
    /// Makes everything ready: hosts with the limits of `config`, the guests, and a folder for them within `scratch`, which is empty.
    ///
    /// `config` has to be trusted: that is for who read it to see to. Of it are taken the limits of all tools, the schedule and the
    /// host's own bounds; not its tools and their grants.
    ///
    /// # Errors
    ///
    /// [`Code::Fault`] when this machine can't have a host, or the folder can't be written.
    pub fn new(config: &Config, guest: &'static [u8], scratch: &Path) -> Result<Self, Failure> {
        let unwritable = |error: io::Error| {
            Failure::new(Code::Fault, "the folder of the proof can't be written").why(error.to_string())
        };
        let ground = Ground::new(scratch).map_err(unwritable)?;
        let limits = Limits::default().with(&config.limits);
        let mut settings = config.clone();
        // The proof is no tool of somebody's file, and nobody's share of the host: no rates, no quotas, no breaker.
        (settings.origin, settings.folders, settings.agents) = (None, Vec::new(), Vec::new());
        (settings.tools, settings.retry) = ([].into(), crate::config::RetryKeys::default());
        settings.breaker = BreakerKeys { on: Some(false), ..BreakerKeys::default() };
        let [attacker, neighbour] = ["attacker", NEIGHBOUR].map(tenant);
        let (attacker, neighbour) = (attacker?, neighbour?);
        settings.tenants = [&attacker, &neighbour].map(|tenant| (tenant.clone(), TenantConfig::default())).into();
        let with = |grants| ToolConfig { grants, ..ToolConfig::default() };
        settings.tools.insert(name(TIMER)?, with(GrantKeys { clock: Some(ClockMode::Real), ..GrantKeys::default() }));
        let folder = Folder::whole(FOLDER, ground.folder(), Access::Write);
        settings.tools.insert(name(WRITER)?, with(GrantKeys { folders: Some(vec![folder]), ..GrantKeys::default() }));
        let guests = [PROOF, TIMER, WRITER, NEIGHBOUR].map(|name| Starter { name, wasm: guest, toml: None });
        let mut builder = Host::builder(settings.clone()).starters(&guests);
        for (of, bytes) in [
            ("start", shapes::start()),
            ("memories", shapes::memories(5, attacks::pages(&limits))),
            ("table", shapes::table()),
            ("instances", shapes::instances(limits.instances.min(INSTANCES).saturating_add(1))),
        ] {
            builder = builder.file(name(of)?, ground.component(of, &bytes).map_err(unwritable)?);
        }
        let host = builder.build()?;
        let compile = &mut settings.compile;
        compile.memory = compile.memory.min(COMPILER_MEMORY);
        (compile.cpu, compile.timeout) = (compile.cpu.min(COMPILER_TIME), compile.timeout.min(2 * COMPILER_TIME));
        settings.schedule.in_flight = InFlight::Fixed(1);
        let bomb = ground.component("bomb", &shapes::nested(DEPTH)).map_err(unwritable)?;
        let bomb = Host::builder(settings).file(name("bomb")?, bomb).build()?;
        Ok(Self { host, bomb, ground, attacker, neighbour })
    }

    /// Makes all attacks, one after the other, and tells `each` what came of it.
    ///
    /// Dropped, it ends the guest that is at work.
    ///
    /// # Errors
    ///
    /// What keeps the guest from being called at all, or the folder from being looked at.
    pub async fn run(&self, mut each: impl FnMut(&Row)) -> Result<Proof, Failure> {
        let limits = self.in_force().await?;
        self.warm().await?;
        let began = Instant::now();
        let neighbour = Neighbour::start(
            self.host.clone(),
            self.neighbour.clone(),
            format!("{NEIGHBOUR}.echo").parse().map_err(bad)?,
        );
        tokio::time::sleep(ALONE).await;
        let idle = neighbour.since();
        let mut rows = Vec::with_capacity(attacks::ATTACKS.len());
        for attack in attacks::ATTACKS {
            let row = if began.elapsed() < WHOLE {
                self.attack(attack, &limits, &neighbour).await?
            } else {
                Row::new(attack, Verdict::Untried(format!("the proof was over its own time of {}", WHOLE.as_secs())))
            };
            each(&row);
            rows.push(row);
        }
        let (beside, harmed) = neighbour.all();
        Ok(Proof { rows, limits, idle, beside, harmed, took: began.elapsed() })
    }

    /// The limits that stand on the store of a call which narrows none: the neighbour's, which has to get through.
    async fn in_force(&self) -> Result<Arc<Limits>, Failure> {
        let outcome =
            Box::pin(self.host.call(self.call(&self.host, &format!("{NEIGHBOUR}.echo"), neighbour::INPUT)?)).await;
        match outcome.result {
            Ok(_) => Ok(outcome.receipt.limits),
            Err(failure) => {
                Err(Failure::new(failure.code(), "nothing can be proved: not even an honest guest gets through")
                    .why(failure.to_string())
                    .fix("a higher limit under [limits] in hotcell.toml"))
            }
        }
    }

    /// Has every guest compiled and loaded, so that no attack waits for that.
    async fn warm(&self) -> Result<(), Failure> {
        for tool in [PROOF, TIMER, WRITER, "start", "memories", "table", "instances"] {
            self.host.inspect(&name(tool)?).await?;
        }
        for tool in [PROOF, TIMER, WRITER] {
            Box::pin(self.host.call(self.call(&self.host, &format!("{tool}.count"), "{}")?)).await.result?;
        }
        Ok(())
    }

    fn call(&self, host: &Host, target: &str, input: &str) -> Result<hotcell_call::ToolCall, Failure> {
        let mut call = host.next_call(target.parse::<Target>().map_err(bad)?, Payload::new(input));
        call.tenant = self.attacker.clone();
        call.retries = Some(0);
        Ok(call)
    }

    /// Makes one attack, as often as it takes for the neighbour to have met it.
    async fn attack(&self, attack: &Attack, limits: &Limits, neighbour: &Neighbour) -> Result<Row, Failure> {
        let keys = (attack.narrow)(limits);
        let asked = limits.tighten(&keys);
        let input = (attack.input)(&asked, &self.ground).to_string();
        let host = if attack.bound == Bound::Compile { &self.bomb } else { &self.host };
        let writes = attack.target.starts_with(WRITER);
        let mut row = Row::new(attack, Verdict::Holds);
        neighbour.since();
        let began = Instant::now();
        while row.verdict == Verdict::Holds && row.calls < MOST_CALLS && (row.calls == 0 || began.elapsed() < LEAST) {
            let mut call = self.call(host, attack.target, &input)?;
            call.limits = keys.clone();
            let called = Instant::now();
            let outcome = cut_off(host, call, asked.timeout + GRACE + Duration::from_millis(250)).await;
            let took = called.elapsed();
            let found = match writes {
                true => Some(self.ground.look().and_then(|found| self.ground.clear().map(|()| found))),
                false => None,
            };
            let found = found.transpose().map_err(|error| {
                Failure::new(Code::Fault, "the folder of the proof can't be looked at").why(error.to_string())
            })?;
            row.take(attack.bound, &asked, &outcome, took);
            row.verdict = judge(attack.bound, &asked, &outcome, found.as_ref());
        }
        let key = attack.bound.word();
        row.narrowed_from = limits.shown(key).filter(|all| asked.shown(key).as_ref() != Some(all));
        if attack.bound == Bound::Compile {
            row.narrowed_from = self.narrowed_compiler();
        }
        row.neighbour = neighbour.since();
        Ok(row)
    }

    /// The compiler's limits in force, if they were narrowed.
    fn narrowed_compiler(&self) -> Option<String> {
        let (all, narrowed) = (&self.host.config().compile, &self.bomb.config().compile);
        let shown = || format!("{}, {}", all.memory, hotcell_call::format_duration(all.cpu));
        (all != narrowed).then(shown)
    }
}

impl std::fmt::Debug for Prover {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Prover").finish_non_exhaustive()
    }
}

/// Makes a call, and cancels it if it has not ended by itself in time.
async fn cut_off(host: &Host, call: hotcell_call::ToolCall, within: Duration) -> Outcome {
    let id = call.id;
    let mut call = std::pin::pin!(host.call(call));
    // The call is polled on where the time is up first: nothing of it is lost.
    tokio::select! {
        biased;
        outcome = &mut call => return outcome,
        () = tokio::time::sleep(within) => {}
    }
    // One that has just ended need not be cancelled.
    let _ = host.cancel(id);
    call.await
}

fn tenant(name: &str) -> Result<TenantId, Failure> {
    name.parse().map_err(bad)
}

fn name(name: &str) -> Result<ToolName, Failure> {
    name.parse().map_err(bad)
}

/// Names that are written here fit their grammar.
fn bad(error: hotcell_call::IdError) -> Failure {
    Failure::new(Code::Fault, "a name of the proof is none").caused_by(error)
}

// === impl Row ===

impl Row {
    fn new(attack: &Attack, verdict: Verdict) -> Self {
        Self {
            attack: attack.name,
            limit: attack.bound.word(),
            set: None,
            narrowed_from: None,
            expected: attack.bound.expected(),
            outcome: None,
            reached: None,
            took: Duration::ZERO,
            after: None,
            calls: 0,
            neighbour: Times::default(),
            verdict,
        }
    }

    /// Takes in how the last call of the attack ended.
    fn take(&mut self, bound: Bound, asked: &Limits, outcome: &Outcome, took: Duration) {
        self.calls += 1;
        self.outcome = Some(outcome.word());
        self.set = bound.set(outcome);
        self.reached = bound.reached(outcome);
        self.took = self.took.max(took);
        if bound.word() == "timeout" {
            let after = took.saturating_sub(asked.timeout);
            self.after = Some(self.after.unwrap_or_default().max(after));
        }
    }
}

// === impl Proof ===

impl Proof {
    /// The attacks whose limit does not hold.
    pub fn broken(&self) -> impl Iterator<Item = &Row> {
        self.rows.iter().filter(|row| matches!(row.verdict, Verdict::Broken(_)))
    }

    /// The attacks beside which the neighbour waited longer than it should: five times as long as alone, and a quarter of a second.
    ///
    /// On a machine that is busy with other things it may, so it is no more than a hint.
    pub fn slowed(&self) -> impl Iterator<Item = &Row> {
        let bound = (5 * self.idle.p99).max(SLOW);
        self.rows.iter().filter(move |row| row.neighbour.p99 > bound)
    }

    /// Whether nothing broke, and the neighbour was always answered.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.broken().next().is_none() && self.harmed.is_none()
    }
}
