//! A pace that many share.

use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures::future::select;
use tokio::sync::{Notify, Semaphore};

use super::{BadSettings, NotNow, Pace, Settings, Signal};
use crate::Timer;
use crate::channel::Gauge;
use crate::timer::before;

/// A handle to a pace. Clones share it.
#[derive(Clone)]
pub struct Pacer {
    shared: Arc<Shared>,
}

struct Shared {
    pace: Mutex<Pace>,
    /// The first of those who wait holds it, the others stand behind in their order.
    turnstile: Semaphore,
    /// Rung when the rate may be another; only who holds the turnstile listens.
    bell: Notify,
    timer: Arc<dyn Timer>,
}

impl Pacer {
    /// A pace that has not begun.
    ///
    /// # Errors
    ///
    /// [`BadSettings`] that nothing could keep.
    pub fn new(settings: Settings, timer: Arc<dyn Timer>) -> Result<Self, BadSettings> {
        let pace = Mutex::new(Pace::new(settings, timer.now())?);
        let shared = Shared { pace, turnstile: Semaphore::new(1), bell: Notify::new(), timer };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// Takes leave to start `count` now, unless others wait for theirs.
    ///
    /// # Errors
    ///
    /// [`NotNow`] otherwise. Behind others the time that it tells is the earliest that it could be.
    pub fn try_acquire(&self, count: u32) -> Result<(), NotNow> {
        let now = self.shared.timer.now();
        match self.shared.turnstile.try_acquire() {
            Ok(_first) => self.with(|pace| pace.take(now, count)),
            Err(_others_wait) => {
                self.with(|pace| pace.look(now, count))?;
                Err(NotNow::TooSoon { after: Duration::ZERO })
            }
        }
    }

    /// Waits for leave to start `count`, in turn, until `deadline` at the longest. How many wait is not bounded here: each
    /// holds what it would start, and its own deadline bounds its wait.
    ///
    /// Safe to cancel: dropped before it ends, it has taken nothing, and the next one takes its place.
    ///
    /// # Errors
    ///
    /// [`NotNow::TooMany`] at once, [`NotNow::Late`] when the deadline comes first.
    pub async fn acquire(&self, count: u32, deadline: Option<Instant>) -> Result<(), NotNow> {
        before(&*self.shared.timer, deadline, self.wait(count)).await.unwrap_or(Err(NotNow::Late))
    }

    async fn wait(&self, count: u32) -> Result<(), NotNow> {
        let shared = &*self.shared;
        // Never closed.
        let _first = shared.turnstile.acquire().await;
        loop {
            // Made before it looks: a ring from now on is not missed.
            let bell = pin!(shared.bell.notified());
            let now = shared.timer.now();
            let retry = self.with(|pace| match pace.take(now, count) {
                Err(NotNow::TooSoon { after }) => Ok(pace.retry_at(now, after)),
                taken => Err(taken),
            });
            match retry {
                Err(taken) => return taken,
                // Either may be left in the middle: whichever comes, it is tried anew.
                Ok(at) => drop(select(shared.timer.sleep_until(at), bell).await),
            }
        }
    }

    /// Says what is to become of the rate from now on.
    pub fn observe(&self, signal: Signal) {
        let now = self.shared.timer.now();
        self.with(|pace| pace.observe(now, signal));
        self.shared.bell.notify_waiters();
    }

    /// Lets the pressure of a channel steer the rate, until the channel is gone. For whoever spawns it.
    pub async fn follow(&self, mut gauge: Gauge) {
        self.observe(gauge.reading().pressure.into());
        while let Some(pressure) = gauge.turn().await {
            self.observe(pressure.into());
        }
    }

    /// Starts a second, now.
    #[must_use]
    pub fn rate(&self) -> f64 {
        let now = self.shared.timer.now();
        self.with(|pace| pace.rate(now))
    }

    fn with<R>(&self, act: impl FnOnce(&mut Pace) -> R) -> R {
        act(&mut self.shared.pace.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
