//! The one object of `--json`.

use std::collections::BTreeMap;

use hotcell_call::{ByteSize, Failure, GrantSet, Limits};
use hotcell_runtime::Spread;
use hotcell_runtime::status::Times;
use serde::Serialize;

use super::Bench;
use super::tally::{First, Tally};

/// What was measured. Times are in milliseconds; those of the first call are apart.
#[derive(Serialize)]
pub(super) struct Object<'a> {
    target: &'a str,
    calls: u64,
    in_flight: usize,
    warmup: u64,
    interrupted: bool,
    ended: u64,
    wall_ms: f64,
    calls_per_second: Option<f64>,
    outcomes: BTreeMap<&'a str, u64>,
    failures: Vec<FailureObject<'a>>,
    opened_ms: f64,
    first: Option<FirstObject<'a>>,
    total: Times,
    queue: Times,
    run: Times,
    instantiate: Times,
    unanswered: Times,
    unanswered_run: Times,
    fuel: Option<FuelObject>,
    memory_peak: ByteSize,
    cached: u64,
    joined: u64,
    retries: u64,
    limits: &'a Limits,
    grants: &'a GrantSet,
}

#[derive(Serialize)]
struct FailureObject<'a> {
    count: u64,
    first: &'a Failure,
}

#[derive(Serialize)]
struct FirstObject<'a> {
    outcome: &'a str,
    total_ms: f64,
    queue_ms: f64,
    run_ms: f64,
    instantiate_ms: f64,
}

#[derive(Serialize)]
struct FuelObject {
    min: u64,
    p50: u64,
    max: u64,
}

impl<'a> Object<'a> {
    pub(super) fn new(bench: &'a Bench, tally: &'a Tally) -> Self {
        let times = |spread: &Spread| Times::from(spread.times());
        let failures = tally.failures();
        Self {
            target: &bench.target,
            calls: bench.calls,
            in_flight: bench.in_flight,
            warmup: bench.warmup,
            interrupted: tally.interrupted(),
            ended: tally.ended(),
            wall_ms: tally.wall.as_secs_f64() * 1e3,
            calls_per_second: tally.rate(),
            outcomes: tally.ends.iter().map(|(word, end)| (word.as_str(), end.count)).collect(),
            failures: failures.into_iter().map(|(_, count, first)| FailureObject { count, first }).collect(),
            opened_ms: tally.opened.as_secs_f64() * 1e3,
            first: tally.first.as_ref().map(FirstObject::new),
            total: times(&tally.times.total),
            queue: times(&tally.times.queue),
            run: times(&tally.times.run),
            instantiate: times(&tally.times.instantiate),
            unanswered: times(&tally.times.unanswered),
            unanswered_run: times(&tally.times.unanswered_run),
            fuel: tally.fuel.known().map(|(min, p50, max)| FuelObject { min, p50, max }),
            memory_peak: tally.memory_peak,
            cached: tally.cached,
            joined: tally.joined,
            retries: tally.retries,
            limits: &tally.limits,
            grants: &tally.grants,
        }
    }
}

impl<'a> FirstObject<'a> {
    fn new(first: &'a First) -> Self {
        let millis = |time: std::time::Duration| time.as_secs_f64() * 1e3;
        Self {
            outcome: &first.outcome,
            total_ms: millis(first.total),
            queue_ms: millis(first.receipt.queue),
            run_ms: millis(first.receipt.run),
            instantiate_ms: millis(first.receipt.instantiate),
        }
    }
}
