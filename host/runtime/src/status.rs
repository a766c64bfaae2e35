//! How it stands with a host, all at once: what `hotcell top` shows.

use std::collections::BTreeMap;
use std::time::Duration;

use hotcell_call::{Clock, TenantId, ToolName};
use hotcell_flow::profile::{self, Summary};
use serde::{Deserialize, Serialize};

use crate::host::Host;
use crate::timer::TokioTimer;

/// One snapshot. Times are in milliseconds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Status {
    /// Since when the host runs.
    pub up_ms: u64,
    /// Calls on their way.
    pub calls: Calls,
    /// Whether the queue is so full that callers should slow down.
    pub pressure_high: bool,
    /// How many calls ended, by their outcome: `ok`, `refused(late)`.
    pub ended: BTreeMap<String, u64>,
    /// Of those refused, calls that had waited too long.
    pub shed: u64,
    /// Attempts beyond the first of a call.
    pub retries: u64,
    /// Answers that are kept.
    pub results: Kept,
    /// Each tool that was called.
    pub tools: Vec<ToolStatus>,
    /// Each tenant that called.
    pub tenants: Vec<TenantStatus>,
}

/// Calls on their way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Calls {
    /// Accepted and not ended.
    pub under_way: usize,
    /// Waiting for room in the queue.
    pub at_door: usize,
    /// Waiting for their time, or to be tried again.
    pub delayed: usize,
    /// Waiting for their turn.
    pub waiting: usize,
    /// How many may wait.
    pub queue: usize,
    /// In their cells.
    pub running: usize,
    /// How many may be in their cells now.
    pub limit: usize,
}

/// Answers that are kept for later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// How many.
    pub entries: usize,
    /// What they weigh.
    pub bytes: u64,
    /// Calls that were answered by one.
    pub hits: u64,
    /// Calls that were answered by another call's run.
    pub joined: u64,
}

/// One tool.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ToolStatus {
    /// Its name.
    pub name: String,
    /// How long its calls took.
    #[serde(flatten)]
    pub times: Measured,
    /// Its breakers that are not closed: for whose calls, and what they are.
    pub breakers: BTreeMap<String, String>,
}

/// One tenant.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TenantStatus {
    /// Its name.
    pub name: String,
    /// Calls that wait.
    pub waiting: usize,
    /// Calls in their cells.
    pub running: usize,
    /// How long its calls took.
    #[serde(flatten)]
    pub times: Measured,
}

/// How long calls took.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Measured {
    /// In the queue, of all.
    pub queue: Times,
    /// In their cells, of those that the tool answered.
    pub run: Times,
    /// In their cells, of those that ended in another way.
    pub failed: Times,
}

/// How long something took. Percentiles are exact to 1 %.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[expect(missing_docs, reason = "each is the percentile of the same name")]
pub struct Times {
    pub count: u64,
    pub p50_ms: f64,
    pub p95_ms: f64,
    pub p99_ms: f64,
    pub max_ms: f64,
}

impl Host {
    /// How it stands now.
    #[must_use]
    pub fn status(&self) -> Status {
        let inner = &*self.0;
        let (queue, counts) = (inner.queue.status(), inner.metrics.ends());
        let (contents, answered) = (inner.flight.contents(), inner.flight.counts());
        let up = TokioTimer.now().saturating_duration_since(inner.metrics.since());
        let word = |(word, detail): &(&str, Option<&str>)| match detail {
            Some(detail) => format!("{word}({detail})"),
            None => (*word).to_owned(),
        };
        Status {
            up_ms: u64::try_from(up.as_millis()).unwrap_or(u64::MAX),
            calls: Calls {
                under_way: inner.under_way.count(),
                at_door: queue.door,
                delayed: queue.blocked + queue.delayed,
                waiting: queue.waiting,
                queue: inner.config.schedule.queue,
                running: queue.running,
                limit: inner.queue.limit(),
            },
            pressure_high: inner.queue.is_pressed(),
            ended: counts.ended.iter().map(|(end, count)| (word(end), *count)).collect(),
            shed: counts.shed,
            retries: counts.retries,
            results: Kept {
                entries: contents.entries,
                bytes: contents.bytes,
                hits: answered.hits,
                joined: answered.joined,
            },
            tools: self.tool_statuses(),
            tenants: self.tenant_statuses(),
        }
    }

    fn tool_statuses(&self) -> Vec<ToolStatus> {
        let terms: BTreeMap<ToolName, _> =
            self.0.book.all().into_iter().map(|terms| (terms.tool.clone(), terms)).collect();
        let (tools, others) = self.0.metrics.tools();
        let known = tools.into_iter().map(|(name, summary)| ToolStatus {
            breakers: terms.get(&name).map(|terms| terms.open_breakers()).unwrap_or_default(),
            name: name.to_string(),
            times: summary.into(),
        });
        let mut all: Vec<ToolStatus> = known.collect();
        all.sort_by(|one, other| one.name.cmp(&other.name));
        if others.queue.count > 0 {
            all.push(ToolStatus { name: OTHERS.to_owned(), times: others.into(), breakers: BTreeMap::new() });
        }
        all
    }

    fn tenant_statuses(&self) -> Vec<TenantStatus> {
        let (tenants, others) = self.0.metrics.tenants();
        let status = |name: TenantId, times: Summary| {
            let usage = self.0.queue.usage(&name);
            TenantStatus { name: name.to_string(), waiting: usage.waiting, running: usage.running, times: times.into() }
        };
        let mut all: Vec<TenantStatus> = tenants.into_iter().map(|(name, times)| status(name, times)).collect();
        all.sort_by(|one, other| one.name.cmp(&other.name));
        if others.queue.count > 0 {
            all.push(TenantStatus { name: OTHERS.to_owned(), waiting: 0, running: 0, times: others.into() });
        }
        all
    }
}

/// The name for all that were too many to be told apart; nothing else can have it.
const OTHERS: &str = "(others)";

impl From<Summary> for Measured {
    fn from(summary: Summary) -> Self {
        Self { queue: summary.queue.into(), run: summary.run.into(), failed: summary.failed.into() }
    }
}

impl From<profile::Times> for Times {
    fn from(times: profile::Times) -> Self {
        let millis = |time: Duration| time.as_secs_f64() * 1e3;
        Self {
            count: times.count,
            p50_ms: millis(times.p50),
            p95_ms: millis(times.p95),
            p99_ms: millis(times.p99),
            max_ms: millis(times.max),
        }
    }
}
