//! What became of the calls, in memory that does not grow with their number.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use hotcell_call::{ByteSize, Failure, GrantSet, Kind, Limits, Outcome, Receipt, Source};
use hotcell_runtime::Spread;

use crate::exit::Exit;

/// What is known so far.
pub(super) struct Tally {
    /// How long it took to open the tool.
    pub(super) opened: Duration,
    pub(super) first: Option<First>,
    /// How they ended, by their word; the first is among them.
    pub(super) ends: BTreeMap<String, End>,
    /// Times of all but the first.
    pub(super) times: Times,
    pub(super) fuel: Fuel,
    pub(super) memory_peak: ByteSize,
    /// Answered without a cell: by an answer that was kept, by another call's run.
    pub(super) cached: u64,
    pub(super) joined: u64,
    /// Attempts beyond the first of a call.
    pub(super) retries: u64,
    pub(super) limits: Limits,
    pub(super) grants: GrantSet,
    /// How many ended of those that came after the first, but for what was cancelled.
    settled: u64,
    began: Option<Instant>,
    /// How long all but the first took.
    pub(super) wall: Duration,
    interrupted: bool,
}

/// The call that was made first.
pub(super) struct First {
    pub(super) outcome: String,
    pub(super) total: Duration,
    pub(super) receipt: Receipt,
}

/// One kind of end.
#[derive(Default)]
pub(super) struct End {
    pub(super) count: u64,
    /// The first failure of its kind; none for `ok`.
    pub(super) failure: Option<Failure>,
    /// How many kinds had come before it.
    place: usize,
}

/// How long it took. What a tool answered, be it with an error of its own, is apart from what ended in any other way: that says
/// nothing about how long an answer takes.
#[derive(Default)]
pub(super) struct Times {
    /// As the caller saw it.
    pub(super) total: Spread,
    pub(super) queue: Spread,
    pub(super) run: Spread,
    pub(super) instantiate: Spread,
    pub(super) unanswered: Spread,
    pub(super) unanswered_run: Spread,
}

/// Fuel of the calls that were answered by their own cells.
#[derive(Default)]
pub(super) struct Fuel {
    spread: Spread,
    ends: Option<(u64, u64)>,
}

impl Tally {
    pub(super) fn new(opened: Duration, limits: Limits, grants: GrantSet) -> Self {
        Self {
            opened,
            first: None,
            ends: BTreeMap::new(),
            times: Times::default(),
            fuel: Fuel::default(),
            memory_peak: ByteSize::default(),
            cached: 0,
            joined: 0,
            retries: 0,
            limits,
            grants,
            settled: 0,
            began: None,
            wall: Duration::ZERO,
            interrupted: false,
        }
    }

    /// The first call has ended.
    pub(super) fn first(&mut self, outcome: &Outcome, total: Duration) {
        self.count(outcome);
        // A call may be narrower than its tool.
        if outcome.receipt.digest.is_some() {
            self.limits = (*outcome.receipt.limits).clone();
            self.grants = (*outcome.receipt.grants).clone();
        }
        self.first = Some(First { outcome: outcome.word(), total, receipt: outcome.receipt.clone() });
    }

    /// The others begin.
    pub(super) fn begin(&mut self) {
        self.began = Some(Instant::now());
    }

    /// One of the others has ended.
    pub(super) fn record(&mut self, outcome: &Outcome, total: Duration) {
        self.count(outcome);
        let kind = outcome.result.as_ref().err().map(Failure::kind);
        if kind == Some(Kind::Cancelled) {
            return;
        }
        self.settled += 1;
        let answered = matches!(kind, None | Some(Kind::Failed));
        let times = &mut self.times;
        if answered { &mut times.total } else { &mut times.unanswered }.time(total);
        let receipt = &outcome.receipt;
        if !in_a_cell(receipt) {
            return;
        }
        times.queue.time(receipt.queue);
        times.instantiate.time(receipt.instantiate);
        if answered { &mut times.run } else { &mut times.unanswered_run }.time(receipt.run);
    }

    /// What is counted of every call.
    fn count(&mut self, outcome: &Outcome) {
        let place = self.ends.len();
        let end = self.ends.entry(outcome.word()).or_insert_with(|| End { place, ..End::default() });
        end.count += 1;
        if end.failure.is_none() {
            end.failure = outcome.result.as_ref().err().cloned();
        }
        let receipt = &outcome.receipt;
        self.cached += u64::from(receipt.source == Source::Cache);
        self.joined += u64::from(receipt.source == Source::Flight);
        self.retries += u64::from(receipt.attempts.saturating_sub(1));
        if in_a_cell(receipt) {
            self.memory_peak = self.memory_peak.max(receipt.memory_peak);
            if receipt.fuel_exact {
                self.fuel.record(receipt.fuel);
            }
        }
    }

    /// All have ended, or whoever watches has seen enough.
    pub(super) fn end(&mut self, interrupted: bool) {
        self.wall = self.began.map(|began| began.elapsed()).unwrap_or_default();
        self.interrupted = interrupted;
    }

    pub(super) fn interrupted(&self) -> bool {
        self.interrupted
    }

    /// How many ended, the first included.
    pub(super) fn ended(&self) -> u64 {
        self.ends.values().map(|end| end.count).sum()
    }

    /// Calls in a second, once there are two.
    pub(super) fn rate(&self) -> Option<f64> {
        let seconds = self.wall.as_secs_f64();
        #[expect(clippy::cast_precision_loss, reason = "it is shown with four digits")]
        let settled = self.settled as f64;
        (self.settled > 0 && seconds > 0.0).then_some(settled / seconds)
    }

    /// The failures, the most frequent first; of equals the one that came first.
    pub(super) fn failures(&self) -> Vec<(&str, u64, &Failure)> {
        let failed = self.ends.iter().filter_map(|(word, end)| Some((word.as_str(), end, end.failure.as_ref()?)));
        let mut failed: Vec<_> = failed.collect();
        failed.sort_by_key(|(_, end, _)| (std::cmp::Reverse(end.count), end.place));
        failed.into_iter().map(|(word, end, failure)| (word, end.count, failure)).collect()
    }

    /// That of the most frequent failure; whoever broke it off knows best that it is not whole.
    pub(super) fn exit_code(&self) -> u8 {
        if self.interrupted {
            return Kind::Cancelled.exit_code();
        }
        self.failures().first().map_or(Exit::OK.code(), |(_, _, failure)| failure.kind().exit_code())
    }
}

/// Whether its numbers are of a run of its own.
fn in_a_cell(receipt: &Receipt) -> bool {
    receipt.attempts > 0 && receipt.source == Source::Cell
}

impl Fuel {
    fn record(&mut self, fuel: u64) {
        self.spread.number(fuel);
        let (least, most) = self.ends.unwrap_or((fuel, fuel));
        self.ends = Some((least.min(fuel), most.max(fuel)));
    }

    /// The least, the median (to 1 %) and the most.
    pub(super) fn known(&self) -> Option<(u64, u64, u64)> {
        let (least, most) = self.ends?;
        Some((least, self.spread.median()?.clamp(least, most), most))
    }
}

#[cfg(test)]
mod tests {
    use hotcell_call::{CallId, Code, Log, Payload};

    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn outcome(result: Result<(), Code>, fuel: u64) -> Outcome {
        Outcome {
            call: CallId::from_bits(1),
            target: "calc.eval".parse().unwrap(),
            result: result.map(|()| Payload::default()).map_err(|code| Failure::new(code, "it failed")),
            receipt: Receipt { attempts: u32::from(fuel > 0), fuel, fuel_exact: true, run: MS, ..Receipt::default() },
            log: Log::default(),
            note: None,
        }
    }

    fn tally(ends: &[(Result<(), Code>, u64)]) -> Tally {
        let mut tally = Tally::new(MS, Limits::default(), GrantSet::default());
        let (first, rest) = ends.split_first().unwrap();
        tally.first(&outcome(first.0, first.1), 100 * MS);
        tally.begin();
        rest.iter().for_each(|(result, fuel)| tally.record(&outcome(*result, *fuel), 2 * MS));
        tally.end(false);
        tally
    }

    #[test]
    fn the_exit_code_is_that_of_the_most_frequent_failure_and_of_equals_of_the_first() {
        let (ok, rate, failed, fuel) =
            ((Ok(()), 1), (Err(Code::Rate), 0), (Err(Code::ToolFailed), 1), (Err(Code::Fuel), 1));
        for (ends, exit) in [
            (&[ok, ok][..], 0),
            (&[ok, ok, ok, failed], 1),
            (&[ok, fuel, rate, rate], 5),
            (&[rate, fuel, failed, fuel, rate], 5),
            (&[fuel, rate, failed, fuel, rate], 4),
        ] {
            assert_eq!(tally(ends).exit_code(), exit, "{ends:?}");
        }
        let mut broken_off = tally(&[ok, failed]);
        broken_off.end(true);
        assert_eq!(broken_off.exit_code(), 130);
    }

    #[test]
    fn the_first_call_counts_but_its_times_stand_apart() {
        let tally = tally(&[(Ok(()), 500), (Ok(()), 300), (Err(Code::Rate), 0), (Err(Code::Cancelled), 0)]);
        assert_eq!((tally.ended(), tally.settled), (4, 2));
        assert_eq!((tally.times.total.times().count, tally.times.unanswered.times().count), (1, 1));
        assert!(tally.times.total.times().max < 3 * MS && tally.first.as_ref().unwrap().total == 100 * MS);
        assert_eq!(tally.times.run.times().count, 1, "what was refused did not run");
        assert_eq!(tally.fuel.known().map(|(least, _, most)| (least, most)), Some((300, 500)));
        assert!(tally.rate().is_some());
    }

    #[test]
    fn one_number_is_told_exactly() {
        assert_eq!(tally(&[(Ok(()), 41_234), (Ok(()), 41_234)]).fuel.known(), Some((41_234, 41_234, 41_234)));
        assert_eq!(tally(&[(Err(Code::Rate), 0)]).fuel.known(), None);
    }
}
