//! Checks arguments against a tool's schema, before anything of the tool runs.
//!
//! A schema comes from a guest, so judging by it is bounded: see [`judge`]. Where no verdict is found within the bound, or the schema
//! makes no sense, the input is handed on as it is; the tool then has to find for itself what is wrong with it.

mod judge;
mod misfit;
mod rules;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use hotcell_call::{Code, Failure, Payload, Target, nearest};
use hotcell_sandbox::Function;
use serde_json::error::Category;
use serde_json::{Map, Value};

use self::judge::{Judge, Spent, Verdict};
use self::misfit::{Misfit, Rule};
use self::rules::Rules;

/// Steps that any input is given, and more for each of its bytes. An honest schema takes about one step a byte: a list of integers
/// between bounds two, an object of a hundred fields one, a choice of ten objects five.
const STEPS: u64 = 100_000;
const STEPS_A_BYTE: u64 = 8;

/// The arguments of one function.
pub(crate) struct Schema {
    pub(crate) name: Arc<str>,
    parameters: Vec<String>,
    rules: Rules,
    /// Whether it was told that the schema asks for too much.
    told: AtomicBool,
}

impl Schema {
    pub(crate) fn new(function: &Function) -> Self {
        let name: Arc<str> = function.name.as_str().into();
        let rules = Rules::new(Arc::clone(&name), function.input.clone());
        Self { name, parameters: function.parameters.clone(), rules, told: AtomicBool::new(false) }
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
        let steps = input.size().as_u64().saturating_mul(STEPS_A_BYTE).saturating_add(STEPS);
        match Judge::new(&self.rules, steps).judge(self.rules.schema(), &value) {
            Ok(Verdict::Fits | Verdict::Unsure) => Ok(input),
            Ok(Verdict::Misfits(misfit)) => Err(self.mismatch(target, &misfit)),
            Err(Spent) => {
                if !self.told.swap(true, Ordering::Relaxed) {
                    tracing::warn!(%target, steps, "its schema asks for too much: its input is not checked against it");
                }
                Ok(input)
            }
        }
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

    fn mismatch(&self, target: &Target, misfit: &Misfit<'_>) -> Failure {
        let failure = Failure::new(Code::Input, format!("the input of {target} does not fit")).why(format!(
            "{}: {}",
            misfit.place(),
            misfit.words()
        ));
        let near = match misfit.rule {
            Rule::Unexpected(name) => {
                let known = self.rules.schema().get("properties").and_then(Value::as_object);
                known.and_then(|known| nearest(name, known.keys().map(String::as_str)))
            }
            _ => None,
        };
        match near {
            Some(near) => failure.fix(format!("did you mean `{near}`?")),
            None => failure.fix(format!("hotcell inspect {} shows what fits", target.tool)),
        }
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

#[cfg(test)]
mod tests;
