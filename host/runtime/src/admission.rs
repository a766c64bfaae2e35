//! The second stage: refusals that cost next to nothing, before anything waits.
//!
//! The tenant's rate comes first of all, before anything is done for the call: what does not fit counts for it too. Then, for a call
//! that can be made, the breaker, if it is open; the tenant's quotas, of which it holds what such calls of the tenant usually cost, or
//! what is left if that is less, until it is known what it did; and last the tool's rate, which is everybody's: whoever is refused uses
//! up nothing of it.

use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use hotcell_call::{Clock, Failure, Limits, Receipt, TenantId, ToolCall, ToolName, possible_fuel};
use hotcell_flow::quota::{Quota, Reservation};
use hotcell_flow::rate::{self, Rate};

use crate::config::{Quotas, TenantConfig};
use crate::intake::Ready;
use crate::terms::{Terms, Usual, micros, too_often};
use crate::timer::TokioTimer;

/// The doors of all tenants that have one of their own.
pub(crate) struct Admission {
    tenants: HashMap<TenantId, Door>,
}

/// What one tenant may take.
struct Door {
    rate: Option<(Rate, Mutex<rate::State>)>,
    quotas: Vec<(Measure, Quota<()>)>,
    /// What its calls of each tool cost: others' have nothing to do with it.
    usual: Mutex<HashMap<ToolName, Arc<Usual>>>,
}

/// What a quota counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Measure {
    Calls,
    Fuel,
    /// In microseconds.
    Time,
}

/// Leave to go on. What the call holds of its tenant's quotas is settled when it ends, however it does.
pub(crate) struct Admitted {
    held: Vec<(Measure, Reservation<()>)>,
    /// Where is kept what such calls cost.
    usual: Option<Arc<Usual>>,
    spent: Spent,
    /// Since when a cell works for it.
    running: Option<(Instant, Arc<Limits>)>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Spent {
    started: bool,
    fuel: u64,
    micros: u64,
}

impl Admission {
    pub(crate) fn new<'t>(tenants: impl Iterator<Item = (&'t TenantId, &'t TenantConfig)>, origin: Instant) -> Self {
        let door = |config: &TenantConfig| Door {
            rate: config.rate.map(|rate| (rate, Mutex::new(rate::State::new(rate, origin)))),
            quotas: quotas(&config.quota, origin),
            usual: Mutex::default(),
        };
        let bounded = tenants.filter(|(_, config)| config.rate.is_some() || config.quota != Quotas::default());
        Self { tenants: bounded.map(|(tenant, config)| (tenant.clone(), door(config))).collect() }
    }

    /// Takes the start of a call from its tenant's rate.
    pub(crate) fn arrives(&self, call: &ToolCall) -> Result<(), Failure> {
        // Without any such bound, nothing is asked.
        if self.tenants.is_empty() {
            return Ok(());
        }
        self.tenant(TokioTimer.now(), &call.tenant).map_err(|failure| failure.of(&call.target))
    }

    /// Lets a call in, or says why not and when to try again.
    pub(crate) fn admit(&self, ready: &Ready) -> Result<Admitted, Failure> {
        let now = TokioTimer.now();
        let (tenant, terms) = (ready.tenant(), ready.terms());
        let door = self.tenants.get(tenant);
        if let Some(breakers) = ready.breakers() {
            breakers.check(now, tenant).map_err(|open| resting(open.into(), ready))?;
        }
        let mut held = Vec::new();
        let usual = door.filter(|door| !door.quotas.is_empty()).map(|door| door.usual(&terms.tool));
        for (measure, quota) in door.iter().flat_map(|door| &door.quotas) {
            // A guess never keeps out a call for which something is left.
            let estimate = measure.estimate(usual.as_deref()).min(quota.standing(now, &()).left);
            let reserved = quota.reserve(now, &(), estimate);
            let reserved = reserved.map_err(|denied| measure.spent(denied.into(), tenant).of(ready.target()))?;
            held.push((*measure, reserved));
        }
        // Last, because it is everybody's: what is refused for a reason of its own takes nothing of it.
        terms.start(now).map_err(|failure| failure.of(ready.target()))?;
        Ok(Admitted { held, usual, spent: Spent::default(), running: None })
    }

    /// Takes one start from the rates of the tenant and of the tool: for a call, and for each further attempt of it.
    pub(crate) fn start(&self, now: Instant, tenant: &TenantId, terms: &Terms) -> Result<(), Failure> {
        self.tenant(now, tenant)?;
        terms.start(now)
    }

    /// Takes one start from the rate of the tenant.
    fn tenant(&self, now: Instant, tenant: &TenantId) -> Result<(), Failure> {
        if let Some((rate, state)) = self.tenants.get(tenant).and_then(|door| door.rate.as_ref()) {
            let taken = state.lock().unwrap_or_else(PoisonError::into_inner).take(now, 1);
            taken.map_err(|denied| too_often(denied.into(), &format!("tenants.{tenant}"), *rate))?;
        }
        Ok(())
    }
}

impl Door {
    fn usual(&self, tool: &ToolName) -> Arc<Usual> {
        let mut usual = self.usual.lock().unwrap_or_else(PoisonError::into_inner);
        match usual.get(tool) {
            Some(usual) => Arc::clone(usual),
            None => Arc::clone(usual.entry(tool.clone()).or_default()),
        }
    }
}

/// Says which tool it is that has failed too often.
pub(crate) fn resting(failure: Failure, ready: &Ready) -> Failure {
    let why = format!("{}; `hotcell explain E0504` says what counts", failure.reason());
    failure.of(ready.target()).why(why).fix(format!(
        "see why it fails, or set breaker.mode = \"off\" under [tools.{}] in hotcell.toml",
        ready.terms().tool
    ))
}

fn quotas(quotas: &Quotas, origin: Instant) -> Vec<(Measure, Quota<()>)> {
    let named = [(Measure::Calls, quotas.calls), (Measure::Fuel, quotas.fuel), (Measure::Time, quotas.time)];
    let named = named.into_iter().filter_map(|(measure, allowance)| Some((measure, allowance?)));
    named.map(|(measure, allowance)| (measure, Quota::new(allowance, NonZeroUsize::MIN, origin))).collect()
}

impl Measure {
    const fn key(self) -> &'static str {
        match self {
            Self::Calls => "quota.calls",
            Self::Fuel => "quota.fuel",
            Self::Time => "quota.time",
        }
    }

    /// What is held until it is known: a call is one call; of the rest, what calls of the tool usually take.
    fn estimate(self, usual: Option<&Usual>) -> u64 {
        match self {
            Self::Calls => 1,
            Self::Fuel => usual.map_or(0, Usual::fuel),
            Self::Time => usual.map_or(0, Usual::micros),
        }
    }

    fn cost(self, spent: Spent) -> u64 {
        match self {
            Self::Calls => 1,
            Self::Fuel => spent.fuel,
            Self::Time => spent.micros,
        }
    }

    fn spent(self, failure: Failure, tenant: &TenantId) -> Failure {
        let unit = if self == Self::Time { ", in microseconds" } else { "" };
        let why = format!("`{}` of [tenants.{tenant}]: {}{unit}", self.key(), failure.reason());
        failure.why(why).fix(format!(
            "try again after the time that is named, or raise `{}` under [tenants.{tenant}] in hotcell.toml",
            self.key()
        ))
    }
}

impl Admitted {
    /// A cell begins to work for it.
    pub(crate) fn starts(&mut self, now: Instant, limits: &Arc<Limits>) {
        if !self.held.is_empty() {
            self.running = Some((now, Arc::clone(limits)));
        }
    }

    /// The cell is gone.
    pub(crate) fn spend(&mut self, receipt: &Receipt) {
        self.running = None;
        self.add(receipt.fuel_charged(), micros(receipt.run));
    }

    fn add(&mut self, fuel: u64, micros: u64) {
        let Spent { fuel: before, micros: earlier, .. } = self.spent;
        self.spent = Spent { started: true, fuel: before.saturating_add(fuel), micros: earlier.saturating_add(micros) };
    }
}

impl Drop for Admitted {
    /// Whoever goes away in the middle has used what it used: else a caller that always leaves just before the end would always
    /// work for nothing. What never ran is given back.
    fn drop(&mut self) {
        if self.held.is_empty() {
            return;
        }
        let now = TokioTimer.now();
        if let Some((since, limits)) = self.running.take() {
            let ran = now.saturating_duration_since(since);
            self.add(possible_fuel(ran, &limits), micros(ran));
        }
        if self.spent.started {
            if let Some(usual) = &self.usual {
                usual.learn(self.spent.fuel, self.spent.micros);
            }
            for (measure, reserved) in self.held.drain(..) {
                reserved.settle(now, measure.cost(self.spent));
            }
        }
    }
}
