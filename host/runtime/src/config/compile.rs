//! `[compile]`: what the process that compiles a component may use.
//!
//! Each value is what a small file gets; it grows with the size of the file. What a file of any size can't do is told by the
//! sandbox, which enforces these.

use std::time::Duration;

use hotcell_agent::document::Section;
use hotcell_call::ByteSize;
use hotcell_sandbox::CompileLimits;

use super::bounds::{self, Bounds};

const FILE: Bounds<ByteSize> = Bounds {
    least: ByteSize::kib(1),
    most: ByteSize::mib(1_024),
    because: "a component is read whole before it is compiled",
};
const MEMORY: Bounds<ByteSize> = Bounds {
    least: ByteSize::mib(64),
    most: ByteSize::mib(256 << 10),
    because: "the compiler needs some 60MiB for the smallest file",
};
const TIME: Bounds<Duration> = Bounds {
    least: Duration::from_secs(1),
    most: Duration::from_secs(3_600),
    because: "the kernel counts the compiler's time in whole seconds",
};

pub(super) fn read(root: &Section<'_>) -> CompileLimits {
    let mut limits = CompileLimits::default();
    let Some(section) = root.section("compile") else {
        return limits;
    };
    let size = |key, bounds| bounds::size(&section.get(key)?, bounds);
    let duration = |key| bounds::duration(&section.get(key)?, &TIME);
    let (max_file, memory) = (size("max_file", &FILE), size("memory", &MEMORY));
    let (cpu, timeout) = (duration("cpu"), duration("timeout"));
    limits.max_file = max_file.unwrap_or(limits.max_file);
    limits.memory = memory.unwrap_or(limits.memory);
    limits.cpu = cpu.unwrap_or(limits.cpu);
    limits.timeout = timeout.unwrap_or(limits.timeout);
    limits
}
