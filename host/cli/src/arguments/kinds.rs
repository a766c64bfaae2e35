//! What kinds of JSON value a schema lets through.
//!
//! Less than a validator and more than a look at `type`: enough to decide whether `x=2` means the number or the text. A schema
//! comes from a guest, so the look into it is bounded, and what is not understood lets everything through.

use std::fmt;

use serde_json::Value;
use serde_json::value::RawValue;

/// How deep references and alternatives are followed.
const DEEPEST: usize = 16;
/// How many alternatives are looked at, in one schema.
const MOST: usize = 256;

/// A kind of JSON value; an integer is a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Kind {
    Null = 1,
    Boolean = 2,
    Number = 4,
    Text = 8,
    List = 16,
    Object = 32,
}

/// Some kinds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Kinds {
    bits: u8,
    base64: bool,
}

const KINDS: [(Kind, &str); 6] = [
    (Kind::Boolean, "true or false"),
    (Kind::Number, "a number"),
    (Kind::Text, "a text"),
    (Kind::List, "a list as JSON"),
    (Kind::Object, "an object as JSON"),
    (Kind::Null, "null"),
];

impl Kind {
    /// The kind of a value, by its first character: JSON needs no more.
    pub(super) fn of(value: &RawValue) -> Option<Self> {
        Some(match value.get().bytes().next()? {
            b'n' => Self::Null,
            b't' | b'f' => Self::Boolean,
            b'"' => Self::Text,
            b'[' => Self::List,
            b'{' => Self::Object,
            _ => Self::Number,
        })
    }

    fn of_parsed(value: &Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(_) => Self::Boolean,
            Value::Number(_) => Self::Number,
            Value::String(_) => Self::Text,
            Value::Array(_) => Self::List,
            Value::Object(_) => Self::Object,
        }
    }

    /// The kind that a schema's `type` names.
    fn named(name: &Value) -> Option<Self> {
        Some(match name.as_str()? {
            "null" => Self::Null,
            "boolean" => Self::Boolean,
            "number" | "integer" => Self::Number,
            "string" => Self::Text,
            "array" => Self::List,
            "object" => Self::Object,
            _ => return None,
        })
    }
}

impl Kinds {
    const ALL: Self = Self { bits: 63, base64: false };
    const NONE: Self = Self { bits: 0, base64: false };

    /// The kinds of the property `name` of the objects that `schema` describes.
    pub(super) fn of_property(schema: &Value, name: &str) -> Self {
        let property = schema.get("properties").and_then(|properties| properties.get(name));
        let mut budget = MOST;
        property.map_or(Self::ALL, |property| Self::of(property, schema, DEEPEST, &mut budget))
    }

    pub(super) fn has(self, kind: Kind) -> bool {
        self.bits & kind as u8 != 0
    }

    /// Whether a text is wanted and nothing else. One that may be absent too is meant when something is typed.
    pub(super) fn is_text(self) -> bool {
        self.bits & !(Kind::Null as u8) == Kind::Text as u8
    }

    /// Whether the text is bytes in base64.
    pub(super) fn is_base64(self) -> bool {
        self.base64 && self.is_text()
    }

    fn of(schema: &Value, root: &Value, depth: usize, budget: &mut usize) -> Self {
        let Value::Object(keys) = schema else {
            return if *schema == Value::Bool(false) { Self::NONE } else { Self::ALL };
        };
        if depth == 0 || *budget == 0 {
            return Self::ALL;
        }
        *budget -= 1;
        let mut all = Self::ALL;
        for (key, value) in keys {
            let list = || value.as_array().map(Vec::as_slice).unwrap_or_default().iter();
            let kinds = match key.as_str() {
                "type" if value.is_array() => Self::any(list().filter_map(Kind::named)),
                "type" => Self::any(Kind::named(value)),
                "enum" => Self::any(list().map(Kind::of_parsed)),
                "const" => Self::any(Some(Kind::of_parsed(value))),
                "anyOf" | "oneOf" => {
                    list().fold(Self::NONE, |sum, part| sum.or(Self::of(part, root, depth - 1, budget)))
                }
                "allOf" => list().fold(Self::ALL, |rest, part| rest.and(Self::of(part, root, depth - 1, budget))),
                "$ref" => match value.as_str().and_then(|path| root.pointer(path.strip_prefix('#')?)) {
                    Some(part) => Self::of(part, root, depth - 1, budget),
                    None => Self::ALL,
                },
                "contentEncoding" => Self { base64: value == "base64", ..Self::ALL },
                _ => continue,
            };
            all = all.and(kinds);
        }
        all
    }

    fn any(kinds: impl IntoIterator<Item = Kind>) -> Self {
        let bits = kinds.into_iter().fold(0, |bits, kind| bits | kind as u8);
        // A type that is not known is no reason to refuse everything.
        if bits == 0 { Self::ALL } else { Self { bits, base64: false } }
    }

    fn or(self, other: Self) -> Self {
        Self { bits: self.bits | other.bits, base64: self.base64 || other.base64 }
    }

    fn and(self, other: Self) -> Self {
        Self { bits: self.bits & other.bits, base64: self.base64 || other.base64 }
    }
}

impl fmt::Display for Kinds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words: Vec<&str> = KINDS.iter().filter(|(kind, _)| self.has(*kind)).map(|(_, word)| *word).collect();
        f.write_str(&words.join(", or "))
    }
}
