//! What is left of a run: for programs one object, for people what was made and what it took.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::path::PathBuf;
use std::sync::Arc;

use hotcell_call::{AgentName, Count, Failure, RunId, StepId, format_duration};
use hotcell_runtime::{Action, RunOutcome, Spent, StepOutcome};
use serde::Serialize;
use serde_json::Value;

use super::trace;
use crate::output::{BOLD, GREEN, Output, RED, YELLOW, one_line, without_numbers};

/// The one object of `--json`.
#[derive(Serialize)]
pub(super) struct Object<'a> {
    run: RunId,
    agent: &'a AgentName,
    outcome: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a Failure>,
    /// What a model answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    answer: Option<&'a str>,
    calls: u64,
    failed_calls: u64,
    fuel: u64,
    elapsed_ms: f64,
    out: &'a PathBuf,
    files: &'a [PathBuf],
    steps: &'a [StepOutcome],
    results: BTreeMap<&'a StepId, &'a Value>,
    #[serde(skip_serializing_if = "<[Action]>::is_empty")]
    actions: &'a [Action],
    /// What the model cost; absent where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    spent: Option<&'a Spent>,
    /// What it did, where that is asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    trace: Option<&'a trace::Run>,
}

impl<'a> Object<'a> {
    pub(super) fn new(outcome: &'a RunOutcome) -> Self {
        Self {
            run: outcome.run,
            agent: &outcome.agent,
            outcome: word(outcome),
            error: outcome.failure.as_ref(),
            answer: outcome.answer.as_deref(),
            calls: outcome.calls,
            failed_calls: outcome.failed_calls,
            fuel: outcome.fuel,
            elapsed_ms: outcome.elapsed.as_secs_f64() * 1e3,
            out: &outcome.out,
            files: &outcome.files,
            steps: &outcome.steps,
            results: outcome.results.iter().map(|(step, result)| (step, Arc::as_ref(result))).collect(),
            actions: &outcome.actions,
            spent: (outcome.spent != Spent::default()).then_some(&outcome.spent),
            trace: None,
        }
    }

    pub(super) fn with(self, trace: Option<&'a trace::Run>) -> Self {
        Self { trace, ..self }
    }
}

/// Prints what the run made: the paths of its files, or the last result where it wrote none.
pub(super) fn data(output: &Output, outcome: &RunOutcome) -> Result<(), Failure> {
    for file in &outcome.files {
        output.line(one_line(outcome.out.join(file).display()));
    }
    if !outcome.files.is_empty() || outcome.failure.is_some() {
        return Ok(());
    }
    if let Some(answer) = &outcome.answer {
        output.text(answer);
        return Ok(());
    }
    let last = outcome.steps.iter().rev().find_map(|step| outcome.results.get(&step.step));
    match last.map(Arc::as_ref) {
        None | Some(Value::Null) => Ok(()),
        Some(Value::String(text)) => {
            output.text(text);
            Ok(())
        }
        Some(value) => output.object(value),
    }
}

/// Tells what it took, and which calls failed without ending it.
pub(super) fn tell(output: &Output, outcome: &RunOutcome) {
    // What failed a step failed the run, and was told whole.
    for step in outcome.steps.iter().filter(|step| step.state != "failed") {
        if let Some(line) = failures(step) {
            output.note(format_args!("  {}", output.styled_note(YELLOW, line)));
        }
    }
    let style = if outcome.failure.is_none() { GREEN } else { RED };
    let name = output.styled_note(BOLD, &outcome.agent);
    output.note(format_args!("{name}  {}  {}", output.styled_note(style, word(outcome)), totals(outcome)));
}

fn word(outcome: &RunOutcome) -> String {
    outcome.failure.as_ref().map_or_else(|| "ok".to_owned(), |failure| failure.kind().to_string())
}

fn totals(outcome: &RunOutcome) -> String {
    let failed = match outcome.failed_calls {
        0 => String::new(),
        failed => format!(" ({failed} failed)"),
    };
    let mut parts = Vec::new();
    if outcome.spent.turns > 0 {
        parts.push(counted(u64::from(outcome.spent.turns), "turn"));
    } else {
        parts.push(counted(outcome.steps.len(), "step"));
    }
    parts.push(counted(outcome.calls, "call") + &failed);
    if outcome.spent.tokens.total() > 0 {
        let estimated = match outcome.spent.estimated {
            0 => String::new(),
            estimated => format!(" ({estimated} estimated)"),
        };
        parts.push(format!("{} tokens{estimated}", outcome.spent.tokens.total()));
    }
    parts.extend(outcome.spent.cost.map(|cost| cost.to_string()));
    parts.push(format!("fuel {}", Count::new(outcome.fuel)));
    parts.push(format!("time {}", format_duration(outcome.elapsed)));
    if !outcome.files.is_empty() {
        let out = one_line(outcome.out.display());
        parts.push(format!("{} in {out}", counted(outcome.files.len(), "file")));
    }
    parts.join("  ")
}

pub(super) fn counted<N: Display + PartialEq + From<u8>>(count: N, what: &str) -> String {
    let end = if count == N::from(1) { "" } else { "s" };
    format!("{count} {what}{end}")
}

/// How many calls of a step failed, and how the first did.
fn failures(step: &StepOutcome) -> Option<String> {
    let first = step.first_failure.as_ref()?;
    Some(format!(
        "{}: {} of {} calls failed, the first: {}",
        step.step,
        step.failed_calls,
        step.calls,
        one_line(without_numbers(&first.to_string()))
    ))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use hotcell_call::Code;
    use serde_json::json;

    use super::*;

    fn outcome() -> RunOutcome {
        let failure = Failure::new(Code::Unreachable, "text.stats panicked").why("boom\nfile-analyst  ok");
        let step = StepOutcome {
            step: "stats".parse().unwrap(),
            state: "done",
            because: None,
            calls: 400,
            failed_calls: 2,
            first_failure: Some(failure),
        };
        RunOutcome {
            run: RunId::from_bits(1),
            agent: "file-analyst".parse().unwrap(),
            failure: None,
            answer: None,
            actions: Vec::new(),
            tasks: Vec::new(),
            spent: Spent::default(),
            steps: vec![step],
            files: vec!["report.md".into()],
            out: "out".into(),
            calls: 401,
            failed_calls: 2,
            fuel: 41_234_000_000,
            elapsed: Duration::from_millis(3_210),
            results: BTreeMap::from([("stats".parse().unwrap(), Arc::new(json!([1])))]),
        }
    }

    #[test]
    fn what_it_took_is_one_line() {
        insta::assert_snapshot!(
            totals(&outcome()),
            @"1 step  401 calls (2 failed)  fuel 41.2G  time 3.21s  1 file in out"
        );
        insta::assert_snapshot!(
            failures(&outcome().steps[0]).unwrap(),
            @r"stats: 2 of 400 calls failed, the first: trapped(unreachable)[E0901]: text.stats panicked: boom\nfile-analyst  ok"
        );
    }

    #[test]
    fn programs_get_the_results_too() {
        let object = serde_json::to_value(Object::new(&outcome())).unwrap();
        assert_eq!(object["outcome"], "ok");
        assert_eq!(object["results"], json!({ "stats": [1] }));
        assert_eq!(object["elapsed_ms"], 3210.0);
        assert_eq!(object["steps"][0]["first_failure"]["code"], "E0901");
        assert!(object.get("error").is_none());
    }
}
