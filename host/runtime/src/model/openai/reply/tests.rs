use hotcell_agent::model::Usage;
use serde_json::json;

use super::*;

fn event(data: impl Into<String>) -> Event {
    Event { name: String::new(), data: data.into() }
}

/// The reply, with what was heard of it.
fn read(chunks: &[Value]) -> Result<(Read, String), ModelError> {
    let (mut reader, mut heard) = (Reader::default(), String::new());
    for chunk in chunks {
        let data = chunk.as_str().map_or_else(|| chunk.to_string(), str::to_owned);
        if reader.event(&event(data), &mut |text| heard.push_str(text))? == More::No {
            break;
        }
    }
    reader.end().map(|read| (read, heard))
}

fn delta(delta: Value) -> Value {
    json!({ "choices": [{ "index": 0, "delta": delta, "finish_reason": null }] })
}

fn finish(reason: &str) -> Value {
    json!({ "choices": [{ "index": 0, "delta": {}, "finish_reason": reason }] })
}

#[test]
fn text_comes_in_pieces_and_usage_at_the_end() {
    let (reply, heard) = read(&[
        delta(json!({ "role": "assistant", "content": "" })),
        delta(json!({ "content": "Hel", "reasoning_content": "thought", "reasoning": { "x": 1 } })),
        delta(json!({ "content": "lo" })),
        delta(json!({ "content": [{ "type": "text", "text": "!" }] })),
        finish("stop"),
        json!({ "choices": [], "usage": { "prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18 } }),
        json!("[DONE]"),
    ])
    .unwrap();
    assert_eq!((reply.text.as_str(), heard.as_str(), reply.stop), ("Hello!", "Hello!", StopReason::Complete));
    assert_eq!((reply.told.usage(0), reply.uses.len(), reply.kept), ((Usage { input: 11, output: 7 }, false), 0, None));
}

#[test]
fn what_is_not_told_is_estimated_by_all_that_was_said() {
    let said = [
        delta(json!({ "role": "assistant", "content": "" })),
        delta(json!({ "content": "12345678", "reasoning_content": "1234" })),
    ];
    let usage = |tokens: Value| json!({ "choices": [], "usage": tokens });
    let ended = |more: &[Value]| {
        let all = [&said[..], more, &[finish("stop"), json!("[DONE]")]].concat();
        let (usage, estimated) = read(&all).unwrap().0.told.usage(41);
        (usage.input, usage.output, estimated)
    };
    assert_eq!(ended(&[]), (11, 3, true));
    assert_eq!(ended(&[usage(json!({ "prompt_tokens": 0, "completion_tokens": 0 }))]), (11, 3, true));
    assert_eq!(ended(&[usage(json!({ "prompt_tokens": 5 }))]), (5, 3, true));
    assert_eq!(ended(&[usage(json!({ "prompt_tokens": 5, "completion_tokens": 1 }))]), (5, 1, false));
    // What was told before more was said is not of the whole.
    let more = delta(json!({ "content": "1234" }));
    assert_eq!(ended(&[usage(json!({ "prompt_tokens": 5, "completion_tokens": 9 })), more]), (5, 9, true));
}

#[test]
fn a_use_keeps_what_is_to_come_back_with_it() {
    let extra = json!({ "google": { "thought_signature": "abc" } });
    let call =
        json!({ "index": 0, "id": "c1", "function": { "name": "f", "arguments": { "x": 1 } }, "extra_content": extra });
    let (reply, _) = read(&[delta(json!({ "tool_calls": [call] })), finish("tool_calls"), json!("[DONE]")]).unwrap();
    assert_eq!(reply.uses[0].input.as_ref().unwrap()["x"], 1);
    assert_eq!(reply.kept, Some(json!({ "c1": extra })));
}

#[test]
fn why_it_stopped() {
    for (reason, stop) in [
        ("stop", StopReason::Complete),
        ("tool_calls", StopReason::Complete),
        ("length", StopReason::MaxTokens),
        ("content_filter", StopReason::Filtered),
        ("something_else", StopReason::Complete),
    ] {
        assert_eq!(read(&[finish(reason), json!("[DONE]")]).unwrap().0.stop, stop, "{reason}");
    }
    let refused = read(&[delta(json!({ "refusal": "I won't" })), finish("stop"), json!("[DONE]")]).unwrap().0;
    assert_eq!((refused.text.as_str(), refused.stop), ("I won't", StopReason::Filtered));
}

#[test]
fn a_stream_without_its_end_is_cut() {
    for chunks in [&[][..], &[delta(json!({ "content": "x" }))], &[finish("stop")], &[json!("[DONE]")]] {
        assert!(matches!(read(chunks), Err(ModelError::Cut(_))), "{chunks:?}");
    }
}

#[test]
fn what_is_wrong_in_it_is_told() {
    for (chunk, expected) in [
        (json!({ "error": { "message": "overloaded", "code": 503 } }), "it broke off: overloaded"),
        (json!({ "error": "out of memory" }), "it broke off: out of memory"),
        (json!({ "error": { "code": 7 } }), "it broke off: {\"code\":7}"),
        (json!("{\"choices\": ["), "its reply can't be read: an event is no JSON"),
        (json!("[1]"), "its reply can't be read: an event is no object: [1]"),
        (json!("1e999"), "its reply can't be read: an event is no JSON: number out of range"),
    ] {
        let error = read(&[chunk]).unwrap_err().to_string();
        assert!(error.starts_with(expected), "{error}");
    }
    let named = Event { name: "error".to_owned(), data: "{\"detail\":\"no such model\"}".to_owned() };
    let error = Reader::default().event(&named, &mut |_| {}).unwrap_err();
    assert_eq!(error.to_string(), "it broke off: {\"detail\":\"no such model\"}");
}

#[test]
fn numbers_are_a_strangers_too() {
    for (usage, expected) in [
        (json!({ "prompt_tokens": u64::MAX, "completion_tokens": 1 }), (u64::MAX, 1)),
        (json!({ "prompt_tokens": 1e300, "completion_tokens": -5 }), (u64::MAX, 0)),
        (json!({ "prompt_tokens": "many" }), (0, 0)),
        (json!(null), (0, 0)),
    ] {
        let chunk = json!({ "choices": [], "usage": usage });
        let usage = read(&[finish("stop"), chunk, json!("[DONE]")]).unwrap().0.told.usage(0).0;
        assert_eq!((usage.input, usage.output), expected);
        assert!(usage.total() >= usage.input);
    }
}

#[test]
fn shapes_that_nobody_expects_are_no_reply_and_no_panic() {
    for chunk in [
        json!({ "choices": "x" }),
        json!({ "choices": [null] }),
        json!({ "choices": [{ "delta": [], "finish_reason": 7 }] }),
        json!({ "choices": [{ "delta": { "content": 5, "tool_calls": {} } }] }),
    ] {
        let (reply, _) = read(&[chunk, finish("stop"), json!("[DONE]")]).unwrap();
        assert_eq!((reply.text.as_str(), reply.uses.len()), ("", 0));
    }
}
