//! Schemas as the protocol wants them: what goes in and what comes out is an object.
//!
//! An answer that is no object is the `value` of one. And since a failure is told as structured content, too, and clients hold
//! whatever is structured against the schema, the schema of an output has room for both.

use std::sync::Arc;

use rmcp::model::JsonObject;
use serde_json::{Map, Value, json};

/// How a function's answers are told.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Output {
    /// None: it promises nothing, or what can't be told as a part of another schema.
    pub(super) schema: Option<Arc<JsonObject>>,
    /// Whether the answer is the `value` of an object.
    pub(super) wraps: bool,
}

/// What a schema is written in, and what its parts refer to: these stand at its top.
const AT_TOP: [&str; 3] = ["$schema", "$defs", "definitions"];

/// The schema of arguments.
pub(super) fn input(schema: &Value) -> Arc<JsonObject> {
    let mut schema = schema.clone();
    spell_out(&mut schema);
    let mut object = if let Value::Object(object) = schema { object } else { Map::new() };
    object.insert("type".to_owned(), "object".into());
    Arc::new(object)
}

impl Output {
    pub(super) fn of(schema: Option<&Value>) -> Self {
        let Some(schema) = schema else { return Self { schema: None, wraps: false } };
        let wraps = schema.get("type").and_then(Value::as_str) != Some("object");
        let mut answer = schema.clone();
        spell_out(&mut answer);
        let mut top = Map::new();
        if let Value::Object(answer) = &mut answer {
            top.extend(AT_TOP.iter().filter_map(|key| answer.remove_entry(*key)));
        }
        if !can_be_a_part(&answer) || !top.values().all(can_be_a_part) {
            return Self { schema: None, wraps };
        }
        if wraps {
            answer = json!({ "type": "object", "properties": { "value": answer }, "required": ["value"] });
        }
        top.insert("type".to_owned(), "object".into());
        top.insert("anyOf".to_owned(), json!([answer, failure()]));
        Self { schema: Some(Arc::new(top)), wraps }
    }

    /// An answer as structured content.
    pub(super) fn structured(&self, answer: Value) -> Value {
        if self.wraps || !answer.is_object() { json!({ "value": answer }) } else { answer }
    }
}

/// What a failure is, as short as it can be said: it stands in the schema of each tool.
fn failure() -> Value {
    let text = json!({ "type": "string" });
    json!({
        "title": "Failure",
        "type": "object",
        "properties": { "outcome": text, "code": text, "what": text, "why": text, "fix": text },
        "required": ["outcome", "code", "what", "why"]
    })
}

/// Makes a schema one that clients take: with objects for `true` and `false` where a part may be anything or nothing, and without
/// the formats of numbers, which their validators do not know and complain of.
fn spell_out(schema: &mut Value) {
    if let Value::Bool(anything) = schema {
        *schema = if *anything { json!({}) } else { json!({ "not": {} }) };
    }
    let Value::Object(object) = schema else { return };
    let of_a_number = |format: &str| ["int", "uint", "float", "double"].iter().any(|kind| format.starts_with(kind));
    if object.get("format").and_then(Value::as_str).is_some_and(of_a_number) {
        object.remove("format");
    }
    for (key, value) in object {
        match (key.as_str(), value) {
            ("properties" | "patternProperties" | "$defs" | "definitions", Value::Object(parts)) => {
                parts.values_mut().for_each(spell_out);
            }
            ("anyOf" | "oneOf" | "allOf" | "prefixItems", Value::Array(parts)) => parts.iter_mut().for_each(spell_out),
            ("items", part) => spell_out(part),
            ("additionalProperties", part @ Value::Object(_)) => spell_out(part),
            _ => {}
        }
    }
}

/// Whether a schema means the same when it stands within another: what it refers to is found from the top.
fn can_be_a_part(schema: &Value) -> bool {
    match schema {
        Value::Object(object) => object.iter().all(|(key, value)| match (key.as_str(), value) {
            ("$ref", Value::String(to)) => to.starts_with("#/$defs/") || to.starts_with("#/definitions/"),
            ("$id" | "$anchor" | "$dynamicAnchor" | "$dynamicRef" | "$recursiveRef", Value::String(_)) => false,
            (_, value) => can_be_a_part(value),
        }),
        Value::Array(all) => all.iter().all(can_be_a_part),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(schema: &Value) -> (Option<Value>, bool) {
        let output = Output::of(Some(schema));
        (output.schema.map(|schema| Value::Object((*schema).clone())), output.wraps)
    }

    #[test]
    fn an_output_is_an_object_or_the_value_of_one_and_leaves_room_for_a_failure() {
        let (schema, wraps) = told(&json!({ "type": "object", "properties": { "n": { "type": "number" } } }));
        assert!(!wraps);
        let schema = schema.unwrap();
        assert_eq!(schema["type"], "object");
        assert_eq!(schema["anyOf"][0]["properties"]["n"]["type"], "number");
        assert_eq!(schema["anyOf"][1]["title"], "Failure");
        let (schema, wraps) = told(&json!({ "type": "number" }));
        assert!(wraps);
        assert_eq!(schema.unwrap()["anyOf"][0]["properties"]["value"], json!({ "type": "number" }));
        assert_eq!(Output::of(None), Output { schema: None, wraps: false });
    }

    // The SDK of TypeScript takes no list of tools in which there is one.
    #[test]
    fn no_named_part_is_true_or_false() {
        let schema = json!({ "type": "object", "additionalProperties": false, "properties": {
            "any": true, "none": false, "count": { "type": "integer", "format": "uint64" }, "list": { "type": "array", "items": true },
            "deep": { "anyOf": [{ "properties": { "any": true } }, true] },
        } });
        let told = Value::Object((*input(&schema)).clone());
        assert_eq!(
            told,
            json!({ "type": "object", "additionalProperties": false, "properties": {
            "any": {}, "none": { "not": {} }, "count": { "type": "integer" }, "list": { "type": "array", "items": {} },
            "deep": { "anyOf": [{ "properties": { "any": {} } }, {}] },
        } })
        );
        let output = Output::of(Some(&json!(true)));
        assert!(output.wraps);
        assert_eq!(output.schema.unwrap()["anyOf"][0]["properties"]["value"], json!({}));
    }

    #[test]
    fn definitions_stay_where_they_are_referred_to() {
        let tree = json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "$defs": { "tree": { "type": "array", "items": { "$ref": "#/$defs/tree" } } },
            "$ref": "#/$defs/tree"
        });
        let (schema, wraps) = told(&tree);
        let schema = schema.unwrap();
        assert!(wraps && schema["$schema"].is_string());
        assert_eq!(schema["anyOf"][0]["properties"]["value"], json!({ "$ref": "#/$defs/tree" }));
        assert_eq!(schema["$defs"]["tree"]["items"]["$ref"], "#/$defs/tree");
        for root in [json!({ "items": { "$ref": "#" } }), json!({ "$id": "https://a.test/s", "type": "object" })] {
            assert_eq!(told(&root).0, None, "{root}");
        }
        // A property may have any name.
        assert!(told(&json!({ "type": "object", "properties": { "$id": { "type": "string" } } })).0.is_some());
    }

    #[test]
    fn an_answer_is_told_as_its_schema_says() {
        let (number, object) =
            (Output::of(Some(&json!({ "type": "number" }))), Output::of(Some(&json!({ "type": "object" }))));
        assert_eq!(number.structured(json!(14)), json!({ "value": 14 }));
        assert_eq!(object.structured(json!({ "n": 1 })), json!({ "n": 1 }));
        // A schema that admits anything: what it is to be is known before the answer is.
        assert_eq!(Output::of(Some(&json!({}))).structured(json!({ "n": 1 })), json!({ "value": { "n": 1 } }));
        assert_eq!(Output::of(None).structured(json!([1])), json!({ "value": [1] }));
    }

    #[test]
    fn arguments_are_an_object() {
        assert_eq!(Value::Object((*input(&json!({}))).clone()), json!({ "type": "object" }));
        assert_eq!(input(&json!({ "type": "object", "required": ["a"] }))["required"], json!(["a"]));
    }
}
