//! Pressure as a value: which way it turned last, and how often it has.

use tokio::sync::watch;

use crate::Panicked;

/// Whether a channel is filling up.
///
/// It turns high when the high mark is reached and low only when the low mark is: in between it stays what it was, so that a
/// channel whose length wavers about one mark does not call out at each item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Pressure {
    /// There is room. So it begins.
    #[default]
    Low,
    /// The high mark was reached, and the low mark has not been since.
    High,
}

/// The pressure, and how often it has turned. High and low take turns, so the count alone tells what was missed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Reading {
    /// The pressure now.
    pub pressure: Pressure,
    /// How often it has turned.
    pub crossings: u64,
}

/// Follows the pressure of a channel from when it was made, whoever else does and however slowly.
#[derive(Debug, Clone)]
pub struct Gauge {
    readings: watch::Receiver<Reading>,
    seen: u64,
}

/// What came of the callbacks of [`Gauge::follow`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Followed {
    /// How often the callback was called.
    pub calls: u64,
    /// How many of these calls panicked.
    pub panics: u64,
    /// The last of these panics.
    pub last: Option<Panicked>,
}

impl Pressure {
    pub(super) fn after(crossings: u64) -> Self {
        if crossings.is_multiple_of(2) { Self::Low } else { Self::High }
    }
}

impl Gauge {
    pub(super) fn new(readings: watch::Receiver<Reading>) -> Self {
        let seen = readings.borrow().crossings;
        Self { readings, seen }
    }

    /// The pressure now.
    #[must_use]
    pub fn reading(&self) -> Reading {
        *self.readings.borrow()
    }

    /// Waits for the next turn that this gauge has not told of yet; each is told once and in order, none is passed over.
    /// None when the channel is gone and all are told.
    ///
    /// Safe to cancel: dropped before it ends, the turn is told next time.
    pub async fn turn(&mut self) -> Option<Pressure> {
        let seen = self.seen;
        self.readings.wait_for(|reading| reading.crossings > seen).await.ok()?;
        self.seen += 1;
        Some(Pressure::after(self.seen))
    }

    /// Calls `callback` once for each turn, in order, until the channel is gone.
    ///
    /// It is for whoever spawns it: no callback runs inside a send or a receive, so a slow one holds up nobody, and one
    /// that panics is counted and called again at the next turn.
    pub async fn follow(mut self, mut callback: impl FnMut(Pressure)) -> Followed {
        let mut followed = Followed::default();
        while let Some(pressure) = self.turn().await {
            followed.calls += 1;
            if let Err(panicked) = crate::panicked::caught_call(|| callback(pressure)) {
                followed.panics += 1;
                followed.last = Some(panicked);
            }
        }
        followed
    }
}
