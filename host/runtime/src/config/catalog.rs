//! `[catalog]`: which folders are looked through for tools and agents.

use std::path::{Path, PathBuf};

use hotcell_agent::document::{Item, Section};

/// The folders of tools and of agents. One that does not exist is empty: it may come later.
pub(super) struct Catalog {
    pub(super) folders: Vec<PathBuf>,
    pub(super) agents: Vec<PathBuf>,
}

/// Each folder is watched, and the system gives out few watches.
const MOST_FOLDERS: usize = 64;

impl Catalog {
    /// `tools` and `agents` in `base`.
    pub(super) fn within(base: &Path) -> Self {
        Self { folders: vec![base.join("tools")], agents: vec![base.join("agents")] }
    }

    pub(super) fn read(root: &Section<'_>, base: &Path) -> Self {
        let mut catalog = Self::within(base);
        let Some(section) = root.section("catalog") else {
            return catalog;
        };
        let folders = |key| paths(&section.get(key)?, base);
        if let Some(tools) = folders("folders") {
            catalog.folders = tools;
        }
        if let Some(agents) = folders("agents") {
            catalog.agents = agents;
        }
        catalog
    }
}

/// Paths relative to `base`, each once.
fn paths(item: &Item<'_>, base: &Path) -> Option<Vec<PathBuf>> {
    let texts = item.strings()?;
    if texts.len() > MOST_FOLDERS {
        let message = format!("`{}` names {} folders", item.name(), texts.len());
        item.report(item.wrong(message, "").hint(format!("at most {MOST_FOLDERS}: each is watched for changes")));
        return None;
    }
    let mut paths: Vec<PathBuf> = Vec::with_capacity(texts.len());
    for text in texts {
        if let Some(path) = path(item, text.value, base)
            && !paths.contains(&path)
        {
            paths.push(path);
        }
    }
    Some(paths)
}

/// A path relative to `base`.
pub(super) fn path(item: &Item<'_>, text: &str, base: &Path) -> Option<PathBuf> {
    if text.is_empty() || text.contains('\0') {
        item.report(item.wrong("this is not a path", "").hint("the folder of this file is `.`"));
        return None;
    }
    Some(base.join(text))
}
