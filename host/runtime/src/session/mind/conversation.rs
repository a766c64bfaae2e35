//! What was said so far, as long as there is room for it.
//!
//! One conversation has a bound of its own; all that a run has at one time are paid for out of the run's room. What does not fit is
//! the end of that conversation, and of no other.

use hotcell_agent::model::{Message, ToolResult};
use hotcell_call::{ByteSize, Failure};
use serde_json::Value;

use crate::session::room::{Room, Share};

/// A conversation, paid for.
pub(super) struct Conversation<'r> {
    messages: Vec<Message>,
    share: Share<'r>,
}

/// What came of the uses of one reply, paid for.
pub(super) struct Results<'r> {
    pub(super) list: Vec<ToolResult>,
    pub(super) share: Share<'r>,
}

impl<'r> Conversation<'r> {
    /// One that begins so.
    ///
    /// # Errors
    ///
    /// [`Code::RunMemory`](hotcell_call::Code::RunMemory), as everything that makes it longer.
    pub(super) fn begin(room: &'r Room, messages: Vec<Message>) -> Result<Self, Failure> {
        let share = room.take(size(&messages))?;
        Ok(Self { messages, share })
    }

    pub(super) fn push(&mut self, message: Message) -> Result<(), Failure> {
        self.share.grow(size(std::slice::from_ref(&message)))?;
        self.messages.push(message);
        Ok(())
    }

    /// What came of the last reply's uses: it is paid for already.
    pub(super) fn results(&mut self, results: Results<'r>) {
        self.share.join(results.share);
        self.messages.push(Message::Results(results.list));
    }

    pub(super) fn messages(&self) -> &[Message] {
        &self.messages
    }
}

/// What a result holds.
pub(super) fn size_of_result(result: &ToolResult) -> ByteSize {
    ByteSize::of(result.id.len() + result.name.len() + result.text.len())
}

/// What messages hold, about.
pub(super) fn size(messages: &[Message]) -> ByteSize {
    let of = |message: &Message| match message {
        Message::User(text) => text.len(),
        Message::Assistant { text, uses, opaque } => {
            let inputs = uses.iter().map(|one| match &one.input {
                Ok(input) => Value::Object(input.clone()).to_string().len(),
                Err(text) => text.len(),
            });
            let names: usize = uses.iter().map(|one| one.id.len() + one.name.len()).sum();
            names + text.len() + inputs.sum::<usize>() + opaque.as_ref().map_or(0, |opaque| opaque.to_string().len())
        }
        Message::Results(results) => results.iter().map(|result| size_of_result(result).as_usize()).sum(),
    };
    ByteSize::of(messages.iter().map(of).sum())
}

#[cfg(test)]
mod tests {
    use hotcell_call::Code;

    use super::*;

    #[test]
    fn many_conversations_share_one_room_and_each_fails_alone() {
        let room = Room::new(ByteSize::kib(64), None);
        let begin = || Conversation::begin(&room, vec![Message::User("x".repeat(20 << 10))]);
        let (mut one, mut other) = (begin().unwrap(), begin().unwrap());
        other.push(Message::User("x".repeat(20 << 10))).unwrap();
        let failure = one.push(Message::User("x".repeat(20 << 10))).unwrap_err();
        assert_eq!((failure.code(), failure.reason()), (Code::RunMemory, "80KiB of memory, of at most 64KiB"));
        assert_eq!((one.messages().len(), other.messages().len()), (1, 2), "and nothing is lost of it");
        drop(other);
        let result = ToolResult { id: String::new(), name: String::new(), text: "x".repeat(40 << 10), is_error: false };
        let share = room.take(size_of_result(&result)).unwrap();
        one.results(Results { list: vec![result], share });
        assert_eq!(room.left(), ByteSize::kib(4));
        drop(one);
        assert_eq!(room.left(), ByteSize::kib(64));
    }
}
