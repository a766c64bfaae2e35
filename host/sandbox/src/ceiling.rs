//! The process' memory ceiling: beyond it no new cell is made.
//!
//! The limits of single calls bound each cell; this bounds their sum, and whatever else the process holds. It is a brake and not a
//! wall: cells that run may still grow to their own limits.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use hotcell_call::{ByteSize, Code, Failure, Target};

/// How long a reading is good for: long enough that reading costs nothing, short enough for a burst of calls.
const GOOD_FOR: Duration = Duration::from_millis(5);

/// Watches the process' resident memory.
#[derive(Debug)]
pub(crate) struct Ceiling {
    limit: ByteSize,
    since: Instant,
    /// When it was read last, in microseconds since `since`; 0: never.
    read_at: AtomicU64,
    resident: AtomicU64,
}

impl Ceiling {
    pub(crate) fn new(limit: ByteSize) -> Self {
        Self { limit, since: Instant::now(), read_at: AtomicU64::new(0), resident: AtomicU64::new(0) }
    }

    /// Lets a new cell be made, or not.
    pub(crate) fn admit(&self, target: &Target) -> Result<(), Failure> {
        let resident = self.resident();
        if resident < self.limit {
            return Ok(());
        }
        Err(Failure::new(Code::Overloaded, format!("{target} was not started"))
            .why(format!("the host holds {resident} of memory, of {}", self.limit))
            .fix("try again when other calls have ended, or raise `[host] memory`")
            .reached(resident, self.limit)
            .retry_after(Duration::from_millis(250)))
    }

    fn resident(&self) -> ByteSize {
        let now = u64::try_from(self.since.elapsed().as_micros()).unwrap_or(u64::MAX).max(1);
        let last = self.read_at.load(Ordering::Relaxed);
        if last == 0 || now.saturating_sub(last) > GOOD_FOR.as_micros() as u64 {
            self.read_at.store(now, Ordering::Relaxed);
            self.resident.store(read().unwrap_or(0), Ordering::Relaxed);
        }
        ByteSize::bytes(self.resident.load(Ordering::Relaxed))
    }
}

/// The resident memory of this process; none where the system does not tell it like Linux does.
fn read() -> Option<u64> {
    let statm = std::fs::read_to_string("/proc/self/statm").ok()?;
    let pages: u64 = statm.split_ascii_whitespace().nth(1)?.parse().ok()?;
    Some(pages.saturating_mul(u64::try_from(rustix::param::page_size()).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_os = "linux")]
    fn a_host_that_holds_too_much_starts_nothing() {
        let target: Target = "calc.eval".parse().unwrap();
        assert!(Ceiling::new(ByteSize::mib(1 << 20)).admit(&target).is_ok());
        let failure = Ceiling::new(ByteSize::kib(1)).admit(&target).unwrap_err();
        assert_eq!(failure.code(), Code::Overloaded);
        assert!(failure.wait().is_some());
    }
}
