//! A bounded line of items between those who make them and those who use them up.
//!
//! A producer that is faster than its consumers must be slowed, or its work piles up in memory, or is thrown away. Here it
//! is slowed: the line is bounded by items and, if they are [weighed](channel), by what they weigh together; a
//! [`Sender`] without room waits its turn, or gets its item back at once or at its deadline. Nothing is ever dropped
//! on the way.
//!
//! - **Order.** First come, first served at both ends. A newcomer does not overtake a sender that waits, and a light
//!   item not a heavy one. Who waits hands in the item with the wait: it is let in by whoever makes room, in the
//!   same step, so that no sender must be woken first.
//! - **Pressure.** At the high mark the pressure turns high, at the low mark low again ([`Pressure`]). It is a value to be
//!   watched ([`Gauge`]), and a callback runs in the task of who follows it, never inside a send or a receive.
//! - **End.** [Closed](Sender::close), by hand or with the last sender, it lets nothing in, gives back what is parked,
//!   and lets the consumers take the rest. With the last [`Receiver`] it closes too, and what is left is dropped: who wants
//!   it [drains](Receiver::drain) first.
//!
//! How many senders wait is not bounded here: each holds the one item that it would hold anyway, and its own deadline bounds its
//! wait.
//!
//! One lock, held for a few steps and never while others' code runs: wakers are called and items dropped outside. The water
//! marks are those of TCP's and Netty's write buffers.
//!
//! What it does not do: it does not tell a sender that its item was used, only that it is in the line.
//!
//! ```
//! # use std::{sync::Arc, time::Instant};
//! # use futures::{FutureExt, future::BoxFuture};
//! # use hotcell_call::{Clock, SystemClock};
//! # struct Tokio;
//! # impl Clock for Tokio { fn now(&self) -> Instant { SystemClock.now() } }
//! # impl hotcell_flow::Timer for Tokio {
//! #     fn sleep_until(&self, at: Instant) -> BoxFuture<'static, ()> { tokio::time::sleep_until(at.into()).boxed() }
//! # }
//! use hotcell_flow::channel::{Pressure, Settings, channel};
//!
//! # tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(async {
//! let settings = Settings { items: 4, weight: Some(1_000), ..Settings::default() };
//! let (sender, receiver) = channel(settings, |line: &String| line.len(), Arc::new(Tokio))?;
//! let pressure = sender.gauge();
//! let produce = async move {
//!     for number in 0..100 {
//!         sender.send(format!("line {number}")).await?; // waits for room
//!     }
//!     Ok::<_, Box<dyn std::error::Error>>(()) // the last sender goes: end of input
//! };
//! let consume = async {
//!     let mut count = 0;
//!     while let Some(_line) = receiver.recv().await {
//!         count += 1;
//!     }
//!     count
//! };
//! let (produced, count) = futures::join!(produce, consume);
//! assert_eq!((produced?, count), ((), 100));
//! assert_eq!(pressure.reading().pressure, Pressure::Low);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod ends;
mod error;
mod line;

use std::sync::Arc;

pub use ends::{Receiver, Sender};
pub use error::{BadSettings, Nothing, Reason, SendError};

pub use crate::pressure::{Followed, Gauge, Pressure, Reading};

use crate::Timer;

/// How much a channel holds, and where its pressure turns.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Settings {
    /// How many items: at least 1.
    pub items: usize,
    /// What the items weigh together, in whatever unit they are weighed; not bounded if none.
    pub weight: Option<usize>,
    /// The share of either bound at which the pressure turns high.
    pub high: f64,
    /// The share of both bounds at which it turns low again.
    pub low: f64,
}

/// How full a channel is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Status {
    /// Items in it.
    pub items: usize,
    /// What they weigh.
    pub weight: usize,
    /// Senders that wait for room.
    pub senders: usize,
    /// The fuller of the two bounds, from 0 to 1.
    pub fill: f64,
    /// The pressure, and how often it has turned.
    pub reading: Reading,
    /// Whether it is closed.
    pub closed: bool,
}

/// Makes a channel; `weigh` says what an item weighs, `|_| 0` where it does not matter.
///
/// # Errors
///
/// [`BadSettings`] that nothing could keep.
pub fn channel<T>(
    settings: Settings,
    weigh: fn(&T) -> usize,
    timer: Arc<dyn Timer>,
) -> Result<(Sender<T>, Receiver<T>), BadSettings> {
    Ok(ends::ends(settings.bounds()?, weigh, timer))
}

// === impl Settings ===

impl Default for Settings {
    /// 100 items of any weight, with marks at 0.8 and 0.2.
    fn default() -> Self {
        Self { items: 100, weight: None, high: 0.8, low: 0.2 }
    }
}

impl Settings {
    pub(crate) fn check(&self) -> Result<(), BadSettings> {
        self.bounds().map(drop)
    }

    fn bounds(&self) -> Result<line::Bounds, BadSettings> {
        let Self { items, weight, high, low } = *self;
        match () {
            () if items == 0 => Err(BadSettings::Items),
            () if weight == Some(0) => Err(BadSettings::Weight),
            // Not a number is not less than anything.
            () if !(0.0 <= low && low < high && high <= 1.0) => Err(BadSettings::Marks { low, high }),
            () => Ok(line::Bounds { items: self.gauge(items), weight: weight.map(|weight| self.gauge(weight)) }),
        }
    }

    /// Marks in whole units: the high one at least 1, the low one below it.
    fn gauge(&self, limit: usize) -> line::Gauge {
        let share = |share: f64| share * limit as f64;
        let high = (share(self.high).ceil() as usize).clamp(1, limit);
        let low = (share(self.low).floor() as usize).min(high - 1);
        line::Gauge { limit, high, low }
    }
}

#[cfg(test)]
mod model;
#[cfg(test)]
mod tests;
