//! From the JSON text of an input to the parameters of a function.
//!
//! The text is cut into its members first, without looking into them; then each parameter reads its own. So every fault of
//! an input has a place: the member is known, and the place within it comes from where its reading stopped.

use std::fmt;

use serde::de::{DeserializeOwned, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::error::Error;
use crate::place;
use crate::schema::Parameter;

/// A message can quote the input; this much of it says enough.
const MESSAGE_CHARS: usize = 300;

/// The arguments of one call: each a JSON text under its name.
#[derive(Debug)]
pub struct Arguments<'a> {
    members: Vec<(String, &'a RawValue)>,
}

// === impl Arguments ===

impl<'a> Arguments<'a> {
    /// Cuts an input into arguments, and refuses those that no parameter has asked for.
    pub(crate) fn read(input: &'a str, parameters: &[Parameter]) -> Result<Self, Error> {
        let members = members(input)?;
        for (at, (name, _)) in members.iter().enumerate() {
            if !parameters.iter().any(|parameter| parameter.name == name) {
                return Err(unknown(name, parameters));
            }
            if members.iter().skip(at + 1).any(|(other, _)| other == name) {
                return Err(Error::invalid_input(place::member(name), "given twice"));
            }
        }
        Ok(Self { members })
    }

    /// Reads an argument that must be there.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] if it isn't, or isn't of this type.
    pub fn required<T: DeserializeOwned>(&mut self, name: &str) -> Result<T, Error> {
        match self.find(name) {
            Some(json) => parse(name, json),
            None => Err(Error::invalid_input(
                place::member(name),
                "wanted a value, found nothing: this argument is required",
            )),
        }
    }

    /// Reads an argument that may be absent.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] if it is there and isn't of this type.
    pub fn or<T: DeserializeOwned>(&mut self, name: &str, absent: impl FnOnce() -> T) -> Result<T, Error> {
        match self.find(name) {
            Some(json) => parse(name, json),
            None => Ok(absent()),
        }
    }

    fn find(&self, name: &str) -> Option<&'a RawValue> {
        self.members.iter().find(|(member, _)| member == name).map(|(_, json)| *json)
    }
}

fn members(input: &str) -> Result<Vec<(String, &RawValue)>, Error> {
    let mut deserializer = serde_json::Deserializer::from_str(input);
    deserializer
        .deserialize_map(Members)
        .and_then(|members| deserializer.end().map(|()| members))
        .map_err(|error| Error::invalid_input("$", reason(&error)))
}

fn parse<T: DeserializeOwned>(name: &str, json: &RawValue) -> Result<T, Error> {
    serde_json::from_str(json.get()).map_err(|error| misfit(name, json.get(), &error))
}

/// Says where and why an argument couldn't be read. Apart from [`parse`], which the compiler copies for each type.
fn misfit(name: &str, json: &str, error: &serde_json::Error) -> Error {
    let path = place::member(name) + &place::within(json, error.line(), error.column());
    Error::invalid_input(path, reason(error))
}

/// What is wrong, at most so long as is good to read.
///
/// Line and column stay only where the text is no JSON at all. Elsewhere the path says it better; they would be those of
/// the argument, and a caller writes inputs.
fn reason(error: &serde_json::Error) -> String {
    let message = error.to_string();
    let position = format!(" at line {} column {}", error.line(), error.column());
    match message.strip_suffix(&position) {
        Some(message) if error.is_data() => short(message),
        _ => short(&message),
    }
}

fn unknown(name: &str, parameters: &[Parameter]) -> Error {
    let known: Vec<String> = parameters.iter().map(|parameter| format!("`{}`", parameter.name)).collect();
    let message = if known.is_empty() {
        "unknown argument: this tool takes none".to_owned()
    } else {
        format!("unknown argument: this tool takes {}", known.join(", "))
    };
    Error::invalid_input(place::member(name), message)
}

fn short(message: &str) -> String {
    match message.char_indices().nth(MESSAGE_CHARS) {
        Some((end, _)) => message.get(..end).unwrap_or_default().to_owned() + "…",
        None => message.to_owned(),
    }
}

struct Members;

// === impl Members ===

impl<'de> Visitor<'de> for Members {
    type Value = Vec<(String, &'de RawValue)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with the arguments")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = map.next_entry()? {
            members.push(member);
        }
        Ok(members)
    }
}
