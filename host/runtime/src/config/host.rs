//! `[host]`: what the process may take of the machine.

use hotcell_agent::document::Section;
use hotcell_call::ByteSize;

use super::bounds::{self, Bounds};

/// Resident memory of the process beyond which no new cell starts.
pub(super) const MEMORY: ByteSize = ByteSize::mib(4_096);

/// Below, the host itself has no room; above, there is no such machine.
const BOUNDS: Bounds<ByteSize> = Bounds {
    least: ByteSize::mib(64),
    most: ByteSize::mib(16 << 20),
    because: "the host itself needs some 50MiB; beyond `memory` it starts no new cell",
};

pub(super) fn memory(root: &Section<'_>) -> ByteSize {
    let section = root.section("host");
    let item = section.as_ref().and_then(|section| section.get("memory"));
    item.and_then(|item| bounds::size(&item, &BOUNDS)).unwrap_or(MEMORY)
}
