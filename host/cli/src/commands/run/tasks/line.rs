//! A task as it is read, and how it ended as it is told: a line of JSON each.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use hotcell_agent::InputKind;
use hotcell_call::{Code, Failure, RunId, StepId};
use hotcell_runtime::{RunOutcome, Spent};
use serde::Serialize;
use serde_json::{Map, Value};

use super::read::Read;
use crate::json;
use crate::output::written;

/// What an id may be long.
const MOST_ID: usize = 200;

/// One task.
#[derive(Debug)]
pub(super) struct Task {
    /// Its line in the file, from 1.
    pub(super) index: u64,
    pub(super) id: String,
    /// What `{{input}}` is.
    pub(super) input: Value,
}

/// How a task ended.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) exit: u8,
    /// The line that is told of it.
    pub(super) line: Result<String, Failure>,
}

/// The keys of a line. What is torn off of one is known by how it begins, so `index` stays the first.
#[derive(Serialize)]
struct Record<'a> {
    index: u64,
    id: &'a str,
    outcome: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    run: Option<RunId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    answer: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a Failure>,
    /// What the steps left, of an agent that has some.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    results: BTreeMap<&'a StepId, &'a Value>,
    /// Files that were written, with the folder.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    files: Vec<PathBuf>,
    calls: u64,
    failed_calls: u64,
    fuel: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    spent: Option<&'a Spent>,
    elapsed_ms: f64,
}

impl Task {
    /// Reads a line: a JSON string, or an object with `input`, and `id` if it is not the line's number.
    ///
    /// # Errors
    ///
    /// What is told of a line that is no task.
    pub(super) fn read(line: Read, kind: InputKind) -> Result<Self, Ended> {
        let index = line.index;
        let number = index.to_string();
        let wrong = |id: &str, failure: &Failure| Ended::unmade(index, id, failure);
        let Some(text) = line.text else {
            let failure = Failure::new(Code::InputTooLarge, "the line is too large to be a task");
            return Err(wrong(&number, &failure));
        };
        let value: Value = serde_json::from_slice(&text).map_err(|error| {
            let failure = Failure::new(Code::InputNotJson, "the line is not JSON").why(error.to_string());
            wrong(&number, &failure)
        })?;
        let (id, input) = match value {
            Value::String(_) => (number, value),
            Value::Object(mut task) => {
                let id = id(&mut task, number.clone()).map_err(|why| wrong(&number, &no_task(why)))?;
                match (task.remove("input"), task.keys().next()) {
                    (Some(input), None) => (id, input),
                    (None, _) => return Err(wrong(&id, &no_task("it has no `input`"))),
                    (Some(_), Some(_)) => return Err(wrong(&id, &no_task("it has more than `id` and `input`"))),
                }
            }
            _ => return Err(wrong(&number, &no_task("it is neither a string nor an object"))),
        };
        if kind != InputKind::Json && !input.is_string() {
            return Err(wrong(&id, &no_task("the agent takes a text, and its `input` is none")));
        }
        Ok(Self { index, id, input })
    }

    /// How it ended, by its run.
    pub(super) fn ended(&self, outcome: &RunOutcome) -> Ended {
        let results = match &outcome.answer {
            Some(_) => BTreeMap::new(),
            None => outcome.results.iter().map(|(step, value)| (step, Arc::as_ref(value))).collect(),
        };
        let record = Record {
            index: self.index,
            id: &self.id,
            outcome: outcome.word(),
            run: Some(outcome.run),
            answer: outcome.answer.as_deref(),
            error: outcome.failure.as_ref(),
            results,
            files: outcome.files.iter().map(|file| outcome.out.join(file)).collect(),
            calls: outcome.calls,
            failed_calls: outcome.failed_calls,
            fuel: outcome.fuel,
            spent: (outcome.spent.turns > 0).then_some(&outcome.spent),
            elapsed_ms: outcome.elapsed.as_secs_f64() * 1e3,
        };
        Ended { exit: outcome.exit_code(), line: record.line() }
    }

    /// How it ended when another of the file has its id.
    pub(super) fn twice(&self) -> Ended {
        let failure = no_task("another task before it has its id, and results are known by that");
        Ended::unmade(self.index, &self.id, &failure)
    }
}

impl Ended {
    fn unmade(index: u64, id: &str, failure: &Failure) -> Self {
        let record = Record {
            index,
            id,
            outcome: failure.kind().to_string(),
            run: None,
            answer: None,
            error: Some(failure),
            results: BTreeMap::new(),
            files: Vec::new(),
            calls: 0,
            failed_calls: 0,
            fuel: 0,
            spent: None,
            elapsed_ms: 0.0,
        };
        Self { exit: failure.kind().exit_code(), line: record.line() }
    }
}

impl Record<'_> {
    fn line(&self) -> Result<String, Failure> {
        Ok(json::harmless(&written(self)?))
    }
}

/// Takes the id out; a number is one too.
fn id(task: &mut Map<String, Value>, number: String) -> Result<String, &'static str> {
    let id = match task.remove("id") {
        None => return Ok(number),
        Some(Value::String(id)) => id,
        Some(Value::Number(id)) if id.is_u64() || id.is_i64() => id.to_string(),
        Some(_) => return Err("its `id` is neither a string nor a whole number"),
    };
    if id.is_empty() || id.len() > MOST_ID {
        return Err("its `id` is empty, or longer than 200 bytes");
    }
    Ok(id)
}

fn no_task(why: &'static str) -> Failure {
    Failure::new(Code::Input, "the line is no task").why(why).fix(r#"a JSON string, or {"id": "a", "input": …}"#)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, kind: InputKind) -> Result<Task, Ended> {
        Task::read(Read { index: 7, text: Some(text.into()) }, kind)
    }

    #[test]
    fn a_task_is_a_string_or_an_object_with_an_input() {
        for (text, id, input) in [
            (r#""say hello""#, "7", r#""say hello""#),
            (r#" {"input": "x"} "#, "7", r#""x""#),
            (r#"{"id": "a b", "input": "x"}"#, "a b", r#""x""#),
            (r#"{"id": 12, "input": "x"}"#, "12", r#""x""#),
        ] {
            let task = read(text, InputKind::Text).unwrap();
            assert_eq!((task.index, task.id.as_str(), task.input.to_string().as_str()), (7, id, input), "{text}");
        }
        assert_eq!(read(r#"{"input": [1]}"#, InputKind::Json).unwrap().input, serde_json::json!([1]));
    }

    #[test]
    fn a_line_that_is_none_is_told_as_invalid_under_its_id() {
        let long = format!(r#"{{"id": "{}", "input": "x"}}"#, "a".repeat(201));
        for (text, id) in [
            ("say hello", "7"),
            ("\u{0}", "7"),
            ("7", "7"),
            ("[]", "7"),
            ("{}", "7"),
            (r#"{"id": "a"}"#, "a"),
            (r#"{"id": "a", "input": 7}"#, "a"),
            (r#"{"id": "a", "input": "x", "inptu": 1}"#, "a"),
            (r#"{"id": "", "input": "x"}"#, "7"),
            (r#"{"id": [1], "input": "x"}"#, "7"),
            (long.as_str(), "7"),
        ] {
            let ended = read(text, InputKind::Text).unwrap_err();
            let line = ended.line.unwrap();
            let object: Value = serde_json::from_str(&line).unwrap();
            assert_eq!((ended.exit, &object["outcome"], &object["id"]), (2, &"invalid".into(), &id.into()), "{text}");
            assert!(line.starts_with(r#"{"index":7,"id":"#), "{line}");
        }
        let long = Task::read(Read { index: 1, text: None }, InputKind::Text).unwrap_err();
        assert!(long.line.unwrap().contains("too large"));
    }
}
