//! Two values compared, and a patch applied.
//!
//! Arrays are compared from both ends: what they have in common at the start and at the end is left alone, and what lies
//! between is compared item by item. So one item put in at the front is one change, while two edits far apart in an array
//! may show more changes than a person would make. Finding the fewest changes costs the product of the two lengths.

use hotcell::Error;
use hotcell::serde_json::{self, Map, Value};
use json_patch::PatchOperation;

/// Bytes of all changes together, counted about as they are written; beyond it they are counted, but not listed.
const MOST_BYTES: usize = 3 * 1024 * 1024;

/// What is done at a path.
#[hotcell::output]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Op {
    /// Something new is put in.
    Add,
    /// Something is taken out.
    Remove,
    /// Something takes the place of another.
    Replace,
}

/// One change.
#[hotcell::output]
#[derive(Debug, PartialEq)]
pub struct Change {
    /// What is done.
    pub op: Op,
    /// Where, as a JSON Pointer: `/items/0/name`. In a removal from an array, an index of the array before.
    pub path: String,
    /// The new value, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<Value>,
    /// The old value, where there was one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub was: Option<Value>,
}

/// The changes between two values.
#[hotcell::output]
#[derive(Debug, PartialEq)]
pub struct Diff {
    /// Whether the values are the same.
    pub equal: bool,
    /// How many changes there are.
    pub count: usize,
    /// The changes, in the order in which a patch makes them.
    pub changes: Vec<Change>,
    /// Whether `changes` lacks some, because together they are too large. Then they are no patch.
    pub truncated: bool,
}

/// Compares two values.
pub(crate) fn between(before: &Value, after: &Value) -> Diff {
    let mut differ = Differ { path: String::new(), changes: Vec::new(), count: 0, room: MOST_BYTES };
    differ.values(before, after);
    let Differ { changes, count, .. } = differ;
    Diff { equal: count == 0, count, truncated: changes.len() < count, changes }
}

/// Applies all operations, or none.
pub(crate) fn apply(value: &mut Value, patch: Vec<Value>) -> Result<(), Error> {
    let operations: Vec<PatchOperation> = patch
        .into_iter()
        .enumerate()
        .map(|(nth, operation)| {
            serde_json::from_value(operation).map_err(|error| {
                Error::invalid_input(format!("$.patch[{nth}]"), format!("is not an operation: {error}"))
            })
        })
        .collect::<Result<_, _>>()?;
    json_patch::patch(value, &operations).map_err(|error| Error::failed(format!("failed to apply the patch: {error}")))
}

struct Differ {
    /// The JSON Pointer of the values that are being compared.
    path: String,
    changes: Vec<Change>,
    count: usize,
    room: usize,
}

// === impl Differ ===

impl Differ {
    fn values(&mut self, before: &Value, after: &Value) {
        match (before, after) {
            (Value::Object(before), Value::Object(after)) => self.objects(before, after),
            (Value::Array(before), Value::Array(after)) => self.arrays(before, after),
            (before, after) if before == after => {}
            (before, after) => self.note(Op::Replace, Some(before), Some(after)),
        }
    }

    fn objects(&mut self, before: &Map<String, Value>, after: &Map<String, Value>) {
        for (key, was) in before {
            self.below(&escaped(key), |differ| match after.get(key) {
                Some(value) => differ.values(was, value),
                None => differ.note(Op::Remove, Some(was), None),
            });
        }
        for (key, value) in after.iter().filter(|(key, _)| !before.contains_key(*key)) {
            self.below(&escaped(key), |differ| {
                differ.note(Op::Add, None, Some(value));
            });
        }
    }

    fn arrays(&mut self, before: &[Value], after: &[Value]) {
        let same = |(a, b): &(&Value, &Value)| a == b;
        let start = before.iter().zip(after).take_while(same).count();
        let (before, after) = (before.get(start..).unwrap_or_default(), after.get(start..).unwrap_or_default());
        let end = before.iter().rev().zip(after.iter().rev()).take_while(same).count();
        let (before, after) = (but_last(before, end), but_last(after, end));

        let both = before.len().min(after.len());
        for (nth, (was, value)) in before.iter().zip(after).enumerate() {
            self.below(&(start + nth).to_string(), |differ| {
                differ.values(was, value);
            });
        }
        // From the last to the first: so each index is one of the array before.
        for (nth, was) in before.iter().enumerate().skip(both).rev() {
            self.below(&(start + nth).to_string(), |differ| {
                differ.note(Op::Remove, Some(was), None);
            });
        }
        for (nth, value) in after.iter().enumerate().skip(both) {
            self.below(&(start + nth).to_string(), |differ| {
                differ.note(Op::Add, None, Some(value));
            });
        }
    }

    fn below(&mut self, part: &str, compare: impl FnOnce(&mut Self)) {
        let length = self.path.len();
        self.path.push('/');
        self.path.push_str(part);
        compare(self);
        self.path.truncate(length);
    }

    fn note(&mut self, op: Op, was: Option<&Value>, value: Option<&Value>) {
        self.count += 1;
        let size = self.path.len() + 40 + was.map_or(0, size) + value.map_or(0, size);
        // Once one change is left out, so are all after it: what is listed is the beginning.
        self.room = self.room.saturating_sub(size);
        if self.room > 0 {
            self.changes.push(Change { op, path: self.path.clone(), value: value.cloned(), was: was.cloned() });
        }
    }
}

fn but_last(items: &[Value], count: usize) -> &[Value] {
    items.get(..items.len().saturating_sub(count)).unwrap_or_default()
}

/// About the bytes of a value as text.
fn size(value: &Value) -> usize {
    match value {
        Value::String(text) => text.len() + 2,
        Value::Array(items) => items.iter().map(|item| size(item) + 1).sum::<usize>() + 2,
        Value::Object(entries) => entries.iter().map(|(key, value)| key.len() + size(value) + 4).sum::<usize>() + 2,
        _ => 8,
    }
}

/// A key as a part of a JSON Pointer.
fn escaped(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}
