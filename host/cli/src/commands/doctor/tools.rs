//! The tools that there are, and those that only seem to be.

use std::path::{Path, PathBuf};
use std::time::Duration;

use hotcell_call::{Failure, ToolName};
use hotcell_runtime::config::Config;
use hotcell_runtime::{Host, Origin};
use serde::Serialize;

use super::finding::{Finding, Weight};
use crate::output::{one_line, without_numbers};

#[derive(Debug, Serialize)]
pub(super) struct Tools {
    /// Of those inside the program, as many as can be called.
    pub(super) starters: usize,
    pub(super) folders: Vec<Folder>,
    /// Tools whose `path` the configuration names.
    pub(super) named: usize,
    pub(super) broken: Vec<Broken>,
    /// Files that there was no time to look into.
    pub(super) unknown: usize,
}

#[derive(Debug, Serialize)]
pub(super) struct Folder {
    pub(super) path: PathBuf,
    pub(super) exists: bool,
    /// Files in it that have the name of a tool.
    pub(super) tools: usize,
}

#[derive(Debug, Serialize)]
pub(super) struct Broken {
    pub(super) tool: String,
    pub(super) why: String,
    pub(super) fix: Option<String>,
}

/// How long files may be looked into, all together: one that was not seen before has to be compiled.
const LONG: Duration = Duration::from_secs(30);

impl Tools {
    /// Looks into every file that is to be a tool. Starters are known to be some.
    pub(super) async fn look(host: &Host, config: &Config, findings: &mut Vec<Finding>) -> Self {
        let (names, unfit) = host.names().await;
        let starter = |origins: &[Origin]| matches!(origins, [Origin::Starter(_)]);
        let starters = names.iter().filter(|(_, origins)| starter(origins)).count();
        let files = || names.iter().flat_map(|(_, origins)| origins).filter_map(file);
        let folder = |path: &PathBuf| Folder {
            path: path.clone(),
            exists: path.is_dir(),
            tools: files().filter(|file| file.starts_with(path)).count(),
        };
        let named = files().filter(|file| !config.folders.iter().any(|folder| file.starts_with(folder))).count();
        let mut broken: Vec<Broken> =
            unfit.iter().map(|unfit| Broken::new(&unfit.origin.to_string(), &unfit.failure)).collect();
        let others: Vec<&ToolName> =
            names.iter().filter(|(_, origins)| !starter(origins)).map(|(name, _)| name).collect();
        let mut looked = 0;
        let look = async {
            for name in &others {
                let seen = host.inspect(name).await;
                broken.extend(seen.err().map(|failure| Broken::new(name.as_str(), &failure)));
                looked += 1;
            }
        };
        // What was not seen by then is told to be unknown.
        let _ = tokio::time::timeout(LONG, look).await;
        let tools = Self {
            starters,
            folders: config.folders.iter().map(folder).collect(),
            named,
            broken,
            unknown: others.len() - looked,
        };
        tools.judge(names.len(), findings);
        tools
    }

    fn judge(&self, names: usize, findings: &mut Vec<Finding>) {
        for broken in &self.broken {
            findings.push(Finding {
                weight: Weight::Problem,
                what: format!("{} can't be called", broken.tool),
                why: broken.why.clone(),
                fix: broken.fix.clone(),
            });
        }
        if names == 0 {
            findings.push(Finding {
                weight: Weight::Problem,
                what: "there are no tools to call".to_owned(),
                why: "none are inside this program, and none lie in a tools folder".to_owned(),
                fix: Some("just build, or drop a .wasm into the tools folder".to_owned()),
            });
        }
    }
}

impl Broken {
    fn new(tool: &str, failure: &Failure) -> Self {
        Self { tool: one_line(tool), why: without_numbers(&one_line(failure)), fix: failure.remedy().map(one_line) }
    }
}

fn file(origin: &Origin) -> Option<&Path> {
    match origin {
        Origin::File(path) => Some(path),
        Origin::Starter(_) => None,
    }
}
