//! What values take in memory, which is not what they take as text: `[[0],[0]]` is held in some forty times the bytes that it is
//! written in.
//!
//! Counted is what the JSON library allocates: its lists double their room as they grow, its objects come in nodes of eleven fields.
//! Where the two can't be told exactly, more is counted, not less.

use hotcell_call::ByteSize;
use serde_json::{Map, Value};

/// One value, wherever it stands.
pub(crate) const NODE: u64 = size_of::<Value>() as u64;
/// What the allocator adds to each piece of memory.
const PIECE: u64 = 16;
/// A node of an object: eleven fields with their names, and what holds them together.
const FIELDS: u64 = 11 * (NODE + size_of::<String>() as u64) + 144;
/// A node other than the only one is at least so full.
const LEAST_FIELDS: u64 = 5;
/// The room of a list that grew to hold one item.
const FIRST_ITEMS: u64 = 4;

/// What `value` takes, all that is in it included.
#[must_use]
pub fn weight(value: &Value) -> ByteSize {
    ByteSize::bytes(NODE.saturating_add(within(value)))
}

/// What these fields take, as they stand in an object.
#[must_use]
pub fn weight_of_fields(fields: &Map<String, Value>) -> ByteSize {
    ByteSize::bytes(NODE.saturating_add(within_fields(fields)))
}

fn within_fields(fields: &Map<String, Value>) -> u64 {
    let held = fields.iter().map(|(name, field)| string(count(name.capacity())) + within(field));
    object(count(fields.len())) + held.sum::<u64>()
}

fn within(value: &Value) -> u64 {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => 0,
        Value::String(text) => string(count(text.capacity())),
        Value::Array(items) => list(count(items.capacity())) + items.iter().map(within).sum::<u64>(),
        Value::Object(fields) => within_fields(fields),
    }
}

/// What a text would take as a value, told without making one; of what is no JSON, anything.
#[must_use]
pub fn weight_of_text(json: &str) -> ByteSize {
    let mut open: Vec<Open> = Vec::new();
    let mut total = NODE;
    let mut bytes = json.bytes();
    let mut filled = false;
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => {
                total = total.saturating_add(string(length(&mut bytes)));
                filled = true;
            }
            b'[' | b'{' => {
                open.push(Open { object: byte == b'{', commas: 0 });
                filled = false;
            }
            b',' => {
                if let Some(open) = open.last_mut() {
                    open.commas += 1;
                }
            }
            b']' | b'}' => {
                let ended = open.pop().map_or(0, |open| open.weight(filled));
                total = total.saturating_add(ended);
                filled = true;
            }
            byte if !byte.is_ascii_whitespace() => filled = true,
            _ => {}
        }
    }
    ByteSize::bytes(total)
}

/// A list or an object whose end is yet to come.
struct Open {
    object: bool,
    commas: u64,
}

impl Open {
    fn weight(&self, filled: bool) -> u64 {
        let parts = if filled || self.commas > 0 { self.commas + 1 } else { 0 };
        match (self.object, parts) {
            (true, parts) => object(parts),
            (false, 0) => 0,
            (false, parts) => list(parts.max(FIRST_ITEMS).next_power_of_two()),
        }
    }
}

/// The bytes up to the closing quote, escapes as they are written.
fn length(bytes: &mut impl Iterator<Item = u8>) -> u64 {
    let mut length = 0;
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => break,
            b'\\' => length += 1 + u64::from(bytes.next().is_some()),
            _ => length += 1,
        }
    }
    length
}

pub(crate) fn string(bytes: u64) -> u64 {
    if bytes == 0 { 0 } else { bytes + PIECE }
}

pub(crate) fn list(room: u64) -> u64 {
    if room == 0 { 0 } else { room.saturating_mul(NODE) + PIECE }
}

pub(crate) fn object(fields: u64) -> u64 {
    match fields {
        0 => 0,
        1..=11 => FIELDS,
        more => more.div_ceil(LEAST_FIELDS).saturating_mul(FIELDS),
    }
}

fn count(of: usize) -> u64 {
    u64::try_from(of).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_text_is_told_to_take_what_its_value_takes_or_a_little_more() {
        for text in [
            "null".to_owned(),
            "[]".to_owned(),
            "{}".to_owned(),
            " [ ] ".to_owned(),
            r#""text""#.to_owned(),
            r#""a\"b\\""#.to_owned(),
            r#"["],[", "\\"]"#.to_owned(),
            r#"{"a": [1, 2, 3], "b": {"c": ""}}"#.to_owned(),
            format!("[{}0]", "[0],".repeat(10_000)),
            format!("[{}0]", "{},".repeat(10_000)),
            format!("[{}0]", "{\"a\":0},".repeat(10_000)),
            format!("[{}0]", "\"\",".repeat(10_000)),
            format!("{{{}\"z\":0}}", (0..10_000).map(|n| format!("\"{n}\":{n},")).collect::<String>()),
            format!("{}0{}", "[".repeat(126), "]".repeat(126)),
        ] {
            let value: Value = serde_json::from_str(&text).unwrap();
            let (told, taken) = (weight_of_text(&text).as_u64(), weight(&value).as_u64());
            assert!((taken..=taken + taken / 4 + 64).contains(&told), "{told} and {taken}: {text:.60}");
        }
    }

    #[test]
    fn small_texts_can_be_large_values() {
        let text = format!("[{}[0]]", "[0],".repeat(1 << 20));
        assert!(weight_of_text(&text).as_usize() > 40 * text.len());
        let text = format!("\"{}\"", "x".repeat(1 << 20));
        assert!(weight_of_text(&text).as_usize() < text.len() + 100);
        assert!(weight(&json!({"a": 1})) < ByteSize::kib(1));
    }

    #[test]
    fn what_is_no_json_is_told_something() {
        for text in ["", "]", "}}}]]", "[[[", "\"", "\"\\", "{,,,}", ",", "\u{0}\""] {
            assert!(weight_of_text(text).as_u64() >= NODE, "{text:?}");
        }
    }
}
