//! What happened in a run, for those who come later: bounded for each run, and in the number of runs.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use hotcell_call::{Event, RunId};

/// Events of one run that are kept: the last ones.
const MOST_EVENTS: usize = 1_000;
/// Runs whose events are kept: the last that began.
const MOST_RUNS: usize = 256;

/// The events of the last runs.
#[derive(Debug, Default)]
pub(super) struct History {
    runs: HashMap<RunId, Kept>,
    order: VecDeque<RunId>,
}

#[derive(Debug, Default)]
struct Kept {
    events: VecDeque<Arc<Event>>,
    dropped: u64,
}

/// What is kept of one run.
#[derive(Debug, Clone)]
pub struct RunHistory {
    /// Its last events, in their order.
    pub events: Vec<Arc<Event>>,
    /// How many were before them.
    pub dropped: u64,
}

impl History {
    pub(super) fn keep(&mut self, event: &Arc<Event>) {
        let Some(run) = event.run else { return };
        if !self.runs.contains_key(&run) {
            if self.order.len() >= MOST_RUNS
                && let Some(oldest) = self.order.pop_front()
            {
                self.runs.remove(&oldest);
            }
            self.order.push_back(run);
        }
        let kept = self.runs.entry(run).or_default();
        if kept.events.len() >= MOST_EVENTS {
            kept.events.pop_front();
            kept.dropped += 1;
        }
        kept.events.push_back(Arc::clone(event));
    }

    pub(super) fn of(&self, run: RunId) -> Option<RunHistory> {
        let kept = self.runs.get(&run)?;
        Some(RunHistory { events: kept.events.iter().cloned().collect(), dropped: kept.dropped })
    }
}
