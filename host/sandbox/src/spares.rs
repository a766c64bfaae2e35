//! What the pool sets aside beyond the ordinary: a component of many memories, tables or instances must not take the places of
//! calls that need one each.
//!
//! Every call that may be in its cell has what an ordinary component is made of, and nobody else can take it. What a component
//! needs beyond that comes from the rest of the pool, and when that is used up, it waits for others of its kind.

use std::sync::Arc;
use std::time::Duration;

use hotcell_call::{Code, Failure, Target};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::describe::Parts;
use crate::engine::{ORDINARY, pool};

/// The parts of the pool that belong to no call in particular.
pub(crate) struct Spares {
    instances: Stock,
    memories: Stock,
    tables: Stock,
}

struct Stock {
    what: &'static str,
    most: usize,
    free: Arc<Semaphore>,
}

/// Spare parts of one call; given back when dropped.
#[derive(Debug)]
pub(crate) struct Spare {
    _held: [Option<OwnedSemaphorePermit>; 3],
}

impl Spares {
    /// What is left of the pool of so many calls.
    pub(crate) fn new(calls: u32) -> Self {
        let pool = pool(calls);
        let rest = |all: u32, each: u32| all.saturating_sub(each.saturating_mul(calls));
        Self {
            instances: Stock::new("core instances", rest(pool.instances, ORDINARY.instances)),
            memories: Stock::new("memories", rest(pool.memories, ORDINARY.memories)),
            tables: Stock::new("tables", rest(pool.tables, ORDINARY.tables)),
        }
    }

    /// Takes what a component of these parts needs beyond the ordinary: nothing, for nearly all.
    ///
    /// # Errors
    ///
    /// [`Code::Overloaded`] when others hold it.
    pub(crate) fn take(&self, parts: Parts, target: &Target) -> Result<Spare, Failure> {
        Ok(Spare {
            _held: [
                self.instances.take(parts.instances, ORDINARY.instances, target)?,
                self.memories.take(parts.memories, ORDINARY.memories, target)?,
                self.tables.take(parts.tables, ORDINARY.tables, target)?,
            ],
        })
    }
}

impl Stock {
    fn new(what: &'static str, most: u32) -> Self {
        let most = most as usize;
        Self { what, most, free: Arc::new(Semaphore::new(most)) }
    }

    fn take(&self, needed: u32, ordinary: u32, target: &Target) -> Result<Option<OwnedSemaphorePermit>, Failure> {
        let more = needed.saturating_sub(ordinary);
        if more == 0 {
            return Ok(None);
        }
        let taken = Arc::clone(&self.free).try_acquire_many_owned(more);
        taken.map(Some).map_err(|_| {
            let (what, most) = (self.what, self.most);
            Failure::new(Code::Overloaded, format!("{target} was not started"))
                .why(format!("it is made of {needed} {what}; beyond {ordinary} they come from {most} that such tools share, and too few are free"))
                .fix("try again when other calls have ended, build it from fewer parts, or raise `[schedule] in_flight`")
                .reached(more, most)
                .retry_after(Duration::from_millis(100))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(memories: u32) -> Parts {
        Parts { memories, ..ORDINARY }
    }

    #[test]
    fn ordinary_calls_take_nothing_and_others_share_the_rest() {
        let (spares, target) = (Spares::new(16), "a.b".parse().unwrap());
        let held: Vec<Spare> = std::iter::from_fn(|| spares.take(parts(8), &target).ok()).collect();
        assert_eq!(held.len(), 2, "16 spare memories are 7 for each");
        let failure = spares.take(parts(8), &target).unwrap_err();
        assert_eq!(failure.code(), Code::Overloaded);
        assert!(failure.wait().is_some());
        for _ in 0..16 {
            assert!(spares.take(ORDINARY, &target).is_ok());
        }
        drop(held);
        assert!(spares.take(parts(8), &target).is_ok());
    }

    #[test]
    fn the_pool_of_one_call_has_room_for_the_largest_component() {
        let largest = Parts {
            instances: crate::engine::MOST_INSTANCES,
            memories: crate::engine::MOST_MEMORIES,
            tables: crate::engine::MOST_TABLES,
        };
        assert!(Spares::new(1).take(largest, &"a.b".parse().unwrap()).is_ok());
    }
}
