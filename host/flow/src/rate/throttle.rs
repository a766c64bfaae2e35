//! Waiting for one's turn.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{Denied, Rate, State};
use crate::timer::before;
use crate::{Refused, Timer};

/// A rate that callers wait for, first come, first served. Clones share it.
///
/// One caller stands in front and sleeps until its turn; the others stand behind it and wake nobody. Nothing is taken
/// before it is given: who gives up, at any point, has cost nothing, and the next moves up. A caller whose turn would come
/// after its deadline is sent away as soon as that is known, not at the deadline.
///
/// A start is never early, so no window holds more than the rate allows however late the timer wakes. A timer that wakes
/// up late is made good only as far as the burst goes: a burst of at least *rate × lateness* (ten, for 10 000 a second on
/// a timer of one millisecond) loses nothing.
#[derive(Clone)]
pub struct Throttle {
    rate: Rate,
    state: Arc<Mutex<State>>,
    /// Held by whoever stands in front.
    front: Arc<Semaphore>,
    /// Places in line.
    line: Arc<Semaphore>,
    most_waiting: usize,
    timer: Arc<dyn Timer>,
}

/// Why a caller's turn does not come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// Not by its deadline, or never.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// The line is full, or closed.
    #[error(transparent)]
    Refused(#[from] Refused),
}

impl Throttle {
    /// A throttle for at most `most_waiting` callers at a time, at least one. The one more who finds the line full is
    /// refused.
    #[must_use]
    pub fn new(rate: Rate, most_waiting: usize, timer: Arc<dyn Timer>) -> Self {
        let most_waiting = most_waiting.clamp(1, Semaphore::MAX_PERMITS);
        Self {
            rate,
            state: Arc::new(Mutex::new(State::new(rate, timer.now()))),
            front: Arc::new(Semaphore::new(1)),
            line: Arc::new(Semaphore::new(most_waiting)),
            most_waiting,
            timer,
        }
    }

    /// Takes `n` when their turn comes, or is told that it does not come by `deadline`.
    ///
    /// Safe to cancel: dropped before it ends, it has taken nothing and holds up nobody.
    ///
    /// # Errors
    ///
    /// [`Denied::TooLarge`] at once when `n` can never be had at once, [`Denied::TooSoon`] when the turn would come after
    /// the deadline, [`Refused::Late`] when the deadline passes in line, [`Refused::Full`] when the line is full.
    pub async fn take(&self, n: u32, deadline: Option<Instant>) -> Result<(), Refusal> {
        self.rate.check(n)?;
        let full = Refused::Full { room: self.most_waiting };
        let _place = Arc::clone(&self.line).try_acquire_owned().map_err(|_none| full)?;
        let _front = self.come_to_the_front(deadline).await?;
        loop {
            let now = self.timer.now();
            let denied = match self.state.lock().unwrap_or_else(PoisonError::into_inner).take(now, n) {
                Ok(()) => return Ok(()),
                Err(denied) => denied,
            };
            let Denied::TooSoon { retry_after } = denied else {
                return Err(denied.into());
            };
            match turn(now, retry_after, deadline) {
                Some(turn) => self.timer.sleep_until(turn).await,
                None => return Err(denied.into()),
            }
        }
    }

    /// How many stand in line.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.most_waiting.saturating_sub(self.line.available_permits())
    }

    /// The rate.
    #[must_use]
    pub fn rate(&self) -> Rate {
        self.rate
    }

    async fn come_to_the_front(&self, deadline: Option<Instant>) -> Result<OwnedSemaphorePermit, Refused> {
        before(&*self.timer, deadline, Arc::clone(&self.front).acquire_owned())
            .await
            .ok_or(Refused::Late)?
            .map_err(|_closed| Refused::Closed)
    }
}

/// When the turn comes, if by the deadline.
fn turn(now: Instant, retry_after: Duration, deadline: Option<Instant>) -> Option<Instant> {
    let turn = now.checked_add(retry_after)?;
    deadline.is_none_or(|deadline| turn <= deadline).then_some(turn)
}

impl fmt::Debug for Throttle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Throttle").field("rate", &self.rate).field("waiting", &self.waiting()).finish_non_exhaustive()
    }
}
