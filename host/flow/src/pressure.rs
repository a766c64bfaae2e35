//! Pressure as a value: which way it turned last, and how often it has.
//!
//! Whoever lets things in has to know early that room gets short, and must not be held up by those who listen to it. So the
//! pressure is a value that is watched: a [`channel`](crate::channel) has one, and so has a [`schedule`](crate::schedule).
//! It turns at two marks and not at one, and the callbacks of [`Gauge::follow`] run in the task of who follows.

use tokio::sync::watch;

use crate::Panicked;

/// Whether something is filling up.
///
/// It turns high when the high mark is reached and low only when the low mark is: in between it stays what it was, so that
/// something whose length wavers about one mark does not call out at each item.
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

/// Follows a pressure from when it was made, whoever else does and however slowly.
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

/// Where those who watch are told of it.
#[derive(Debug)]
pub(crate) struct Readings(watch::Sender<Reading>);

/// The pressure of one length that is told each time that it changes.
#[derive(Debug)]
pub(crate) struct Level {
    /// The mark at which it turns high: at least 1.
    high: usize,
    /// The mark at which it turns low again, below the high one.
    low: usize,
    reading: Reading,
}

impl Pressure {
    fn after(crossings: u64) -> Self {
        if crossings.is_multiple_of(2) { Self::Low } else { Self::High }
    }
}

impl Reading {
    /// Turns it over.
    pub(crate) fn turn(&mut self) {
        self.crossings += 1;
        self.pressure = Pressure::after(self.crossings);
    }
}

// === impl Readings ===

impl Readings {
    pub(crate) fn new() -> Self {
        Self(watch::Sender::new(Reading::default()))
    }

    /// Tells of a reading. Two threads may come here in the other order than they left their lock: an older reading changes
    /// nothing.
    pub(crate) fn tell(&self, reading: Reading) {
        self.0.send_if_modified(|told| {
            let newer = told.crossings < reading.crossings;
            if newer {
                *told = reading;
            }
            newer
        });
    }

    pub(crate) fn gauge(&self) -> Gauge {
        Gauge::new(self.0.subscribe())
    }
}

// === impl Level ===

impl Level {
    pub(crate) fn new(high: usize, low: usize) -> Self {
        Self { high, low, reading: Reading::default() }
    }

    /// The reading, if `length` turns it.
    pub(crate) fn measure(&mut self, length: usize) -> Option<Reading> {
        let turns = match self.reading.pressure {
            Pressure::Low => length >= self.high,
            Pressure::High => length <= self.low,
        };
        turns.then(|| {
            self.reading.turn();
            self.reading
        })
    }
}

// === impl Gauge ===

impl Gauge {
    fn new(readings: watch::Receiver<Reading>) -> Self {
        let seen = readings.borrow().crossings;
        Self { readings, seen }
    }

    /// The pressure now.
    #[must_use]
    pub fn reading(&self) -> Reading {
        *self.readings.borrow()
    }

    /// Waits for the next turn that this gauge has not told of yet; each is told once and in order, none is passed over.
    /// None when what it watches is gone and all are told.
    ///
    /// Safe to cancel: dropped before it ends, the turn is told next time.
    pub async fn turn(&mut self) -> Option<Pressure> {
        let seen = self.seen;
        self.readings.wait_for(|reading| reading.crossings > seen).await.ok()?;
        self.seen += 1;
        Some(Pressure::after(self.seen))
    }

    /// Calls `callback` once for each turn, in order, until what it watches is gone.
    ///
    /// It is for whoever spawns it: no callback runs inside what changes the pressure, so a slow one holds up nobody, and one
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
