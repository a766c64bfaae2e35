//! JSON Schemas in few words, for people.
//!
//! A schema comes from a guest: names and descriptions are escaped and cut, and how deep it is looked into is bounded.

use hotcell_call::shortened;
use serde_json::Value;

/// How deep types within types are told.
const DEEPEST: usize = 4;

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
    let required: Vec<&str> = list(schema, "required").iter().filter_map(Value::as_str).collect();
    let place = |name: &String| order.iter().position(|known| known == name).unwrap_or(usize::MAX);
    let mut names: Vec<&String> = properties.keys().collect();
    names.sort_by_key(|name| (!required.contains(&name.as_str()), place(name)));
    let parameter = |name: &String| {
        let property = properties.get(name)?;
        let kind = kind(property, schema);
        let absent = property.get("default").filter(|default| !default.is_null());
        let kind = match (required.contains(&name.as_str()), absent) {
            (true, _) => kind,
            (false, None) => format!("{kind}, optional"),
            (false, Some(default)) => format!("{kind}, {} if absent", shortened(&default.to_string(), 40)),
        };
        let description = property.get("description").and_then(Value::as_str).unwrap_or_default();
        let description = description.split_whitespace().collect::<Vec<_>>().join(" ");
        Some(Parameter { name: shortened(name, 60), kind, description: shortened(&description, 300) })
    };
    names.into_iter().filter_map(parameter).collect()
}

/// What values a schema lets through: `text`, `list of numbers`, `"km" or "miles"`.
pub(crate) fn kind(schema: &Value, root: &Value) -> String {
    told(schema, root, DEEPEST)
}

fn told(schema: &Value, root: &Value, depth: usize) -> String {
    if depth == 0 {
        return "…".to_owned();
    }
    if let Some(target) = schema.get("$ref").and_then(Value::as_str) {
        let target = target.strip_prefix('#').and_then(|path| root.pointer(path));
        return target.map_or_else(|| "anything".to_owned(), |target| told(target, root, depth - 1));
    }
    if let Some(value) = schema.get("const") {
        return shortened(&value.to_string(), 40);
    }
    for key in ["enum", "anyOf", "oneOf"] {
        let alternatives = list(schema, key).iter().filter(|alternative| !is_null(alternative));
        let mut words: Vec<String> = match key {
            "enum" => alternatives.map(|value| shortened(&value.to_string(), 40)).collect(),
            _ => alternatives.map(|schema| told(schema, root, depth - 1)).collect(),
        };
        words.dedup();
        if !words.is_empty() {
            return several(&words);
        }
    }
    let types = match schema.get("type") {
        Some(Value::Array(types)) => types.iter().filter_map(Value::as_str).filter(|name| *name != "null").collect(),
        Some(Value::String(one)) => vec![one.as_str()],
        _ => return "anything".to_owned(),
    };
    several(&types.into_iter().map(|name| word(name, schema, root, depth)).collect::<Vec<_>>())
}

fn word(name: &str, schema: &Value, root: &Value, depth: usize) -> String {
    match name {
        "string" if schema.get("contentEncoding").is_some_and(|encoding| encoding == "base64") => "bytes".to_owned(),
        "string" => "text".to_owned(),
        "array" => match schema.get("items") {
            Some(items @ Value::Object(_)) => format!("list of {}", told(items, root, depth - 1)),
            _ => "list".to_owned(),
        },
        other => shortened(other, 40),
    }
}

/// `a, b or c`; of many the first, and how many more.
fn several(words: &[String]) -> String {
    match words {
        [] => "anything".to_owned(),
        [one] => one.clone(),
        [first @ .., last] if words.len() <= 8 => format!("{} or {last}", first.join(", ")),
        many => format!("{} or {} more", many.get(..7).unwrap_or_default().join(", "), many.len() - 7),
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
