//! Each type of value, from JSON.

use std::fmt;

use hotcell_call::nearest;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use wasmtime::component::Val;

use crate::convert::mismatch::{Step, quoted, wanted_of};
use crate::convert::read::{Element, Reading, Seed, VALUE};
use crate::describe::{Shape, ShapeId};

/// What a name takes beside its bytes: the string and what the allocator adds.
const NAME: usize = size_of::<String>() + 16;
/// Whole numbers up to here are exact in a float.
const EXACT: f64 = 9_007_199_254_740_992.0;

impl Element for Val {
    fn read<'de, D: Deserializer<'de>>(reading: &Reading<'_>, id: ShapeId, from: D) -> Result<Self, D::Error> {
        match reading.shape(id)? {
            Shape::Option(some) => from.deserialize_option(Maybe { reading, some: *some }),
            shape => from.deserialize_any(Value { reading, shape, as_text: false }),
        }
    }
}

/// Reads text, for the type at `id`.
pub(crate) fn text<'de, D: Deserializer<'de>>(reading: &Reading<'_>, id: ShapeId, from: D) -> Result<String, D::Error> {
    // Whatever the text stands for, anything but a text is refused in the words of its type.
    match from.deserialize_any(Value { reading, shape: reading.shape(id)?, as_text: true })? {
        Val::String(text) => Ok(text),
        _ => Err(D::Error::custom("not a text")),
    }
}

/// Reads a name in a list of flags.
struct Name<'r, 'a>(&'r Reading<'a>);

impl<'de> DeserializeSeed<'de> for Name<'_, '_> {
    type Value = String;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<String, D::Error> {
        match from.deserialize_any(Value { reading: self.0, shape: &Shape::String, as_text: true })? {
            Val::String(name) => Ok(name),
            _ => Err(D::Error::custom("not a text")),
        }
    }
}

/// Reads an option.
struct Maybe<'r, 'a> {
    reading: &'r Reading<'a>,
    some: ShapeId,
}

impl<'de> Visitor<'de> for Maybe<'_, '_> {
    type Value = Val;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value or null")
    }

    fn visit_none<E: Error>(self) -> Result<Val, E> {
        Ok(Val::Option(None))
    }

    fn visit_unit<E: Error>(self) -> Result<Val, E> {
        Ok(Val::Option(None))
    }

    fn visit_some<D: Deserializer<'de>>(self, from: D) -> Result<Val, D::Error> {
        self.reading.spend(VALUE)?;
        let nested = matches!(self.reading.shape(self.some)?, Shape::Option(_));
        let value = if nested {
            from.deserialize_any(OneKey { reading: self.reading, keys: Keys::Some(self.some) })?.1
        } else {
            Some(Val::read(self.reading, self.some, from)?)
        };
        Ok(Val::Option(value.map(Box::new)))
    }
}

/// Reads a value that is no option.
struct Value<'r, 'a> {
    reading: &'r Reading<'a>,
    shape: &'a Shape,
    /// Whether text is taken as it is, whatever it stands for.
    as_text: bool,
}

impl<'a> Value<'_, 'a> {
    fn refuse<E: Error>(&self, got: impl Into<String>) -> E {
        self.reading.refuse(wanted_of(self.shape, self.reading.shapes), got)
    }

    fn integer<E: Error>(&self, number: i128) -> Result<Val, E> {
        let value = match self.shape {
            Shape::S8 => i8::try_from(number).ok().map(Val::S8),
            Shape::U8 => u8::try_from(number).ok().map(Val::U8),
            Shape::S16 => i16::try_from(number).ok().map(Val::S16),
            Shape::U16 => u16::try_from(number).ok().map(Val::U16),
            Shape::S32 => i32::try_from(number).ok().map(Val::S32),
            Shape::U32 => u32::try_from(number).ok().map(Val::U32),
            Shape::S64 => i64::try_from(number).ok().map(Val::S64),
            Shape::U64 => u64::try_from(number).ok().map(Val::U64),
            #[expect(clippy::cast_precision_loss, reason = "a JSON number given for a float means the nearest float")]
            Shape::F32 | Shape::F64 => return self.float(number as f64),
            _ => return Err(self.refuse(number.to_string())),
        };
        value.ok_or_else(|| self.refuse(number.to_string()))
    }

    fn float<E: Error>(&self, number: f64) -> Result<Val, E> {
        match self.shape {
            Shape::F64 => Ok(Val::Float64(number)),
            #[expect(
                clippy::cast_possible_truncation,
                reason = "rounds to the nearest; what leaves the range is refused below"
            )]
            Shape::F32 => {
                let single = number as f32;
                if single.is_finite() { Ok(Val::Float32(single)) } else { Err(self.refuse(number.to_string())) }
            }
            // JSON Schema calls `3.0` an integer as well.
            #[expect(clippy::cast_possible_truncation, reason = "whole, and far within the range")]
            _ if number.fract() == 0.0 && number.abs() <= EXACT => self.integer(number as i128),
            _ => Err(self.refuse(number.to_string())),
        }
    }

    fn text<E: Error>(&self, text: &str) -> Result<Val, E> {
        let refused = || self.refuse(quoted(text));
        match self.shape {
            _ if self.as_text => Ok(Val::String(text.to_owned())),
            Shape::String => Ok(Val::String(text.to_owned())),
            Shape::Char => {
                let mut chars = text.chars();
                chars.next().filter(|_| chars.next().is_none()).map(Val::Char).ok_or_else(refused)
            }
            // A sign or a blank before the digits is a slip more often than it is meant.
            Shape::U64 if text.starts_with(|c: char| c.is_ascii_digit()) => {
                text.parse().map(Val::U64).map_err(|_| refused())
            }
            Shape::S64 if text.starts_with(|c: char| c.is_ascii_digit() || c == '-') => {
                text.parse().map(Val::S64).map_err(|_| refused())
            }
            Shape::F32 => special(text).map(Val::Float32).ok_or_else(refused),
            Shape::F64 => special(text).map(|single| Val::Float64(single.into())).ok_or_else(refused),
            Shape::Enum(names) => {
                let known = self.reading.find(names, |name| name, text);
                known.map(|_| Val::Enum(text.to_owned())).ok_or_else(|| self.unknown(names.iter(), text))
            }
            Shape::Variant(cases) => {
                match self.reading.find(cases, |(name, _)| name, text).and_then(|at| cases.get(at)) {
                    Some((name, None)) => Ok(Val::Variant(name.clone(), None)),
                    Some((name, Some(_))) => {
                        Err(self.reading.refuse(format!("{{{name:?}: …}}, with its payload"), quoted(text)))
                    }
                    None => Err(self.unknown(cases.iter().map(|(name, _)| name), text)),
                }
            }
            list if list.is_bytes(self.reading.shapes) => {
                self.reading.spend((text.len() / 4 * 3).saturating_mul(VALUE))?;
                Ok(Val::List(self.reading.bytes(text)?.into_iter().map(Val::U8).collect()))
            }
            _ => Err(refused()),
        }
    }

    fn unknown<'n, E: Error>(&self, names: impl Iterator<Item = &'n String>, got: &str) -> E {
        let near = nearest(got, names.map(String::as_str).take(1_000));
        let hint = near.map(|near| format!(" (did you mean {near:?}?)")).unwrap_or_default();
        self.refuse(format!("{}{hint}", quoted(got)))
    }

    fn flags<'de, A: SeqAccess<'de>>(&self, names: &'a [String], mut seq: A) -> Result<Val, A::Error> {
        let mut seen = vec![false; names.len()];
        let mut set = Vec::new();
        let mut count = 0;
        while let Some(name) = self.reading.at(Step::Index(count), || seq.next_element_seed(Name(self.reading)))? {
            count += 1;
            let place = self.reading.find(names, |name| name, &name);
            let Some(seen) = place.and_then(|place| seen.get_mut(place)) else {
                return Err(self.unknown(names.iter(), &name));
            };
            if std::mem::replace(seen, true) {
                return Err(self.refuse(format!("{} twice", quoted(&name))));
            }
            self.reading.spend(NAME.saturating_add(name.len()))?;
            set.push(name);
        }
        Ok(Val::Flags(set))
    }

    fn list<'de, A: SeqAccess<'de>>(&self, element: ShapeId, mut seq: A) -> Result<Val, A::Error> {
        let mut values = Vec::new();
        loop {
            let seed = Seed::new(self.reading, element);
            match self.reading.at(Step::Index(values.len()), || seq.next_element_seed(seed))? {
                Some(value) => {
                    // A vector that grows by doubling may hold twice what is in it.
                    self.reading.spend(2 * VALUE)?;
                    values.push(value);
                }
                None => return Ok(Val::List(values)),
            }
        }
    }
}

impl<'de> Visitor<'de> for Value<'_, '_> {
    type Value = Val;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_bool<E: Error>(self, given: bool) -> Result<Val, E> {
        match self.shape {
            Shape::Bool => Ok(Val::Bool(given)),
            _ => Err(self.refuse(given.to_string())),
        }
    }

    fn visit_i64<E: Error>(self, given: i64) -> Result<Val, E> {
        self.integer(given.into())
    }

    fn visit_u64<E: Error>(self, given: u64) -> Result<Val, E> {
        self.integer(given.into())
    }

    fn visit_f64<E: Error>(self, given: f64) -> Result<Val, E> {
        self.float(given)
    }

    fn visit_str<E: Error>(self, given: &str) -> Result<Val, E> {
        self.text(given)
    }

    fn visit_unit<E: Error>(self) -> Result<Val, E> {
        Err(self.refuse("null"))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Val, A::Error> {
        match self.shape {
            Shape::Tuple(parts) => self.reading.positioned(parts, seq).map(Val::Tuple),
            Shape::Flags(names) => self.flags(names, seq),
            list @ Shape::List(element) if !list.is_bytes(self.reading.shapes) => self.list(*element, seq),
            _ => {
                while seq.next_element::<IgnoredAny>()?.is_some() {}
                Err(self.refuse("an array"))
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Val, A::Error> {
        match self.shape {
            Shape::Record(fields) => {
                let names = fields.iter().map(|(name, _)| NAME.saturating_add(name.len()));
                self.reading.spend(names.fold(0, usize::saturating_add))?;
                let values = self.reading.named(fields, map)?;
                Ok(Val::Record(fields.iter().map(|(name, _)| name.clone()).zip(values).collect()))
            }
            Shape::Variant(cases) => {
                let (name, value) = OneKey { reading: self.reading, keys: Keys::Cases(cases) }.visit_map(map)?;
                Ok(Val::Variant(name, value.map(Box::new)))
            }
            Shape::Result(ok, err) => {
                let (name, value) = OneKey { reading: self.reading, keys: Keys::Result(*ok, *err) }.visit_map(map)?;
                let value = value.map(Box::new);
                Ok(Val::Result(if name == "ok" { Ok(value) } else { Err(value) }))
            }
            _ => Err(self.refuse("an object")),
        }
    }
}

/// Reads an object of just one key, which says what its value is.
struct OneKey<'r, 'a> {
    reading: &'r Reading<'a>,
    keys: Keys<'a>,
}

/// The keys that it may have.
#[derive(Clone, Copy)]
enum Keys<'a> {
    Cases(&'a [(String, Option<ShapeId>)]),
    Result(Option<ShapeId>, Option<ShapeId>),
    Some(ShapeId),
}

impl<'a> Keys<'a> {
    const fn wanted(self) -> &'static str {
        match self {
            Self::Cases(_) => "an object of one case",
            Self::Result(..) => "{\"ok\": …} or {\"err\": …}",
            Self::Some(_) => "null or {\"some\": …}",
        }
    }

    fn find(self, reading: &Reading<'a>, key: &str) -> Option<(&'a str, Option<ShapeId>)> {
        match (self, key) {
            (Self::Result(ok, _), "ok") => Some(("ok", ok)),
            (Self::Result(_, err), "err") => Some(("err", err)),
            (Self::Some(some), "some") => Some(("some", Some(some))),
            (Self::Cases(cases), _) => {
                let (name, payload) = cases.get(reading.find(cases, |(name, _)| name, key)?)?;
                Some((name, *payload))
            }
            _ => None,
        }
    }
}

impl OneKey<'_, '_> {
    fn refuse<E: Error>(&self, got: impl Into<String>) -> E {
        self.reading.refuse(self.keys.wanted(), got)
    }
}

impl<'de> Visitor<'de> for OneKey<'_, '_> {
    type Value = (String, Option<Val>);

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.keys.wanted())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(String, Option<Val>), A::Error> {
        let reading = self.reading;
        let Some(key) = map.next_key::<String>()? else {
            return Err(self.refuse("an empty object"));
        };
        let Some((name, shape)) = self.keys.find(reading, &key) else {
            return Err(match self.keys {
                Keys::Cases(cases) => reading.unknown_key(cases.iter().map(|(name, _)| name), &key),
                Keys::Result(..) | Keys::Some(_) => self.refuse(format!("the key {}", quoted(&key))),
            });
        };
        reading.spend(VALUE.saturating_add(NAME).saturating_add(name.len()))?;
        let value = reading.at(Step::Key(name), || match shape {
            Some(shape) => map.next_value_seed(Seed::new(reading, shape)).map(Some),
            None => match map.next_value::<Option<IgnoredAny>>()? {
                None => Ok(None),
                Some(IgnoredAny) => Err(reading.refuse("null", "a value")),
            },
        })?;
        match map.next_key::<IgnoredAny>()? {
            None => Ok((name.to_owned(), value)),
            Some(IgnoredAny) => Err(self.refuse("more than one key")),
        }
    }

    fn visit_str<E: Error>(self, given: &str) -> Result<Self::Value, E> {
        Err(self.refuse(quoted(given)))
    }

    fn visit_bool<E: Error>(self, given: bool) -> Result<Self::Value, E> {
        Err(self.refuse(given.to_string()))
    }

    fn visit_i64<E: Error>(self, given: i64) -> Result<Self::Value, E> {
        Err(self.refuse(given.to_string()))
    }

    fn visit_u64<E: Error>(self, given: u64) -> Result<Self::Value, E> {
        Err(self.refuse(given.to_string()))
    }

    fn visit_f64<E: Error>(self, given: f64) -> Result<Self::Value, E> {
        Err(self.refuse(given.to_string()))
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Err(self.refuse("null"))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, _: A) -> Result<Self::Value, A::Error> {
        Err(self.refuse("an array"))
    }
}

/// The numbers that JSON lacks.
fn special(text: &str) -> Option<f32> {
    match text {
        "NaN" => Some(f32::NAN),
        "Infinity" => Some(f32::INFINITY),
        "-Infinity" => Some(f32::NEG_INFINITY),
        _ => None,
    }
}
