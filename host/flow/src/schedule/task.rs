//! What is scheduled, and how it can end.

use std::time::Instant;

use hotcell_call::Priority;

use crate::dag::Verdict;
use crate::fair::{Compartment, Terms};

/// A task to schedule: `I` names it, `K` the tenant that it is for.
///
/// Everything but the two names has a default: normal priority, at once, no deadline, no needs.
#[derive(Debug, Clone)]
pub struct Task<I, K> {
    pub(super) id: I,
    pub(super) tenant: K,
    pub(super) terms: Terms,
    pub(super) start_at: Option<Instant>,
    pub(super) needs: Vec<I>,
}

/// How a task ended. Each task that was taken ends once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum End<I> {
    /// It ran, and well.
    Done,
    /// It ran, and said that it failed.
    Failed,
    /// It ran, and its guard was dropped before it said how that went: a panic, or a future that was dropped.
    Abandoned,
    /// It was cancelled, before its start or while it ran.
    Cancelled,
    /// Its deadline passed before it could start, or start [again](super::Started::again).
    Late,
    /// Its deadline passed while it ran.
    TimedOut,
    /// It was never started, because a task that it needs, or one before that, did not end well.
    Skipped {
        /// The one that did not end well.
        because: I,
    },
    /// The scheduler stopped, before its start or while it ran.
    Stopped,
}

/// Why a task that runs should stop. It has ended when its guard is dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Stop {
    /// It was cancelled.
    Cancelled,
    /// Its deadline has passed.
    TimedOut,
    /// The scheduler stops.
    Stopped,
}

/// How it went, said by whoever ran it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Report {
    pub(super) verdict: Verdict,
    pub(super) cost: Option<u64>,
}

// === impl Task ===

impl<I, K> Task<I, K> {
    /// A task that may run at once.
    #[must_use]
    pub fn new(id: I, tenant: K) -> Self {
        Self { id, tenant, terms: Terms::default(), start_at: None, needs: Vec::new() }
    }

    /// Sets its class.
    #[must_use]
    pub fn priority(mut self, priority: Priority) -> Self {
        self.terms.priority = priority;
        self
    }

    /// Sets until when it should have ended. If it has not started by then it never will; if it runs, it is told to stop.
    #[must_use]
    pub fn deadline(mut self, deadline: Instant) -> Self {
        self.terms.deadline = Some(deadline);
        self
    }

    /// Sets before when it does not start. A time that has passed is at once: whoever works it out must not race the clock.
    #[must_use]
    pub fn start_at(mut self, at: Instant) -> Self {
        self.start_at = Some(at);
        self
    }

    /// Names tasks that must have ended well before it starts. Naming one twice is naming it once.
    #[must_use]
    pub fn needs(mut self, needs: impl IntoIterator<Item = I>) -> Self {
        self.needs.extend(needs);
        self
    }

    /// Sets what it is thought to cost; else it is what the tenant's tasks usually do.
    #[must_use]
    pub fn estimate(mut self, cost: u64) -> Self {
        self.terms.estimate = Some(cost);
        self
    }

    /// Sets what it is counted with beside its tenant: its tool. While that is at its cap, others go before it.
    #[must_use]
    pub fn compartment(mut self, compartment: Compartment) -> Self {
        self.terms.compartment = Some(compartment);
        self
    }

    /// Its name.
    #[must_use]
    pub fn id(&self) -> &I {
        &self.id
    }
}

// === impl Stop ===

impl Stop {
    /// How a task ends that was told to stop for this reason.
    #[must_use]
    pub fn end<I>(self) -> End<I> {
        match self {
            Self::Cancelled => End::Cancelled,
            Self::TimedOut => End::TimedOut,
            Self::Stopped => End::Stopped,
        }
    }
}

// === impl Report ===

impl Report {
    /// It went well.
    #[must_use]
    pub fn done() -> Self {
        Self { verdict: Verdict::Done, cost: None }
    }

    /// It failed: what needs it is skipped.
    #[must_use]
    pub fn failed() -> Self {
        Self { verdict: Verdict::Failed, cost: None }
    }

    /// Says what it really cost; else it is taken for what was thought.
    #[must_use]
    pub fn cost(mut self, cost: u64) -> Self {
        self.cost = Some(cost);
        self
    }
}
