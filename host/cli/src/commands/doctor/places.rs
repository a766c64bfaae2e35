//! Where hotcell keeps things of its own: compiled components, and what the user decided.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use hotcell_call::ByteSize;
use hotcell_runtime::config::{Config, state_folder};
use hotcell_runtime::{KeyState, examine_cache};
use serde::Serialize;

use super::finding::Finding;
use crate::output::without_numbers;

#[derive(Debug, Serialize)]
pub(super) struct Cache {
    pub(super) folder: PathBuf,
    pub(super) exists: bool,
    /// Whether it is used.
    pub(super) usable: bool,
    pub(super) components: u64,
    pub(super) size: ByteSize,
    pub(super) max_size: ByteSize,
    pub(super) key: &'static str,
}

#[derive(Debug, Serialize)]
pub(super) struct State {
    pub(super) folder: PathBuf,
    pub(super) exists: bool,
}

impl Cache {
    /// Whether a host would find everything in it as it should be.
    pub(super) fn is_sound(&self) -> bool {
        self.exists && self.usable && self.key == "secret"
    }

    /// None where the user has none.
    pub(super) fn look(config: &Config, findings: &mut Vec<Finding>) -> Option<Self> {
        let Some(folder) = config.cache.clone() else {
            findings.push(Finding::warning(
                "compiled components are kept nowhere",
                "neither HOTCELL_CACHE_DIR, XDG_CACHE_HOME nor HOME is set: every start compiles all anew",
                "export HOTCELL_CACHE_DIR=/var/cache/hotcell",
            ));
            return None;
        };
        let report = examine_cache(&folder);
        if let Some(trouble) = &report.trouble {
            findings.push(Finding::warning(
                format!("the cache {} is not used", folder.display()),
                format!("{}; every start compiles all anew", without_numbers(trouble)),
                &format!("chmod 700 {0}, if it is yours; else another folder as [cache] folder", folder.display()),
            ));
        }
        if report.key == KeyState::Open {
            findings.push(Finding::warning(
                "others can read the key of the cache",
                "it is replaced at the next use, and what was kept is compiled anew",
                &format!("chmod 600 {}", folder.join("key").display()),
            ));
        }
        let key = match report.key {
            KeyState::Absent => "absent",
            KeyState::Secret => "secret",
            KeyState::Open => "open",
        };
        Some(Self {
            folder,
            exists: report.exists,
            usable: report.trouble.is_none(),
            components: report.components,
            size: report.size,
            max_size: config.compile.max_cache,
            key,
        })
    }
}

impl State {
    /// None where the user has none.
    pub(super) fn look(findings: &mut Vec<Finding>) -> Option<Self> {
        let Some(folder) = state_folder() else {
            findings.push(Finding::warning(
                "there is no place to remember what is trusted",
                "neither HOTCELL_STATE_DIR, XDG_STATE_HOME nor HOME is set",
                "export HOTCELL_STATE_DIR=…",
            ));
            return None;
        };
        let exists = is_there(&folder, findings);
        Some(Self { folder, exists })
    }
}

/// Whether it is there; and if it is, whether it is believed.
fn is_there(folder: &Path, findings: &mut Vec<Finding>) -> bool {
    let Ok(meta) = folder.symlink_metadata() else { return false };
    let user = rustix::process::geteuid().as_raw();
    if meta.uid() != user || meta.mode() & 0o022 != 0 || !meta.is_dir() {
        findings.push(Finding::warning(
            format!("what is remembered in {} is not believed", folder.display()),
            "it is no folder of yours that you alone may write to",
            &format!("chmod 700 {0}, if it is yours", folder.display()),
        ));
    }
    true
}
