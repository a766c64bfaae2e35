//! How many calls end in a second.

use std::collections::BTreeMap;

use hotcell_runtime::status::Measured;
use hotcell_server::status::{Look, Report};

/// Since the last look; at the first, since the host began.
pub(super) struct Rates<'a> {
    seconds: f64,
    ended: u64,
    tools: BTreeMap<&'a str, u64>,
    tenants: BTreeMap<&'a str, u64>,
}

impl<'a> Rates<'a> {
    pub(super) fn new(now: &Report, before: Option<&'a Look>) -> Self {
        let hosts = before.map(|look| look.hosts.as_slice()).unwrap_or_default();
        // A process may have the number of one that is gone.
        let same =
            |host: &&Report| host.pid == now.pid && host.command == now.command && host.status.up_ms < now.status.up_ms;
        let before = hosts.iter().find(same);
        let up = now.status.up_ms - before.map_or(0, |host| host.status.up_ms);
        let status = before.map(|host| &host.status);
        Self {
            seconds: std::time::Duration::from_millis(up).as_secs_f64(),
            ended: before.map_or(0, ended),
            tools: status
                .map(|it| it.tools.iter().map(|one| (one.name.as_str(), count(&one.times))).collect())
                .unwrap_or_default(),
            tenants: status
                .map(|it| it.tenants.iter().map(|one| (one.name.as_str(), count(&one.times))).collect())
                .unwrap_or_default(),
        }
    }

    /// Of the whole host.
    pub(super) fn calls(&self, now: &Report) -> f64 {
        self.of(ended(now), self.ended)
    }

    pub(super) fn tool(&self, name: &str, times: &Measured) -> f64 {
        self.of(count(times), self.tools.get(name).copied().unwrap_or_default())
    }

    pub(super) fn tenant(&self, name: &str, times: &Measured) -> f64 {
        self.of(count(times), self.tenants.get(name).copied().unwrap_or_default())
    }

    #[expect(clippy::cast_precision_loss, reason = "it is shown with four digits")]
    fn of(&self, now: u64, before: u64) -> f64 {
        if self.seconds > 0.0 { now.saturating_sub(before) as f64 / self.seconds } else { 0.0 }
    }
}

/// Calls that ended in any way.
fn ended(report: &Report) -> u64 {
    report.status.ended.values().fold(0, |sum, count| sum.saturating_add(*count))
}

/// Calls that ran.
pub(super) fn count(times: &Measured) -> u64 {
    times.run.count.saturating_add(times.failed.count)
}
