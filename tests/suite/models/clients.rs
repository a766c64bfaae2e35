//! The same models against a mock of providers that others made: `just test-clients`, where there is Node.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use hotcell_agent::model::{
    ChatReply, ChatRequest, Form, Message, ModelError, StopReason, ToolResult, ToolSpec, Usage,
};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, ChildStdin, Command};

use super::{ask, model, says};
use crate::cli::{Seen, Shell};
use crate::support::Harness;
use crate::support::source::root;

/// The mock; it ends with the test.
struct Mock {
    url: String,
    /// It ends when this does.
    _input: ChildStdin,
    _process: Child,
}

/// A mock, and a host that knows it as three providers.
struct Ground {
    mock: Mock,
    harness: Harness,
    _folder: tempfile::TempDir,
}

const PROVIDERS: [&str; 3] = ["openai/gpt-5-mini", "anthropic/claude-sonnet-4-5", "ollama/qwen3:8b"];

impl Mock {
    async fn start() -> Self {
        let folder: PathBuf = root().join("target/clients");
        let mut command = Command::new("node");
        command.arg("mock.mjs").current_dir(&folder).stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut process = command.spawn().unwrap_or_else(|error| panic!("`just test-clients` sets it up: {error}"));
        let output = process.stdout.take().expect("an output");
        let line = BufReader::new(output).lines().next_line().await.expect("a line").expect("a mock that starts");
        let told: Value = serde_json::from_str(&line).expect("JSON");
        let url = told["url"].as_str().expect("a URL").to_owned();
        Self { url, _input: process.stdin.take().expect("an input"), _process: process }
    }

    /// The requests that it had, by its own account.
    async fn journal(&self) -> Vec<Value> {
        let text = get(&format!("{}/__aimock/journal", self.url)).await;
        serde_json::from_str(&text).expect("a list")
    }

    /// It as three providers, in the operator's file; their key is in a file of that folder.
    fn providers(&self, folder: &Path) -> String {
        std::fs::write(folder.join("key"), "sk-test-0123456789").expect("a file");
        let key = format!("key = \"file:{}/key\"", folder.display());
        let section = |name: &str, key: &str| {
            format!("[providers.{name}]\nbase_url = \"{}/v1\"\ntimeout = \"2s\"\n{key}\n", self.url)
        };
        section("openai", &key) + &section("anthropic", &key) + &section("ollama", "")
    }
}

impl Ground {
    async fn new() -> Self {
        let mock = Mock::start().await;
        let folder = tempfile::tempdir().expect("a folder");
        let harness = Harness::with(&mock.providers(folder.path()));
        Self { mock, harness, _folder: folder }
    }

    async fn reply(&self, name: &str, request: &ChatRequest) -> (Result<ChatReply, ModelError>, String) {
        ask(&model(&self.harness, &[name]), request).await
    }

    async fn error(&self, name: &str, text: &str) -> ModelError {
        self.reply(name, &says(text)).await.0.expect_err("no reply")
    }

    /// How many requests the mock had.
    async fn requests(&self) -> usize {
        self.mock.journal().await.len()
    }
}

/// The body at a URL of this machine.
async fn get(url: &str) -> String {
    let output = Command::new("node")
        .args(["-e", "fetch(process.argv[1]).then((r) => r.text()).then((t) => process.stdout.write(t))", url])
        .output()
        .await
        .expect("node");
    String::from_utf8(output.stdout).expect("a text")
}

/// Ollama's usage, reasons and ids are its own interface's: by this one it is asked like `openai`.
fn usage() -> Usage {
    Usage { input: 11, output: 7 }
}

fn weather() -> ChatRequest {
    let input = json!({ "type": "object", "properties": { "city": { "type": "string" } }, "required": ["city"] });
    let tool = ToolSpec { name: "get_weather".to_owned(), description: "The weather of a city".to_owned(), input };
    ChatRequest { tools: vec![tool], max_tokens: Some(256), temperature: Some(0.0), ..says("the weather, please") }
}

#[tokio::test]
#[ignore = "needs Node: just test-clients"]
async fn text_is_heard_in_pieces() {
    let ground = Ground::new().await;
    for name in PROVIDERS {
        let request = ChatRequest { system: "Be brief.".to_owned(), ..says("hello") };
        let (reply, heard) = ground.reply(name, &request).await;
        let reply = reply.unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!((reply.text.as_str(), reply.model.as_str()), ("Hello from the mock, at length.", name));
        assert_eq!((heard, reply.usage, reply.stop), (reply.text, usage(), StopReason::Complete), "{name}");
        let limit = ground.reply(name, &says("limit")).await.0.expect("a reply");
        assert_eq!((limit.text.as_str(), limit.stop), ("cut off he", StopReason::MaxTokens), "{name}");
    }
    assert_eq!(ground.requests().await, 6);
}

#[tokio::test]
#[ignore = "needs Node: just test-clients"]
async fn tools_are_used_and_their_results_answered() {
    let ground = Ground::new().await;
    for name in PROVIDERS {
        let mut request = weather();
        let first = ground.reply(name, &request).await.0.unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!((first.text.as_str(), first.uses.len()), ("Let me look.", 2), "{name}");
        for (wanted, city) in first.uses.iter().zip(["Oslo", "Rome"]) {
            assert_eq!(
                (wanted.name.as_str(), wanted.input.as_ref().expect("an object")["city"].as_str()),
                ("get_weather", Some(city))
            );
        }
        let result = |id: &String, is_error| ToolResult {
            id: id.clone(),
            name: "get_weather".to_owned(),
            text: if is_error { "no such city" } else { "21 degrees" }.to_owned(),
            is_error,
        };
        let results = vec![result(&first.uses[1].id, true), result(&first.uses[0].id, false)];
        request.messages.extend([Message::reply(&first), Message::Results(results)]);
        let second = ground.reply(name, &request).await.0.unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!((second.text.as_str(), second.uses.len()), ("It is 21 degrees.", 0), "{name}");
    }
}

#[tokio::test]
#[ignore = "needs Node: just test-clients"]
async fn what_was_thought_comes_back_and_a_form_is_taken() {
    let ground = Ground::new().await;
    for name in PROVIDERS {
        let mut request = says("think");
        request.form = Some(Form { name: "answer".to_owned(), schema: json!({ "type": "object" }) });
        let reply = ground.reply(name, &request).await.0.unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(reply.text, "Answer.", "{name}");
        assert_eq!(reply.opaque.is_some(), name.starts_with("anthropic"), "{name}: {:?}", reply.opaque);
        request.messages.extend([Message::reply(&reply), Message::User("hello".to_owned())]);
        let next = ground.reply(name, &request).await.0.unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(next.text, "Hello from the mock, at length.", "{name}");
    }
}

#[tokio::test]
#[ignore = "needs Node: just test-clients"]
async fn what_passes_is_tried_again() {
    for name in PROVIDERS {
        // It counts how often it was asked, for all.
        let ground = Ground::new().await;
        let began = Instant::now();
        assert_eq!(ground.reply(name, &says("early")).await.0.expect("a reply").text, "Now.", "{name}");
        assert!(began.elapsed() >= Duration::from_secs(1), "{name}: {:?}", began.elapsed());
        assert_eq!(ground.reply(name, &says("flaky")).await.0.expect("a reply").text, "Second time lucky.", "{name}");
        assert_eq!(ground.requests().await, 4, "{name}");
        let error = ground.error(name, "quota").await;
        let tomorrow = Some(Duration::from_secs(86_400));
        let expected = ModelError::Status { status: 429, retry_after: tomorrow, text: "come back tomorrow".to_owned() };
        assert_eq!((error, ground.requests().await), (expected, 5), "{name}");
        let error = ground.error(name, "broken").await;
        let expected = ModelError::Status { status: 500, retry_after: None, text: "boom".to_owned() };
        assert_eq!((error, ground.requests().await), (expected, 8), "{name}");
    }
}

#[tokio::test]
#[ignore = "needs Node: just test-clients"]
async fn what_breaks_off_is_no_reply() {
    let ground = Ground::new().await;
    for name in PROVIDERS {
        for text in ["truncate", "hang"] {
            let error = ground.error(name, text).await;
            assert!(matches!(error, ModelError::Cut(_)), "{name}: {text}: {error:?}");
        }
        for text in ["nothing", "disconnect"] {
            let error = ground.error(name, text).await;
            assert!(matches!(error, ModelError::Unreachable(_) | ModelError::Cut(_)), "{name}: {text}: {error:?}");
        }
        let error = ground.error(name, "garbage").await;
        assert!(matches!(error, ModelError::Malformed(_)), "{name}: {error:?}");
    }
}

#[tokio::test]
#[ignore = "needs Node: just test-clients"]
async fn arguments_that_are_no_json_are_told_as_they_came() {
    let ground = Ground::new().await;
    // For others the mock makes an empty object of them.
    let reply = ground.reply("openai/gpt-5-mini", &says("bad args")).await.0.expect("a reply");
    assert_eq!(reply.uses[0].input, Err("{\"city\": \"Os".to_owned()));
}

#[tokio::test]
#[ignore = "needs Node: just test-clients"]
async fn another_provider_goes_on_with_a_conversation() {
    let ground = Ground::new().await;
    let chain = model(&ground.harness, &["openai/gpt-5-mini", "anthropic/claude-sonnet-4-5"]);
    let error = ask(&chain, &says("quota")).await.0.expect_err("no reply");
    assert!(matches!(&error, ModelError::All(errors) if errors.len() == 2), "{error:?}");
    let mut request = weather();
    let first = ground.reply("anthropic/claude-sonnet-4-5", &request).await.0.expect("a reply");
    let result = |id: &String| ToolResult {
        id: id.clone(),
        name: "get_weather".to_owned(),
        text: "21 degrees".to_owned(),
        is_error: false,
    };
    let results = first.uses.iter().map(|wanted| result(&wanted.id)).collect();
    request.messages.extend([Message::reply(&first), Message::Results(results)]);
    let second = ask(&chain, &request).await.0.expect("a reply");
    assert_eq!((second.text.as_str(), second.model.as_str()), ("It is 21 degrees.", chain.name()));
}

/// A folder with an agent, and an operator's file that knows the mock.
async fn shell() -> (Mock, Shell) {
    let (mock, shell) = (Mock::start().await, Shell::new());
    shell.file("providers.toml", &mock.providers(&shell.path("")));
    let agent = "[agent]\npattern = \"react\"\nprompt = \"Calculate.\"\n[model]\nuse = \"rules\"\n[tools]\nallow = [\"calc.*\"]\n";
    shell.file("scout.toml", agent);
    shell.file("careful.toml", &format!("{agent}[approve]\nask = [\"calc.eval\"]\n"));
    (mock, shell)
}

/// A run of an agent by the program, with a model of the mock.
async fn run(shell: &Shell, agent: &str, model: &str) -> Value {
    let words = ["--config", "providers.toml", "run", agent, "six times seven", "--model", model, "--json"];
    let output = Command::from(shell.command(&words)).kill_on_drop(true).output().await.expect("it runs");
    Seen::of(output, &words).exits(0).json()
}

fn outcomes(object: &Value) -> Vec<(&str, &str)> {
    let actions = object["actions"].as_array().expect("actions").iter();
    actions
        .map(|action| (action["target"].as_str().expect("a target"), action["outcome"].as_str().expect("a word")))
        .collect()
}

#[tokio::test]
#[ignore = "needs Node: just test-clients"]
async fn an_agent_is_told_what_goes_wrong_and_goes_on_until_it_answers() {
    let (mock, shell) = shell().await;
    for (number, name) in (1..).zip(PROVIDERS) {
        let object = run(&shell, "scout.toml", name).await;
        assert_eq!((&object["answer"], &object["outcome"]), (&json!("It is 42."), &json!("ok")), "{name}: {object}");
        assert_eq!(outcomes(&object), [("calc__evil", "unknown"), ("calc.eval", "invalid"), ("calc.eval", "ok")]);
        assert_eq!((&object["calls"], &object["spent"]["turns"]), (&json!(2), &json!(4)), "{name}: {object}");
        let requests = mock.journal().await;
        assert_eq!(requests.len(), number * 4, "{name}: none was made again");
        // What the provider is told of tools, in its own words.
        let text = requests.last().expect("a request").to_string();
        assert!(text.contains("\"calc__eval\"") && text.contains("expression"), "{name}: {text}");
    }
}

#[tokio::test]
#[ignore = "needs Node: just test-clients"]
async fn an_agent_that_must_ask_is_told_that_nobody_agreed() {
    let (_mock, shell) = shell().await;
    for name in PROVIDERS {
        let object = run(&shell, "careful.toml", name).await;
        assert_eq!(object["answer"], "I may not calculate.", "{name}: {object}");
        // What does not fit was not asked for: it is told as what it is.
        assert_eq!(outcomes(&object), [("calc__evil", "unknown"), ("calc__eval", "invalid"), ("calc__eval", "denied")]);
        assert_eq!(object["calls"], 0);
    }
}
