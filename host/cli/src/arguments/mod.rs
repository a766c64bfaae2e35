//! Arguments as they are typed, made JSON.
//!
//! A shell knows only text, and a tool's schema knows what it wants: `digits=2` is a number where a number is wanted, and the
//! text `2` where a text is. Whether the whole fits the schema is not judged here; the host does that for every caller alike.

mod kinds;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hotcell_call::{ByteSize, Code, Failure, Payload, Target, shortened};
use serde_json::Value;
use serde_json::value::{RawValue, to_raw_value};

use kinds::{Kind, Kinds};

/// What is known of the function that is called.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted<'a> {
    /// Its name, for messages.
    pub(crate) target: &'a Target,
    /// The JSON Schema of its input.
    pub(crate) schema: &'a Value,
    /// The names of its arguments in their order, as far as they are known.
    pub(crate) parameters: &'a [String],
    /// The most that its input may be.
    pub(crate) most: ByteSize,
}

/// Reads `name=value` for each argument.
///
/// # Errors
///
/// [`Code::Command`] for an argument without a name, or one that is given twice; [`Code::Input`] for one that can't be
/// of the type that is wanted; [`Code::Command`] and [`Code::InputTooLarge`] for a file.
pub(crate) fn assigned(assignments: &[String], wanted: Wanted<'_>) -> Result<Payload, Failure> {
    let mut arguments: BTreeMap<&str, Box<RawValue>> = BTreeMap::new();
    for assignment in assignments {
        let (name, value) = named(assignment, wanted)?;
        let kinds = Kinds::of_property(wanted.schema, name);
        let text = match value.strip_prefix('@') {
            None => value.to_owned(),
            Some(literal) if literal.starts_with('@') => literal.to_owned(),
            Some(path) => contents(path, kinds, wanted)?,
        };
        let value = typed(name, text, kinds, wanted.target)?;
        if arguments.insert(name, value).is_some() {
            return Err(Failure::new(Code::Command, format!("the argument `{}` is given twice", shortened(name, 60))));
        }
    }
    Ok(Payload::new(written(&arguments)?.get()))
}

/// Takes what `-d` was given: JSON text, `@file`, or `-` for stdin.
///
/// # Errors
///
/// [`Code::Command`], [`Code::InputTooLarge`], [`Code::InputNotJson`] for what is not even text.
pub(crate) fn data(data: &str, target: &Target, most: ByteSize) -> Result<Payload, Failure> {
    let refuse = |why: &str| Failure::new(Code::InputNotJson, format!("the input of {target} is not JSON")).why(why);
    let path = match data.strip_prefix('@') {
        Some(path) => path,
        None if data == "-" => "-",
        None if is_blank(data) => return Err(refuse("it is empty").fix(AN_INPUT)),
        None => return Ok(Payload::new(data)),
    };
    let bytes = read(path, most, target)?;
    let text = String::from_utf8(bytes).map_err(|error| {
        refuse(&format!("{} is not UTF-8, from byte {} on", shown(path), error.utf8_error().valid_up_to()))
    })?;
    if is_blank(&text) {
        return Err(refuse(&format!("{} is empty", shown(path))).fix(AN_INPUT));
    }
    Ok(Payload::new(text))
}

/// What stands for an input without arguments.
const AN_INPUT: &str = "arguments by name: {\"name\": value, …}; without any: {}";

/// Whether there is nothing in a text that JSON would count.
pub(crate) fn is_blank(text: &str) -> bool {
    text.trim_ascii().is_empty()
}

fn named<'a>(assignment: &'a str, wanted: Wanted<'_>) -> Result<(&'a str, &'a str), Failure> {
    match assignment.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name, value)),
        _ => {
            let name = wanted.parameters.first().map_or("name", String::as_str);
            let text = shortened(assignment, 60);
            Err(Failure::new(Code::Command, format!("`{text}` has no name"))
                .why("arguments are given as name=value")
                .fix(format!("{name}='{}'", text.replace('\'', r"'\''"))))
        }
    }
}

/// The value as JSON of the kind that is wanted.
fn typed(name: &str, text: String, kinds: Kinds, target: &Target) -> Result<Box<RawValue>, Failure> {
    if kinds.is_text() {
        return written(&text);
    }
    match serde_json::from_str::<Box<RawValue>>(&text) {
        Ok(value) if !kinds.has(Kind::Text) || Kind::of(&value).is_some_and(|kind| kinds.has(kind)) => Ok(value),
        _ if kinds.has(Kind::Text) => written(&text),
        _ => Err(Failure::new(Code::Input, format!("the input of {target} does not fit"))
            .why(format!("$.{}: wanted {kinds}, got the text `{}`", shortened(name, 60), shortened(&text, 60)))
            .fix(format!("hotcell inspect {}", target.tool))),
    }
}

/// What a file holds, as text: base64 where bytes are wanted.
fn contents(path: &str, kinds: Kinds, wanted: Wanted<'_>) -> Result<String, Failure> {
    let bytes = read(path, wanted.most, wanted.target)?;
    if kinds.is_base64() {
        return Ok(STANDARD.encode(bytes));
    }
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        Failure::new(Code::Input, format!("{} is not text", shown(path))).why(format!("not UTF-8, from byte {at} on"))
    })
}

/// The bytes of a file or of stdin, as long as there are not too many.
fn read(path: &str, most: ByteSize, target: &Target) -> Result<Vec<u8>, Failure> {
    let bounded = |from: &mut dyn Read| {
        let mut bytes = Vec::new();
        from.take(most.as_u64().saturating_add(1)).read_to_end(&mut bytes).map(|_| bytes)
    };
    let bytes = match path {
        "-" => bounded(&mut io::stdin().lock()),
        path => File::open(Path::new(path)).and_then(|mut file| bounded(&mut file)),
    };
    let bytes = bytes.map_err(|error| {
        Failure::new(Code::Command, format!("{} can't be read", shown(path))).why(error.to_string())
    })?;
    if ByteSize::of(bytes.len()) > most {
        return Err(Failure::new(Code::InputTooLarge, format!("the input of {target} is too large"))
            .why(format!("{} is larger than {most}", shown(path)))
            .fix(format!("limits.input = \"…\" under [tools.{}] in hotcell.toml", target.tool)));
    }
    Ok(bytes)
}

fn written(value: &(impl serde::Serialize + ?Sized)) -> Result<Box<RawValue>, Failure> {
    to_raw_value(value)
        .map_err(|error| Failure::new(Code::Fault, "arguments could not be written as JSON").caused_by(error))
}

fn shown(path: &str) -> String {
    if path == "-" { "stdin".to_owned() } else { shortened(path, 200) }
}

#[cfg(test)]
mod tests;
