//! Uses of tools, put together from the pieces in which they come.
//!
//! What tells pieces apart is a number or an id of the provider's own. Neither is believed to be a place in a list: a number that
//! skips thousands is a name like any other, so it costs nothing, and none makes two calls out of one.

use hotcell_agent::model::{ModelError, ToolUse};
use hotcell_agent::{weight, weight_of_text};
use serde_json::{Map, Value};

use super::wire::too_large;

/// Uses in one reply.
const MOST: usize = 64;
/// All that is said of them.
const MOST_BYTES: usize = 4 << 20;

/// A piece of a use; what is not said is empty.
#[derive(Debug, Default)]
pub(super) struct Piece<'p> {
    pub(super) index: Option<u64>,
    pub(super) id: &'p str,
    pub(super) name: &'p str,
    pub(super) arguments: &'p str,
    /// What the provider wants to have back with it.
    pub(super) extra: Option<&'p Value>,
}

/// Uses, as far as they came.
#[derive(Debug, Default)]
pub(super) struct Calls {
    list: Vec<Call>,
    bytes: usize,
    /// What values take that are kept as such.
    extras: u64,
}

#[derive(Debug)]
struct Call {
    index: Option<u64>,
    id: String,
    name: String,
    arguments: String,
    extra: Option<Value>,
}

impl Calls {
    /// Takes in a piece.
    ///
    /// # Errors
    ///
    /// [`ModelError`] for too many, too much, and for more of a use that never began.
    pub(super) fn push(&mut self, piece: &Piece<'_>) -> Result<(), ModelError> {
        let said = piece.id.len() + piece.name.len() + piece.arguments.len();
        self.bytes = self.bytes.saturating_add(said);
        if self.bytes > MOST_BYTES {
            return Err(too_large("the arguments of all tools:", MOST_BYTES));
        }
        self.extras = self.extras.saturating_add(piece.extra.map_or(0, |extra| weight(extra).as_u64()));
        if let Some(call) = self.find(piece) {
            call.arguments.push_str(piece.arguments);
            if call.id.is_empty() {
                piece.id.clone_into(&mut call.id);
            }
            if let Some(extra) = piece.extra {
                call.extra = Some(extra.clone());
            }
            return Ok(());
        }
        if piece.name.is_empty() {
            return Err(ModelError::Malformed("a piece of a tool's use that never began".to_owned()));
        }
        if self.list.len() >= MOST {
            return Err(ModelError::TooLarge { limit: format!("{MOST} uses of tools") });
        }
        self.list.push(Call {
            index: piece.index,
            id: piece.id.to_owned(),
            name: piece.name.to_owned(),
            arguments: piece.arguments.to_owned(),
            extra: piece.extra.cloned(),
        });
        Ok(())
    }

    /// The use that a piece goes on with; none if it begins one.
    fn find(&mut self, piece: &Piece<'_>) -> Option<&mut Call> {
        let begins = !piece.name.is_empty();
        let same_id = |call: &Call| !piece.id.is_empty() && call.id == piece.id;
        match piece.index {
            // Some servers give all calls one number: an id that is another one tells them apart.
            Some(_) => self.list.iter_mut().rev().find(|call| {
                call.index == piece.index && (!begins || piece.id.is_empty() || call.id.is_empty() || same_id(call))
            }),
            // Without number and id, a name begins a use, and all else belongs to the last.
            None if piece.id.is_empty() => self.list.last_mut().filter(|_| !begins),
            None => self.list.iter_mut().rev().find(|call| same_id(call)),
        }
    }

    /// What values take that are kept as such: more than the bytes in which they came.
    pub(super) fn extras(&self) -> u64 {
        self.extras
    }

    /// What the arguments will take once they are read.
    pub(super) fn weight(&self) -> u64 {
        self.list.iter().map(|call| weight_of_text(&call.arguments).as_u64()).sum()
    }

    /// What came, with an id of its own for each.
    pub(super) fn finish(self) -> Vec<(ToolUse, Option<Value>)> {
        let mut known: Vec<String> = Vec::new();
        let mut uses = Vec::new();
        for (place, call) in self.list.into_iter().enumerate() {
            let mut id = call.id;
            let mut number = place + 1;
            while id.is_empty() || known.contains(&id) {
                id = format!("call_{number}");
                number += 1;
            }
            known.push(id.clone());
            uses.push((ToolUse { id, name: call.name, input: input(call.arguments) }, call.extra));
        }
        uses
    }
}

/// Arguments as an object. None at all are an empty one: so many servers say it.
fn input(text: String) -> Result<Map<String, Value>, String> {
    if text.trim().is_empty() {
        return Ok(Map::new());
    }
    serde_json::from_str(&text).map_err(|_| text)
}

#[cfg(test)]
mod tests {
    use super::*;

    type Said = (Option<u64>, &'static str, &'static str, &'static str);
    type Case = (&'static str, &'static [Said], &'static [(&'static str, &'static str, &'static str)]);

    fn put(pieces: &[Said]) -> Result<Vec<(String, String, String)>, ModelError> {
        let mut calls = Calls::default();
        for &(index, id, name, arguments) in pieces {
            calls.push(&Piece { index, id, name, arguments, extra: None })?;
        }
        let shown = |input: Result<Map<String, Value>, String>| match input {
            Ok(map) => Value::Object(map).to_string(),
            Err(text) => format!("no object: {text}"),
        };
        Ok(calls.finish().into_iter().map(|(call, _)| (call.id, call.name, shown(call.input))).collect())
    }

    #[test]
    fn pieces_come_together_and_no_use_is_made_twice() {
        let cases: &[Case] = &[
            (
                "as they should",
                &[
                    (Some(0), "a", "f", ""),
                    (Some(0), "", "", "{\"x\""),
                    (Some(0), "", "", ":1}"),
                    (Some(1), "b", "g", "{}"),
                ],
                &[("a", "f", "{\"x\":1}"), ("b", "g", "{}")],
            ),
            (
                "mixed",
                &[(Some(0), "a", "f", "{"), (Some(1), "b", "g", "{"), (Some(0), "", "", "}"), (Some(1), "", "", "}")],
                &[("a", "f", "{}"), ("b", "g", "{}")],
            ),
            ("a number far away", &[(Some(40_000_000), "a", "f", "{}")], &[("a", "f", "{}")]),
            (
                "a gap",
                &[(Some(3), "a", "f", "{}"), (Some(u64::MAX), "b", "g", "{}")],
                &[("a", "f", "{}"), ("b", "g", "{}")],
            ),
            (
                "id and name with each piece",
                &[(Some(0), "a", "f", "{\"x\""), (Some(0), "a", "f", ":1}")],
                &[("a", "f", "{\"x\":1}")],
            ),
            (
                "one number for all",
                &[(Some(0), "a", "f", "{}"), (Some(0), "b", "g", "{}")],
                &[("a", "f", "{}"), ("b", "g", "{}")],
            ),
            (
                "no numbers",
                &[(None, "a", "f", "{"), (None, "a", "", "}"), (None, "b", "g", "{}")],
                &[("a", "f", "{}"), ("b", "g", "{}")],
            ),
            (
                "neither numbers nor ids",
                &[(None, "", "f", "{"), (None, "", "", "}"), (None, "", "f", "{}")],
                &[("call_1", "f", "{}"), ("call_2", "f", "{}")],
            ),
            (
                "one id for two",
                &[(Some(0), "a", "f", "{}"), (Some(1), "a", "g", "{}")],
                &[("a", "f", "{}"), ("call_2", "g", "{}")],
            ),
            (
                "an id that is ours",
                &[(Some(0), "call_2", "f", ""), (Some(1), "", "g", "")],
                &[("call_2", "f", "{}"), ("call_3", "g", "{}")],
            ),
            (
                "said twice as a whole",
                &[(Some(0), "a", "f", "{}"), (Some(0), "a", "f", "{}")],
                &[("a", "f", "no object: {}{}")],
            ),
            (
                "no object",
                &[(Some(0), "a", "f", "[1]"), (Some(1), "b", "f", "{\"x\"")],
                &[("a", "f", "no object: [1]"), ("b", "f", "no object: {\"x\"")],
            ),
        ];
        for (case, pieces, expected) in cases {
            let uses = put(pieces).unwrap();
            let uses: Vec<_> =
                uses.iter().map(|(id, name, input)| (id.as_str(), name.as_str(), input.as_str())).collect();
            assert_eq!(uses, *expected, "{case}");
        }
        assert!(matches!(put(&[(Some(1), "", "", "{}")]), Err(ModelError::Malformed(_))), "it never began");
    }

    #[test]
    fn there_are_so_many_of_so_many_bytes_and_no_more() {
        let mut calls = Calls::default();
        for index in 0..64 {
            calls.push(&Piece { index: Some(index), name: "f", ..Piece::default() }).unwrap();
        }
        let more = calls.push(&Piece { index: Some(64), name: "f", ..Piece::default() });
        assert!(matches!(more, Err(ModelError::TooLarge { .. })));
        let large = "x".repeat(MOST_BYTES / 4);
        let mut calls = Calls::default();
        let mut push = || calls.push(&Piece { index: Some(0), name: "f", arguments: &large, ..Piece::default() });
        assert!((0..3).all(|_| push().is_ok()));
        assert!(matches!(push(), Err(ModelError::TooLarge { .. })));
    }
}
