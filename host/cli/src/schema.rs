//! JSON Schemas in few words, for people.
//!
//! A schema comes from a guest: names and descriptions are escaped and cut, and how deep and how far it is looked into is bounded.
//! Depth alone would not do: a list of alternatives that each lead back to the list grows by its length with every level.

use std::collections::{HashMap, HashSet};

use hotcell_call::shortened;
use serde_json::Value;

/// How deep types within types are told.
const DEEPEST: usize = 4;
/// How many types and values are told, of all parameters of a function together.
const MOST: usize = 512;
/// How many words are told of one choice; of more, one less and how many are left.
const CHOICES: usize = 8;

/// One parameter in words.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Parameter {
    pub(crate) name: String,
    /// `text, optional`, `number, 10 if absent`.
    pub(crate) kind: String,
    pub(crate) description: String,
}

/// The properties of an object's schema, those first that must be there.
pub(crate) fn parameters(schema: &Value, order: &[String]) -> Vec<Parameter> {
    let Some(properties) = schema.get("properties").and_then(Value::as_object) else {
        return Vec::new();
    };
    let required: HashSet<&str> = list(schema, "required").iter().filter_map(Value::as_str).collect();
    let places: HashMap<&str, usize> = order.iter().enumerate().map(|(place, name)| (name.as_str(), place)).collect();
    let place = |name: &str| places.get(name).copied().unwrap_or(usize::MAX);
    let mut all: Vec<(&String, &Value)> = properties.iter().collect();
    all.sort_by_key(|(name, _)| (!required.contains(name.as_str()), place(name)));
    let mut budget = MOST;
    let parameter = |(name, property): (&String, &Value)| {
        let kind = told(property, schema, DEEPEST, &mut budget);
        let absent = property.get("default").filter(|default| !default.is_null());
        let kind = match (required.contains(name.as_str()), absent) {
            (true, _) => kind,
            (false, None) => format!("{kind}, optional"),
            (false, Some(default)) => format!("{kind}, {} if absent", shortened(&default.to_string(), 40)),
        };
        let description = property.get("description").and_then(Value::as_str).unwrap_or_default();
        let description = description.split_whitespace().collect::<Vec<_>>().join(" ");
        Parameter { name: shortened(name, 60), kind, description: shortened(&description, 300) }
    };
    all.into_iter().map(parameter).collect()
}

/// What values a schema lets through: `text`, `list of numbers`, `"km" or "miles"`.
pub(crate) fn kind(schema: &Value, root: &Value) -> String {
    let mut budget = MOST;
    told(schema, root, DEEPEST, &mut budget)
}

fn told(schema: &Value, root: &Value, depth: usize, budget: &mut usize) -> String {
    if depth == 0 || *budget == 0 {
        return "…".to_owned();
    }
    *budget -= 1;
    if let Some(target) = schema.get("$ref").and_then(Value::as_str) {
        let target = target.strip_prefix('#').and_then(|path| root.pointer(path));
        return target.map_or_else(|| "anything".to_owned(), |target| told(target, root, depth - 1, budget));
    }
    if let Some(value) = schema.get("const") {
        return shortened(&value.to_string(), 40);
    }
    let alternatives = |key| list(schema, key).iter().filter(|alternative| !is_null(alternative));
    let values: Vec<String> =
        alternatives("enum").take(CHOICES).map(|value| shortened(&value.to_string(), 40)).collect();
    if !values.is_empty() {
        return several(&values, alternatives("enum").count() - values.len());
    }
    for key in ["anyOf", "oneOf"] {
        let mut words: Vec<String> = Vec::new();
        let mut left = alternatives(key);
        while *budget > 0
            && let Some(alternative) = left.next()
        {
            words.push(told(alternative, root, depth - 1, budget));
        }
        words.dedup();
        if !words.is_empty() {
            return several(&words, left.count());
        }
    }
    let types = match schema.get("type") {
        Some(Value::Array(types)) => types.iter().filter_map(Value::as_str).filter(|name| *name != "null").collect(),
        Some(Value::String(one)) => vec![one.as_str()],
        _ => return "anything".to_owned(),
    };
    let words = types.iter().take(CHOICES).map(|name| word(name, schema, root, depth, budget));
    let words: Vec<String> = words.collect();
    several(&words, types.len() - words.len())
}

fn word(name: &str, schema: &Value, root: &Value, depth: usize, budget: &mut usize) -> String {
    match name {
        "string" if schema.get("contentEncoding").is_some_and(|encoding| encoding == "base64") => "bytes".to_owned(),
        "string" => "text".to_owned(),
        "array" => match schema.get("items") {
            Some(items @ Value::Object(_)) => format!("list of {}", told(items, root, depth - 1, budget)),
            _ => "list".to_owned(),
        },
        other => shortened(other, 40),
    }
}

/// `a, b or c`; of many the first, and how many more, those that were not even looked at included.
fn several(words: &[String], unseen: usize) -> String {
    match words {
        [] => "anything".to_owned(),
        [one] if unseen == 0 => one.clone(),
        [first @ .., last] if unseen == 0 && words.len() <= CHOICES => format!("{} or {last}", first.join(", ")),
        many => {
            let told = many.get(..CHOICES - 1).unwrap_or(many);
            format!("{} or {} more", told.join(", "), many.len() - told.len() + unseen)
        }
    }
}

fn is_null(schema: &Value) -> bool {
    schema.is_null() || schema.get("type").is_some_and(|name| name == "null")
}

fn list<'a>(schema: &'a Value, key: &str) -> &'a [Value] {
    schema.get(key).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn types_are_told_in_words() {
        let root = json!({ "$defs": { "place": { "type": "object" }, "loop": { "anyOf": [{ "$ref": "#/$defs/loop" }, { "type": "string" }] } } });
        for (schema, words) in [
            (json!({ "type": "string" }), "text"),
            (json!({ "type": "string", "contentEncoding": "base64" }), "bytes"),
            (json!({ "type": ["integer", "null"] }), "integer"),
            (json!({ "type": ["number", "string"] }), "number or text"),
            (json!({ "type": "array", "items": { "$ref": "#/$defs/place" } }), "list of object"),
            (json!({ "type": "array" }), "list"),
            (json!({ "enum": ["km", "miles", null] }), "\"km\" or \"miles\""),
            (json!({ "enum": (1..=20).collect::<Vec<_>>() }), "1, 2, 3, 4, 5, 6, 7 or 13 more"),
            (json!({ "anyOf": [{ "type": "boolean" }, { "type": "null" }] }), "boolean"),
            (json!({ "const": 7 }), "7"),
            (json!({ "$ref": "#/$defs/absent" }), "anything"),
            (json!({ "$ref": "#/$defs/loop" }), "… or text"),
            (json!({ "type": "\u{1b}[2J" }), "\\u{1b}[2J"),
            (json!(true), "anything"),
        ] {
            assert_eq!(kind(&schema, &root), words, "{schema}");
        }
    }

    // Each alternative leads back to all of them, and each parameter to the whole: 2000⁴ × 1200 types, in 64 KiB.
    #[test]
    fn a_schema_that_leads_back_to_itself_is_told_at_once() {
        let alternatives = vec![json!({ "$ref": "#/z" }); 2_000];
        let names = || (0..1_200).map(|number| format!("p{number}"));
        let properties: serde_json::Map<_, _> = names().map(|name| (name, json!({ "$ref": "#/z" }))).collect();
        let order: Vec<String> = names().collect();
        let schema = json!({ "properties": properties, "required": order, "z": { "anyOf": alternatives } });
        let told = parameters(&schema, &order);
        assert_eq!(told.len(), 1_200);
        assert_eq!(told.last().map(|last| last.kind.as_str()), Some("…"));
        let most = told.iter().map(|parameter| parameter.kind.chars().count()).max();
        assert!(most.is_some_and(|most| most < MOST * 40), "{most:?}");
        assert!(kind(&json!({ "$ref": "#/z" }), &schema).contains("more"));
    }

    #[test]
    fn what_must_be_there_comes_first_and_in_order() {
        let schema = json!({
            "properties": {
                "a": { "type": "integer", "default": 10 },
                "b": { "type": "string", "description": "The  text,\n as it is." },
                "c": { "type": "boolean" },
                "d": { "type": "string" },
            },
            "required": ["d", "b"],
        });
        let order = ["d", "c", "b", "a"].map(str::to_owned);
        let told: Vec<_> = parameters(&schema, &order).into_iter().map(|p| (p.name, p.kind, p.description)).collect();
        let row =
            |name: &str, kind: &str, description: &str| (name.to_owned(), kind.to_owned(), description.to_owned());
        assert_eq!(
            told,
            [
                row("d", "text", ""),
                row("b", "text", "The text, as it is."),
                row("c", "boolean, optional", ""),
                row("a", "integer, 10 if absent", ""),
            ]
        );
        assert_eq!(parameters(&json!(true), &[]), []);
    }
}
