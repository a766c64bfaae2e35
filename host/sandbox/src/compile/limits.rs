//! What compiling one component may take.
//!
//! Each limit is a base and grows with the size of the file, because honest work does: an 18.5 MB component of a Python program
//! takes 20 s on two cores and 2 GiB. A hostile file of a few hundred KB gets little more than the base, whatever it would like.

use std::time::Duration;

use hotcell_call::ByteSize;

/// Bytes of memory for each byte of the file, beyond the base.
const MEMORY_PER_BYTE: u64 = 150;
/// The most memory, however large the file.
const MOST_MEMORY: u64 = 16 << 30;
/// CPU for each MiB of the file, summed over the compiler's threads.
const CPU_PER_MIB: Duration = Duration::from_secs(8);
/// Wall clock for each MiB of the file.
const TIME_PER_MIB: Duration = Duration::from_secs(10);

/// The keys of `[compile]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CompileLimits {
    /// The largest file that is read at all.
    pub max_file: ByteSize,
    /// Address space of the compiler; 150 bytes for each byte of the file come on top.
    pub memory: ByteSize,
    /// CPU of the compiler; 8 s for each MiB of the file come on top.
    pub cpu: Duration,
    /// Wall clock of the compiler; 10 s for each MiB of the file come on top.
    pub timeout: Duration,
    /// The size of all compiled code that is kept on disk.
    pub max_cache: ByteSize,
}

/// The limits for one file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Allowance {
    pub(crate) max_file: ByteSize,
    pub(crate) memory: ByteSize,
    pub(crate) cpu: Duration,
    pub(crate) timeout: Duration,
}

impl Default for CompileLimits {
    fn default() -> Self {
        Self {
            max_file: ByteSize::mib(64),
            memory: ByteSize::mib(1 << 10),
            cpu: Duration::from_secs(20),
            timeout: Duration::from_secs(30),
            max_cache: ByteSize::mib(2 << 10),
        }
    }
}

impl CompileLimits {
    /// What a file of `size` may take.
    pub(crate) fn for_file(&self, size: ByteSize) -> Allowance {
        let extra = size.as_u64().saturating_mul(MEMORY_PER_BYTE);
        let memory = self.memory.as_u64().saturating_add(extra).min(MOST_MEMORY.max(self.memory.as_u64()));
        let mib = u32::try_from(size.as_u64() >> 20).unwrap_or(u32::MAX);
        let more = |base: Duration, per_mib: Duration| base.saturating_add(per_mib.saturating_mul(mib));
        Allowance {
            max_file: self.max_file,
            memory: ByteSize::bytes(memory),
            cpu: more(self.cpu, CPU_PER_MIB),
            timeout: more(self.timeout, TIME_PER_MIB),
        }
    }
}

impl Allowance {
    /// CPU in whole seconds, as the kernel counts it: never none.
    pub(crate) fn cpu_seconds(&self) -> u64 {
        self.cpu.as_secs().max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn honest_giants_pass_and_small_bombs_get_the_base() {
        let limits = CompileLimits::default();
        let python = limits.for_file(ByteSize::bytes(18_484_323));
        assert!(python.memory > ByteSize::mib(3_000) && python.cpu > Duration::from_secs(120), "{python:?}");
        let bomb = limits.for_file(ByteSize::kib(300));
        assert!(bomb.memory < ByteSize::mib(1_100), "{bomb:?}");
        assert_eq!((bomb.cpu, bomb.timeout), (Duration::from_secs(20), Duration::from_secs(30)));
    }

    #[test]
    fn no_size_overflows() {
        let most = CompileLimits::default().for_file(ByteSize::bytes(u64::MAX));
        assert_eq!(most.memory, ByteSize::bytes(MOST_MEMORY));
    }
}
