//! What was said so far, as long as there is room for it.
//!
//! One conversation has a bound of its own; all that a run has at one time are paid for out of the run's room. What does not fit is
//! the end of that conversation, and of no other.

use hotcell_agent::model::{Message, ToolResult, ToolUse};
use hotcell_agent::{weight, weight_of_fields};
use hotcell_call::{ByteSize, Failure};

use crate::session::room::{Room, Share};

/// A conversation, paid for.
pub(super) struct Conversation<'r> {
    room: &'r Room,
    messages: Vec<Message>,
    share: Share<'r>,
}

/// A conversation as it is put before a model, paid for on its own.
pub(in crate::session) struct Copied<'r> {
    pub(super) messages: Vec<Message>,
    pub(super) share: Share<'r>,
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
        let share = room.take(held(&messages))?;
        Ok(Self { room, messages, share })
    }

    pub(super) fn push(&mut self, message: Message) -> Result<(), Failure> {
        self.share.grow(held(std::slice::from_ref(&message)))?;
        self.messages.push(message);
        Ok(())
    }

    /// What came of the last reply's uses: it is paid for already.
    pub(super) fn results(&mut self, results: Results<'r>) {
        self.share.join(results.share);
        self.messages.push(Message::Results(results.list));
    }

    /// What was said so far, for a model to read.
    pub(super) fn copied(&self) -> Result<Copied<'r>, Failure> {
        let share = self.room.take(held(&self.messages))?;
        Ok(Copied { messages: self.messages.clone(), share })
    }
}

/// What a result takes.
pub(super) fn held_by_result(result: &ToolResult) -> ByteSize {
    ByteSize::of(result.id.len() + result.name.len() + result.text.len() + size_of::<ToolResult>())
}

/// What uses take: their input is a value, and not the text that it came as.
pub(super) fn held_by_uses(uses: &[ToolUse]) -> ByteSize {
    let each = uses.iter().map(|one| {
        let input = match &one.input {
            Ok(input) => weight_of_fields(input).as_usize(),
            Err(text) => text.len(),
        };
        one.id.len() + one.name.len() + input + size_of::<ToolUse>()
    });
    ByteSize::of(each.fold(0, usize::saturating_add))
}

/// What messages take.
pub(super) fn held(messages: &[Message]) -> ByteSize {
    let of = |message: &Message| match message {
        Message::User(text) => text.len(),
        Message::Assistant { text, uses, opaque } => {
            text.len() + held_by_uses(uses).as_usize() + opaque.as_ref().map_or(0, |opaque| weight(opaque).as_usize())
        }
        Message::Results(results) => results.iter().map(|result| held_by_result(result).as_usize()).sum(),
    };
    ByteSize::of(messages.iter().map(|message| of(message) + size_of::<Message>()).fold(0, usize::saturating_add))
}

/// What messages are as text, about: as JSON, in which they are sent.
pub(super) fn size(messages: &[Message]) -> ByteSize {
    let of = |message: &Message| match message {
        Message::User(text) => written(text),
        Message::Assistant { text, uses, opaque } => {
            let inputs = uses.iter().map(|one| match &one.input {
                // As a text within a text.
                Ok(input) => serde_json::to_string(input).map_or(0, |text| written(&text)),
                Err(text) => written(text),
            });
            let names: usize = uses.iter().map(|one| written(&one.id) + written(&one.name)).sum();
            names + written(text) + inputs.sum::<usize>() + opaque.as_ref().map_or(0, |opaque| opaque.to_string().len())
        }
        Message::Results(results) => {
            results.iter().map(|result| written(&result.id) + written(&result.name) + written(&result.text)).sum()
        }
    };
    ByteSize::of(messages.iter().map(of).sum())
}

/// The length of a text as JSON, without its quotes.
pub(super) fn written(text: &str) -> usize {
    let of = |byte: u8| match byte {
        b'"' | b'\\' | b'\n' | b'\r' | b'\t' | 0x08 | 0x0c => 2,
        0..0x20 => 6,
        _ => 1,
    };
    text.bytes().map(of).sum()
}

#[cfg(test)]
mod tests {
    use hotcell_call::Code;
    use serde_json::Value;

    use super::*;

    #[test]
    fn many_conversations_share_one_room_and_each_fails_alone() {
        let room = Room::new(ByteSize::kib(64), None);
        let begin = || Conversation::begin(&room, vec![Message::User("x".repeat(20 << 10))]);
        let (mut one, mut other) = (begin().unwrap(), begin().unwrap());
        other.push(Message::User("x".repeat(20 << 10))).unwrap();
        let failure = one.push(Message::User("x".repeat(20 << 10))).unwrap_err();
        assert_eq!((failure.code(), failure.reason()), (Code::RunMemory, "80.3KiB of memory, of at most 64KiB"));
        assert_eq!((one.messages.len(), other.messages.len()), (1, 2), "and nothing is lost of it");
        drop(other);
        let result = ToolResult { id: String::new(), name: String::new(), text: "x".repeat(40 << 10), is_error: false };
        let share = room.take(held_by_result(&result)).unwrap();
        one.results(Results { list: vec![result], share });
        assert!(room.left() < ByteSize::kib(4));
        drop(one);
        assert_eq!(room.left(), ByteSize::kib(64));
    }

    #[test]
    fn a_text_is_as_long_as_it_is_written() {
        let every: String = (0..=0x24f).filter_map(char::from_u32).collect();
        for text in ["", "plain", "a \"quote\"\\", "\u{1}\u{7f}\n\r\t\u{8}\u{c}", "ä \u{1f600}", &every] {
            assert_eq!(written(text) + 2, Value::from(text).to_string().len(), "{text:?}");
        }
    }

    #[test]
    fn an_input_is_paid_for_as_the_value_that_it_is() {
        let room = Room::new(ByteSize::mib(64), None);
        let list = vec![serde_json::json!([0]); 100_000];
        let input = Ok([("list".to_owned(), list.into())].into_iter().collect());
        let uses = vec![ToolUse { id: "a".to_owned(), name: "b".to_owned(), input }];
        let message = Message::Assistant { text: String::new(), uses, opaque: None };
        let text = size(std::slice::from_ref(&message));
        let mut said = Conversation::begin(&room, Vec::new()).unwrap();
        let before = room.left().as_u64();
        said.push(message).unwrap();
        let paid = before - room.left().as_u64();
        assert!(paid > 10 * text.as_u64(), "{paid} for {text}");
        let copy = said.copied().unwrap();
        assert_eq!(before - room.left().as_u64(), 2 * paid, "a copy is paid for on its own");
        drop(copy);
        assert_eq!(before - room.left().as_u64(), paid);
    }
}
