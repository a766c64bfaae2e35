//! When two values are the same: `1` and `1.0` are.

use std::cmp::Ordering;
use std::collections::HashSet;
use std::fmt::{self, Write};

use serde_json::{Number, Value};

use super::{Judge, Judged, Spent, Verdict, length, misfit};
use crate::schema::misfit::Rule;

/// Steps for an item that is kept to be compared with those after it: it is written, allocated and hashed.
const KEEPING: u64 = 8;

impl Judge<'_> {
    pub(super) fn constant<'v>(&mut self, wanted: &'v Value, value: &'v Value) -> Judged<'v> {
        match self.same(wanted, value)? {
            true => Ok(Verdict::Fits),
            false => misfit(Rule::Enum(std::slice::from_ref(wanted)), value),
        }
    }

    pub(super) fn one_of<'v>(&mut self, wanted: &'v Value, value: &'v Value) -> Judged<'v> {
        let Value::Array(options) = wanted else { return Ok(Verdict::Unsure) };
        for option in options {
            if self.same(option, value)? {
                return Ok(Verdict::Fits);
            }
        }
        misfit(Rule::Enum(options), value)
    }

    fn same(&mut self, one: &Value, other: &Value) -> Result<bool, Spent> {
        self.take(1)?;
        Ok(match (one, other) {
            (Value::Number(one), Value::Number(other)) => compare(one, other) == Some(Ordering::Equal),
            (Value::String(one), Value::String(other)) => {
                self.take(length(one.len() / 64))?;
                one == other
            }
            (Value::Array(one), Value::Array(other)) if one.len() == other.len() => {
                for (one, other) in one.iter().zip(other) {
                    if !self.same(one, other)? {
                        return Ok(false);
                    }
                }
                true
            }
            (Value::Object(one), Value::Object(other)) if one.len() == other.len() => {
                for (name, one) in one {
                    let Some(other) = other.get(name) else { return Ok(false) };
                    if !self.same(one, other)? {
                        return Ok(false);
                    }
                }
                true
            }
            // Of two kinds, of two lengths, or of no parts.
            (one, other) => one == other,
        })
    }

    /// Whether no two of the items are the same.
    pub(super) fn unique(&mut self, items: &[Value]) -> Result<bool, Spent> {
        let mut seen = HashSet::new();
        for item in items {
            self.take(KEEPING)?;
            let mut text = String::new();
            self.write(item, &mut text)?;
            if !seen.insert(text) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Writes a value so that the same values have the same text.
    fn write(&mut self, value: &Value, text: &mut String) -> Result<(), Spent> {
        self.take(1)?;
        match value {
            Value::Array(items) => {
                text.push('[');
                for item in items {
                    self.write(item, text)?;
                    text.push(',');
                }
                text.push(']');
                return Ok(());
            }
            Value::Object(fields) => {
                text.push('{');
                for (name, value) in fields {
                    self.take(length(name.len() / 8))?;
                    _ = write!(text, "{name:?}:");
                    self.write(value, text)?;
                    text.push(',');
                }
                text.push('}');
                return Ok(());
            }
            Value::Number(number) => _ = write!(text, "{}", Written(number)),
            Value::String(string) => {
                self.take(length(string.len() / 8))?;
                _ = write!(text, "{string:?}");
            }
            Value::Null | Value::Bool(_) => _ = write!(text, "{value}"),
        }
        Ok(())
    }
}

/// A number in the one way for its value.
struct Written<'v>(&'v Number);

impl fmt::Display for Written<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.0.as_i128(), self.0.as_f64()) {
            (Some(number), _) => write!(f, "{number}"),
            // Without its point, a whole number is written like the integer that it equals.
            (None, Some(number)) if whole(self.0) => write!(f, "{}", number + 0.0),
            (None, number) => write!(f, "{number:?}"),
        }
    }
}

/// Whether a number has no fraction, however it is written.
pub(super) fn whole(number: &Number) -> bool {
    number.as_i128().is_some() || number.as_f64().is_some_and(|number| number.fract() == 0.0)
}

/// Exact between integers.
pub(super) fn compare(one: &Number, other: &Number) -> Option<Ordering> {
    match (one.as_i128(), other.as_i128()) {
        (Some(one), Some(other)) => Some(one.cmp(&other)),
        _ => one.as_f64()?.partial_cmp(&other.as_f64()?),
    }
}
