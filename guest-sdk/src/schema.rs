//! The JSON Schemas of a tool's input and output.
//!
//! They are read by models as much as by programs, so they are short: types are written where they are used (a reference
//! stays only where a type contains itself), and there is no `$schema` and no title. The properties keep the order of the
//! function's parameters, because arguments may be given by position.

use schemars::generate::{Contract, SchemaSettings};
use schemars::{Schema, SchemaGenerator};
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::{Map, Value};

/// One parameter of a tool.
#[derive(Debug)]
pub struct Parameter {
    /// Its key in the input.
    pub name: &'static str,
    /// From its doc comment; may be empty.
    pub description: &'static str,
    /// What happens when it isn't given.
    pub absent: Absent,
    /// The schema of its type.
    pub schema: fn(&mut SchemaGenerator) -> Schema,
}

/// What an argument that isn't given means.
#[derive(Debug)]
pub enum Absent {
    /// The input doesn't fit.
    Invalid,
    /// `None`.
    Nothing,
    /// This value; none if it can't be written as JSON.
    Default(fn() -> Option<Value>),
}

/// Writes the schema of an input with these parameters.
pub(crate) fn input(parameters: &[Parameter]) -> String {
    let mut generator = generator(Contract::Deserialize);
    let properties =
        Properties(parameters.iter().map(|parameter| (parameter.name, property(parameter, &mut generator))).collect());
    let required: Vec<&str> = parameters
        .iter()
        .filter(|parameter| matches!(parameter.absent, Absent::Invalid))
        .map(|parameter| parameter.name)
        .collect();
    text(&Input { properties, required, definitions: generator.take_definitions(true) })
}

/// Writes the schema of an output; none if it would allow anything.
pub(crate) fn output(schema: fn(&mut SchemaGenerator) -> Schema) -> Option<String> {
    let mut generator = generator(Contract::Serialize);
    let mut schema = schema(&mut generator);
    if schema.as_bool() == Some(true) {
        return None;
    }
    let definitions = generator.take_definitions(true);
    if !definitions.is_empty() {
        schema.insert("$defs".to_owned(), Value::Object(definitions));
    }
    Some(text(&schema))
}

fn generator(contract: Contract) -> SchemaGenerator {
    let mut settings = SchemaSettings::draft2020_12();
    settings.meta_schema = None;
    settings.inline_subschemas = true;
    settings.contract = contract;
    settings.into_generator()
}

fn property(parameter: &Parameter, generator: &mut SchemaGenerator) -> Schema {
    let mut schema = (parameter.schema)(generator);
    if !parameter.description.is_empty() {
        schema.insert("description".to_owned(), parameter.description.into());
    }
    if let Absent::Default(value) = parameter.absent
        && let Some(value) = value()
    {
        schema.insert("default".to_owned(), value);
    }
    schema
}

/// The schema as text. Schemas are plain JSON values, whose writing can't fail; if it ever did, the schema that allows
/// nothing is the safe thing to say.
fn text(schema: &impl Serialize) -> String {
    serde_json::to_string(schema).unwrap_or_else(|_| "false".to_owned())
}

struct Input<'a> {
    properties: Properties,
    required: Vec<&'a str>,
    definitions: Map<String, Value>,
}

/// Properties in their own order: a `serde_json::Map` would sort them.
struct Properties(Vec<(&'static str, Schema)>);

// === impl Input ===

impl Serialize for Input<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("type", "object")?;
        map.serialize_entry("properties", &self.properties)?;
        if !self.required.is_empty() {
            map.serialize_entry("required", &self.required)?;
        }
        map.serialize_entry("additionalProperties", &false)?;
        if !self.definitions.is_empty() {
            map.serialize_entry("$defs", &self.definitions)?;
        }
        map.end()
    }
}

// === impl Properties ===

impl Serialize for Properties {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, schema)| (name, schema)))
    }
}
