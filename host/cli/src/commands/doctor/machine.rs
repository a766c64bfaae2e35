//! The machine: what there is of it for this process, and whether that is enough.

use std::fs;

use hotcell_call::ByteSize;
use hotcell_runtime::EngineReport;
use hotcell_runtime::config::Config;
use rustix::process::{Resource, getrlimit};
use serde::Serialize;

use super::finding::Finding;

/// What is not known of a system is none.
#[derive(Debug, Serialize)]
pub(super) struct Machine {
    pub(super) kernel: Option<String>,
    pub(super) cores: usize,
    /// What all processes may have: of the machine, or of the group that this one is in.
    pub(super) memory: Option<ByteSize>,
    pub(super) memory_free: Option<ByteSize>,
    /// Files that this process may have open; none: as many as it likes.
    pub(super) open_files: Option<u64>,
    /// Mappings that a process may have.
    pub(super) mappings: Option<u64>,
    /// A limit on the addresses that this process may reserve.
    pub(super) address_space: Option<ByteSize>,
}

/// The engine, as it was set up here.
#[derive(Debug, Serialize)]
pub(super) struct Engine {
    pub(super) pagemap_scan: bool,
    pub(super) calls: u32,
    pub(super) memories: u32,
    pub(super) resident: ByteSize,
    pub(super) stack: ByteSize,
    /// Addresses that the process has reserved; that is no memory.
    pub(super) reserved: Option<ByteSize>,
}

/// Mappings that a call in its cell takes.
const MAPPINGS_OF_A_CALL: u64 = 6;
/// Below, calls that open files soon meet the bound on all of them.
const FEW_FILES: u64 = 1_024;

impl Machine {
    pub(super) fn look(config: &Config, findings: &mut Vec<Finding>) -> Self {
        let machine = Self {
            kernel: fs::read_to_string("/proc/sys/kernel/osrelease").ok().map(|text| text.trim().to_owned()),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            memory: memory(),
            memory_free: meminfo("MemAvailable:"),
            open_files: getrlimit(Resource::Nofile).current,
            mappings: number("/proc/sys/vm/max_map_count"),
            address_space: getrlimit(Resource::As).current.map(ByteSize::bytes),
        };
        machine.judge(config, findings);
        machine
    }

    fn judge(&self, config: &Config, findings: &mut Vec<Finding>) {
        if self.cores < 2 {
            findings.push(Finding::warning(
                "there is one core only",
                "of several, one is always left to short calls; with one, they wait for the slices of long ones",
                "a second core",
            ));
        }
        if let Some(memory) = self.memory.filter(|memory| config.process_memory > *memory) {
            findings.push(Finding::warning(
                "the host may use more memory than there is",
                format!(
                    "[host] memory is {}, the machine has {memory}: the system would end the host first",
                    config.process_memory
                ),
                "a lower [host] memory in hotcell.toml, such as half of what there is",
            ));
        }
        if let Some(files) = self.open_files.filter(|files| *files < FEW_FILES) {
            findings.push(Finding::warning(
                format!("this process may have only {files} files open"),
                "calls that open files share three quarters of them; beyond that they end exhausted(handles)",
                "ulimit -n 65536",
            ));
        }
        let needed = MAPPINGS_OF_A_CALL * u64::from(config.schedule.in_flight.most());
        if let Some(mappings) = self.mappings.filter(|mappings| *mappings < needed) {
            findings.push(Finding::warning(
                "more calls may be in flight than the kernel has mappings for",
                format!(
                    "[schedule] in_flight is {}, which takes some {needed} mappings of {mappings}",
                    config.schedule.in_flight.most()
                ),
                &format!("sysctl vm.max_map_count={}, or a lower in_flight", needed.next_power_of_two()),
            ));
        }
    }
}

impl Engine {
    pub(super) fn look(report: EngineReport, findings: &mut Vec<Finding>) -> Self {
        if !report.pagemap_scan {
            findings.push(Finding::warning(
                "the kernel can't tell which pages a call has written to",
                "without that (the pagemap scan), cleaning up after a call makes it take up to three times as long",
                "Linux 6.7 or newer; in a container, /proc/self/pagemap has to be readable",
            ));
        }
        let EngineReport { pagemap_scan, calls, memories, resident, stack } = report;
        Self { pagemap_scan, calls, memories, resident, stack, reserved: status("VmSize:") }
    }
}

/// The machine's, or the group's where that is less.
fn memory() -> Option<ByteSize> {
    let group = number("/sys/fs/cgroup/memory.max").map(ByteSize::bytes);
    let machine = meminfo("MemTotal:");
    match (machine, group) {
        (Some(machine), Some(group)) => Some(machine.min(group)),
        (machine, group) => machine.or(group),
    }
}

fn number(path: &str) -> Option<u64> {
    fs::read_to_string(path).ok()?.trim().parse().ok()
}

fn meminfo(key: &str) -> Option<ByteSize> {
    kib(&fs::read_to_string("/proc/meminfo").ok()?, key)
}

fn status(key: &str) -> Option<ByteSize> {
    kib(&fs::read_to_string("/proc/self/status").ok()?, key)
}

/// The number in a line such as `MemTotal:  8009636 kB`.
fn kib(text: &str, key: &str) -> Option<ByteSize> {
    let rest = text.lines().find_map(|line| line.strip_prefix(key))?;
    Some(ByteSize::kib(rest.trim().strip_suffix(" kB")?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn the_kernels_tables_are_read() {
        let text = "MemTotal:        8009636 kB\nMemFree: 1 kB\nOdd: many\n";
        assert_eq!(kib(text, "MemTotal:"), Some(ByteSize::kib(8_009_636)));
        assert_eq!((kib(text, "Odd:"), kib(text, "None:")), (None, None));
    }

    #[test]
    fn a_machine_that_is_too_small_for_what_it_is_to_do_is_told_with_a_way_out() {
        let machine = Machine {
            kernel: None,
            cores: 1,
            memory: Some(ByteSize::mib(512)),
            memory_free: None,
            open_files: Some(256),
            mappings: Some(1_000),
            address_space: None,
        };
        let mut findings = Vec::new();
        machine.judge(&Config::defaults(Path::new("/")), &mut findings);
        let told: Vec<_> = findings.iter().map(|finding| (finding.what.as_str(), finding.fix.is_some())).collect();
        assert_eq!(
            told,
            [
                ("there is one core only", true),
                ("the host may use more memory than there is", true),
                ("this process may have only 256 files open", true),
                ("more calls may be in flight than the kernel has mappings for", true),
            ]
        );
    }
}
