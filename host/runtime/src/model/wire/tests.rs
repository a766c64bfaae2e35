use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::model::sse::Events;

/// Values as they stand in events, and as they should not.
fn leaf() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(json!(null)),
        Just(json!(true)),
        any::<i64>().prop_map(|number| json!(number)),
        any::<f64>().prop_map(|number| json!(number)),
        prop::sample::select(vec![
            "",
            "text",
            "tool_use",
            "thinking",
            "redacted_thinking",
            "text_delta",
            "input_json_delta",
            "thinking_delta",
            "signature_delta",
            "message_start",
            "content_block_start",
            "content_block_delta",
            "message_delta",
            "message_stop",
            "stop",
            "length",
            "end_turn",
            "{\"x\":",
            "1}",
            "call_1",
            "é\u{1b}",
        ])
        .prop_map(|text| json!(text)),
    ]
}

fn value() -> impl Strategy<Value = Value> {
    let keys = vec![
        "type",
        "index",
        "content_block",
        "delta",
        "message",
        "usage",
        "input_tokens",
        "output_tokens",
        "prompt_tokens",
        "choices",
        "content",
        "tool_calls",
        "function",
        "name",
        "arguments",
        "id",
        "finish_reason",
        "stop_reason",
        "text",
        "partial_json",
        "thinking",
        "signature",
        "input",
        "refusal",
        "extra_content",
    ];
    leaf().prop_recursive(5, 48, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
            prop::collection::vec((prop::sample::select(keys.clone()), inner), 0..6)
                .prop_map(|pairs| pairs.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()),
        ]
    })
}

/// Events, some of them nearly as they should be.
fn event() -> impl Strategy<Value = Value> {
    let word = || {
        let words = prop::sample::select(vec!["call_1", "call_2", "f", "", "{}"]).prop_map(|text| json!(text));
        let kinds = prop::sample::select(vec!["text", "tool_use", "thinking", "text_delta", "input_json_delta"]);
        prop_oneof![8 => words, 4 => kinds.prop_map(|text| json!(text)), 1 => leaf()]
    };
    let four = || (word(), word(), word(), word());
    let index = || prop_oneof![(0u64..3).prop_map(|index| json!(index)), leaf()];
    prop_oneof![
        value(),
        (index(), four()).prop_map(|(index, (id, name, arguments, text))| {
            let call = json!({ "index": index, "id": id, "function": { "name": name, "arguments": arguments } });
            json!({ "choices": [{ "delta": { "content": text, "tool_calls": [call] } }] })
        }),
        (index(), four()).prop_map(|(index, (kind, id, name, text))| {
            let block = json!({ "type": kind, "id": id, "name": name, "text": text, "thinking": text });
            json!({ "type": "content_block_start", "index": index, "content_block": block })
        }),
        (index(), four()).prop_map(|(index, (kind, text, json, signature))| {
            let delta = json!({ "type": kind, "text": text, "partial_json": json, "signature": signature });
            json!({ "type": "content_block_delta", "index": index, "delta": delta })
        }),
    ]
}

/// What is said by a stream of these events, and what was heard of it.
fn read(kind: ProviderKind, events: &[String]) -> (Result<Read, ModelError>, String) {
    let (mut reader, mut heard) = (Reader::new(kind), String::new());
    let text: String = events.iter().map(|event| format!("data: {event}\n\n")).collect();
    let (events, _) = Events::default().push(text.as_bytes()).unwrap();
    for event in &events {
        match reader.event(event, &mut |text| heard.push_str(text)) {
            Ok(More::Yes) => {}
            Ok(More::No) => break,
            Err(error) => return (Err(error), heard),
        }
    }
    (reader.end(), heard)
}

proptest! {
    #[test]
    fn whatever_a_provider_says_is_a_reply_that_holds_together_or_none(values in prop::collection::vec(event(), 0..12)) {
        let said: Vec<String> = values.iter().map(Value::to_string).collect();
        let openai = json!({ "choices": [{ "finish_reason": "stop" }] }).to_string();
        let anthropic = json!({ "type": "message_delta", "delta": { "stop_reason": "end_turn" } }).to_string();
        let end = json!({ "type": "message_stop" }).to_string();
        for (kind, last) in [
            (ProviderKind::OpenAi, [openai, "[DONE]".to_owned()]),
            (ProviderKind::Anthropic, [anthropic, end]),
        ] {
            let (reply, heard) = read(kind, &[said.as_slice(), &last].concat());
            let Ok(reply) = reply else { continue };
            prop_assert_eq!(&reply.text, &heard);
            let mut ids: Vec<&str> = reply.uses.iter().map(|wanted| wanted.id.as_str()).collect();
            ids.sort_unstable();
            ids.dedup();
            prop_assert_eq!(ids.len(), reply.uses.len(), "each use has an id of its own");
            prop_assert!(reply.uses.iter().all(|wanted| !wanted.name.is_empty() && !wanted.id.is_empty()));
        }
    }
}

#[test]
fn what_is_kept_is_given_to_its_own_model_alone() {
    let opaque = keep("a/m", json!([1]));
    assert_eq!(kept("a/m", Some(&opaque)), Some(&json!([1])));
    for other in [None, Some(&json!([1])), Some(&json!({ "kept": 1 })), Some(&json!({ "of": 7, "kept": 1 }))] {
        assert_eq!(kept("a/m", other), None);
    }
    assert_eq!(kept("a/n", Some(&opaque)), None);
}
