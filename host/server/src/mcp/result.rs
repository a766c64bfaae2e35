//! How a call ended, as a model and its client read it.

use hotcell_call::{Failure, Outcome};
use hotcell_runtime::RunOutcome;
use rmcp::model::{CallToolResult, ContentBlock, MetaObject};
use serde_json::{Value, json};

use super::shape::Output;

/// Under which a result says what the call cost.
const RECEIPT: &str = "hotcell/receipt";

/// The result of a call.
pub(super) fn of_call(outcome: Outcome, output: &Output) -> CallToolResult {
    let receipt = receipt(&outcome);
    let result = match outcome.result {
        Ok(answer) => {
            let value: Value = serde_json::from_str(answer.as_str()).unwrap_or_default();
            // A text is read as it is; everything else as the tool wrote it, number by number.
            let text = value.as_str().map_or_else(|| answer.as_str().to_owned(), str::to_owned);
            succeeded(text, output.structured(value))
        }
        Err(failure) => of_failure(&failure),
    };
    with_receipt(result, receipt)
}

/// The result of a run of an agent.
pub(super) fn of_run(outcome: &RunOutcome) -> CallToolResult {
    let whole = serde_json::to_value(outcome).unwrap_or_default();
    let receipt =
        json!({ "run": outcome.run, "outcome": outcome.word(), "calls": outcome.calls, "fuel": outcome.fuel });
    let result = match (&outcome.failure, &outcome.answer) {
        (Some(failure), _) => of_failure(failure),
        (None, Some(answer)) => succeeded(answer.clone(), whole),
        (None, None) => succeeded(whole.to_string(), whole),
    };
    with_receipt(result, receipt)
}

/// A failure that a model can act on: its object, and the same in words.
pub(super) fn of_failure(failure: &Failure) -> CallToolResult {
    let mut text = format!("{}[{}]: {}", failure.kind(), failure.code(), failure.what());
    if let Some(why) = Some(failure.reason()).filter(|why| !why.is_empty()) {
        text.push_str(&format!("\nwhy: {why}"));
    }
    if let Some(fix) = failure.remedy() {
        text.push_str(&format!("\nfix: {fix}"));
    }
    if let Some(wait) = failure.wait() {
        text.push_str(&format!("\ntry again in {} ms", wait.as_millis()));
    }
    let mut result = CallToolResult::error(vec![ContentBlock::text(text)]);
    result.structured_content = Some(serde_json::to_value(failure).unwrap_or_default());
    result
}

fn succeeded(text: String, structured: Value) -> CallToolResult {
    let mut result = CallToolResult::success(vec![ContentBlock::text(text)]);
    result.structured_content = Some(structured);
    result
}

fn with_receipt(mut result: CallToolResult, receipt: Value) -> CallToolResult {
    let mut meta = MetaObject::new();
    meta.0.insert(RECEIPT.to_owned(), receipt);
    result.meta = Some(meta);
    result
}

/// What the call cost, in short; what it was refused stands there even if it went well without it.
fn receipt(outcome: &Outcome) -> Value {
    let receipt = &outcome.receipt;
    let mut object = json!({
        "call": outcome.call,
        "outcome": outcome.word(),
        "fuel": receipt.fuel,
        "memory": receipt.memory_peak.as_u64(),
        "queue_ms": receipt.queue.as_secs_f64() * 1e3,
        "run_ms": receipt.run.as_secs_f64() * 1e3,
        "source": receipt.source,
        "attempts": receipt.attempts,
    });
    if !receipt.denials.is_empty()
        && let Value::Object(object) = &mut object
    {
        object.insert("denials".to_owned(), json!(receipt.denials));
    }
    object
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use hotcell_call::{CallId, Code, Log, Payload, Receipt};

    use super::*;

    fn told(result: Result<Payload, Failure>, output: &Output) -> Value {
        let outcome = Outcome {
            call: CallId::from_bits(1),
            target: "calc.eval".parse().unwrap(),
            result,
            receipt: Receipt { fuel: 7, ..Receipt::default() },
            log: Log { stdout: b"noise".to_vec(), stderr: Vec::new() },
            note: None,
        };
        serde_json::to_value(of_call(outcome, output)).unwrap()
    }

    #[test]
    fn an_answer_is_structured_and_a_text() {
        let number = Output::of(Some(&json!({ "type": "number" })));
        let result = told(Ok(Payload::new("14.50")), &number);
        assert_eq!(result["structuredContent"], json!({ "value": 14.5 }));
        assert_eq!(result["content"], json!([{ "type": "text", "text": "14.50" }]));
        assert_eq!((result["isError"].clone(), result["_meta"][RECEIPT]["fuel"].clone()), (json!(false), json!(7)));
        let text = told(Ok(Payload::new("\"a\\nb\"")), &Output::of(None));
        assert_eq!(text["content"][0]["text"], "a\nb");
        assert!(!text.to_string().contains("noise"), "what a guest prints is not its answer");
    }

    #[test]
    fn a_failure_says_what_why_and_what_to_do_in_both() {
        let failure = Failure::new(Code::Overloaded, "the queue is full")
            .why("4096 of 4096")
            .fix("wait")
            .retry_after(Duration::from_millis(250));
        let result = told(Err(failure), &Output::of(None));
        assert_eq!(result["isError"], true);
        assert_eq!(result["structuredContent"]["code"], Code::Overloaded.to_string());
        assert_eq!(result["structuredContent"]["retry_after_ms"], 250);
        let text = result["content"][0]["text"].as_str().unwrap();
        assert_eq!(
            text,
            "refused(overloaded)[E0503]: the queue is full\nwhy: 4096 of 4096\nfix: wait\ntry again in 250 ms"
        );
        assert_eq!(result["_meta"][RECEIPT]["outcome"], "refused(overloaded)");
    }
}
