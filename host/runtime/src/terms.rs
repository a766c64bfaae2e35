//! The terms on which calls of one tool are let in, ordered and made again, and what is remembered of them.
//!
//! They belong to the name and not to the file: a component that is replaced keeps its rate, its breakers and its place in the
//! order.

use std::collections::{BTreeMap, HashMap};
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use hotcell_call::{Failure, Receipt, TenantId, ToolName};
use hotcell_flow::breaker::{Breakers, State};
use hotcell_flow::fair::Compartment;
use hotcell_flow::rate::{self, Rate};
use hotcell_flow::retry::{Budgets, Policy, Share};

use crate::config::{Config, RetryKeys};

/// The terms of one tool.
pub(crate) struct Terms {
    pub(crate) tool: ToolName,
    /// What its calls are counted in, in the queue.
    pub(crate) compartment: Compartment,
    /// How many of its calls start in a time.
    rate: Option<(Rate, Mutex<rate::State>)>,
    /// A breaker for each tenant: what one does to a tool must not close it to the others.
    pub(crate) breakers: Option<Breakers<TenantId>>,
    pub(crate) retry: RetryKeys,
    pub(crate) waits: Policy,
    /// What retries are paid from, for each tenant.
    pub(crate) budgets: Budgets<TenantId>,
    usual: Usual,
}

/// What some calls usually cost, on a moving average; nothing before the first has ended.
#[derive(Debug, Default)]
pub(crate) struct Usual {
    fuel: AtomicU64,
    micros: AtomicU64,
}

/// The terms of all tools that were called.
pub(crate) struct Book {
    config: Arc<Config>,
    origin: Instant,
    /// Where a tool is counted whose number of calls is set: known before it is called.
    numbers: HashMap<ToolName, Compartment>,
    terms: Mutex<HashMap<ToolName, Arc<Terms>>>,
}

/// Tenants that are told apart for each tool.
const MOST_TENANTS: NonZeroUsize = NonZeroUsize::MIN.saturating_add(1_023);

impl Book {
    pub(crate) fn new(config: Arc<Config>, origin: Instant) -> Self {
        let numbers = config.tools.keys().cloned().zip((0..).map(Compartment)).collect();
        Self { config, origin, numbers, terms: Mutex::default() }
    }

    /// How many calls of which tools may run, where that is set.
    pub(crate) fn caps(&self) -> impl Iterator<Item = (Compartment, usize)> {
        self.numbers.iter().filter_map(|(tool, number)| {
            let most = self.config.tools.get(tool)?.max_concurrent?;
            Some((*number, usize::try_from(most).unwrap_or(usize::MAX)))
        })
    }

    /// The terms of a tool.
    pub(crate) fn of(&self, tool: &ToolName) -> Arc<Terms> {
        let mut terms = self.terms.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(terms) = terms.get(tool) {
            return Arc::clone(terms);
        }
        let fresh = || Compartment((self.numbers.len() + terms.len()) as u64);
        let compartment = self.numbers.get(tool).copied().unwrap_or_else(fresh);
        let made = Arc::new(self.make(tool, compartment));
        terms.insert(tool.clone(), Arc::clone(&made));
        made
    }

    /// The terms of all tools that were called, in the order of their names.
    pub(crate) fn all(&self) -> Vec<Arc<Terms>> {
        let terms = self.terms.lock().unwrap_or_else(PoisonError::into_inner);
        let mut all: Vec<Arc<Terms>> = terms.values().cloned().collect();
        drop(terms);
        all.sort_by(|one, other| one.tool.cmp(&other.tool));
        all
    }

    fn make(&self, tool: &ToolName, compartment: Compartment) -> Terms {
        let own = self.config.tools.get(tool);
        let retry = own.map_or(self.config.retry, |own| own.retry.over(&self.config.retry));
        let breaker = own.map_or(self.config.breaker, |own| own.breaker.over(&self.config.breaker));
        let rate = own.and_then(|own| own.rate);
        Terms {
            tool: tool.clone(),
            compartment,
            rate: rate.map(|rate| (rate, Mutex::new(rate::State::new(rate, self.origin)))),
            breakers: breaker.policy().map(|policy| Breakers::new(policy, MOST_TENANTS, self.origin)),
            waits: retry.policy(),
            retry,
            budgets: Budgets::new(Share::default(), MOST_TENANTS, self.origin),
            usual: Usual::default(),
        }
    }
}

impl Terms {
    /// Takes one start from the tool's rate.
    pub(crate) fn start(&self, now: Instant) -> Result<(), Failure> {
        let Some((rate, state)) = &self.rate else { return Ok(()) };
        let taken = state.lock().unwrap_or_else(PoisonError::into_inner).take(now, 1);
        taken.map_err(|denied| too_often(Failure::from(denied), &format!("tools.{}", self.tool), *rate))
    }

    /// Its breakers that are not closed, by tenant.
    pub(crate) fn open_breakers(&self) -> BTreeMap<String, String> {
        let states = self.breakers.as_ref().map(Breakers::states).unwrap_or_default();
        let open = states.into_iter().filter(|(_, state)| *state != State::Closed);
        open.map(|(tenant, state)| (tenant.to_string(), state.as_str().to_owned())).collect()
    }

    /// The fuel that a call of it usually takes.
    pub(crate) fn usual_fuel(&self) -> u64 {
        self.usual.fuel()
    }

    /// The time in its cell that a call of it usually takes, in microseconds.
    pub(crate) fn usual_micros(&self) -> u64 {
        self.usual.micros()
    }

    /// Learns what an attempt cost.
    pub(crate) fn learn(&self, receipt: &Receipt) {
        // What never ran cost nothing, and says nothing.
        if receipt.run.is_zero() {
            return;
        }
        self.usual.learn(receipt.fuel_charged(), micros(receipt.run));
    }
}

impl Usual {
    pub(crate) fn fuel(&self) -> u64 {
        self.fuel.load(Ordering::Relaxed)
    }

    /// Time in the cell.
    pub(crate) fn micros(&self) -> u64 {
        self.micros.load(Ordering::Relaxed)
    }

    pub(crate) fn learn(&self, fuel: u64, micros: u64) {
        learn(&self.fuel, fuel);
        learn(&self.micros, micros);
    }
}

/// An eighth of the news each time. Calls that end together may miss each other's, which is as good.
fn learn(usual: &AtomicU64, cost: u64) {
    let before = usual.load(Ordering::Relaxed);
    let after = match before {
        0 => cost,
        _ if cost >= before => before.saturating_add((cost - before).div_ceil(8)),
        _ => before - (before - cost).div_ceil(8),
    };
    usual.store(after.max(1), Ordering::Relaxed);
}

/// A time as what is counted: whole microseconds.
pub(crate) fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

/// Says whose rate was reached, and where it stands.
pub(crate) fn too_often(failure: Failure, section: &str, rate: Rate) -> Failure {
    let (count, per) = (rate.count(), hotcell_call::format_duration(rate.per()));
    let why = format!("[{section}] has a rate of {count} in {per}, {} at once; {}", rate.burst(), failure.reason());
    failure
        .why(why)
        .fix(format!("try again after the time that is named, or raise `rate` under [{section}] in hotcell.toml"))
}
