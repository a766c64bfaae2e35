//! What came of the attacks.

use std::sync::Arc;
use std::time::Duration;

use hotcell_call::{Failure, Limits, Outcome};
use hotcell_flow::profile::Times;

use super::attacks::Attack;
use super::judge::{Bound, Verdict};

/// What came of all attacks.
#[derive(Debug, Clone)]
pub struct Proof {
    /// One for each attack, in their order.
    pub rows: Vec<Row>,
    /// The limits in force, as the store of a call without any of its own had them.
    pub limits: Arc<Limits>,
    /// How long the neighbour's calls took while it was alone.
    pub idle: Times,
    /// How long all of them took.
    pub beside: Times,
    /// The first of them that was not answered.
    pub harmed: Option<Failure>,
    /// How long it all took.
    pub took: Duration,
}

/// What came of one attack.
#[derive(Debug, Clone)]
pub struct Row {
    /// What it does.
    pub attack: &'static str,
    /// The limit that it goes for, by its key, or what else has to hold.
    pub limit: &'static str,
    /// The value that stood on the store.
    pub set: Option<String>,
    /// The value in force, where it was narrowed for the proof.
    pub narrowed_from: Option<String>,
    /// The outcome that there should be.
    pub expected: &'static str,
    /// The outcome; none: it was not made.
    pub outcome: Option<String>,
    /// How far it came.
    pub reached: Option<String>,
    /// How long its slowest call took, as its caller saw it.
    pub took: Duration,
    /// How long after its limit it was gone, where the limit is a time.
    pub after: Option<Duration>,
    /// How often it was made.
    pub calls: u32,
    /// How long the neighbour's calls took beside it.
    pub neighbour: Times,
    /// What that shows.
    pub verdict: Verdict,
}

/// What a neighbour may wait, however short it waits alone.
const SLOW: Duration = Duration::from_millis(250);

// === impl Row ===

impl Row {
    pub(super) fn new(attack: &Attack, verdict: Verdict) -> Self {
        Self {
            attack: attack.name,
            limit: attack.bound.word(),
            set: None,
            narrowed_from: None,
            expected: attack.bound.expected(),
            outcome: None,
            reached: None,
            took: Duration::ZERO,
            after: None,
            calls: 0,
            neighbour: Times::default(),
            verdict,
        }
    }

    /// Takes in how the last call of the attack ended.
    pub(super) fn take(&mut self, bound: Bound, asked: &Limits, outcome: &Outcome, took: Duration) {
        self.calls += 1;
        self.outcome = Some(outcome.word());
        self.set = bound.set(outcome);
        self.reached = bound.reached(outcome);
        self.took = self.took.max(took);
        if bound.word() == "timeout" {
            let after = took.saturating_sub(asked.timeout);
            self.after = Some(self.after.unwrap_or_default().max(after));
        }
    }
}

// === impl Proof ===

impl Proof {
    /// The attacks whose limit does not hold.
    pub fn broken(&self) -> impl Iterator<Item = &Row> {
        self.rows.iter().filter(|row| matches!(row.verdict, Verdict::Broken(_)))
    }

    /// The attacks beside which the neighbour waited longer than it should: five times as long as alone, and a quarter of a second.
    ///
    /// On a machine that is busy with other things it may, so it is no more than a hint.
    pub fn slowed(&self) -> impl Iterator<Item = &Row> {
        let bound = (5 * self.idle.p99).max(SLOW);
        self.rows.iter().filter(move |row| row.neighbour.p99 > bound)
    }

    /// Whether nothing broke, and the neighbour was always answered.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.broken().next().is_none() && self.harmed.is_none()
    }
}
