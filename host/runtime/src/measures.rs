//! The names of all that is measured of a host, each with its unit: the same for whoever fetches and for whoever is sent to.
//!
//! No label is unbounded: outcomes, states and quantiles are words of ours; tools and tenants are told apart up to a bound, and
//! beyond it are `(others)`. What a caller typed is a label only if it is a tool that ran, or a tenant that is known.

use std::collections::BTreeMap;

use crate::status::{Measured, Status, Times};

/// One thing that is measured of an `S`: of a host, by how it stands, unless another is named.
#[derive(Debug, Clone, Copy)]
pub struct Measure<S = Status> {
    /// Its name, with dots: `hotcell.calls`.
    pub name: &'static str,
    /// What it is, in one line.
    pub help: &'static str,
    /// What it is counted in.
    pub unit: Unit,
    /// Whether it only grows.
    pub kind: Kind,
    rows: fn(&S) -> Vec<Row>,
}

/// What a measure is counted in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Things.
    One,
    /// Seconds.
    Seconds,
    /// Bytes.
    Bytes,
}

/// How a measure moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// It only grows, from the start of the host on.
    Counter,
    /// It is what it is now.
    Gauge,
}

/// One value of a measure.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// What it is of.
    pub labels: Vec<(&'static str, String)>,
    /// How much.
    pub value: f64,
}

impl<S> Measure<S> {
    /// Its values.
    #[must_use]
    pub fn rows(&self, of: &S) -> Vec<Row> {
        (self.rows)(of)
    }
}

/// A measure that only grows, of things.
#[must_use]
pub const fn counter<S>(name: &'static str, help: &'static str, rows: fn(&S) -> Vec<Row>) -> Measure<S> {
    Measure { name, help, unit: Unit::One, kind: Kind::Counter, rows }
}

/// A measure that is what it is now.
#[must_use]
pub const fn gauge<S>(name: &'static str, unit: Unit, help: &'static str, rows: fn(&S) -> Vec<Row>) -> Measure<S> {
    Measure { name, help, unit, kind: Kind::Gauge, rows }
}

/// All that is measured of a host.
pub const MEASURES: &[Measure] = &[
    gauge("hotcell.uptime", Unit::Seconds, "Since when the host runs", |status| one(status.up_ms as f64 / 1e3)),
    counter("hotcell.calls", "Calls that have ended, by their outcome", |status| {
        each(&status.ended, |(outcome, count)| row([("outcome", outcome.clone())], count_of(*count)))
    }),
    counter("hotcell.calls.shed", "Calls turned away because they had waited too long", |status| {
        one(count_of(status.shed))
    }),
    counter("hotcell.calls.retries", "Attempts beyond the first of a call", |status| one(count_of(status.retries))),
    gauge("hotcell.calls.now", Unit::One, "Calls on their way, by where they are", |status| {
        let calls = &status.calls;
        let states = [
            ("door", calls.at_door),
            ("delayed", calls.delayed),
            ("waiting", calls.waiting),
            ("running", calls.running),
        ];
        states.into_iter().map(|(state, count)| row([("state", state.to_owned())], count as f64)).collect()
    }),
    gauge("hotcell.calls.accepted", Unit::One, "Calls accepted and not ended", |status| {
        one(status.calls.under_way as f64)
    }),
    gauge("hotcell.queue.limit", Unit::One, "How many calls may wait", |status| one(status.calls.queue as f64)),
    gauge("hotcell.cells.limit", Unit::One, "How many calls may be in their cells now", |status| {
        one(status.calls.limit as f64)
    }),
    gauge("hotcell.pressure", Unit::One, "1 while the queue is so full that callers should slow down", |status| {
        one(if status.pressure_high { 1.0 } else { 0.0 })
    }),
    gauge("hotcell.results.entries", Unit::One, "Answers that are kept", |status| one(status.results.entries as f64)),
    gauge("hotcell.results.size", Unit::Bytes, "What the answers that are kept weigh", |status| {
        one(count_of(status.results.bytes))
    }),
    counter("hotcell.results.hits", "Calls answered by an answer that was kept", |status| {
        one(count_of(status.results.hits))
    }),
    counter("hotcell.results.joined", "Calls answered by another call's run", |status| {
        one(count_of(status.results.joined))
    }),
    counter("hotcell.tool.calls", "Calls that ran, by their tool and whether it answered", |status| {
        status.tools.iter().flat_map(|tool| ran("tool", &tool.name, &tool.times)).collect()
    }),
    gauge("hotcell.tool.run", Unit::Seconds, "Time in the cell of calls that were answered, by their tool", |status| {
        status.tools.iter().flat_map(|tool| quantiles("tool", &tool.name, &tool.times.run)).collect()
    }),
    gauge("hotcell.tool.queue", Unit::Seconds, "Time in the queue, by the call's tool", |status| {
        status.tools.iter().flat_map(|tool| quantiles("tool", &tool.name, &tool.times.queue)).collect()
    }),
    gauge("hotcell.tool.breakers", Unit::One, "Breakers of a tool that are not closed, by what they are", |status| {
        let mut counts: BTreeMap<(&str, &str), u64> = BTreeMap::new();
        let open = status.tools.iter().flat_map(|tool| tool.breakers.values().map(|state| (&*tool.name, &**state)));
        open.for_each(|key| *counts.entry(key).or_default() += 1);
        each(&counts, |((tool, state), count)| {
            row([("tool", (*tool).to_owned()), ("state", (*state).to_owned())], count_of(*count))
        })
    }),
    counter("hotcell.tenant.calls", "Calls that ran, by their tenant and whether they were answered", |status| {
        status.tenants.iter().flat_map(|tenant| ran("tenant", &tenant.name, &tenant.times)).collect()
    }),
    gauge("hotcell.tenant.now", Unit::One, "Calls of a tenant that are waiting or running", |status| {
        let states = |tenant: &crate::status::TenantStatus| {
            let name = tenant.name.clone();
            [("waiting", tenant.waiting), ("running", tenant.running)]
                .map(move |(state, count)| row([("tenant", name.clone()), ("state", state.to_owned())], count as f64))
        };
        status.tenants.iter().flat_map(states).collect()
    }),
    gauge("hotcell.tenant.run", Unit::Seconds, "Time in the cell of calls that were answered, by tenant", |status| {
        status.tenants.iter().flat_map(|tenant| quantiles("tenant", &tenant.name, &tenant.times.run)).collect()
    }),
    gauge("hotcell.tenant.queue", Unit::Seconds, "Time in the queue, by tenant", |status| {
        status.tenants.iter().flat_map(|tenant| quantiles("tenant", &tenant.name, &tenant.times.queue)).collect()
    }),
];

fn row<const N: usize>(labels: [(&'static str, String); N], value: f64) -> Row {
    Row { labels: labels.into(), value }
}

fn one(value: f64) -> Vec<Row> {
    vec![row([], value)]
}

fn each<K, V>(all: &BTreeMap<K, V>, row: impl Fn((&K, &V)) -> Row) -> Vec<Row> {
    all.iter().map(row).collect()
}

/// Exact to 2^53, which no counter reaches.
fn count_of(count: u64) -> f64 {
    count as f64
}

fn ran(label: &'static str, name: &str, times: &Measured) -> [Row; 2] {
    [("answered", times.run.count), ("failed", times.failed.count)]
        .map(|(ended, count)| row([(label, name.to_owned()), ("ended", ended.to_owned())], count_of(count)))
}

fn quantiles(label: &'static str, name: &str, times: &Times) -> Vec<Row> {
    if times.count == 0 {
        return Vec::new();
    }
    [("0.5", times.p50_ms), ("0.95", times.p95_ms), ("0.99", times.p99_ms), ("1", times.max_ms)]
        .map(|(quantile, ms)| row([(label, name.to_owned()), ("quantile", quantile.to_owned())], ms / 1e3))
        .into()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_are_words_with_dots_and_each_is_there_once() {
        let names: BTreeSet<&str> = MEASURES.iter().map(|measure| measure.name).collect();
        assert_eq!(names.len(), MEASURES.len());
        for name in names {
            assert!(
                name.starts_with("hotcell.") && name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'.')),
                "{name}"
            );
        }
    }
}
