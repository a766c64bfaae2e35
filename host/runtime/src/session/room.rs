//! The memory that the values of one run may take together.
//!
//! A value is paid for before it is made, by what it will take and not by how long its text is, and its room is given back when it is
//! dropped. What is kept to the end of the run is paid for to the end.

use std::sync::atomic::{AtomicU64, Ordering};

use hotcell_agent::weight;
use hotcell_call::{ByteSize, Code, Failure};
use serde_json::Value;

pub(super) struct Room {
    left: AtomicU64,
    most: ByteSize,
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
    pub(super) fn new(most: ByteSize) -> Self {
        Self { left: AtomicU64::new(most.as_u64()), most }
    }

    pub(super) fn left(&self) -> ByteSize {
        ByteSize::bytes(self.left.load(Ordering::Relaxed))
    }

    /// Takes so many bytes.
    pub(super) fn take(&self, size: ByteSize) -> Result<Share<'_>, Failure> {
        let bytes = size.as_u64();
        let taken = self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(bytes));
        match taken {
            Ok(_) => Ok(Share { room: self, bytes }),
            Err(left) => Err(self.full(left, bytes)),
        }
    }

    /// Takes what a value takes that was made already.
    pub(super) fn hold(&self, value: Value) -> Result<Held<'_>, Failure> {
        let share = self.take(weight(&value))?;
        Ok(Held { value, share })
    }

    fn full(&self, left: u64, more: u64) -> Failure {
        let reached = ByteSize::bytes((self.most.as_u64() - left).saturating_add(more));
        Failure::new(Code::Budget, "the results of the run are too large")
            .why(format!("{reached} of memory, of at most {}", self.most))
            .fix("hand on less: let a tool count or cut before the results are kept")
            .reached(reached, self.most)
    }
}

impl<'r> Share<'r> {
    /// Pays for `value` with this.
    pub(super) fn holds(self, value: Value) -> Held<'r> {
        Held { value, share: self }
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
        self.room.left.fetch_add(self.bytes, Ordering::Relaxed);
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
        let room = Room::new(ByteSize::kib(64));
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
        let room = Room::new(ByteSize::kib(1));
        let failure = room.hold(json!(vec![vec![0]; 100])).err().unwrap();
        assert_eq!(failure.code(), Code::Budget);
        assert!(failure.reason().ends_with("of memory, of at most 1KiB"), "{failure}");
        assert_eq!(room.left(), ByteSize::kib(1));
    }
}
