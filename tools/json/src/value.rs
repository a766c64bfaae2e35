//! From the values of the query engine to JSON.
//!
//! The engine's values are more than JSON: byte strings, keys of any type, numbers that are not finite, nesting without
//! bound. Each has one answer here, so that nothing is lost without a word.

use hotcell::serde_json::{self, Map, Number, Value};
use jaq_json::{Num, Val};

/// What JSON parsers commonly accept; deeper values would also overflow the stack of whoever reads them.
const DEEPEST: usize = 120;
/// Up to here, each integer is a floating-point number of its own.
const LARGEST_EXACT: f64 = 9_007_199_254_740_992.0;

/// Why a value can't be given back as JSON.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Unfit {
    /// It has more levels than [`DEEPEST`].
    Deep,
    /// An object has a key that is not a string: this one.
    Key(String),
    /// It is larger than the bytes that were left.
    Large,
}

// === impl Unfit ===

impl std::fmt::Display for Unfit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Deep => write!(f, "it is nested deeper than {DEEPEST} levels"),
            Self::Key(key) => write!(f, "the key {key} of an object is not a string; make it one with `tostring`"),
            Self::Large => write!(f, "all outputs together are too large; narrow the filter"),
        }
    }
}

/// Turns the engine's values into JSON, until `room` bytes are used up.
pub(crate) struct Converter {
    /// Bytes left, counted about as they will be written.
    pub(crate) room: usize,
}

// === impl Converter ===

impl Converter {
    /// One value as JSON.
    pub(crate) fn json(&mut self, val: &Val) -> Result<Value, Unfit> {
        self.at_depth(val, DEEPEST)
    }

    fn at_depth(&mut self, val: &Val, levels: usize) -> Result<Value, Unfit> {
        let inside = levels.checked_sub(1).ok_or(Unfit::Deep)?;
        Ok(match val {
            Val::Null => self.take(4).map(|()| Value::Null)?,
            Val::Bool(bool) => self.take(5).map(|()| Value::Bool(*bool))?,
            Val::Num(num) => self.take(8).map(|()| number(num))?,
            Val::BStr(bytes) | Val::TStr(bytes) => Value::String(self.text(bytes)?),
            Val::Arr(items) => {
                self.take(2 + items.len())?;
                Value::Array(items.iter().map(|item| self.at_depth(item, inside)).collect::<Result<_, _>>()?)
            }
            Val::Obj(entries) => {
                self.take(2)?;
                let entries = entries.iter().map(|(key, val)| Ok((self.key(key)?, self.at_depth(val, inside)?)));
                Value::Object(entries.collect::<Result<Map<_, _>, _>>()?)
            }
        })
    }

    fn key(&mut self, key: &Val) -> Result<String, Unfit> {
        match key {
            Val::BStr(bytes) | Val::TStr(bytes) => self.text(bytes),
            other => Err(Unfit::Key(other.to_string())),
        }
    }

    /// Bytes that are not UTF-8 are replaced, as in every printed form of such a value.
    fn text(&mut self, bytes: &[u8]) -> Result<String, Unfit> {
        self.take(bytes.len() + 4)?;
        Ok(String::from_utf8_lossy(bytes).into_owned())
    }

    fn take(&mut self, bytes: usize) -> Result<(), Unfit> {
        self.room = self.room.checked_sub(bytes).ok_or(Unfit::Large)?;
        Ok(())
    }
}

fn number(num: &Num) -> Value {
    match num {
        Num::Int(int) => Value::from(*int),
        Num::Float(value) => float(*value),
        // Too large for the machine, or written with decimals: the JSON parser knows best what fits.
        Num::BigInt(int) => serde_json::from_str(&int.to_string()).unwrap_or(Value::Null),
        Num::Dec(text) => text.parse().map_or(Value::Null, float),
    }
}

/// Like jq: what is not a number is null, the infinities are the largest numbers there are, and a whole number is written
/// as one (`6 / 2` is `3`), as far as every integer is exact.
fn float(float: f64) -> Value {
    if float.fract() == 0.0 && float.abs() < LARGEST_EXACT {
        return Value::from(float as i64);
    }
    Number::from_f64(float.clamp(f64::MIN, f64::MAX)).map_or(Value::Null, Value::Number)
}

/// A JSON value as the engine's. It can't fail: JSON is a part of what the engine has.
pub(crate) fn val(json: Value) -> Val {
    match json {
        Value::Null => Val::Null,
        Value::Bool(bool) => Val::Bool(bool),
        Value::Number(number) => num(&number),
        Value::String(text) => Val::from(text),
        Value::Array(items) => items.into_iter().map(val).collect(),
        Value::Object(entries) => {
            Val::obj(entries.into_iter().map(|(key, json)| (Val::from(key), val(json))).collect())
        }
    }
}

fn num(number: &Number) -> Val {
    if let Some(int) = number.as_i64() {
        Val::Num(Num::from_integral(int))
    } else if let Some(int) = number.as_u64() {
        Val::Num(Num::from_integral(int))
    } else {
        Val::Num(Num::Float(number.as_f64().unwrap_or(f64::NAN)))
    }
}
