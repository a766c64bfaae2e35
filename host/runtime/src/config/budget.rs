//! `[budget]`: what one run may spend at most, whatever its agent says, and with all runs within it.
//!
//! The keys are those of an agent's `[budget]`, and mean the same: an agent only lowers what stands here. What an agent asks for when
//! its own budget is spent (`on_exceed = "pause"`) stays below it too.

use std::time::Duration;

use hotcell_agent::Cost;
use hotcell_agent::document::Section;
use hotcell_call::ByteSize;

use super::bounds::{self, Bounds};

/// What one run may spend; none: as much as its agent says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ceiling {
    /// Replies of models.
    pub turns: Option<u32>,
    /// Tokens.
    pub tokens: Option<u64>,
    /// Money.
    pub cost: Option<Cost>,
    /// Calls of tools, retries included.
    pub calls: Option<u64>,
    /// From start to end.
    pub time: Option<Duration>,
    /// What it holds at one time of conversations, answers and results.
    pub memory: ByteSize,
}

const MEMORY: Bounds<ByteSize> = Bounds {
    least: ByteSize::kib(64),
    most: ByteSize::mib(1 << 20),
    because: "all conversations, answers and results of a run are held in memory",
};
const TIME: Bounds<Duration> = Bounds {
    least: Duration::from_millis(1),
    most: Duration::from_secs(7 * 86_400),
    because: "a run that may take longer needs no bound",
};

impl Default for Ceiling {
    fn default() -> Self {
        Self { turns: None, tokens: None, cost: None, calls: None, time: None, memory: ByteSize::mib(512) }
    }
}

impl Ceiling {
    pub(super) fn read(root: &Section<'_>) -> Self {
        let usual = Self::default();
        let Some(section) = root.section("budget") else { return usual };
        let count = |key| Some(section.get(key)?.count()?.as_u64());
        Self {
            turns: section.get("turns").and_then(|item| item.number(1, 10_000)),
            tokens: count("tokens"),
            cost: section.get("cost").and_then(|item| item.parsed::<Cost>()).map(|cost| cost.value),
            calls: count("calls"),
            time: section.get("time").and_then(|item| bounds::duration(&item, &TIME)),
            memory: section.get("memory").and_then(|item| bounds::size(&item, &MEMORY)).unwrap_or(usual.memory),
        }
    }
}
