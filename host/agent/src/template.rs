//! JSON with references in it.
//!
//! A string that is one reference and nothing else becomes the value that it leads to, with its type. A reference within a longer
//! text is written into it: strings as they are, everything else as compact JSON. Two plain braces are written `{{{{`.
//!
//! What comes out may be far larger than the template, because each reference may bring a whole result. Resolving is therefore
//! bounded by size and depth while it goes, not measured afterwards.

use std::str::FromStr;

use hotcell_call::{ByteSize, Code, Failure};
use serde_json::{Map, Value};

use crate::document::{Item, Spanned};
use crate::reference::{Reference, ReferenceError, Scope};
use crate::weight;

/// A JSON value, parts of which are found when it is used.
#[derive(Debug, Clone, PartialEq)]
pub struct Template(Node);

#[derive(Debug, Clone, PartialEq)]
enum Node {
    Fixed(Value),
    Reference(Reference),
    Text(Vec<Piece>),
    List(Vec<Template>),
    Map(Vec<(String, Template)>),
}

#[derive(Debug, Clone, PartialEq)]
enum Piece {
    Plain(String),
    Reference(Reference),
}

/// A text whose braces don't fit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// Something between braces is no reference.
    #[error(transparent)]
    Reference(#[from] ReferenceError),
    /// Two braces open and don't close.
    #[error("`{{{{` has no `}}}}`")]
    Open,
}

/// How deep a resolved value may nest: what those who read it take.
const MOST_DEEP: usize = 127;

// === impl Template ===

impl Template {
    /// The empty object: a call without arguments.
    #[must_use]
    pub fn empty() -> Self {
        Self(Node::Map(Vec::new()))
    }

    /// Reads a value of a file; reports what does not fit, and adds to `uses` each reference with its place.
    pub(crate) fn read(item: &Item<'_>, uses: &mut Vec<Spanned<Reference>>) -> Option<Self> {
        if item.is_string() {
            return Self::read_text(item, uses);
        }
        // Every part is read before one that failed ends it: all errors are told.
        if item.is_table() {
            let entries = item.section()?.others();
            let read = entries.iter().map(|(key, item)| Some((key.value.to_owned(), Self::read(item, uses)?)));
            let read: Vec<Option<_>> = read.collect();
            let fields: Option<_> = read.into_iter().collect();
            return fields.map(Node::Map).map(Self);
        }
        if item.is_list() {
            let items = item.list()?;
            let read: Vec<Option<_>> = items.iter().map(|item| Self::read(item, uses)).collect();
            let list: Option<_> = read.into_iter().collect();
            return list.map(Node::List).map(Self);
        }
        item.json().map(Node::Fixed).map(Self)
    }

    fn read_text(item: &Item<'_>, uses: &mut Vec<Spanned<Reference>>) -> Option<Self> {
        let text = item.string()?;
        match parse(text.value) {
            Ok((template, references)) => {
                // They stand in the order in which they were read; once escapes hide one, they hide the order.
                let mut from = Some(item.span().start);
                for (written, reference) in references {
                    let span = from.and_then(|from| item.find(written, from));
                    from = span.as_ref().map(|span| span.end);
                    uses.push(Spanned::new(reference, span.unwrap_or_else(|| item.span())));
                }
                Some(template)
            }
            Err((error, written)) => {
                let plain = "two plain braces are written `{{{{`";
                let hint = match &error {
                    TemplateError::Open => plain,
                    TemplateError::Reference(reference) => reference.hint().unwrap_or(plain),
                };
                let place = item.find(written, item.span().start);
                let place = place.unwrap_or_else(|| item.span());
                let wrong = item.wrong_at(place, error.to_string(), "");
                item.report(wrong.hint(hint));
                None
            }
        }
    }

    /// All references in it.
    #[must_use]
    pub fn references(&self) -> Vec<&Reference> {
        let mut found = Vec::new();
        self.gather(&mut found);
        found
    }

    fn gather<'t>(&'t self, found: &mut Vec<&'t Reference>) {
        match &self.0 {
            Node::Fixed(_) => {}
            Node::Reference(reference) => found.push(reference),
            Node::Text(pieces) => found.extend(pieces.iter().filter_map(|piece| match piece {
                Piece::Plain(_) => None,
                Piece::Reference(reference) => Some(reference),
            })),
            Node::List(list) => list.iter().for_each(|each| each.gather(found)),
            Node::Map(map) => map.iter().for_each(|(_, each)| each.gather(found)),
        }
    }

    /// Whether it means something within `for_each` alone.
    #[must_use]
    pub fn is_per_item(&self) -> bool {
        self.references().iter().any(|reference| reference.is_per_item())
    }

    /// The reference that it is, if it is nothing else.
    #[must_use]
    pub fn as_reference(&self) -> Option<&Reference> {
        match &self.0 {
            Node::Reference(reference) => Some(reference),
            _ => None,
        }
    }

    /// Its fields, if it is an object.
    pub(crate) fn fields(&self) -> Option<&[(String, Template)]> {
        match &self.0 {
            Node::Map(fields) => Some(fields),
            _ => None,
        }
    }

    /// Its text with `stand_in` for each reference; none if it is no text.
    pub(crate) fn text_with(&self, stand_in: &str) -> Option<String> {
        match &self.0 {
            Node::Fixed(Value::String(text)) => Some(text.clone()),
            Node::Reference(_) => Some(stand_in.to_owned()),
            Node::Text(pieces) => {
                let mut whole = String::new();
                for piece in pieces {
                    whole.push_str(match piece {
                        Piece::Plain(plain) => plain,
                        Piece::Reference(_) => stand_in,
                    });
                }
                Some(whole)
            }
            Node::Fixed(_) | Node::List(_) | Node::Map(_) => None,
        }
    }

    /// Whether it is a list.
    pub(crate) fn is_list(&self) -> bool {
        matches!(self.0, Node::List(_))
    }

    /// The JSON type that it has whatever its references lead to, by the word of JSON Schema.
    pub(crate) fn kind(&self) -> Option<&'static str> {
        match &self.0 {
            Node::Reference(_) => None,
            Node::Text(_) | Node::Fixed(Value::String(_)) => Some("string"),
            Node::List(_) | Node::Fixed(Value::Array(_)) => Some("array"),
            Node::Map(_) | Node::Fixed(Value::Object(_)) => Some("object"),
            Node::Fixed(Value::Bool(_)) => Some("boolean"),
            Node::Fixed(Value::Null) => Some("null"),
            Node::Fixed(Value::Number(number)) if number.is_f64() => Some("number"),
            Node::Fixed(Value::Number(_)) => Some("integer"),
        }
    }

    /// The value, with all references resolved.
    ///
    /// # Errors
    ///
    /// [`Code::Reference`] for a reference that leads nowhere, [`Code::InputTooLarge`] when the value would be larger than
    /// `most`, counted about as JSON text, and [`Code::InputNotJson`] when it would nest deeper than 127 levels.
    pub fn resolve(&self, scope: &Scope<'_>, most: ByteSize) -> Result<Value, Failure> {
        let mut room = Room { left: most.as_u64(), most, measure: Measure::Text };
        self.build(scope, &mut room, 0)
    }

    /// The value, with all references resolved, to be held as it is.
    ///
    /// # Errors
    ///
    /// As [`resolve`](Self::resolve), but [`Code::RunMemory`] when the value would take more memory than `most`.
    pub fn held(&self, scope: &Scope<'_>, most: ByteSize) -> Result<Value, Failure> {
        let mut room = Room { left: most.as_u64(), most, measure: Measure::Memory };
        self.build(scope, &mut room, 0)
    }

    fn build(&self, scope: &Scope<'_>, room: &mut Room, depth: usize) -> Result<Value, Failure> {
        match &self.0 {
            Node::Fixed(value) => room.take_value(value, depth).map(|()| value.clone()),
            Node::Reference(reference) => {
                let value = reference.resolve(scope)?;
                room.take_value(&value, depth)?;
                Ok(value.into_owned())
            }
            Node::Text(pieces) => {
                let mut text = String::new();
                for piece in pieces {
                    match piece {
                        Piece::Plain(plain) => {
                            room.take_text(plain)?;
                            text.push_str(plain);
                        }
                        Piece::Reference(reference) => {
                            let value = reference.resolve(scope)?;
                            room.take_value(&value, depth)?;
                            write(&mut text, &value);
                        }
                    }
                }
                Ok(Value::String(text))
            }
            Node::List(list) => {
                room.take_level(depth, list.len(), weight::list)?;
                let built = list.iter().map(|each| each.build(scope, room, depth + 1));
                built.collect::<Result<Vec<_>, _>>().map(Value::from)
            }
            Node::Map(map) => {
                room.take_level(depth, map.len(), weight::object)?;
                let mut built = Map::with_capacity(map.len());
                for (key, each) in map {
                    room.take_key(key)?;
                    built.insert(key.clone(), each.build(scope, room, depth + 1)?);
                }
                Ok(Value::from(built))
            }
        }
    }
}

/// Writes a value into a text.
fn write(text: &mut String, value: &Value) {
    match value {
        Value::String(string) => text.push_str(string),
        other => text.push_str(&other.to_string()),
    }
}

/// How much more a value may hold.
struct Room {
    left: u64,
    most: ByteSize,
    measure: Measure,
}

/// What is counted of a value.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Measure {
    /// About what it is as JSON text: escapes count as one byte.
    Text,
    /// What it takes in memory.
    Memory,
}

impl Room {
    fn take(&mut self, bytes: u64) -> Result<(), Failure> {
        self.left = self.left.checked_sub(bytes).ok_or_else(|| self.full())?;
        Ok(())
    }

    fn full(&self) -> Failure {
        let reached = format!("more than {}", self.most);
        match self.measure {
            Measure::Text => {
                Failure::new(Code::InputTooLarge, format!("a value of this plan is larger than {}", self.most))
                    .why("references brought in more than the limit on input")
            }
            Measure::Memory => Failure::new(Code::RunMemory, "a value of this plan takes more memory than is left")
                .why(format!("{} were left for it", self.most))
                .fix("hand on less: let a tool count or cut before the results are kept"),
        }
        .reached(reached, self.most)
    }

    fn take_text(&mut self, text: &str) -> Result<(), Failure> {
        self.take(u64::try_from(text.len()).unwrap_or(u64::MAX))
    }

    /// Takes an array or object of so many parts, without them.
    fn take_level(&mut self, depth: usize, parts: usize, level: fn(u64) -> u64) -> Result<(), Failure> {
        if depth >= MOST_DEEP {
            let what = format!("a value of this plan nests deeper than {MOST_DEEP} levels");
            return Err(Failure::new(Code::InputNotJson, what));
        }
        match self.measure {
            Measure::Text => self.take(2),
            Measure::Memory => self.take(weight::NODE + level(u64::try_from(parts).unwrap_or(u64::MAX))),
        }
    }

    fn take_key(&mut self, key: &str) -> Result<(), Failure> {
        self.take_text(key)?;
        self.take(match self.measure {
            Measure::Text => 4,
            Measure::Memory => weight::string(1),
        })
    }

    fn take_value(&mut self, value: &Value, depth: usize) -> Result<(), Failure> {
        match (value, self.measure) {
            (Value::Null | Value::Bool(_) | Value::Number(_), Measure::Text) => self.take(5),
            (Value::Null | Value::Bool(_) | Value::Number(_), Measure::Memory) => self.take(weight::NODE),
            (Value::String(text), measure) => {
                self.take_text(text)?;
                self.take(if measure == Measure::Text { 3 } else { weight::NODE + weight::string(1) })
            }
            (Value::Array(list), _) => {
                self.take_level(depth, list.len(), weight::list)?;
                list.iter().try_for_each(|each| self.take_value(each, depth + 1))
            }
            (Value::Object(map), _) => {
                self.take_level(depth, map.len(), weight::object)?;
                map.iter().try_for_each(|(key, each)| {
                    self.take_key(key)?;
                    self.take_value(each, depth + 1)
                })
            }
        }
    }
}

// === parsing ===

impl FromStr for Template {
    type Err = TemplateError;

    fn from_str(text: &str) -> Result<Self, TemplateError> {
        match parse(text) {
            Ok((template, _)) => Ok(template),
            Err((error, _)) => Err(error),
        }
    }
}

/// The template, and each reference with its text; or what is wrong, and the text that is.
type Parsed<'t> = Result<(Template, Vec<(&'t str, Reference)>), (TemplateError, &'t str)>;

fn parse(text: &str) -> Parsed<'_> {
    let mut pieces = Vec::new();
    let mut references = Vec::new();
    let mut plain = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("{{") {
        plain.push_str(before);
        if let Some(after) = after.strip_prefix("{{") {
            plain.push_str("{{");
            rest = after;
            continue;
        }
        let Some((inside, after)) = after.split_once("}}") else {
            return Err((TemplateError::Open, "{{"));
        };
        // With its braces: where the file has this text, it has this reference, and not a word like it.
        let end = text.len() - after.len();
        let braced = text.get(end - inside.len() - 4..end).unwrap_or(inside);
        let reference: Reference = inside.parse().map_err(|error: ReferenceError| (error.into(), braced))?;
        if !plain.is_empty() {
            pieces.push(Piece::Plain(std::mem::take(&mut plain)));
        }
        pieces.push(Piece::Reference(reference.clone()));
        references.push((braced, reference));
        rest = after;
    }
    plain.push_str(rest);
    if pieces.is_empty() {
        return Ok((Template(Node::Fixed(Value::String(plain))), references));
    }
    if !plain.is_empty() {
        pieces.push(Piece::Plain(plain));
    }
    let node = match pieces.as_slice() {
        [Piece::Reference(reference)] => Node::Reference(reference.clone()),
        _ => Node::Text(pieces),
    };
    Ok((Template(node), references))
}

#[cfg(test)]
mod tests;
