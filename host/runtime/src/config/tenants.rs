//! `[tenants.NAME]`: what one of those who share the host gets of it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use std::str::FromStr;

use hotcell_agent::Allow;
use hotcell_agent::document::{Item, Section};
use hotcell_call::{AgentName, Priority, Target, TenantId, ToolName};
use hotcell_flow::rate::Rate;

use super::quota::Quotas;
use super::rate;
use super::token::Token;

/// What one tenant gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TenantConfig {
    /// How much it gets against the others: 2 is twice as much as 1.
    pub weight: u32,
    /// How many of its calls are in their cells at most.
    pub max_concurrent: Option<u32>,
    /// How many of its calls wait at most.
    pub queue: Option<u32>,
    /// How many of its calls start in a time.
    pub rate: Option<Rate>,
    /// What it may use in a time.
    pub quota: Quotas,
    /// The most urgent class that its calls may have.
    pub priority: Priority,
    /// Whether it sees the metrics of all, and not its own alone.
    pub metrics: bool,
    /// What its callers show to be taken for it.
    pub tokens: Vec<Token>,
    /// The functions that it may call; none: all.
    pub tools: Option<Vec<Allow>>,
    /// The agents that it may run; none: all.
    pub agents: Option<BTreeSet<AgentName>>,
}

/// Beyond that, the one with less would hardly ever run beside the one with more.
const MOST_WEIGHT: u32 = 1_000;
const MOST_CALLS: u32 = 1_000_000;
/// All of them are looked at for each request.
const MOST_TOKENS: usize = 32;
const MOST_NAMES: usize = 1_024;

impl Default for TenantConfig {
    /// As much as everyone, and no bounds of its own.
    fn default() -> Self {
        Self {
            weight: 1,
            max_concurrent: None,
            queue: None,
            rate: None,
            quota: Quotas::default(),
            priority: Priority::Critical,
            metrics: false,
            tokens: Vec::new(),
            tools: None,
            agents: None,
        }
    }
}

impl TenantConfig {
    /// Whether it may call any function of a tool.
    pub(crate) fn may_see(&self, tool: &ToolName) -> bool {
        let names = |allow: &Allow| allow.tool().is_none_or(|named| named == tool);
        self.tools.as_ref().is_none_or(|tools| tools.iter().any(names))
    }

    /// Whether it may call a function.
    #[must_use]
    pub fn may_call(&self, target: &Target) -> bool {
        self.tools.as_ref().is_none_or(|tools| tools.iter().any(|allow| allow.fits(target)))
    }

    /// Whether it may run an agent.
    #[must_use]
    pub fn may_run(&self, agent: &AgentName) -> bool {
        self.agents.as_ref().is_none_or(|agents| agents.contains(agent))
    }
}

pub(super) fn read(root: &Section<'_>) -> BTreeMap<TenantId, TenantConfig> {
    let mut tenants = BTreeMap::new();
    let Some(section) = root.section("tenants") else {
        return tenants;
    };
    for (name, item) in section.others() {
        let tenant = item.section().map(|section| tenant(&section));
        match name.value.parse::<TenantId>() {
            Ok(name) => drop(tenant.and_then(|tenant| tenants.insert(name, tenant))),
            Err(error) => item.report(item.wrong_at(name.span, error.to_string(), "")),
        }
    }
    tenants
}

fn tenant(section: &Section<'_>) -> TenantConfig {
    let usual = TenantConfig::default();
    let number = |key, most| section.get(key)?.number(1, most);
    TenantConfig {
        weight: number("weight", MOST_WEIGHT).unwrap_or(usual.weight),
        max_concurrent: number("max_concurrent", MOST_CALLS),
        queue: number("queue", MOST_CALLS),
        rate: rate::read(section),
        quota: Quotas::read(section),
        priority: section.get("priority").and_then(|item| item.word(Priority::WORDS)).unwrap_or(usual.priority),
        metrics: section.get("metrics").and_then(|item| item.boolean()).unwrap_or(usual.metrics),
        tokens: section.get("tokens").and_then(|item| each(&item, MOST_TOKENS)).unwrap_or_default(),
        tools: section.get("tools").and_then(|item| each(&item, MOST_NAMES)),
        agents: section.get("agents").and_then(|item| each(&item, MOST_NAMES)).map(BTreeSet::from_iter),
    }
}

/// A list of strings of one form.
fn each<T: FromStr<Err: Display>>(item: &Item<'_>, most: usize) -> Option<Vec<T>> {
    let items = item.list()?;
    if items.len() > most {
        item.report(item.wrong(format!("{} are too many", items.len()), "").hint(format!("at most {most}")));
        return None;
    }
    items.iter().map(|item| item.parsed().map(|parsed| parsed.value)).collect()
}
