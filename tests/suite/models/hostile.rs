//! Providers that do whatever they like.

use std::time::{Duration, Instant};

use hotcell_agent::model::{ChatReply, ModelError};
use hotcell_call::Code;
use serde_json::{Value, json};

use super::{hello, model};
use crate::support::Harness;
use crate::support::provider::{Answer, Provider, delta, events_text, opened};

/// Nothing here takes longer than a failure that is tried three times.
const SOON: Duration = Duration::from_secs(15);

/// What one provider that gives this answer is heard to say.
async fn reply(answer: Answer) -> Result<ChatReply, ModelError> {
    let provider = Provider::start(vec![answer]).await;
    let harness = Harness::with(&provider.section("local", "openai", "timeout = \"400ms\""));
    let model = model(&harness, &["local/m"]);
    tokio::time::timeout(SOON, hello(&model)).await.expect("it ends").0
}

async fn error(answer: Answer) -> ModelError {
    reply(answer).await.expect_err("no reply")
}

fn call(index: u64, id: &str, arguments: &str) -> Value {
    let function = json!({ "name": "calc__eval", "arguments": arguments });
    delta(json!({ "tool_calls": [{ "index": index, "id": id, "type": "function", "function": function }] }))
}

#[tokio::test]
async fn a_number_is_no_place_in_a_list() {
    let far = reply(Answer::chunks(&[call(40_000_000, "a", "{}")])).await.expect("a reply");
    assert_eq!(far.uses.len(), 1);
    let gap = reply(Answer::chunks(&[call(3, "a", "{}"), call(u64::MAX, "b", "{\"x\":1}")])).await.expect("a reply");
    let uses: Vec<_> =
        gap.uses.iter().map(|one| (one.id.as_str(), one.input.as_ref().map(|input| input.len()))).collect();
    assert_eq!(uses, [("a", Ok(0)), ("b", Ok(1))]);
}

#[tokio::test]
async fn arguments_that_are_no_object_are_that_uses_matter_alone() {
    let reply = reply(Answer::chunks(&[call(0, "a", "{\"city\": \"Os"), call(1, "b", "{}")])).await.expect("a reply");
    assert_eq!(reply.uses[0].input, Err("{\"city\": \"Os".to_owned()));
    assert!(reply.uses[1].input.is_ok());
}

#[tokio::test]
async fn numbers_that_are_too_large_are_the_largest() {
    let usage = json!({ "choices": [], "usage": { "prompt_tokens": 1e300, "completion_tokens": u64::MAX } });
    let usage = reply(Answer::chunks(&[usage])).await.expect("a reply").usage;
    assert_eq!((usage.input, usage.output, usage.total()), (u64::MAX, u64::MAX, u64::MAX));
}

#[tokio::test]
async fn what_has_no_end_is_ended() {
    let line = vec![b'x'; 64 << 10];
    let (a_line, a_body) = tokio::join!(
        error(Answer::Endless(opened("data: "), line.clone(), Duration::ZERO)),
        error(Answer::Endless(opened(""), [b": ", line.as_slice(), b"\n"].concat(), Duration::ZERO)),
    );
    assert_eq!(a_line.to_string(), "its reply is larger than a line of 1MiB");
    assert_eq!(a_body.to_string(), "its reply is larger than a body of 16MiB");
    let many: Vec<Value> = (0..65).map(|index| call(index, "", "{}")).collect();
    assert_eq!(error(Answer::chunks(&many)).await.to_string(), "its reply is larger than 64 uses of tools");
}

#[tokio::test]
async fn what_breaks_off_is_cut_and_never_passed_off_as_whole() {
    let begun = events_text(&[delta(json!({ "content": "half" }))]);
    let stop = events_text(&[json!({ "choices": [{ "index": 0, "delta": {}, "finish_reason": "stop" }] })]);
    for (case, answer) in [
        ("in the middle of an event", opened(&format!("{begun}data: {{\"choices\""))),
        ("between two events", opened(&begun)),
        ("before [DONE]", opened(&format!("{begun}{stop}"))),
        ("without a reason", opened(&format!("{begun}data: [DONE]\n\n"))),
        ("before anything, when it was asked already", Vec::new()),
        (
            "in the middle of a chunk",
            b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\nfff\r\ndata: "
                .to_vec(),
        ),
    ] {
        let error = error(Answer::Then(answer)).await;
        assert!(matches!(error, ModelError::Cut(_)), "{case}: {error:?}");
    }
}

#[tokio::test]
async fn who_is_silent_or_drips_is_not_waited_for() {
    let drip = |head: Vec<u8>| Answer::Endless(head, b"x".to_vec(), Duration::from_millis(20));
    let (silent, stalled, line, head) = tokio::join!(
        error(Answer::Silence(Vec::new())),
        error(Answer::Silence(opened("data: {}\n\n"))),
        error(drip(opened("data: "))),
        error(drip(b"HTTP/1.1 200 OK\r\nx: ".to_vec())),
    );
    assert_eq!(silent.to_string(), "its reply broke off: nothing came within 400ms");
    assert_eq!(head.to_string(), "its reply broke off: nothing came within 400ms");
    for error in [stalled, line] {
        assert_eq!(error.to_string(), "its reply broke off: nothing came for 400ms");
    }
}

#[tokio::test]
async fn a_request_ends_with_whoever_waits_for_it() {
    for answer in [Vec::new(), opened("data: {}\n\n")] {
        let provider = Provider::start(vec![Answer::Silence(answer)]).await;
        let harness = Harness::with(&provider.section("local", "openai", ""));
        let model = model(&harness, &["local/m"]);
        tokio::select! {
            (reply, _) = hello(&model) => panic!("{reply:?}"),
            () = provider.arrived() => {}
        }
        tokio::time::timeout(SOON, provider.left()).await.expect("the connection ends with the request");
    }
}

#[tokio::test]
async fn an_error_in_a_success_is_an_error() {
    let (plain, stream) = tokio::join!(
        error(Answer::status(
            "200 OK",
            "content-type: application/json\r\n",
            "{\"error\":{\"message\":\"no such model\"}}"
        )),
        error(Answer::events(&[json!({ "error": { "message": "overloaded" } })])),
    );
    assert_eq!(plain, ModelError::Failed("no such model".to_owned()));
    assert_eq!(stream, ModelError::Failed("overloaded".to_owned()));
}

#[tokio::test]
async fn what_is_no_stream_of_events_can_not_be_read() {
    let page = error(Answer::status("200 OK", "content-type: text/html\r\n", "<html>\u{1b}[2J")).await;
    assert_eq!(page, ModelError::Malformed("it is text/html and no stream of events: <html>\\u{1b}[2J".to_owned()));
    let packed = "content-type: text/event-stream\r\ncontent-encoding: gzip\r\n";
    let error = error(Answer::status("200 OK", packed, "\u{1f}\u{8b}")).await;
    assert_eq!(error, ModelError::Malformed("it is encoded as gzip, which was not asked for".to_owned()));
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_is_not_followed() {
    let elsewhere = Provider::start(vec![Answer::text("caught")]).await;
    let location = format!("location: http://127.0.0.1:{}/v1/chat/completions\r\n", elsewhere.port());
    let error = error(Answer::status("307 Temporary Redirect", &location, "")).await;
    assert!(matches!(error, ModelError::Status { status: 307, .. }), "{error:?}");
    assert_eq!(elsewhere.connections(), 0);
}

#[tokio::test]
async fn a_key_is_sent_and_shown_nowhere() {
    const KEY: &str = "sk-test-0123456789abcdef";
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("key"), KEY).expect("a file");
    let provider = Provider::start(vec![Answer::Echo]).await;
    let key = format!("key = \"file:{}/key\"", folder.path().display());
    let harness = Harness::with(&provider.section("local", "openai", &key));
    let model = model(&harness, &["local/m"]);
    let error = hello(&model).await.0.expect_err("no reply");
    assert!(provider.requests()[0].head.contains(&format!("authorization: Bearer {KEY}")), "it was sent");
    let failure = error.failure("local/m");
    assert_eq!(failure.code(), Code::Model);
    let shown = format!("{error:?} {error} {failure} {failure:?} {:?} {:?}", harness.host.config(), harness.host);
    assert!(!shown.contains(KEY), "{shown}");
    assert!(error.to_string().contains("Bearer [redacted:key]"), "{error}");
    // Where a text is cut no part of it is left.
    let cut = format!("{}{KEY}{KEY}", "x".repeat(490));
    let provider = Provider::start(vec![Answer::status("400 Bad Request", "", &cut)]).await;
    let harness = Harness::with(&provider.section("local", "openai", &key));
    let error = hello(&super::model(&harness, &["local/m"])).await.0.expect_err("no reply");
    assert!(error.to_string().contains("x[redacted") && !error.to_string().contains("sk-"), "{error}");
}

#[tokio::test]
async fn a_long_error_is_cut_and_escaped() {
    let long = format!("\u{1b}]0;owned\u{7}{}", "x".repeat(1 << 20));
    let ModelError::Status { status: 400, text, .. } = error(Answer::status("400 Bad Request", "", &long)).await else {
        panic!("a status");
    };
    assert!(text.len() < 1_000 && !text.contains('\u{1b}'), "{text}");
}

#[tokio::test]
async fn where_nobody_is_nobody_answers() {
    let began = Instant::now();
    // A port that is taken, so that nobody else listens there either.
    let taken = tokio::net::TcpSocket::new_v4().expect("a socket");
    taken.bind("127.0.0.1:0".parse().expect("an address")).expect("a port");
    let port = taken.local_addr().expect("an address").port();
    let section = |scheme: &str, port: u16| {
        format!("[providers.local]\nkind = \"openai\"\nbase_url = \"{scheme}://127.0.0.1:{port}/v1\"\n")
    };
    let harness = Harness::with(&section("http", port));
    let error = hello(&model(&harness, &["local/m"])).await.0.expect_err("no reply");
    assert!(matches!(error, ModelError::Unreachable(_)), "{error:?}");
    // In the clear where TLS is meant: nothing is sent.
    let plain = Provider::start(vec![Answer::text("in the clear")]).await;
    let harness = Harness::with(&section("https", plain.port()));
    let error = hello(&model(&harness, &["local/m"])).await.0.expect_err("no reply");
    assert!(matches!(error, ModelError::Unreachable(_)), "{error:?}");
    assert_eq!(plain.requests().len(), 0);
    assert!(began.elapsed() < SOON);
}
