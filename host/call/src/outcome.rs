//! What a call gave, what it cost, and under which limits: the answer with its receipt.

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

use crate::{ByteSize, CallId, Denial, Digest, Effects, Failure, GrantSet, Limits, Payload, Target};

/// The end of a call.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// Which call.
    pub call: CallId,
    /// What was called.
    pub target: Target,
    /// The answer as JSON, or why there is none.
    pub result: Result<Payload, Failure>,
    /// What it cost. A call that never reached its cell has one too, with zeros.
    pub receipt: Receipt,
    /// What the guest printed.
    pub log: Log,
    /// The caller's own note on the call.
    pub note: Option<Arc<str>>,
}

impl Outcome {
    /// `ok`, or the failure's kind: `exhausted(fuel)`.
    #[must_use]
    pub fn word(&self) -> String {
        match &self.result {
            Ok(_) => "ok".to_owned(),
            Err(failure) => failure.kind().to_string(),
        }
    }

    /// The exit code of the binary.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        self.result.as_ref().err().map_or(0, |failure| failure.kind().exit_code())
    }
}

/// What a call used and what it could have used.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Receipt {
    /// The component that ran.
    pub digest: Option<Digest>,
    /// Where the answer comes from.
    pub source: Source,
    /// How often it was started in a cell. What follows is about the last time, unless it says otherwise.
    pub attempts: u32,
    /// Fuel charged for the attempts before the last.
    pub fuel_before: u64,
    /// Fuel used. After a timeout this is a lower bound: see `fuel_exact`.
    pub fuel: u64,
    /// Whether the fuel is exact; it is not after a guest was stopped from outside.
    pub fuel_exact: bool,
    /// The largest sum over all memories and tables.
    pub memory_peak: ByteSize,
    /// Time in the queue, of all attempts together; the waits between them do not count.
    #[serde(rename = "queue_ms", serialize_with = "crate::serialize_millis")]
    pub queue: Duration,
    /// Time to make the instance, its start function included.
    #[serde(rename = "instantiate_ms", serialize_with = "crate::serialize_millis")]
    pub instantiate: Duration,
    /// Time in the guest and its host calls, instantiation included.
    #[serde(rename = "run_ms", serialize_with = "crate::serialize_millis")]
    pub run: Duration,
    /// Time that the call really held a core, host calls included.
    #[serde(rename = "busy_ms", serialize_with = "crate::serialize_millis")]
    pub busy: Duration,
    /// Size of the arguments.
    pub input: ByteSize,
    /// Size of the result.
    pub output: ByteSize,
    /// Bytes printed to stdout.
    pub stdout: LogBytes,
    /// Bytes printed to stderr.
    pub stderr: LogBytes,
    /// Bytes written to granted folders.
    pub disk: ByteSize,
    /// Random bytes handed out.
    pub random: ByteSize,
    /// Requests that were sent.
    pub requests: u32,
    /// Of these, how many by a method that may change something: not GET or HEAD.
    pub writes: u32,
    /// Bytes of all requests, their heads included.
    pub sent: ByteSize,
    /// Bytes of all responses, as far as the guest took them, their heads included.
    pub received: ByteSize,
    /// What was refused, the first 32.
    pub denials: Vec<Denial>,
    /// How many more were refused.
    pub denials_dropped: u64,
    /// Decisions about capabilities that were no events of their own, because there were too many.
    pub decisions_dropped: u64,
    /// What it used of the world, in all its attempts.
    pub effects: Effects,
    /// Whether the call was a function of its input, and all that is to be told of it as well: it had no effects and was refused
    /// nothing. Never so in a shared cell, where the memory is not its alone.
    pub pure: bool,
    /// Whether it ran in a batch, where several calls use one cell one after the other: each can see what those before it left
    /// in the guest's memory.
    pub shared_cell: bool,
    /// The limits that were set on its store.
    pub limits: Arc<Limits>,
    /// What it could reach.
    pub grants: Arc<GrantSet>,
}

/// Where an answer comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// A cell of the call's own, or one that it shared.
    #[default]
    Cell,
    /// An answer to the same question that was kept.
    Cache,
    /// A call that asked the same at the same time.
    Flight,
}

/// What became of one output stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct LogBytes {
    /// Kept.
    pub kept: u64,
    /// Counted and thrown away, beyond the limit.
    pub dropped: u64,
}

/// What the guest printed, up to the limit of each stream.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Log {
    /// Standard output.
    pub stdout: Vec<u8>,
    /// Standard error.
    pub stderr: Vec<u8>,
}

/// More than any guest uses in a nanosecond that it holds a core.
const MOST_FUEL_A_NANOSECOND: u64 = 5;

// === impl Receipt ===

impl Receipt {
    /// The fuel to count for the call where calls are counted together, all attempts included.
    ///
    /// What it used, where that is known. A guest that was stopped from outside keeps its counter to itself, so for one that timed
    /// out hardly anything is known: then it is the most that it can have used in the time that it held a core, up to its limit.
    /// Else whoever always times out would always work for nothing.
    #[must_use]
    pub fn fuel_charged(&self) -> u64 {
        let last = if self.fuel_exact { self.fuel } else { self.fuel.max(possible_fuel(self.busy, &self.limits)) };
        last.saturating_add(self.fuel_before)
    }
}

/// The most fuel that a guest can have used that held a core for so long.
#[must_use]
pub fn possible_fuel(busy: Duration, limits: &Limits) -> u64 {
    let busy = u64::try_from(busy.as_nanos()).unwrap_or(u64::MAX);
    busy.saturating_mul(MOST_FUEL_A_NANOSECOND).min(limits.fuel.as_u64())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Count;

    #[test]
    fn who_is_stopped_from_outside_is_charged_for_the_time() {
        let limits = Arc::new(Limits { fuel: Count::new(1_000_000), ..Limits::default() });
        let receipt = |fuel, fuel_exact, busy| Receipt {
            fuel,
            fuel_exact,
            busy: Duration::from_micros(busy),
            limits: Arc::clone(&limits),
            ..Receipt::default()
        };
        for (receipt, charged) in [
            (receipt(2, true, 100), 2),
            (receipt(2, false, 0), 2),
            (receipt(2, false, 100), 500_000),
            (receipt(600_000, false, 100), 600_000),
            (receipt(2, false, 1_000_000), 1_000_000),
            (Receipt::default(), 0),
        ] {
            assert_eq!(receipt.fuel_charged(), charged, "{receipt:?}");
        }
    }
}
