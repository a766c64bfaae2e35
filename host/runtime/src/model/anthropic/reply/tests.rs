use hotcell_agent::model::Usage;

use super::*;

/// The reply, with what was heard of it.
fn read(events: &[Value]) -> Result<(Read, String), ModelError> {
    let (mut reader, mut heard) = (Reader::default(), String::new());
    for event in events {
        let event = Event { name: String::new(), data: event.to_string() };
        if reader.event(&event, &mut |text| heard.push_str(text))? == More::No {
            break;
        }
    }
    reader.end().map(|read| (read, heard))
}

fn start() -> Value {
    json!({ "type": "message_start", "message": { "usage": {
        "input_tokens": 11, "cache_read_input_tokens": 5, "cache_creation_input_tokens": null, "output_tokens": 1 } } })
}

fn block(index: u64, block: Value) -> Value {
    json!({ "type": "content_block_start", "index": index, "content_block": block })
}

fn delta(index: u64, delta: Value) -> Value {
    json!({ "type": "content_block_delta", "index": index, "delta": delta })
}

fn end(reason: &str) -> [Value; 2] {
    let usage = json!({ "output_tokens": 7 });
    [
        json!({ "type": "message_delta", "delta": { "stop_reason": reason }, "usage": usage }),
        json!({ "type": "message_stop" }),
    ]
}

#[test]
fn what_the_start_tells_of_the_reply_is_no_more_than_a_beginning() {
    let text = "x".repeat(40);
    let said = delta(0, json!({ "type": "text_delta", "text": text }));
    let begun = block(0, json!({ "type": "text", "text": "" }));
    let last = json!({ "type": "message_delta", "delta": { "stop_reason": "end_turn" } });
    let (reply, _) = read(&[start(), begun, said, last, json!({ "type": "message_stop" })]).unwrap();
    assert_eq!(reply.told.usage(0), (Usage { input: 16, output: 10 }, true));
}

#[test]
fn thoughts_text_and_uses_come_in_blocks() {
    let mut events = vec![
        start(),
        json!({ "type": "ping" }),
        block(0, json!({ "type": "thinking", "thinking": "", "signature": "" })),
        delta(0, json!({ "type": "thinking_delta", "thinking": "so " })),
        delta(0, json!({ "type": "thinking_delta", "thinking": "then" })),
        delta(0, json!({ "type": "signature_delta", "signature": "s1" })),
        block(1, json!({ "type": "redacted_thinking", "data": "xyz" })),
        block(2, json!({ "type": "text", "text": "" })),
        delta(2, json!({ "type": "text_delta", "text": "Let me " })),
        delta(2, json!({ "type": "text_delta", "text": "look." })),
        block(3, json!({ "type": "tool_use", "id": "t1", "name": "f", "input": {} })),
        delta(3, json!({ "type": "input_json_delta", "partial_json": "" })),
        delta(3, json!({ "type": "input_json_delta", "partial_json": "{\"x\":" })),
        delta(3, json!({ "type": "input_json_delta", "partial_json": "1}" })),
        json!({ "type": "content_block_stop", "index": 3 }),
        block(4, json!({ "type": "tool_use", "id": "t2", "name": "g", "input": {} })),
        block(5, json!({ "type": "tool_use", "id": "t3", "name": "h", "input": { "whole": true } })),
        block(6, json!({ "type": "server_tool_use", "id": "s", "name": "search" })),
    ];
    events.extend(end("tool_use"));
    let (reply, heard) = read(&events).unwrap();
    assert_eq!(
        (reply.text.as_str(), heard.as_str(), reply.stop),
        ("Let me look.", "Let me look.", StopReason::Complete)
    );
    assert_eq!(reply.told.usage(0), (Usage { input: 16, output: 7 }, false));
    let uses: Vec<_> =
        reply.uses.iter().map(|one| (one.id.as_str(), one.name.as_str(), json!(one.input.clone().unwrap()))).collect();
    assert_eq!(uses, [("t1", "f", json!({ "x": 1 })), ("t2", "g", json!({})), ("t3", "h", json!({ "whole": true }))]);
    assert_eq!(
        reply.kept,
        Some(json!([
            { "type": "thinking", "thinking": "so then", "signature": "s1" },
            { "type": "redacted_thinking", "data": "xyz" },
        ]))
    );
}

#[test]
fn why_it_stopped() {
    for (reason, stop) in [
        ("end_turn", StopReason::Complete),
        ("stop_sequence", StopReason::Complete),
        ("max_tokens", StopReason::MaxTokens),
        ("model_context_window_exceeded", StopReason::MaxTokens),
        ("refusal", StopReason::Filtered),
    ] {
        assert_eq!(read(&end(reason)).unwrap().0.stop, stop, "{reason}");
    }
}

#[test]
fn a_stream_without_its_end_is_cut() {
    let [reason, stop] = end("end_turn");
    for events in [&[][..], &[start()], &[start(), reason], &[start(), stop]] {
        assert!(matches!(read(events), Err(ModelError::Cut(_))), "{events:?}");
    }
}

#[test]
fn what_is_wrong_in_it_is_told() {
    let error = json!({ "type": "error", "error": { "type": "overloaded_error", "message": "Overloaded" } });
    assert_eq!(read(&[start(), error]), Err(ModelError::Failed("Overloaded".to_owned())));
    let orphan = delta(9, json!({ "type": "input_json_delta", "partial_json": "{}" }));
    assert!(matches!(read(&[orphan]), Err(ModelError::Malformed(_))));
    let thought = |index| block(index, json!({ "type": "thinking" }));
    let many: Vec<Value> = (0..=256).map(thought).collect();
    assert!(matches!(read(&many), Err(ModelError::TooLarge { .. })));
}

#[test]
fn a_number_far_away_costs_nothing_and_arguments_may_be_no_json() {
    let mut events = vec![
        block(40_000_000, json!({ "type": "tool_use", "id": "t", "name": "f" })),
        delta(40_000_000, json!({ "type": "input_json_delta", "partial_json": "{\"city\": \"Os" })),
    ];
    events.extend(end("max_tokens"));
    let (reply, _) = read(&events).unwrap();
    assert_eq!(reply.uses.len(), 1);
    assert_eq!(reply.uses[0].input, Err("{\"city\": \"Os".to_owned()));
}
