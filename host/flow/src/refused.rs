//! Why work was not let in.

use std::time::Duration;

use hotcell_call::{Code, Failure};

/// Work was not let in. Nothing of it was started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refused {
    /// The waiting room is full, and the caller has no deadline until which it would wait for a place.
    #[error("all {room} places in the queue are taken")]
    Full {
        /// How many can wait.
        room: usize,
    },
    /// It would be one more kind of work than is taken on at a time; what is under way goes on.
    #[error("{most} keys are in use at a time, and it would be one more")]
    Crowded {
        /// How many there may be.
        most: usize,
    },
    /// The deadline passed before its turn came.
    #[error("the deadline passed in the queue")]
    Late,
    /// Nothing is let in any more.
    #[error("no new calls are taken")]
    Closed,
}

impl Refused {
    /// When it is worth trying again. A guess, not a measurement: a full room of short calls is empty by then, a full room
    /// of long ones is not.
    const RETRY_AFTER: Duration = Duration::from_secs(1);
}

impl From<Refused> for Failure {
    fn from(refused: Refused) -> Self {
        let (code, what) = match refused {
            Refused::Full { .. } => (Code::Overloaded, "the queue is full"),
            Refused::Crowded { .. } => (Code::Overloaded, "too many different things are under way"),
            Refused::Late => (Code::Late, "the deadline passed before the call could start"),
            Refused::Closed => (Code::Draining, "the host is shutting down"),
        };
        let failure = Self::new(code, what).why(refused.to_string());
        match refused {
            Refused::Full { room } => failure
                .reached(room, room)
                .retry_after(Refused::RETRY_AFTER)
                .fix("set a deadline to wait for a place, or raise the bound of the queue"),
            Refused::Crowded { most } => failure.reached(most, most).retry_after(Refused::RETRY_AFTER),
            Refused::Late | Refused::Closed => failure,
        }
    }
}

#[cfg(test)]
mod tests {
    use hotcell_call::{Kind, Refusal};

    use super::*;

    #[test]
    fn each_refusal_has_its_outcome() {
        for (refused, code, kind) in [
            (Refused::Full { room: 4096 }, Code::Overloaded, Refusal::Overloaded),
            (Refused::Crowded { most: 9 }, Code::Overloaded, Refusal::Overloaded),
            (Refused::Late, Code::Late, Refusal::Late),
            (Refused::Closed, Code::Draining, Refusal::Overloaded),
        ] {
            let failure = Failure::from(refused);
            assert_eq!((failure.code(), failure.kind()), (code, Kind::Refused(kind)));
        }
        let full = Failure::from(Refused::Full { room: 7 });
        assert!(full.reason().contains('7') && full.wait().is_some());
    }
}
