//! `batch` of a tool: that calls of one tenant may share a cell.
//!
//! It is the one exception to a cell for each call, so only the operator can allow it, and only what is pure makes use of it.

use std::time::Duration;

use hotcell_agent::document::Section;

use super::bounds::{self, Bounds};

/// How calls share a cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchConfig {
    /// How many calls at most.
    pub max: u32,
    /// How long the first waits for others.
    pub wait: Duration,
}

const WAIT: Bounds<Duration> =
    Bounds { least: Duration::ZERO, most: Duration::from_secs(1), because: "each call waits so long for company" };
/// A cell that lives for so many calls is no longer one that is made anew.
const MOST: u32 = 1_024;

impl BatchConfig {
    /// The longest wait for company, unless set.
    const DEFAULT_WAIT: Duration = Duration::from_millis(2);

    pub(super) fn read(parent: &Section<'_>) -> Option<Self> {
        let section = parent.section("batch")?;
        let max = section.need("max", "max = 32").and_then(|item| item.number(2, MOST));
        let wait = section.get("wait").map_or(Some(Self::DEFAULT_WAIT), |item| bounds::duration(&item, &WAIT));
        Some(Self { max: max?, wait: wait? })
    }
}
