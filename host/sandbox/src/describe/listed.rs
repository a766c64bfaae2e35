//! What a component of our own contract says of itself: the answer of its `list`, checked.
//!
//! The answer is guest output like any other. A name, a schema or a count that does not fit rejects the whole component, because
//! what is half listed is a tool whose other half nobody notices is missing.

use std::collections::HashSet;
use std::fmt;

use hotcell_call::{ByteSize, Code, Effect, Failure, ToolName, shortened};
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::describe::descriptor::{Function, description};
use crate::describe::report::MOST_EXPORTS;
use crate::describe::schema::MOST_SCHEMA;

/// Bytes of all that a component says of its tools.
const MOST_LIST: usize = 4 << 20;

/// One tool, as the guest listed it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ListedTool {
    pub(crate) name: String,
    pub(crate) description: String,
    pub(crate) input_schema: String,
    pub(crate) output_schema: Option<String>,
    #[serde(deserialize_with = "effect")]
    pub(crate) effect: Effect,
}

impl ListedTool {
    /// Bytes of its texts.
    fn size(&self) -> usize {
        let output = self.output_schema.as_ref().map_or(0, String::len);
        [self.name.len(), self.description.len(), self.input_schema.len(), output].iter().sum()
    }
}

/// Checks a list and makes functions of it.
///
/// # Errors
///
/// [`Code::Contract`], which names the tool and what does not fit.
pub(crate) fn functions_from_list(tools: Vec<ListedTool>) -> Result<Vec<Function>, Failure> {
    if tools.len() > MOST_EXPORTS {
        return Err(broken("`list` gave too many tools").why(format!("{} of at most {MOST_EXPORTS}", tools.len())));
    }
    let size: usize = tools.iter().map(ListedTool::size).sum();
    if size > MOST_LIST {
        return Err(broken("`list` gave too much text").why(format!(
            "{} of {}",
            ByteSize::of(size),
            ByteSize::of(MOST_LIST)
        )));
    }
    let mut names = HashSet::new();
    for tool in &tools {
        if tool.name.parse::<ToolName>().is_err() {
            return Err(broken(format!("`list` gave the name `{}`", shortened(&tool.name, 80)))
                .why("a name is 1 to 64 characters of a-z 0-9 _ -, the first a letter or digit"));
        }
        if !names.insert(tool.name.clone()) {
            return Err(broken(format!("`list` gave the name `{}` twice", tool.name)));
        }
    }
    tools.into_iter().map(function).collect()
}

fn function(tool: ListedTool) -> Result<Function, Failure> {
    let mut input = schema(&tool.name, "input", &tool.input_schema)?;
    if input.get("type").and_then(Value::as_str) != Some("object") {
        return Err(broken(format!("the input schema of `{}` is not that of an object", tool.name))
            .why("arguments have names, so its `type` must be `object`"));
    }
    let mut output = tool.output_schema.as_deref().map(|text| schema(&tool.name, "output", text)).transpose()?;
    std::iter::once(&mut input).chain(&mut output).for_each(make_printable);
    let Parameters { properties: Keys(parameters) } = serde_json::from_str(&tool.input_schema).unwrap_or_default();
    Ok(Function {
        description: description(&tool.description),
        name: tool.name,
        input,
        output,
        parameters,
        effect: tool.effect,
        callable: Ok(()),
        plain: None,
    })
}

fn schema(tool: &str, which: &str, text: &str) -> Result<Value, Failure> {
    if text.len() > MOST_SCHEMA {
        return Err(broken(format!("the {which} schema of `{tool}` is too large"))
            .why(format!("{} of at most {MOST_SCHEMA} bytes", text.len()))
            .reached(text.len(), MOST_SCHEMA));
    }
    match serde_json::from_str(text) {
        Ok(schema @ (Value::Object(_) | Value::Bool(_))) => Ok(schema),
        Ok(_) => Err(broken(format!("the {which} schema of `{tool}` is not a schema")).why("a schema is an object")),
        Err(error) => Err(broken(format!("the {which} schema of `{tool}` is not JSON"))
            .why(format!("line {}, column {}", error.line(), error.column()))
            .caused_by(error)),
    }
}

/// Texts for people within a schema are shown like a description: escaped and cut. The parser bounds the depth.
fn make_printable(schema: &mut Value) {
    match schema {
        Value::Object(keys) => {
            for (key, value) in keys {
                match value {
                    Value::String(text) if matches!(key.as_str(), "description" | "title" | "$comment") => {
                        *text = description(text);
                    }
                    _ => make_printable(value),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(make_printable),
        _ => {}
    }
}

fn broken(what: impl AsRef<str>) -> Failure {
    Failure::new(Code::Contract, what)
        .fix("tell the tool's author, or build it with the SDK of this version of hotcell")
}

/// The keys of `properties` in the order in which they are written, which a map of values forgets.
#[derive(Default, Deserialize)]
struct Parameters {
    #[serde(default)]
    properties: Keys,
}

#[derive(Default)]
struct Keys(Vec<String>);

impl<'de> Deserialize<'de> for Keys {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Order;
        impl<'de> Visitor<'de> for Order {
            type Value = Keys;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Keys, A::Error> {
                let mut keys = Vec::new();
                while let Some((key, IgnoredAny)) = map.next_entry()? {
                    keys.push(key);
                }
                Ok(Keys(keys))
            }
        }
        deserializer.deserialize_map(Order)
    }
}

fn effect<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Effect, D::Error> {
    let word = String::deserialize(deserializer)?;
    word.parse().map_err(|()| serde::de::Error::custom("not an effect"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tool(name: &str, input: &str) -> ListedTool {
        ListedTool {
            name: name.to_owned(),
            description: "Adds.\u{1b}[2J".to_owned(),
            input_schema: input.to_owned(),
            output_schema: Some("true".to_owned()),
            effect: Effect::Pure,
        }
    }

    #[test]
    fn a_good_list_becomes_functions() {
        let schema = r#"{"type":"object","properties":{"z":{"description":"last\u202e"},"a":{}},"required":["z"]}"#;
        let functions = functions_from_list(vec![tool("add", schema), tool("sub-2", r#"{"type":"object"}"#)]).unwrap();
        assert_eq!(functions[0].parameters, ["z", "a"]);
        assert_eq!(functions[0].description, "Adds.\\u{1b}[2J");
        assert_eq!(functions[0].input["properties"]["z"]["description"], "last\\u{202e}");
        assert_eq!(functions[0].effect, Effect::Pure);
        assert!(functions[1].parameters.is_empty());
    }

    #[test]
    fn what_does_not_fit_rejects_the_component() {
        let object = r#"{"type":"object"}"#;
        let large = format!(r#"{{"type":"object","$comment":"{}"}}"#, "x".repeat(MOST_SCHEMA));
        let deep = format!("{}1{}", r#"{"a":"#.repeat(200), "}".repeat(200));
        for (tools, wanted) in [
            (vec![tool("Add", object)], "`Add`"),
            (vec![tool("a.b", object)], "`a.b`"),
            (vec![tool("", object)], "``"),
            (vec![tool("a", object), tool("a", object)], "twice"),
            (vec![tool("a", "true")], "not that of an object"),
            (vec![tool("a", r#"{"type":"array"}"#)], "not that of an object"),
            (vec![tool("a", "7")], "not a schema"),
            (vec![tool("a", "{")], "not JSON"),
            (vec![tool("a", &deep)], "not JSON"),
            (vec![tool("a", &large)], "too large"),
            (vec![tool("a", object); 1_025], "too many"),
            (vec![ListedTool { description: "x".repeat(MOST_LIST), ..tool("a", object) }], "too much"),
        ] {
            let failure = functions_from_list(tools).unwrap_err();
            assert_eq!(failure.code(), Code::Contract);
            assert!(failure.what().contains(wanted), "{failure}");
        }
    }

    #[test]
    fn a_list_survives_the_cache() {
        let tools = vec![tool("add", "{}")];
        let text = serde_json::to_string(&tools).unwrap();
        assert_eq!(serde_json::from_str::<Vec<ListedTool>>(&text).unwrap(), tools);
    }
}
