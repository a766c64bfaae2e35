//! `{{steps.list.files[0].path}}`: a place in the input, in an earlier result, or in the item of a list.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use hotcell_call::{Code, Failure, StepId, nearest, shortened};
use serde_json::Value;

/// What the references of a step can see.
#[derive(Debug, Clone, Copy)]
pub struct Scope<'a> {
    /// What the run was given.
    pub input: &'a Value,
    /// The results of the steps that ended before.
    pub steps: &'a BTreeMap<StepId, Arc<Value>>,
    /// Within `for_each`: the item, and its place in the list.
    pub item: Option<(usize, &'a Value)>,
}

/// A parsed reference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    root: Root,
    path: Vec<Part>,
}

/// Where a reference begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Root {
    /// `input`: what the run was given.
    Input,
    /// `steps.ID`: the result of a step.
    Step(StepId),
    /// `item`: the item of a list that this call is for.
    Item,
    /// `index`: its place in the list, from 0.
    Index,
}

/// One part of the way from there.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Key(String),
    Place(usize),
}

/// A text between braces that is no reference.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{{{{{text}}}}}` is not a reference: {why}")]
pub struct ReferenceError {
    text: String,
    why: &'static str,
    hint: Option<String>,
}

impl ReferenceError {
    /// What would fit.
    #[must_use]
    pub fn hint(&self) -> Option<&str> {
        self.hint.as_deref()
    }
}

/// How many fields a message names.
const MOST_NAMES: usize = 12;

// === impl Reference ===

impl Reference {
    /// Where it begins.
    #[must_use]
    pub fn root(&self) -> &Root {
        &self.root
    }

    /// The step whose result it needs.
    #[must_use]
    pub fn step(&self) -> Option<&StepId> {
        match &self.root {
            Root::Step(id) => Some(id),
            _ => None,
        }
    }

    /// Whether it means something within `for_each` alone.
    #[must_use]
    pub fn is_per_item(&self) -> bool {
        matches!(self.root, Root::Item | Root::Index)
    }

    /// The value that it leads to.
    ///
    /// # Errors
    ///
    /// [`Code::Reference`] with the part that does not exist, and what there is in its place.
    pub fn resolve<'a>(&self, scope: &Scope<'a>) -> Result<Cow<'a, Value>, Failure> {
        let start = match &self.root {
            Root::Input => Some(scope.input),
            Root::Step(id) => scope.steps.get(id).map(|result| &**result),
            Root::Item => scope.item.map(|(_, item)| item),
            Root::Index => {
                let place = scope.item.map(|(place, _)| Cow::Owned(Value::from(place)));
                return place.ok_or_else(|| self.nowhere(0, None));
            }
        };
        let mut here = start.ok_or_else(|| self.nowhere(0, None))?;
        for (depth, part) in self.path.iter().enumerate() {
            let next = match part {
                Part::Key(key) => here.as_object().and_then(|map| map.get(key)),
                Part::Place(place) => here.as_array().and_then(|list| list.get(*place)),
            };
            here = next.ok_or_else(|| self.nowhere(depth, Some(here)))?;
        }
        Ok(Cow::Borrowed(here))
    }

    /// The failure of a reference that ends before the part at `depth`, where `here` is.
    fn nowhere(&self, depth: usize, here: Option<&Value>) -> Failure {
        let way = Self { root: self.root.clone(), path: self.path.iter().take(depth).cloned().collect() };
        let why = match here {
            Some(value) => format!("`{way}` is {}", described(value)),
            None => format!("there is no `{way}` here"),
        };
        Failure::new(Code::Reference, format!("`{{{{{self}}}}}` leads nowhere")).why(why)
    }
}

/// A value in a few words: what could have been named instead.
fn described(value: &Value) -> String {
    match value {
        Value::Null => "null: the step was skipped, or has no result".to_owned(),
        Value::Bool(_) => "true or false".to_owned(),
        Value::Number(_) => "a number".to_owned(),
        Value::String(_) => "a string".to_owned(),
        Value::Array(list) => format!("a list of {}: write `[0]` for its first", list.len()),
        Value::Object(map) if map.is_empty() => "an object without fields".to_owned(),
        Value::Object(map) => {
            let names = map.keys().take(MOST_NAMES).map(|key| shortened(key, 40));
            let names: Vec<String> = names.collect();
            let more = if map.len() > MOST_NAMES { ", …" } else { "" };
            format!("an object with {}{more}", names.join(", "))
        }
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.root {
            Root::Input => f.write_str("input")?,
            Root::Step(id) => write!(f, "steps.{id}")?,
            Root::Item => f.write_str("item")?,
            Root::Index => f.write_str("index")?,
        }
        for part in &self.path {
            match part {
                Part::Key(key) if !key.is_empty() && key.chars().all(is_word) => {
                    write!(f, ".{key}")?;
                }
                Part::Key(key) => write!(f, "[{}]", Value::from(key.as_str()))?,
                Part::Place(place) => write!(f, "[{place}]")?,
            }
        }
        Ok(())
    }
}

// === parsing ===

impl FromStr for Reference {
    type Err = ReferenceError;

    /// Reads what stands between the braces.
    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        let mut rest = text.trim();
        let error = |why, hint: Option<String>| ReferenceError { text: shortened(text.trim(), 80), why, hint };
        if rest.contains("{{") {
            let hint = "two plain braces are written `{{{{`".to_owned();
            return Err(error("its `}}` is missing", Some(hint)));
        }
        let root = match word(&mut rest) {
            "input" => Root::Input,
            "item" => Root::Item,
            "index" if rest.is_empty() => Root::Index,
            "index" => return Err(error("`index` is a number and has no parts", None)),
            "steps" => {
                let id = rest.strip_prefix('.').map(|after| {
                    rest = after;
                    word(&mut rest)
                });
                let id = id.and_then(|id| id.parse().ok());
                let hint = || Some("steps.ID, with the id of a step".to_owned());
                Root::Step(id.ok_or_else(|| error("it names no step", hint()))?)
            }
            other => {
                return Err(error("it begins with nothing known", Some(start_hint(other, rest))));
            }
        };
        let mut path = Vec::new();
        while !rest.is_empty() {
            let part = part(&mut rest).ok_or_else(|| {
                let hint = "parts are `.name`, `[0]` or `[\"any name\"]`".to_owned();
                error("a part of it can't be read", Some(hint))
            })?;
            path.push(part);
        }
        Ok(Self { root, path })
    }
}

/// What a reference that begins with `other` may have meant.
fn start_hint(other: &str, rest: &str) -> String {
    match nearest(other, ["input", "steps", "item", "index"]) {
        Some(near) => format!("did you mean `{near}`?"),
        None if other.is_empty() => {
            "references are `{{input}}`, `{{steps.ID.field}}`, `{{item}}`, `{{index}}`; two plain braces are written `{{{{`".to_owned()
        }
        None => format!(
            "`{{{{steps.{}{}}}}}` is a step's result; `{{{{input}}}}`, `{{{{item}}}}` and `{{{{index}}}}` are the others",
            shortened(other, 40),
            shortened(rest, 40)
        ),
    }
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c == '-'
}

/// Takes the word at the start.
fn word<'t>(rest: &mut &'t str) -> &'t str {
    let end = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
    let (word, after) = rest.split_at_checked(end).unwrap_or((rest, ""));
    *rest = after;
    word
}

/// Takes `.name`, `[0]` or `["any name"]` from the start.
fn part(rest: &mut &str) -> Option<Part> {
    if let Some(after) = rest.strip_prefix('.') {
        *rest = after;
        let name = word(rest);
        return (!name.is_empty()).then(|| Part::Key(name.to_owned()));
    }
    let inside = rest.strip_prefix('[')?;
    if inside.starts_with('"') {
        // A JSON string knows where it ends.
        let mut values = serde_json::Deserializer::from_str(inside).into_iter::<String>();
        let key = values.next()?.ok()?;
        let after = inside.get(values.byte_offset()..)?;
        *rest = after.strip_prefix(']')?;
        return Some(Part::Key(key));
    }
    let (place, after) = inside.split_once(']')?;
    *rest = after;
    Some(Part::Place(place.trim().parse().ok()?))
}

#[cfg(test)]
mod tests;
