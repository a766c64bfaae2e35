//! `[tools.NAME]`: what one tool gets.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use hotcell_agent::document::{self, Section};
use hotcell_call::{Folder, GrantKeys, LimitKeys, ToolName};

use super::user::Lookup;
use super::{catalog, limits};

/// What the operator says of one tool.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ToolConfig {
    /// Its limits, over those for all tools.
    pub limits: LimitKeys,
    /// What it may reach.
    pub grants: GrantKeys,
    /// The component that the name means, instead of one in a tools folder.
    pub path: Option<PathBuf>,
    /// The variables whose values come from the operator's own environment.
    pub environment: Vec<String>,
}

impl ToolConfig {
    /// Sets what `more` says over it; what `more` grants comes on top of what is granted.
    pub(super) fn overlay(&mut self, more: Self) {
        self.limits = more.limits.over(&self.limits);
        self.path = more.path.or(self.path.take());
        self.environment.extend(more.environment);
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
    }
}
