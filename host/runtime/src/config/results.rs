//! `[results]`: answers that are kept for later, of all tools together.
//!
//! Which tools' answers are kept, and for how long, stands with the tool: `cache.ttl`.

use std::time::Duration;

use hotcell_agent::document::{Item, Section};
use hotcell_call::ByteSize;

use super::bounds::{self, Bounds};

/// How much is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Results {
    /// What all answers may weigh together, with what they answer.
    pub max_size: ByteSize,
    /// How many there may be.
    pub max_entries: u32,
}

const SIZE: Bounds<ByteSize> =
    Bounds { least: ByteSize::kib(1), most: ByteSize::mib(1 << 20), because: "answers are kept in memory" };
const MOST_ENTRIES: u32 = 10_000_000;

/// For longer, an answer should be kept by whoever asks.
pub(crate) const LONGEST: Duration = Duration::from_secs(7 * 86_400);
const TTL: Bounds<Duration> = Bounds { least: Duration::ZERO, most: LONGEST, because: "\"0s\" keeps nothing" };

impl Default for Results {
    fn default() -> Self {
        Self { max_size: ByteSize::mib(64), max_entries: 10_000 }
    }
}

impl Results {
    pub(super) fn read(root: &Section<'_>) -> Self {
        let usual = Self::default();
        let Some(section) = root.section("results") else {
            return usual;
        };
        Self {
            max_size: section.get("max_size").and_then(|item| bounds::size(&item, &SIZE)).unwrap_or(usual.max_size),
            max_entries: section
                .get("max_entries")
                .and_then(|item| item.number(1, MOST_ENTRIES))
                .unwrap_or(usual.max_entries),
        }
    }
}

/// `cache.ttl` of a tool, in the operator's file or in the author's.
pub(crate) fn ttl(parent: &Section<'_>) -> Option<Duration> {
    let section = parent.section("cache")?;
    let item: Item<'_> = section.get("ttl")?;
    bounds::duration(&item, &TTL)
}
