//! What is counted of all calls: how they ended, and how long they took.
//!
//! Times are histograms of fixed memory, for each tool and each tenant; the time in the queue apart from the run, and what failed apart
//! from what went well. Ends are counted by their word, so that their sum is the number of calls that have ended: a ratio is for
//! the reader to work out.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use hotcell_call::{Code, Failure, Kind, Receipt, Source, TenantId, ToolName};
use hotcell_flow::profile::{Ended, Profile, Summary};

/// The counters of one host.
pub(crate) struct Metrics {
    since: Instant,
    tools: Profile<ToolName>,
    tenants: Profile<TenantId>,
    counts: Mutex<Counts>,
}

/// How calls ended.
#[derive(Debug, Clone, Default)]
pub(crate) struct Counts {
    pub(crate) ended: BTreeMap<(&'static str, Option<&'static str>), u64>,
    /// Of those that were refused, those that had waited too long.
    pub(crate) shed: u64,
    /// Attempts beyond the first of a call.
    pub(crate) retries: u64,
}

/// Tools, and tenants, that are told apart.
const MOST: NonZeroUsize = NonZeroUsize::MIN.saturating_add(1_023);

impl Metrics {
    pub(crate) fn new(since: Instant) -> Self {
        Self { since, tools: Profile::new(MOST), tenants: Profile::new(MOST), counts: Mutex::default() }
    }

    /// Counts the end of a call.
    pub(crate) fn count(&self, tenant: &TenantId, tool: &ToolName, failure: Option<&Failure>, receipt: &Receipt) {
        let kind = failure.map(Failure::kind);
        let word = kind.map_or(("ok", None), |kind| (kind.word(), kind.detail()));
        let mut counts = self.counts();
        *counts.ended.entry(word).or_default() += 1;
        counts.shed += u64::from(failure.is_some_and(|failure| failure.code() == Code::Shed));
        counts.retries += u64::from(receipt.attempts.saturating_sub(1));
        drop(counts);
        // What never ran took no time, and may bear any name.
        if receipt.attempts > 0 && receipt.source == Source::Cell {
            let ended = if matches!(kind, None | Some(Kind::Failed)) { Ended::Well } else { Ended::Failed };
            self.tools.record(tool, receipt.queue, receipt.run, ended);
            self.tenants.record(tenant, receipt.queue, receipt.run, ended);
        }
    }

    pub(crate) fn since(&self) -> Instant {
        self.since
    }

    pub(crate) fn ends(&self) -> Counts {
        self.counts().clone()
    }

    /// The times of each tool, and of all that there was no room to tell apart.
    pub(crate) fn tools(&self) -> (Vec<(ToolName, Summary)>, Summary) {
        self.tools.snapshot()
    }

    /// The times of each tenant.
    pub(crate) fn tenants(&self) -> (Vec<(TenantId, Summary)>, Summary) {
        self.tenants.snapshot()
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
