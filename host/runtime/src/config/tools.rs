//! `[tools.NAME]`: what one tool gets.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use hotcell_agent::document::{self, Section};
use hotcell_call::{Folder, GrantKeys, LimitKeys, ToolName};
use hotcell_flow::rate::Rate;

use super::batch::BatchConfig;
use super::breaker::BreakerKeys;
use super::retry::RetryKeys;
use super::user::Lookup;
use super::{catalog, limits, rate, results};

/// What the operator says of one tool.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ToolConfig {
    /// Its limits, over those for all tools.
    pub limits: LimitKeys,
    /// What it may reach.
    pub grants: GrantKeys,
    /// The component that the name means, instead of one in a tools folder.
    pub path: Option<PathBuf>,
    /// The variables whose values come from the operator's own environment.
    pub environment: Vec<String>,
    /// How many of its calls are in their cells at most.
    pub max_concurrent: Option<u32>,
    /// How many of its calls start in a time, whoever they are for.
    pub rate: Option<Rate>,
    /// How often a failure that passes is tried again.
    pub retry: RetryKeys,
    /// When it is given a rest.
    pub breaker: BreakerKeys,
    /// Whether calls may share a cell.
    pub batch: Option<BatchConfig>,
    /// How long answers are kept that depend on the input alone; none: as its author says.
    pub cache_ttl: Option<Duration>,
}

impl ToolConfig {
    /// Sets what `more` says over it, grants apart.
    pub(crate) fn set(&mut self, more: &Self) {
        self.limits = more.limits.over(&self.limits);
        self.path = more.path.clone().or(self.path.take());
        self.max_concurrent = more.max_concurrent.or(self.max_concurrent);
        self.rate = more.rate.or(self.rate);
        self.retry = more.retry.over(&self.retry);
        self.breaker = more.breaker.over(&self.breaker);
        self.batch = more.batch.or(self.batch);
        self.cache_ttl = more.cache_ttl.or(self.cache_ttl);
    }

    /// Sets what `more` says over it; what `more` grants comes on top of what is granted.
    pub(super) fn overlay(&mut self, more: Self) {
        self.set(&more);
        self.environment.extend(more.environment);
        if let Some(net) = more.grants.net {
            self.grants.net.get_or_insert_default().extend(net);
        }
        if let Some(secrets) = more.grants.secrets {
            self.grants.secrets.get_or_insert_default().extend(secrets);
        }
        self.grants.clock = more.grants.clock.or(self.grants.clock);
        self.grants.random = more.grants.random.or(self.grants.random);
        if let Some(env) = more.grants.env {
            self.grants.env.get_or_insert_default().extend(env);
        }
        if let Some(folders) = more.grants.folders {
            let known = self.grants.folders.get_or_insert_default();
            for folder in folders {
                match known.iter_mut().find(|known| known.host == folder.host) {
                    // Of two names for one folder the later is the one that its user has in mind.
                    Some(known) => *known = Folder { access: folder.access.max(known.access), ..folder },
                    None => known.push(folder),
                }
            }
        }
    }
}

const MOST_CONCURRENT: u32 = 1_000_000;

pub(super) fn read(root: &Section<'_>, base: &Path, lookup: Lookup<'_>) -> BTreeMap<ToolName, ToolConfig> {
    let mut tools = BTreeMap::new();
    let Some(section) = root.section("tools") else {
        return tools;
    };
    for (name, item) in section.others() {
        let tool = item.section().map(|section| tool(&section, base, lookup));
        match name.value.parse::<ToolName>() {
            Ok(name) => drop(tool.and_then(|tool| tools.insert(name, tool))),
            Err(error) => item.report(item.wrong_at(name.span, error.to_string(), "")),
        }
    }
    tools
}

fn tool(section: &Section<'_>, base: &Path, lookup: Lookup<'_>) -> ToolConfig {
    // The reader asks for exactly those variables that `env.allow` names.
    let asked = RefCell::new(Vec::new());
    let grants = document::grants(section, base, &|name| {
        asked.borrow_mut().push(name.to_owned());
        lookup(name)
    });
    ToolConfig {
        limits: limits::read(section),
        grants,
        path: section.get("path").and_then(|item| {
            let text = item.string()?;
            catalog::path(&item, text.value, base)
        }),
        environment: asked.into_inner(),
        max_concurrent: section.get("max_concurrent").and_then(|item| item.number(1, MOST_CONCURRENT)),
        rate: rate::read(section),
        retry: RetryKeys::read(section),
        breaker: BreakerKeys::read(section),
        batch: BatchConfig::read(section),
        cache_ttl: results::ttl(section),
    }
}
