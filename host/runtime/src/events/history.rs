//! What happened in a run, for those who come later: bounded for each run, in the number of runs, and in bytes.
//!
//! Events are small mostly, but their texts are of models and of tools. So a run's events have a bound in bytes beside that in
//! number, and those of all runs have one together: the oldest run gives up its events first, and is known still for how many it had.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use hotcell_call::{ByteSize, Event, RunId, TenantId};

/// Events of one run that are kept: the last ones.
const MOST_EVENTS: usize = 1_000;
/// What they may weigh.
const MOST_OF_ONE: ByteSize = ByteSize::mib(1);
/// Runs whose events are kept: the last that began.
const MOST_RUNS: usize = 256;
/// What the events of all of them may weigh.
const MOST_OF_ALL: ByteSize = ByteSize::mib(64);

/// The events of the last runs.
#[derive(Debug)]
pub(super) struct History {
    runs: HashMap<RunId, Kept>,
    order: VecDeque<RunId>,
    weight: u64,
    most: Most,
}

/// The bounds in bytes.
#[derive(Debug, Clone, Copy)]
struct Most {
    one: u64,
    all: u64,
}

#[derive(Debug, Default)]
struct Kept {
    events: VecDeque<Arc<Event>>,
    weight: u64,
    dropped: u64,
    dropped_bytes: u64,
    has_ended: bool,
}

/// What is kept of one run.
#[derive(Debug, Clone)]
pub struct RunHistory {
    /// Its last events, in their order.
    pub events: Vec<Arc<Event>>,
    /// How many were before them.
    pub dropped: u64,
    /// What those weighed.
    pub dropped_bytes: ByteSize,
}

impl Default for History {
    fn default() -> Self {
        let most = Most { one: MOST_OF_ONE.as_u64(), all: MOST_OF_ALL.as_u64() };
        Self { runs: HashMap::new(), order: VecDeque::new(), weight: 0, most }
    }
}

impl History {
    pub(super) fn keep(&mut self, event: &Arc<Event>) {
        let Some(run) = event.run else { return };
        if !self.runs.contains_key(&run) {
            if self.order.len() >= MOST_RUNS
                && let Some(place) = self.next_to_go()
                && let Some(gone) = self.order.remove(place)
                && let Some(gone) = self.runs.remove(&gone)
            {
                self.weight = self.weight.saturating_sub(gone.weight);
            }
            self.order.push_back(run);
        }
        let kept = self.runs.entry(run).or_default();
        let before = kept.weight;
        kept.push(event, self.most.one);
        kept.has_ended |= event.ends(run);
        self.weight = self.weight.saturating_sub(before).saturating_add(kept.weight);
        // The oldest runs first: what is told now is of more use. That of the event itself may come last, and fits alone.
        for run in &self.order {
            if self.weight <= self.most.all {
                break;
            }
            let Some(kept) = self.runs.get_mut(run) else { continue };
            while self.weight > self.most.all
                && let Some(gone) = kept.drop_oldest()
            {
                self.weight = self.weight.saturating_sub(gone);
            }
        }
    }

    /// The place of the run that makes room: the oldest that has ended, of the tenant that has most of these; else the oldest of all.
    /// So nobody loses a run that goes on to what others, or its own, begin and end.
    fn next_to_go(&self) -> Option<usize> {
        let mut ended: HashMap<Option<&TenantId>, (usize, usize)> = HashMap::new();
        for (place, run) in self.order.iter().enumerate() {
            let Some(kept) = self.runs.get(run).filter(|kept| kept.has_ended) else { continue };
            let tenant = kept.events.back().and_then(|event| event.tenant.as_ref());
            ended.entry(tenant).or_insert((0, place)).0 += 1;
        }
        let most = ended.into_values().max_by_key(|(count, place)| (*count, std::cmp::Reverse(*place)));
        most.map(|(_, place)| place).or_else(|| (!self.order.is_empty()).then_some(0))
    }

    pub(super) fn of(&self, run: RunId) -> Option<RunHistory> {
        let kept = self.runs.get(&run)?;
        Some(RunHistory {
            events: kept.events.iter().cloned().collect(),
            dropped: kept.dropped,
            dropped_bytes: ByteSize::bytes(kept.dropped_bytes),
        })
    }
}

impl Kept {
    fn push(&mut self, event: &Arc<Event>, most: u64) {
        self.weight = self.weight.saturating_add(event.weight().as_u64());
        self.events.push_back(Arc::clone(event));
        while (self.events.len() > MOST_EVENTS || self.weight > most) && self.drop_oldest().is_some() {}
    }

    /// Gives up the oldest event; gives what it weighed.
    fn drop_oldest(&mut self) -> Option<u64> {
        let weight = self.events.pop_front()?.weight().as_u64();
        self.weight = self.weight.saturating_sub(weight);
        self.dropped += 1;
        self.dropped_bytes = self.dropped_bytes.saturating_add(weight);
        Some(weight)
    }
}

#[cfg(test)]
mod tests {
    use hotcell_call::Happening;

    use super::*;

    fn event(run: u128, text: usize) -> Arc<Event> {
        let what = Happening::ErrorOccurred { what: "x".repeat(text) };
        Arc::new(Event { seq: 0, at_ms: 0, tenant: None, call: None, run: Some(RunId::from_bits(run)), what })
    }

    // Any one of the bounds is enough, and what was dropped is told.
    #[test]
    fn a_run_is_bounded_in_bytes_as_well_as_in_number() {
        let mut history = History::default();
        for _ in 0..100 {
            history.keep(&event(1, 100_000));
        }
        (0..MOST_EVENTS + 5).for_each(|_| history.keep(&event(2, 0)));
        let (large, many) = (history.of(RunId::from_bits(1)).unwrap(), history.of(RunId::from_bits(2)).unwrap());
        let kept: u64 = large.events.iter().map(|event| event.weight().as_u64()).sum();
        assert!(kept <= MOST_OF_ONE.as_u64() && large.events.len() == 10, "{} of {kept}", large.events.len());
        assert_eq!((large.dropped, large.dropped_bytes.as_u64() > 9_000_000), (90, true));
        assert_eq!((many.events.len(), many.dropped), (MOST_EVENTS, 5));
    }

    #[test]
    fn all_runs_together_are_bounded_and_the_oldest_is_still_known() {
        let mut history = History { most: Most { one: 100_000, all: 250_000 }, ..History::default() };
        for run in 1..=4 {
            (0..9).for_each(|_| history.keep(&event(run, 10_000)));
        }
        let of = |run| history.of(RunId::from_bits(run)).map(|kept| (kept.events.len(), kept.dropped)).unwrap();
        assert_eq!((of(1), of(3), of(4)), ((0, 9), (9, 0), (9, 0)));
        assert!(of(2).0 < 9 && of(2).0 + usize::try_from(of(2).1).unwrap() == 9, "{:?}", of(2));
        assert!(history.weight <= 250_000);
    }

    #[test]
    fn what_a_run_weighed_is_given_back_with_it() {
        let mut history = History::default();
        for run in 0..1_000 {
            history.keep(&event(run, 1_000));
        }
        let kept: u64 = history.runs.values().map(|kept| kept.weight).sum();
        assert_eq!((history.runs.len(), history.weight), (MOST_RUNS, kept));
    }

    // A run that goes on was lost to those that it began itself; a tenant's to another's many.
    #[test]
    fn what_has_ended_makes_room_and_first_whose_there_is_most_of() {
        let mut history = History::default();
        let tell = |history: &mut History, run: u128, tenant: &str, ends: bool| {
            let what = match ends {
                true => Happening::RunFinished { outcome: "ok".to_owned(), answer: None },
                false => Happening::ErrorOccurred { what: "x".to_owned() },
            };
            let (tenant, run) = (Some(tenant.parse().unwrap()), Some(RunId::from_bits(run)));
            history.keep(&Arc::new(Event { seq: 0, at_ms: 0, tenant, call: None, run, what }));
        };
        tell(&mut history, 1, "acme", false);
        tell(&mut history, 2, "bolt", true);
        for run in 3..1_000 {
            tell(&mut history, run, "acme", true);
        }
        let kept = |run| history.of(RunId::from_bits(run)).is_some();
        assert_eq!([1, 2, 3, 999].map(kept), [true, true, false, true]);
        assert_eq!(history.runs.len(), MOST_RUNS);
    }
}
