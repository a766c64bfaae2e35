//! Checks arguments against a tool's schema, before anything of the tool runs.
//!
//! A schema comes from a guest, so making its validator is bounded: it can't refer to files or the network, and one that makes no
//! sense is not used; the tool then has to find for itself what is wrong with its input.

use std::sync::{Arc, OnceLock};

use hotcell_call::{Code, Failure, Payload, Target, nearest, shortened};
use hotcell_sandbox::Function;
use jsonschema::error::{TypeKind, ValidationErrorKind};
use jsonschema::{ValidationError, Validator};
use serde_json::error::Category;
use serde_json::{Map, Value};

/// The arguments of one function.
pub(crate) struct Schema {
    pub(crate) name: Arc<str>,
    schema: Value,
    parameters: Vec<String>,
    /// Made at the first call; none inside: the schema makes no sense.
    validator: OnceLock<Option<Validator>>,
}

impl Schema {
    pub(crate) fn new(function: &Function) -> Self {
        Self {
            name: function.name.as_str().into(),
            schema: function.input.clone(),
            parameters: function.parameters.clone(),
            validator: OnceLock::new(),
        }
    }

    /// Checks `input`; gives it back by name when it came by position.
    pub(crate) fn check(&self, target: &Target, input: &Payload) -> Result<Payload, Failure> {
        let value: Value = serde_json::from_str(input.as_str()).map_err(|error| {
            Failure::new(Code::InputNotJson, format!("the input of {target} is not JSON"))
                .why(format!("line {}, column {}: {}", error.line(), error.column(), words(&error)))
                .fix("arguments by name: {\"name\": value, …}")
        })?;
        let (value, input) = match value {
            Value::Array(values) => {
                let value = self.by_name(target, values)?;
                let text = Payload::new(value.to_string());
                (value, text)
            }
            value => (value, input.clone()),
        };
        let validator = self.validator.get_or_init(|| self.validator());
        match validator.as_ref().map(|validator| validator.validate(&value)) {
            Some(Err(error)) => Err(self.mismatch(target, &error)),
            Some(Ok(())) | None => Ok(input),
        }
    }

    fn validator(&self) -> Option<Validator> {
        jsonschema::draft202012::new(&self.schema)
            .inspect_err(|error| tracing::warn!(function = %self.name, %error, "a schema that can't be used"))
            .ok()
    }

    fn by_name(&self, target: &Target, values: Vec<Value>) -> Result<Value, Failure> {
        if values.len() > self.parameters.len() {
            return Err(Failure::new(Code::Input, format!("{target} takes {} arguments", self.parameters.len()))
                .why(format!("$[{}]: wanted no such argument, got {}", self.parameters.len(), values.len()))
                .fix(format!("hotcell inspect {}", target.tool)));
        }
        let named: Map<String, Value> = self.parameters.iter().cloned().zip(values).collect();
        Ok(Value::Object(named))
    }

    fn mismatch(&self, target: &Target, error: &ValidationError<'_>) -> Failure {
        let path = dollar(error.instance_path().as_str());
        let got = shown(error.instance());
        let (path, why, near) = match error.kind() {
            ValidationErrorKind::AdditionalProperties { unexpected } => {
                let name = unexpected.first().map_or("", String::as_str);
                let known = self.schema.get("properties").and_then(Value::as_object);
                let near = known.and_then(|known| nearest(name, known.keys().map(String::as_str)));
                (format!("{path}.{}", shortened(name, 60)), "wanted no such argument".to_owned(), near)
            }
            ValidationErrorKind::Required { property } => {
                let name = property.as_str().unwrap_or_default();
                (format!("{path}.{name}"), "wanted a value, got none".to_owned(), None)
            }
            ValidationErrorKind::Type { kind } => (path, format!("wanted {}, got {got}", types(kind)), None),
            ValidationErrorKind::Enum { options } => {
                (path, format!("wanted one of {}, got {got}", shown(options)), None)
            }
            _ => (path, format!("{}, got {got}", shortened(&error.masked().to_string(), 200)), None),
        };
        let failure =
            Failure::new(Code::Input, format!("the input of {target} does not fit")).why(format!("{path}: {why}"));
        match near {
            Some(near) => failure.fix(format!("did you mean `{near}`?")),
            None => failure.fix(format!("hotcell inspect {} shows what fits", target.tool)),
        }
    }
}

/// `/a/0/b` as `$.a[0].b`.
fn dollar(pointer: &str) -> String {
    pointer.split('/').skip(1).fold("$".to_owned(), |path, part| {
        let part = part.replace("~1", "/").replace("~0", "~");
        match part.parse::<usize>() {
            Ok(index) => format!("{path}[{index}]"),
            Err(_) => format!("{path}.{}", shortened(&part, 60)),
        }
    })
}

/// A value in a few words: its type, and its text if that is short.
fn shown(value: &Value) -> String {
    let kind = match value {
        Value::Null => return "null".to_owned(),
        Value::Bool(_) => "the boolean",
        Value::Number(_) => "the number",
        Value::String(_) => "the string",
        Value::Array(_) => "the list",
        Value::Object(_) => "the object",
    };
    format!("{kind} {}", shortened(&value.to_string(), 60))
}

fn types(kind: &TypeKind) -> String {
    match kind {
        TypeKind::Single(one) => format!("{one}"),
        TypeKind::Multiple(several) => several.iter().map(|one| format!("{one}")).collect::<Vec<_>>().join(" or "),
    }
}

/// What is wrong with the text; its place is told beside it.
fn words(error: &serde_json::Error) -> &'static str {
    match error.classify() {
        Category::Eof => "it ends too early",
        Category::Syntax => "this can't stand here, or it nests deeper than 128 levels",
        Category::Data | Category::Io => "it can't be read",
    }
}
