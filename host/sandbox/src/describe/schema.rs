//! JSON Schemas (draft 2020-12) of WIT types.
//!
//! They are read by models as much as by validators, so they are short: types are written where they are used, and only what
//! is used twice and has parts of its own stands in `$defs`. That also keeps types that double at each level small. What would
//! be larger than its bound is not written at all.

use std::collections::{HashMap, HashSet};

use serde_json::{Map, Value, json};

use crate::describe::shape::{Broken, Shape, ShapeId, Shapes, Signature};

/// The most bytes of one schema, as text.
pub(crate) const MOST_SCHEMA: usize = 64 << 10;

/// No schema can be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SchemaError {
    #[error("its schema would be larger than 64KiB")]
    Size,
    #[error(transparent)]
    Broken(#[from] Broken),
}

/// The schema of a function's arguments: an object by name.
pub(crate) fn input(shapes: &Shapes, signature: &Signature) -> Result<Value, SchemaError> {
    let mut writer = Writer::new(shapes, signature.params.iter().map(|(_, shape)| *shape))?;
    let schema = writer.object(&signature.params)?;
    writer.finish(schema)
}

/// The schema of a function's answer. The error of a result at the top is the tool's failure, not an answer.
pub(crate) fn output(shapes: &Shapes, signature: &Signature) -> Result<Value, SchemaError> {
    let answer = match signature.result {
        Some(id) => match shapes.get(id)? {
            Shape::Result(ok, _) => *ok,
            _ => Some(id),
        },
        None => None,
    };
    let mut writer = Writer::new(shapes, answer.into_iter())?;
    let schema = writer.payload(answer)?;
    writer.finish(schema)
}

struct Writer<'a> {
    shapes: &'a Shapes,
    /// What is used more than once.
    shared: HashSet<ShapeId>,
    defs: Map<String, Value>,
    /// A lower bound of the text so far, so that a schema without bound is given up while it is written.
    written: usize,
}

impl<'a> Writer<'a> {
    fn new(shapes: &'a Shapes, roots: impl Iterator<Item = ShapeId>) -> Result<Self, SchemaError> {
        let mut uses: HashMap<ShapeId, u32> = HashMap::new();
        let mut open: Vec<ShapeId> = roots.collect();
        while let Some(id) = open.pop() {
            let count = uses.entry(id).or_default();
            *count += 1;
            if *count == 1 {
                open.extend(shapes.get(id)?.parts());
            }
        }
        let shared = uses.into_iter().filter(|(_, count)| *count > 1).map(|(id, _)| id);
        let mut worth = HashSet::new();
        for id in shared {
            if is_worth_a_name(shapes.get(id)?) {
                worth.insert(id);
            }
        }
        Ok(Self { shapes, shared: worth, defs: Map::new(), written: 0 })
    }

    fn finish(self, mut schema: Value) -> Result<Value, SchemaError> {
        if let (Value::Object(schema), false) = (&mut schema, self.defs.is_empty()) {
            schema.insert("$defs".to_owned(), Value::Object(self.defs));
        }
        let size = serde_json::to_string(&schema).map_or(usize::MAX, |text| text.len());
        if size > MOST_SCHEMA { Err(SchemaError::Size) } else { Ok(schema) }
    }

    fn schema(&mut self, id: ShapeId) -> Result<Value, SchemaError> {
        if !self.shared.contains(&id) {
            return self.written_out(id);
        }
        let name = format!("t{}", id.0);
        if !self.defs.contains_key(&name) {
            let schema = self.written_out(id)?;
            self.defs.insert(name.clone(), schema);
        }
        Ok(json!({ "$ref": format!("#/$defs/{name}") }))
    }

    fn written_out(&mut self, id: ShapeId) -> Result<Value, SchemaError> {
        self.spend(12)?;
        let shapes = self.shapes;
        Ok(match shapes.get(id)? {
            Shape::Bool => json!({ "type": "boolean" }),
            Shape::S8 => integer(i8::MIN.into(), i8::MAX.into()),
            Shape::U8 => integer(0, u8::MAX.into()),
            Shape::S16 => integer(i16::MIN.into(), i16::MAX.into()),
            Shape::U16 => integer(0, u16::MAX.into()),
            Shape::S32 => integer(i32::MIN.into(), i32::MAX.into()),
            Shape::U32 => integer(0, u32::MAX.into()),
            // Beyond 2^53 many programs can't write a number exactly, so its digits may come as a string.
            Shape::S64 => {
                json!({ "type": ["integer", "string"], "minimum": i64::MIN, "maximum": i64::MAX, "pattern": "^-?[0-9]{1,19}$" })
            }
            Shape::U64 => {
                json!({ "type": ["integer", "string"], "minimum": 0, "maximum": u64::MAX, "pattern": "^[0-9]{1,20}$" })
            }
            Shape::F32 | Shape::F64 => {
                json!({ "type": ["number", "string"], "pattern": "^(NaN|-?Infinity)$" })
            }
            Shape::Char => json!({ "type": "string", "minLength": 1, "maxLength": 1 }),
            Shape::String => json!({ "type": "string" }),
            list @ Shape::List(element) => {
                if list.is_bytes(shapes) {
                    json!({ "type": "string", "contentEncoding": "base64" })
                } else {
                    json!({ "type": "array", "items": self.schema(*element)? })
                }
            }
            Shape::Record(fields) => self.object(fields)?,
            Shape::Tuple(parts) => {
                let items = parts.iter().map(|part| self.schema(*part)).collect::<Result<Vec<_>, _>>()?;
                json!({ "type": "array", "prefixItems": items, "items": false, "minItems": parts.len() })
            }
            Shape::Variant(cases) => self.variant(cases)?,
            Shape::Enum(names) => {
                self.names(names.iter())?;
                json!({ "enum": names })
            }
            Shape::Flags(names) => {
                self.names(names.iter())?;
                json!({ "type": "array", "items": { "enum": names }, "uniqueItems": true })
            }
            Shape::Option(some) => {
                let some = self.some(*some)?;
                json!({ "anyOf": [some, { "type": "null" }] })
            }
            Shape::Result(ok, err) => {
                let (ok, err) = (self.payload(*ok)?, self.payload(*err)?);
                json!({ "oneOf": [one_key("ok", ok), one_key("err", err)] })
            }
        })
    }

    /// A value within an option. One that can itself be null is wrapped, or the two nulls would be one.
    fn some(&mut self, id: ShapeId) -> Result<Value, SchemaError> {
        let schema = self.schema(id)?;
        Ok(match self.shapes.get(id)? {
            Shape::Option(_) => one_key("some", schema),
            _ => schema,
        })
    }

    fn object(&mut self, fields: &[(String, ShapeId)]) -> Result<Value, SchemaError> {
        self.names(fields.iter().map(|(name, _)| name))?;
        let mut properties = Map::new();
        let mut required = Vec::new();
        for (name, id) in fields {
            properties.insert(name.clone(), self.schema(*id)?);
            if !matches!(self.shapes.get(*id)?, Shape::Option(_)) {
                required.push(name.as_str());
            }
        }
        let mut schema = json!({ "type": "object", "properties": properties, "additionalProperties": false });
        if let (Some(schema), false) = (schema.as_object_mut(), required.is_empty()) {
            schema.insert("required".to_owned(), json!(required));
        }
        Ok(schema)
    }

    fn variant(&mut self, cases: &[(String, Option<ShapeId>)]) -> Result<Value, SchemaError> {
        self.names(cases.iter().map(|(name, _)| name))?;
        let bare: Vec<_> = cases.iter().filter(|(_, payload)| payload.is_none()).map(|(name, _)| name).collect();
        let mut forms = Vec::new();
        if !bare.is_empty() {
            forms.push(json!({ "enum": bare }));
        }
        for (name, payload) in cases {
            if let Some(payload) = payload {
                forms.push(one_key(name, self.schema(*payload)?));
            }
        }
        Ok(json!({ "oneOf": forms }))
    }

    fn payload(&mut self, id: Option<ShapeId>) -> Result<Value, SchemaError> {
        id.map_or_else(|| Ok(json!({ "type": "null" })), |id| self.schema(id))
    }

    fn names<'n>(&mut self, mut names: impl Iterator<Item = &'n String>) -> Result<(), SchemaError> {
        names.try_for_each(|name| self.spend(name.len() + 3))
    }

    fn spend(&mut self, bytes: usize) -> Result<(), SchemaError> {
        self.written = self.written.saturating_add(bytes);
        if self.written > MOST_SCHEMA { Err(SchemaError::Size) } else { Ok(()) }
    }
}

fn is_worth_a_name(shape: &Shape) -> bool {
    match shape {
        Shape::Record(_)
        | Shape::Tuple(_)
        | Shape::Variant(_)
        | Shape::Result(..)
        | Shape::List(_)
        | Shape::Option(_) => true,
        Shape::Enum(names) | Shape::Flags(names) => names.len() > 3,
        _ => false,
    }
}

fn integer(minimum: i64, maximum: i64) -> Value {
    json!({ "type": "integer", "minimum": minimum, "maximum": maximum })
}

fn one_key(name: &str, schema: Value) -> Value {
    json!({ "type": "object", "properties": { name: schema }, "required": [name], "additionalProperties": false })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The schema of one parameter `x` whose type is the last of `shapes`.
    fn of(shapes: Vec<Shape>) -> Result<Value, SchemaError> {
        let last = ShapeId(u32::try_from(shapes.len()).unwrap() - 1);
        let signature = Signature { params: vec![("x".to_owned(), last)], result: None };
        input(&Shapes::new(shapes), &signature)
    }

    #[test]
    fn each_type_has_its_form() {
        let id = ShapeId;
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        for (shapes, wanted) in [
            (vec![Shape::U8], json!({"type": "integer", "minimum": 0, "maximum": 255})),
            (vec![Shape::U8, Shape::List(id(0))], json!({"type": "string", "contentEncoding": "base64"})),
            (vec![Shape::Bool, Shape::List(id(0))], json!({"type": "array", "items": {"type": "boolean"}})),
            (vec![Shape::Enum(names(&["a", "b"]))], json!({"enum": ["a", "b"]})),
            (
                vec![Shape::Flags(names(&["a", "b"]))],
                json!({"type": "array", "items": {"enum": ["a", "b"]}, "uniqueItems": true}),
            ),
            (
                vec![Shape::Char, Shape::Variant(vec![("n".into(), None), ("c".into(), Some(id(0)))])],
                json!({"oneOf": [{"enum": ["n"]}, one_key("c", json!({"type": "string", "minLength": 1, "maxLength": 1}))]}),
            ),
            (
                vec![Shape::Bool, Shape::Tuple(vec![id(0)])],
                json!({"type": "array", "prefixItems": [{"type": "boolean"}], "items": false, "minItems": 1}),
            ),
        ] {
            assert_eq!(of(shapes.clone()).unwrap()["properties"]["x"], wanted, "{shapes:?}");
        }
    }

    #[test]
    fn what_may_be_null_need_not_be_given() {
        let id = ShapeId;
        let schema = of(vec![
            Shape::Bool,
            Shape::Option(id(0)),
            Shape::Record(vec![("must".into(), id(0)), ("may".into(), id(1))]),
        ])
        .unwrap();
        assert_eq!(schema["properties"]["x"]["required"], json!(["must"]));
        let maybe = of(vec![Shape::Bool, Shape::Option(id(0))]).unwrap();
        assert_eq!(maybe.get("required"), None);
    }

    #[test]
    fn a_type_that_doubles_at_each_level_stays_small_and_a_huge_one_is_refused() {
        let id = ShapeId;
        let pair = |below| Shape::Record(vec![("a".into(), id(below)), ("b".into(), id(below))]);
        let doubling = std::iter::once(Shape::Bool).chain((0..16).map(pair)).collect();
        let text = of(doubling).unwrap().to_string();
        assert!(text.len() < 8_000, "{}", text.len());
        let huge = Shape::Enum((0..10_000).map(|n| format!("name-{n}")).collect());
        assert_eq!(of(vec![huge]), Err(SchemaError::Size));
    }

    #[test]
    fn the_answer_of_a_result_is_its_ok() {
        let shapes = Shapes::new(vec![
            Shape::String,
            Shape::Result(Some(ShapeId(0)), None),
            Shape::Result(None, Some(ShapeId(0))),
        ]);
        let of = |result| output(&shapes, &Signature { params: vec![], result }).unwrap();
        assert_eq!(of(Some(ShapeId(1))), json!({"type": "string"}));
        assert_eq!(of(Some(ShapeId(2))), json!({"type": "null"}));
        assert_eq!(of(None), json!({"type": "null"}));
    }
}
