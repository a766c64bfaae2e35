//! How many tasks are where.

use super::task::End;

/// How many tasks are in each stage, as of one instant.
///
/// [`submitted`](Self::submitted) is at all times the sum of those that are under way and those that have ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Status {
    /// Taken, since the beginning.
    pub submitted: u64,
    /// Not taken. Not part of `submitted`.
    pub refused: u64,
    /// Waiting at the [door](super::Scheduler::enter) for a place. Not part of `submitted`.
    pub door: usize,
    /// Waiting for a task that they need.
    pub blocked: usize,
    /// Waiting for their time.
    pub delayed: usize,
    /// Waiting for their turn and a place.
    pub waiting: usize,
    /// Started, and not ended.
    pub running: usize,
    /// Ended, since the beginning.
    pub ended: Ends,
    /// Ended and remembered.
    pub remembered: usize,
}

/// How many tasks ended in each way, since the beginning: each is the [`End`] of the same name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Ends {
    /// Ran, and well.
    pub done: u64,
    /// Ran, and failed.
    pub failed: u64,
    /// Ran, and said nothing.
    pub abandoned: u64,
    /// Cancelled, before the start or in a run.
    pub cancelled: u64,
    /// Too late to start.
    pub late: u64,
    /// Ran for too long.
    pub timed_out: u64,
    /// Not started, since what they need did not end well.
    pub skipped: u64,
    /// Stopped with the scheduler.
    pub stopped: u64,
}

// === impl Status ===

impl Status {
    /// How many are under way.
    #[must_use]
    pub fn live(&self) -> usize {
        self.blocked + self.delayed + self.waiting + self.running
    }
}

// === impl Ends ===

impl Ends {
    /// How many ended at all.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.done
            + self.failed
            + self.abandoned
            + self.cancelled
            + self.late
            + self.timed_out
            + self.skipped
            + self.stopped
    }

    pub(super) fn count<I>(&mut self, end: &End<I>) {
        let count = match end {
            End::Done => &mut self.done,
            End::Failed => &mut self.failed,
            End::Abandoned => &mut self.abandoned,
            End::Cancelled => &mut self.cancelled,
            End::Late => &mut self.late,
            End::TimedOut => &mut self.timed_out,
            End::Skipped { .. } => &mut self.skipped,
            End::Stopped => &mut self.stopped,
        };
        *count += 1;
    }
}
