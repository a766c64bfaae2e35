//! Proves the limits in force, on this machine and with this configuration: hostile guests are let loose, and it is seen to that
//! each is stopped.
//!
//! The guests run as any call does, down the same path, under the limits that the operator set for all tools. What is
//! believed is said in `judge.rs`: what stood on the store, what the host counted, what lies in the folder. An honest neighbour
//! is called all the time beside them.
//!
//! It does not prove the absence of faults in the engine, and it says nothing of the limits of single tools.

mod attacks;
mod ground;
mod judge;
mod neighbour;
mod row;
mod server;
mod setup;
mod shapes;

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hotcell_call::{
    Code, Failure, Limits, Log, Outcome, Payload, Receipt, Target, TenantId, ToolCall, ToolName, format_duration,
};

use crate::config::Config;
use crate::host::Host;
use attacks::Attack;
use ground::Ground;
use judge::{Bound, GRACE, judge};
use neighbour::Neighbour;
use server::Server;

pub use judge::Verdict;
pub use row::{Proof, Row};

/// Attacks, ready to be made.
pub struct Prover {
    host: Host,
    /// Where the compiler's limits are narrowed, which are those of a whole host.
    bomb: Host,
    ground: Ground,
    attacker: TenantId,
    neighbour: TenantId,
}

/// How many attacks there are.
pub const ATTACKS: u64 = attacks::ATTACKS.len() as u64;

/// The time that all attacks have together; what is not made by then is said not to be.
const WHOLE: Duration = Duration::from_secs(20);
/// An attack that is over sooner is made again, so that the neighbour has met it, too.
const LEAST: Duration = Duration::from_millis(60);
const MOST_CALLS: u32 = 1_000;
/// How long the neighbour is alone at first.
const ALONE: Duration = Duration::from_millis(250);

/// The tools with the guest in them: with nothing granted, with the real clock, with a folder, with a server, and the neighbour's.
const PROOF: &str = "proof";
const TIMER: &str = "timer";
const WRITER: &str = "folder";
const WEB: &str = "web";
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
        let ground = Ground::new(scratch).map_err(unwritable)?;
        let (attacker, neighbour) = (tenant("attacker")?, tenant(NEIGHBOUR)?);
        let settings = setup::settings(config, &ground, [&attacker, &neighbour])?;
        let limits = Limits::default().with(&config.limits);
        let host = setup::host(&settings, guest, &ground, &limits)?;
        let bomb = setup::bomb(settings, &ground)?;
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
        let _serving = self.ground.server().ok().map(Server::serve).transpose().map_err(unserved)?;
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
                Row::new(
                    attack,
                    Verdict::Untried(format!("the proof was over its own time of {}", format_duration(WHOLE))),
                )
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
        for tool in [PROOF, TIMER, WRITER, WEB, "start", "memories", "table", "instances"] {
            self.host.inspect(&name(tool)?).await?;
        }
        for tool in [PROOF, TIMER, WRITER, WEB] {
            Box::pin(self.host.call(self.call(&self.host, &format!("{tool}.count"), "{}")?)).await.result?;
        }
        Ok(())
    }

    fn call(&self, host: &Host, target: &str, input: &str) -> Result<ToolCall, Failure> {
        let mut call = host.next_call(target.parse::<Target>().map_err(bad)?, Payload::new(input));
        call.tenant = self.attacker.clone();
        call.retries = Some(0);
        Ok(call)
    }

    /// Makes one attack, as often as it takes for the neighbour to have met it.
    async fn attack(&self, attack: &Attack, limits: &Limits, neighbour: &Neighbour) -> Result<Row, Failure> {
        if attack.target.starts_with(WEB)
            && let Err(why) = self.ground.server()
        {
            return Ok(Row::new(attack, Verdict::Untried(why.to_owned())));
        }
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
            let found = found.transpose().map_err(unwritable)?;
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
        let shown = || format!("{}, {}", all.memory, format_duration(all.cpu));
        (all != narrowed).then(shown)
    }
}

impl std::fmt::Debug for Prover {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Prover").finish_non_exhaustive()
    }
}

/// Makes a call, and cancels it if it has not ended by itself in time. One that does not even heed that is left alone, and so
/// dropped.
async fn cut_off(host: &Host, call: ToolCall, within: Duration) -> Outcome {
    let (id, target) = (call.id, call.target.clone());
    let mut call = std::pin::pin!(host.call(call));
    // The call is polled on where the time is up first: nothing of it is lost.
    tokio::select! {
        biased;
        outcome = &mut call => return outcome,
        () = tokio::time::sleep(within) => {}
    }
    // One that has just ended need not be cancelled.
    let _ = host.cancel(id);
    let abandoned = || Outcome {
        call: id,
        target,
        result: Err(Failure::new(Code::Cancelled, "it went on although it was cancelled")),
        receipt: Receipt::default(),
        log: Log::default(),
        note: None,
    };
    tokio::time::timeout(GRACE, call).await.unwrap_or_else(|_| abandoned())
}

fn tenant(name: &str) -> Result<TenantId, Failure> {
    name.parse().map_err(bad)
}

fn name(name: &str) -> Result<ToolName, Failure> {
    name.parse().map_err(bad)
}

fn unserved(error: io::Error) -> Failure {
    Failure::new(Code::Fault, "the server of the proof can't be used").why(error.to_string())
}

fn unwritable(error: io::Error) -> Failure {
    Failure::new(Code::Fault, "the folder of the proof can't be used").why(error.to_string())
}

/// Names that are written here fit their grammar.
fn bad(error: hotcell_call::IdError) -> Failure {
    Failure::new(Code::Fault, "a name of the proof is none").caused_by(error)
}
