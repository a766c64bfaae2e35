//! `[tenants.NAME]`: what one of those who share the host gets of it.

use std::collections::BTreeMap;

use hotcell_agent::document::Section;
use hotcell_call::{Priority, TenantId};
use hotcell_flow::rate::Rate;

use super::quota::Quotas;
use super::rate;

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
}

/// Beyond that, the one with less would hardly ever run beside the one with more.
const MOST_WEIGHT: u32 = 1_000;
const MOST_CALLS: u32 = 1_000_000;

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
        }
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
    }
}
