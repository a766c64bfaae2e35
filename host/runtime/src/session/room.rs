//! The memory that a run may hold at one time: its conversations, its answers, the values of its steps.
//!
//! A value is paid for before it is made, by what it will take and not by how long its text is, and its room is given back when it is
//! dropped. What is kept to the end of the run is paid for to the end. A run within another pays out of its own room and of those
//! around, so that all runs of a tree hold no more together than one may; what it kept is given back there with the room itself.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use hotcell_agent::model::Lender;
use hotcell_agent::weight;
use hotcell_call::{ByteSize, Code, Failure};
use serde_json::Value;

#[derive(Debug)]
pub(super) struct Room {
    left: AtomicU64,
    most: ByteSize,
    around: Option<Arc<Room>>,
}

/// So many bytes of a room, given back when it is dropped.
#[must_use = "what is dropped is given back"]
pub(super) struct Share<'r> {
    room: &'r Room,
    bytes: u64,
}

/// A value that is paid for.
pub(super) struct Held<'r> {
    pub(super) value: Value,
    share: Share<'r>,
}

impl Room {
    pub(super) fn new(most: ByteSize, around: Option<Arc<Self>>) -> Arc<Self> {
        Arc::new(Self { left: AtomicU64::new(most.as_u64()), most, around })
    }

    /// What is left here and in all rooms around.
    pub(super) fn left(&self) -> ByteSize {
        let here = ByteSize::bytes(self.left.load(Ordering::Relaxed));
        self.around.as_ref().map_or(here, |around| here.min(around.left()))
    }

    /// Takes so many bytes.
    ///
    /// # Errors
    ///
    /// [`Code::RunMemory`] with the numbers.
    pub(super) fn take(&self, size: ByteSize) -> Result<Share<'_>, Failure> {
        let bytes = size.as_u64();
        self.claim(bytes)?;
        Ok(Share { room: self, bytes })
    }

    /// Takes what a value takes that was made already.
    pub(super) fn hold(&self, value: Value) -> Result<Held<'_>, Failure> {
        let share = self.take(weight(&value))?;
        Ok(Held { value, share })
    }

    fn claim(&self, bytes: u64) -> Result<(), Failure> {
        let taken = self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(bytes));
        taken.map_err(|left| self.full(left, bytes))?;
        if let Some(around) = &self.around
            && let Err(failure) = around.claim(bytes)
        {
            self.left.fetch_add(bytes, Ordering::Relaxed);
            return Err(failure);
        }
        Ok(())
    }

    fn give_back(&self, bytes: u64) {
        self.left.fetch_add(bytes, Ordering::Relaxed);
        if let Some(around) = &self.around {
            around.give_back(bytes);
        }
    }

    fn full(&self, left: u64, more: u64) -> Failure {
        let reached = ByteSize::bytes((self.most.as_u64() - left).saturating_add(more));
        no_room(format!("{reached} of memory, of at most {}", self.most)).reached(reached, self.most)
    }
}

/// That something would not fit, and why.
pub(super) fn no_room(why: String) -> Failure {
    Failure::new(Code::RunMemory, "the run holds too much").why(why).fix(
        "hand on less: a smaller `[tools] result`, fewer tasks at a time; or raise `[budget] memory` in hotcell.toml",
    )
}

impl Lender for Room {
    fn lend(&self, bytes: u64) -> Result<(), String> {
        self.claim(bytes).map_err(|failure| failure.reason().to_owned())
    }

    fn take_back(&self, bytes: u64) {
        self.give_back(bytes);
    }
}

impl Drop for Room {
    /// What was kept to the end.
    fn drop(&mut self) {
        if let Some(around) = &self.around {
            around.give_back(self.most.as_u64().saturating_sub(*self.left.get_mut()));
        }
    }
}

impl<'r> Share<'r> {
    /// Pays for `value` with this.
    pub(super) fn holds(self, value: Value) -> Held<'r> {
        Held { value, share: self }
    }

    /// How many bytes it is.
    pub(super) fn size(&self) -> ByteSize {
        ByteSize::bytes(self.bytes)
    }

    /// Takes so many bytes more.
    ///
    /// # Errors
    ///
    /// As [`Room::take`].
    pub(super) fn grow(&mut self, size: ByteSize) -> Result<(), Failure> {
        self.room.claim(size.as_u64())?;
        self.bytes = self.bytes.saturating_add(size.as_u64());
        Ok(())
    }

    /// Pays for what `other` paid for, too.
    pub(super) fn join(&mut self, mut other: Self) {
        self.bytes = self.bytes.saturating_add(std::mem::take(&mut other.bytes));
    }

    /// Stays paid for to the end of the run.
    pub(super) fn for_good(mut self) {
        self.bytes = 0;
    }
}

impl Held<'_> {
    /// The value; it stays paid for to the end of the run.
    pub(super) fn for_good(mut self) -> Value {
        self.share.bytes = 0;
        std::mem::take(&mut self.value)
    }
}

impl Drop for Share<'_> {
    fn drop(&mut self) {
        self.room.give_back(self.bytes);
    }
}

/// Several values as one list.
pub(super) fn list<'r>(room: &'r Room, items: Vec<Held<'r>>) -> Result<Held<'r>, Failure> {
    let shell = weight(&Value::Array(Vec::with_capacity(items.len())));
    let mut share = room.take(shell)?;
    let mut values = Vec::with_capacity(items.len());
    for mut item in items {
        share.bytes += std::mem::take(&mut item.share.bytes);
        values.push(std::mem::take(&mut item.value));
    }
    Ok(share.holds(Value::Array(values)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_dropped_is_given_back_and_what_is_kept_is_not() {
        let room = Room::new(ByteSize::kib(64), None);
        let before = room.left();
        let (one, other) = (room.hold(json!(["a", "b"])).unwrap(), room.hold(json!({"a": 1})).unwrap());
        assert!(room.left() < before);
        let both = list(&room, vec![one, other]).unwrap();
        let most = before.as_u64() - room.left().as_u64();
        assert!(most >= weight(&both.value).as_u64());
        drop(both);
        assert_eq!(room.left(), before);
        let kept = room.hold(json!("kept")).unwrap().for_good();
        assert_eq!(before.as_u64() - room.left().as_u64(), weight(&kept).as_u64());
    }

    #[test]
    fn what_does_not_fit_is_refused_with_the_numbers() {
        let room = Room::new(ByteSize::kib(1), None);
        let failure = room.hold(json!(vec![vec![0]; 100])).err().unwrap();
        assert_eq!(failure.code(), Code::RunMemory);
        assert!(failure.reason().ends_with("of memory, of at most 1KiB"), "{failure}");
        assert_eq!(room.left(), ByteSize::kib(1));
    }

    #[test]
    fn runs_within_a_run_hold_no_more_together_than_one_may() {
        let most = ByteSize::kib(64);
        let outer = Room::new(most, None);
        let (one, other) = (Room::new(most, Some(Arc::clone(&outer))), Room::new(most, Some(Arc::clone(&outer))));
        let held = one.take(ByteSize::kib(40)).unwrap();
        assert_eq!((other.left(), outer.left()), (ByteSize::kib(24), ByteSize::kib(24)));
        let refused = other.take(ByteSize::kib(25)).err().unwrap();
        assert_eq!(refused.reason(), "65KiB of memory, of at most 64KiB");
        assert_eq!(other.left.load(Ordering::Relaxed), most.as_u64(), "what was refused around is given back here");
        drop(held);
        other.take(ByteSize::kib(50)).unwrap().for_good();
        assert_eq!(one.left(), ByteSize::kib(14));
        drop(other);
        assert_eq!((one.left(), outer.left()), (most, most), "with the run, what it kept goes");
    }
}
