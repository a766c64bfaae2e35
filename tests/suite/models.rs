//! Models of providers, through the port that runs know: replies as they should be, and providers that do whatever they like.

mod clients;
mod hostile;

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use hotcell_agent::model::{ChatModel, ChatReply, ChatRequest, Message, ModelError, ModelName, Usage};
use hotcell_call::Code;
use serde_json::json;

use crate::support::Harness;
use crate::support::provider::{Answer, Provider, delta};

/// A model that asks the first of these names, then the others.
fn model(harness: &Harness, names: &[&str]) -> Arc<dyn ChatModel> {
    let names: Vec<ModelName> = names.iter().map(|name| name.parse().expect("a name")).collect();
    harness.host.model(&names, Vec::new()).unwrap_or_else(|failure| panic!("{failure}"))
}

fn says(text: &str) -> ChatRequest {
    ChatRequest { messages: vec![Message::User(text.to_owned())], ..ChatRequest::default() }
}

/// The reply to "hello", with what was heard of it.
async fn hello(model: &Arc<dyn ChatModel>) -> (Result<ChatReply, ModelError>, String) {
    ask(model, &says("hello")).await
}

async fn ask(model: &Arc<dyn ChatModel>, request: &ChatRequest) -> (Result<ChatReply, ModelError>, String) {
    let heard = Mutex::new(String::new());
    let reply = model.reply(request, &mut |text| heard.lock().expect("a text").push_str(text)).await;
    (reply, heard.into_inner().expect("a text"))
}

/// The failure instead of a model.
fn refusal(harness: &Harness, name: &str) -> hotcell_call::Failure {
    let refused = harness.host.model(&[name.parse().expect("a name")], Vec::new());
    refused.err().unwrap_or_else(|| panic!("{name} is a model"))
}

#[tokio::test]
async fn a_reply_is_heard_in_pieces_and_a_connection_serves_the_next_turn() {
    let usage = json!({ "choices": [], "usage": { "prompt_tokens": 11, "completion_tokens": 7 } });
    let pieces = [delta(json!({ "content": "Hel" })), delta(json!({ "content": "lo" })), usage];
    let provider = Provider::start(vec![Answer::chunks(&pieces)]).await;
    let prices = "prices.\"m/1\" = { input = \"3.00usd\", output = \"15.00usd\" }";
    let harness = Harness::with(&provider.section("local", "openai", prices));
    let model = model(&harness, &["local/m/1"]);
    for _ in 0..3 {
        let (reply, heard) = hello(&model).await;
        let reply = reply.expect("a reply");
        assert_eq!((reply.text.as_str(), heard.as_str(), reply.model.as_str()), ("Hello", "Hello", "local/m/1"));
        assert_eq!(reply.usage, Usage { input: 11, output: 7 });
        assert_eq!(harness.host.price(&reply.model, reply.usage), Some(138));
    }
    assert_eq!(harness.host.price("openai/gpt-5", Usage::default()), None, "nobody named a price");
    let requests = provider.requests();
    assert_eq!((requests.len(), provider.connections()), (3, 1));
    let head = requests[0].head.to_ascii_lowercase();
    assert!(head.starts_with("post /v1/chat/completions http/1.1"), "{head}");
    assert!(head.contains(&format!("host: 127.0.0.1:{}", provider.port())), "{head}");
    assert!(!head.contains("authorization"), "there is no key: {head}");
    assert_eq!(requests[0].body["model"], "m/1");
    assert_eq!(requests[0].body["messages"], json!([{ "role": "user", "content": "hello" }]));
}

#[tokio::test]
async fn a_kept_connection_that_was_closed_meanwhile_is_not_missed() {
    let Answer::Whole(bytes) = Answer::text("hi") else { panic!("whole") };
    let provider = Provider::start(vec![Answer::Then(bytes)]).await;
    let harness = Harness::with(&provider.section("local", "openai", ""));
    let model = model(&harness, &["local/m"]);
    for _ in 0..3 {
        assert_eq!(hello(&model).await.0.expect("a reply").text, "hi");
    }
    assert_eq!(provider.connections(), 3);
}

#[tokio::test]
async fn who_is_too_early_waits_as_long_as_it_is_told() {
    let early = Answer::status("429 Too Many Requests", "retry-after: 1\r\n", "{\"error\":{\"message\":\"slow\"}}");
    let provider = Provider::start(vec![early, Answer::text("now")]).await;
    let harness = Harness::with(&provider.section("local", "openai", ""));
    let began = Instant::now();
    assert_eq!(hello(&model(&harness, &["local/m"])).await.0.expect("a reply").text, "now");
    assert!(began.elapsed() >= Duration::from_secs(1), "{:?}", began.elapsed());
    assert_eq!(provider.requests().len(), 2);
}

#[tokio::test]
async fn after_three_failures_another_model_answers_and_says_so() {
    let broken = Provider::start(vec![Answer::status("500 Internal Server Error", "", "boom")]).await;
    let works = Provider::start(vec![Answer::text("here")]).await;
    let toml = broken.section("first", "openai", "") + &works.section("second", "openai", "");
    let harness = Harness::with(&toml);
    let model = model(&harness, &["first/m", "second/m"]);
    assert_eq!(model.name(), "first/m");
    assert_eq!(hello(&model).await.0.expect("a reply").model, "second/m");
    assert_eq!((broken.requests().len(), works.requests().len()), (3, 1));
}

#[tokio::test]
async fn an_overloaded_anthropic_is_asked_again() {
    let overloaded =
        Answer::status("529 Overloaded", "", "{\"type\":\"error\",\"error\":{\"message\":\"Overloaded\"}}");
    let events = [
        json!({ "type": "message_start", "message": { "usage": { "input_tokens": 3, "output_tokens": 1 } } }),
        json!({ "type": "content_block_start", "index": 0, "content_block": { "type": "text", "text": "" } }),
        json!({ "type": "content_block_delta", "index": 0, "delta": { "type": "text_delta", "text": "hi" } }),
        json!({ "type": "message_delta", "delta": { "stop_reason": "end_turn" }, "usage": { "output_tokens": 2 } }),
        json!({ "type": "message_stop" }),
    ];
    let provider = Provider::start(vec![overloaded, Answer::events(&events)]).await;
    let folder = tempfile::tempdir().expect("a folder");
    let key = folder.path().join("key");
    std::fs::write(&key, "sk-ant-test-key-0001\n").expect("a file");
    let harness = Harness::with(&provider.section("claude", "anthropic", &format!("key = \"file:{}\"", key.display())));
    let reply = hello(&model(&harness, &["claude/m"])).await.0.expect("a reply");
    assert_eq!((reply.text.as_str(), reply.usage), ("hi", Usage { input: 3, output: 2 }));
    let requests = provider.requests();
    assert_eq!(requests.len(), 2);
    let head = &requests[1].head;
    assert!(head.starts_with("POST /v1/messages HTTP/1.1"), "{head}");
    assert!(
        head.contains("x-api-key: sk-ant-test-key-0001") && head.contains("anthropic-version: 2023-06-01"),
        "{head}"
    );
}

#[tokio::test]
async fn a_rate_is_waited_for_within_the_callers_time_and_then_another_answers() {
    let slow = Provider::start(vec![Answer::text("slow")]).await;
    let other = Provider::start(vec![Answer::text("other")]).await;
    let rate = "rate = { limit = \"1/h\", burst = 1 }";
    let harness = Harness::with(&(slow.section("slow", "openai", rate) + &other.section("other", "openai", "")));
    let model = model(&harness, &["slow/m", "other/m"]);
    let mut request = says("hello");
    request.deadline = Some(Instant::now() + Duration::from_secs(30));
    assert_eq!(ask(&model, &request).await.0.expect("a reply").text, "slow");
    assert_eq!(ask(&model, &request).await.0.expect("a reply").text, "other");
    let alone = harness.host.model(&["slow/other".parse().expect("a name")], Vec::new()).expect("a model");
    let error = ask(&alone, &request).await.0.expect_err("one rate for all models of a provider");
    assert!(matches!(error, ModelError::Busy { wait: Some(wait) } if wait > Duration::from_secs(3_000)), "{error:?}");
    assert_eq!(slow.requests().len(), 1);
}

#[tokio::test]
async fn what_can_not_be_asked_is_told_before_anything_is_sent() {
    let harness = Harness::with(
        "[providers.local]\nkind = \"openai\"\nbase_url = \"http://127.0.0.1:1/v1\"\nkey = \"env:HOTCELL_TEST_NO_KEY\"",
    );
    let missing = refusal(&harness, "local/m");
    assert_eq!(missing.code(), Code::ModelKey);
    assert!(missing.reason().contains("env:HOTCELL_TEST_NO_KEY"), "{missing}");
    assert!(missing.remedy().is_some_and(|fix| fix.starts_with("set HOTCELL_TEST_NO_KEY")), "{:?}", missing.remedy());
    let unknown = refusal(&harness, "opnai/gpt-5");
    assert_eq!((unknown.code(), unknown.remedy()), (Code::UnknownProvider, Some("did you mean openai?")));
    let stranger = refusal(&harness, "nowhere-near/x");
    assert!(
        stranger.remedy().is_some_and(|fix| fix.contains("anthropic, gemini, local, ollama, openai")),
        "{stranger:?}"
    );
}

#[tokio::test]
async fn models_without_a_provider_need_no_network() {
    let harness = Harness::new();
    assert_eq!(model(&harness, &["rules"]).name(), "rules");
    let scripted = model(&harness, &["scripted"]);
    assert_eq!(
        hello(&scripted).await.0,
        Err(ModelError::Exhausted("its script has 0 replies, and no more".to_owned()))
    );
}
