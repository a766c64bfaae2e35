//! What this program is and what is inside of it.

use serde::Serialize;

use super::finding::Finding;
use crate::embedded::{AGENTS, ENGINE, PROOF, STARTERS};

#[derive(Debug, Serialize)]
pub(super) struct Program {
    pub(super) version: &'static str,
    /// Of wasmtime.
    pub(super) engine: Option<&'static str>,
    pub(super) optimised: bool,
    pub(super) starters: usize,
    pub(super) agents: usize,
    /// Whether it has the guests of `--prove`.
    pub(super) proof: bool,
}

impl Program {
    pub(super) fn look(findings: &mut Vec<Finding>) -> Self {
        let optimised = !cfg!(debug_assertions);
        if !optimised {
            findings.push(Finding::warning(
                "this program was built without optimisation",
                "everything but the guests' own work takes several times as long",
                "just build",
            ));
        }
        if STARTERS.is_empty() || PROOF.is_none() {
            findings.push(Finding::warning(
                "this program was built without what comes inside",
                "starter tools, and the guests of `hotcell doctor --prove`",
                "just build",
            ));
        }
        Self {
            version: env!("CARGO_PKG_VERSION"),
            engine: ENGINE,
            optimised,
            starters: STARTERS.len(),
            agents: AGENTS.len(),
            proof: PROOF.is_some(),
        }
    }
}
