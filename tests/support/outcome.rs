//! What every outcome has to be, whatever the case.

use hotcell_call::{Failure, Kind, Outcome};
use serde_json::Value;

/// Words of the engine that no user should ever have to read.
const ENGINE: &[&str] = &[
    "wasm backtrace",
    "wasm trap",
    "WASMTIME_BACKTRACE",
    "memory fault at",
    "component parser",
    "unknown binary version",
    "function implementation is missing",
    "resource limit exceeded",
    "exceeds memory limits",
    "exceeds table limits",
    "out of bounds of memory",
    "out of range [",
    "invalid utf-8 sequence",
    "pointer not aligned",
    "realloc return",
    "out of range for char",
    "fuel allocated for hostcalls",
    "all fuel consumed",
    "panicked at host/",
];

/// Judges an outcome.
pub(crate) trait Seen {
    /// The answer.
    fn ok(&self) -> Value;

    /// The failure, which has this word and says what a person needs to know.
    fn ends(&self, word: &str) -> Failure;
}

impl Seen for Outcome {
    #[track_caller]
    fn ok(&self) -> Value {
        match &self.result {
            Ok(answer) => serde_json::from_str(answer.as_str()).expect("an answer is JSON"),
            Err(failure) => panic!("{}: {failure}\n{:?}", self.target, failure.remedy()),
        }
    }

    #[track_caller]
    fn ends(&self, word: &str) -> Failure {
        let failure = match &self.result {
            Ok(answer) => panic!("{} should have ended {word}, and answered {:.300}", self.target, answer.as_str()),
            Err(failure) => failure,
        };
        assert_eq!(self.word(), word, "{}: {failure}", self.target);
        legible(self, failure);
        failure.clone()
    }
}

/// G1: short, in our own words, with the tool's name, the numbers of a limit, and a way out where there is one.
#[track_caller]
fn legible(outcome: &Outcome, failure: &Failure) {
    let text = failure.to_string();
    assert!(text.chars().count() <= 2_200, "{} characters: {text:.200}", text.chars().count());
    let control = |c: char| c.is_control() && c != '\n' && c != '\t';
    assert!(!text.contains(control), "control characters: {text:?}");
    for words in ENGINE {
        assert!(!text.contains(words), "the engine's words: {text}");
    }
    assert!(failure.what().contains(outcome.target.tool.as_str()), "which tool? {text}");
    assert!(!failure.what().contains('\n'), "what happened takes one line: {text}");
    match failure.kind() {
        Kind::Exhausted(_) | Kind::TimedOut => {
            let reached = failure.numbers().unwrap_or_else(|| panic!("no numbers: {text}"));
            for number in [&reached.used, &reached.limit] {
                assert!(text.contains(number.as_str()), "{number} is not told: {text}");
            }
            assert!(failure.remedy().is_some(), "no way out: {text}");
        }
        Kind::Fault => panic!("a bug of ours: {text}"),
        _ => {}
    }
}
