//! `[limits]`: the operator's ceilings for every tool, and `limits.*` of one tool.
//!
//! The operator may set any limit, up or down, but no higher than the host can keep: [`ceiling`] is where a limit would stop being
//! one, because the engine or the machine ends before it.

use std::time::Duration;

use hotcell_agent::document::{self, Section};
use hotcell_call::{ByteSize, Count, LimitKeys, Limits};

/// The widest limits that the host can keep.
#[must_use]
pub fn ceiling() -> Limits {
    Limits {
        // Fuel has none of its own: an hour at most ends any call.
        fuel: Count::new(u64::MAX),
        timeout: Duration::from_secs(3_600),
        // What 32-bit addresses reach.
        memory: ByteSize::mib(4_096),
        // The host holds each of these in its own memory, several times over.
        input: ByteSize::mib(1_024),
        output: ByteSize::mib(1_024),
        log: ByteSize::mib(64),
        host_data: ByteSize::mib(1_024),
        // Each takes some 100 bytes of the host.
        handles: 1_000_000,
        // What the engine's pool sets aside for one component.
        instances: 256,
        random: ByteSize::mib(1_024),
        // The folder's own file system is the bound.
        disk: ByteSize::bytes(u64::MAX),
        entries: u32::MAX,
        // Nothing of them stays in the host.
        requests: u32::MAX,
        sent: ByteSize::bytes(u64::MAX),
        received: ByteSize::bytes(u64::MAX),
    }
}

/// Reads `limits` within `parent` and reports what is over the ceiling.
pub(super) fn read(parent: &Section<'_>) -> LimitKeys {
    let table = document::limits(parent);
    for wider in ceiling().wider(&table.keys) {
        let place = table.place(wider.key).unwrap_or_else(|| parent.span());
        let message = format!("`limits.{}` can be {} at most", wider.key, wider.ceiling);
        let wrong = parent.problems().at(place, message, "");
        parent.problems().push(wrong.hint(because(wider.key)));
    }
    table.keys
}

fn because(key: &str) -> &'static str {
    match key {
        "memory" => "a guest's addresses have 32 bits",
        "timeout" => "a call that takes longer is better cut into several",
        "handles" | "instances" => "the host sets aside room for no more",
        _ => "the host holds it in its own memory: a file in a granted folder can be of any size",
    }
}
