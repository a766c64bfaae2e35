//! Values → JSON text, never much longer than its limit.
//!
//! The text is measured while it is written, and given up at the first byte beyond the limit: a result is whole or it is too
//! large, it is never cut and passed off as whole.

use std::collections::HashMap;
use std::io;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hotcell_call::ByteSize;
use wasmtime::component::Val;

use crate::describe::{Broken, Shape, ShapeId, Shapes};

/// No text was made of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum WriteError {
    /// The text would be longer than its limit.
    #[error("the result is at least {at_least}, of {limit}")]
    TooLarge { at_least: ByteSize, limit: ByteSize },
    /// The value is not of the type that the table says. The engine checked it against the component's own, so the table is wrong.
    #[error("the value is not of the type that the table says")]
    Type,
    #[error(transparent)]
    Table(#[from] Broken),
}

/// Cases of a variant from which on they are found by hash: no value may cost more for the number of cases that it is not.
const FEW: usize = 16;

/// JSON text of a bounded length.
pub(crate) struct Text {
    text: Vec<u8>,
    limit: ByteSize,
    /// The payloads of variants with many cases, by name.
    cases: HashMap<ShapeId, HashMap<String, Option<ShapeId>>>,
}

impl Text {
    pub(crate) fn new(limit: ByteSize) -> Self {
        Self { text: Vec::new(), limit, cases: HashMap::new() }
    }

    /// The text so far, which is UTF-8: only whole strings are put in.
    pub(crate) fn finish(self) -> Result<String, WriteError> {
        String::from_utf8(self.text).map_err(|_| WriteError::Type)
    }

    fn put(&mut self, piece: &str) -> Result<(), WriteError> {
        self.make_room(piece.len())?;
        self.text.extend_from_slice(piece.as_bytes());
        Ok(())
    }

    fn make_room(&self, more: usize) -> Result<(), WriteError> {
        let at_least = ByteSize::of(self.text.len().saturating_add(more));
        if at_least > self.limit { Err(WriteError::TooLarge { at_least, limit: self.limit }) } else { Ok(()) }
    }

    /// Writes nothing, as the answer of a function without result.
    pub(crate) fn null(&mut self) -> Result<(), WriteError> {
        self.put("null")
    }

    /// Writes a string, escaped.
    pub(crate) fn string(&mut self, string: &str) -> Result<(), WriteError> {
        // Escaping never shortens, so what is too long is known before it is touched.
        self.make_room(string.len().saturating_add(2))?;
        // What fails is the room for what escaping adds: one byte more than there is, at the least.
        serde_json::to_writer(&mut *self, string).map_err(|_| WriteError::TooLarge {
            at_least: ByteSize::bytes(self.limit.as_u64().saturating_add(1)),
            limit: self.limit,
        })
    }

    /// Writes bytes as base64.
    pub(crate) fn bytes(&mut self, bytes: &[u8]) -> Result<(), WriteError> {
        self.make_room(bytes.len().div_ceil(3).saturating_mul(4).saturating_add(2))?;
        self.put("\"")?;
        self.put(&STANDARD.encode(bytes))?;
        self.put("\"")
    }

    /// Writes a value of the shape at `id`.
    pub(crate) fn value(&mut self, shapes: &Shapes, id: ShapeId, value: &Val) -> Result<(), WriteError> {
        match (shapes.get(id)?, value) {
            (Shape::Bool, Val::Bool(value)) => self.put(if *value { "true" } else { "false" }),
            (Shape::S8, Val::S8(value)) => self.put(&value.to_string()),
            (Shape::U8, Val::U8(value)) => self.put(&value.to_string()),
            (Shape::S16, Val::S16(value)) => self.put(&value.to_string()),
            (Shape::U16, Val::U16(value)) => self.put(&value.to_string()),
            (Shape::S32, Val::S32(value)) => self.put(&value.to_string()),
            (Shape::U32, Val::U32(value)) => self.put(&value.to_string()),
            (Shape::S64, Val::S64(value)) => self.put(&value.to_string()),
            (Shape::U64, Val::U64(value)) => self.put(&value.to_string()),
            (Shape::F32, Val::Float32(value)) => self.float(f64::from(*value), || serde_json::to_string(value)),
            (Shape::F64, Val::Float64(value)) => self.float(*value, || serde_json::to_string(value)),
            (Shape::Char, Val::Char(value)) => self.string(value.encode_utf8(&mut [0; 4])),
            (Shape::String, Val::String(value)) => self.string(value),
            (Shape::List(element), Val::List(values)) => self.list(shapes, *element, values),
            (Shape::Record(fields), Val::Record(values)) if fields.len() == values.len() => {
                let values = fields.iter().zip(values).map(|((name, id), (_, value))| (name.as_str(), *id, value));
                self.object(shapes, values)
            }
            (Shape::Tuple(parts), Val::Tuple(values)) if parts.len() == values.len() => {
                self.array(parts.iter().zip(values), |text, (id, value)| text.value(shapes, *id, value))
            }
            (Shape::Variant(cases), Val::Variant(name, payload)) => match (self.payload(id, cases, name)?, payload) {
                (None, None) => self.string(name),
                (Some(id), Some(value)) => self.object(shapes, std::iter::once((name.as_str(), id, &**value))),
                _ => Err(WriteError::Type),
            },
            (Shape::Enum(_), Val::Enum(name)) => self.string(name),
            (Shape::Flags(_), Val::Flags(names)) => self.array(names.iter(), |text, name| text.string(name)),
            (Shape::Option(_), Val::Option(None)) => self.null(),
            (Shape::Option(some), Val::Option(Some(value))) => match shapes.get(*some)? {
                Shape::Option(_) => self.object(shapes, std::iter::once(("some", *some, &**value))),
                _ => self.value(shapes, *some, value),
            },
            (Shape::Result(ok, _), Val::Result(Ok(value))) => self.side(shapes, "ok", *ok, value.as_deref()),
            (Shape::Result(_, err), Val::Result(Err(value))) => self.side(shapes, "err", *err, value.as_deref()),
            _ => Err(WriteError::Type),
        }
    }

    /// What the case of that name holds.
    fn payload(
        &mut self,
        id: ShapeId,
        cases: &[(String, Option<ShapeId>)],
        name: &str,
    ) -> Result<Option<ShapeId>, WriteError> {
        let payload = if cases.len() <= FEW {
            cases.iter().find(|(case, _)| case == name).map(|(_, payload)| *payload)
        } else {
            let by_name = self.cases.entry(id).or_insert_with(|| cases.iter().cloned().collect());
            by_name.get(name).copied()
        };
        payload.ok_or(WriteError::Type)
    }

    fn float(&mut self, value: f64, shortest: impl FnOnce() -> serde_json::Result<String>) -> Result<(), WriteError> {
        if value.is_nan() {
            self.put("\"NaN\"")
        } else if value.is_infinite() {
            self.put(if value > 0.0 { "\"Infinity\"" } else { "\"-Infinity\"" })
        } else {
            self.put(&shortest().map_err(|_| WriteError::Type)?)
        }
    }

    fn list(&mut self, shapes: &Shapes, element: ShapeId, values: &[Val]) -> Result<(), WriteError> {
        if shapes.get(element)? != &Shape::U8 {
            return self.array(values.iter(), |text, value| text.value(shapes, element, value));
        }
        self.make_room(values.len())?;
        let byte = |value: &Val| match value {
            Val::U8(byte) => Ok(*byte),
            _ => Err(WriteError::Type),
        };
        self.bytes(&values.iter().map(byte).collect::<Result<Vec<u8>, _>>()?)
    }

    /// One side of a nested result.
    fn side(&mut self, shapes: &Shapes, key: &str, id: Option<ShapeId>, value: Option<&Val>) -> Result<(), WriteError> {
        match (id, value) {
            (Some(id), Some(value)) => self.object(shapes, std::iter::once((key, id, value))),
            (None, None) => {
                self.put("{")?;
                self.string(key)?;
                self.put(":null}")
            }
            _ => Err(WriteError::Type),
        }
    }

    fn object<'v>(
        &mut self,
        shapes: &Shapes,
        values: impl Iterator<Item = (&'v str, ShapeId, &'v Val)>,
    ) -> Result<(), WriteError> {
        self.put("{")?;
        for (index, (name, id, value)) in values.enumerate() {
            if index > 0 {
                self.put(",")?;
            }
            self.string(name)?;
            self.put(":")?;
            self.value(shapes, id, value)?;
        }
        self.put("}")
    }

    fn array<T>(
        &mut self,
        items: impl Iterator<Item = T>,
        mut item: impl FnMut(&mut Self, T) -> Result<(), WriteError>,
    ) -> Result<(), WriteError> {
        self.put("[")?;
        for (index, each) in items.enumerate() {
            if index > 0 {
                self.put(",")?;
            }
            item(self, each)?;
        }
        self.put("]")
    }
}

impl io::Write for Text {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.make_room(bytes.len()).map_err(io::Error::other)?;
        self.text.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_case_of_a_large_variant_is_not_searched_for() {
        let cases = |count: usize| Shape::Variant((0..count).map(|n| (format!("c{n}"), None)).collect());
        let shapes = Shapes::new(vec![cases(FEW), cases(6_000)]);
        let mut text = Text::new(ByteSize::kib(1));
        for (id, name) in [(0, "c15"), (1, "c5999"), (1, "c0")] {
            text.value(&shapes, ShapeId(id), &Val::Variant(name.to_owned(), None)).unwrap();
        }
        let unknown = text.value(&shapes, ShapeId(1), &Val::Variant("c6000".to_owned(), None));
        assert_eq!(unknown, Err(WriteError::Type));
        let indexed: Vec<_> = text.cases.iter().map(|(id, names)| (*id, names.len())).collect();
        assert_eq!(indexed, [(ShapeId(1), 6_000)], "one table for the large one, none for the small one");
        assert_eq!(text.finish().unwrap(), r#""c15""c5999""c0""#);
    }
}
