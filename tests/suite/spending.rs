//! What runs spend on models, as far as providers tell it and where they don't.

use hotcell_agent::Diagnostic;
use hotcell_agent::document::Source;
use hotcell_agent::model::Usage;
use hotcell_runtime::{RunInput, RunOutcome};
use serde_json::json;

use crate::support::Harness;
use crate::support::provider::{Answer, Provider, delta, events_text, opened};

/// An agent that asks this model, and these in its place.
fn agent(model: &str, fallback: &[&str], more: &str) -> String {
    format!("[agent]\npattern = \"react\"\n[model]\nuse = \"{model}\"\nfallback = {fallback:?}\n{more}")
}

async fn run(harness: &Harness, toml: &str, task: &str) -> RunOutcome {
    let agent = harness.host.agent(&Source::new("case.toml", toml)).await;
    let agent = agent.unwrap_or_else(|wrong| panic!("{}", wrong.iter().map(Diagnostic::render).collect::<String>()));
    harness.host.run(&agent, RunInput { value: task.into(), ..RunInput::default() }).await
}

const PRICED: &str = "prices.m = { input = \"4.00usd\", output = \"4.00usd\" }";

// === what is not told ===

#[tokio::test]
async fn a_reply_without_usage_is_estimated_by_its_bytes_and_counts() {
    let words = "word ".repeat(400);
    let provider = Provider::start(vec![Answer::text(&words)]).await;
    let harness = Harness::with(&provider.section("local", "openai", PRICED));
    let outcome = run(&harness, &agent("local/m", &[], "[budget]\ntokens = 100_000\n"), "hello").await;
    assert!(outcome.failure.is_none(), "{:?}", outcome.failure);
    let sent = provider.requests()[0].body.to_string().len() as u64;
    let spent = outcome.spent;
    assert_eq!((spent.turns, spent.tokens.output, spent.estimated), (1, 500, spent.tokens.total()));
    assert_eq!(spent.tokens.input, sent.div_ceil(4));
    // A dollar for 250 000 of them.
    assert_eq!(spent.cost.map(|cost| cost.0), Some(spent.tokens.total() * 4));
}

#[tokio::test]
async fn a_budget_ends_a_run_whose_provider_tells_nothing() {
    let call = json!({ "index": 0, "id": "a", "function": { "name": "none", "arguments": "{}" } });
    let provider = Provider::start(vec![Answer::chunks(&[delta(json!({ "tool_calls": [call] }))])]).await;
    let harness = Harness::with(&provider.section("local", "openai", ""));
    let outcome = run(&harness, &agent("local/m", &[], "[budget]\ntokens = 2_000\n"), "hello").await;
    let failure = outcome.failure.expect("it would not end");
    assert!(failure.to_string().contains("has spent its tokens"), "{failure}");
    assert!(outcome.spent.tokens.total() >= 2_000 && outcome.spent.turns < 20, "{:?}", outcome.spent);
}

// === what broke off ===

// What was worked for is paid for: twice broken off, and once refused, before a reply came.
#[tokio::test]
async fn attempts_that_broke_off_are_paid_for_and_those_that_were_refused_are_not() {
    let half = events_text(&[delta(json!({ "content": "12345678" }))]);
    let usage = json!({ "choices": [], "usage": { "prompt_tokens": 100, "completion_tokens": 30 } });
    let told = events_text(&[delta(json!({ "content": "1234" })), usage.clone()]);
    let (busy, broken) = ("429 Too Many Requests", json!({ "error": { "message": "overloaded" } }));
    let provider = Provider::start(vec![Answer::Then(opened(&half)), Answer::Then(opened(&told)), Answer::text("no")]);
    let other = Provider::start(vec![Answer::status(busy, "", "slow"), Answer::events(&[broken]), Answer::chunks(&[usage])]);
    let (provider, other) = (provider.await, other.await);
    let toml = provider.section("local", "openai", PRICED) + &other.section("other", "openai", PRICED);
    let harness = Harness::with(&toml);

    let outcome = run(&harness, &agent("local/m", &[], ""), "hello").await;
    assert_eq!(outcome.answer.as_deref(), Some("no"), "{:?}", outcome.failure);
    let sent = provider.requests()[0].body.to_string().len() as u64;
    let tokens = Usage { input: 2 * sent.div_ceil(4) + 100, output: 2 + 30 + 1 };
    assert_eq!((outcome.spent.turns, outcome.spent.tokens), (1, tokens));
    assert_eq!(outcome.spent.estimated, tokens.total() - 130, "what was told is no estimate");
    assert_eq!(outcome.spent.cost.map(|cost| cost.0), Some(tokens.total() * 4));

    let outcome = run(&harness, &agent("other/m", &[], ""), "hello").await;
    assert_eq!(outcome.spent.tokens, Usage { input: 100, output: 30 }, "{:?}", outcome.failure);
    assert_eq!((outcome.spent.estimated, other.requests().len()), (0, 3));
}

// A run that ends without a reply has paid for it too, and so has the one around it.
#[tokio::test]
async fn what_a_run_within_another_lost_is_paid_for_by_both() {
    let half = events_text(&[delta(json!({ "content": "12345678" }))]);
    let provider = Provider::start(vec![Answer::Silence(opened(&half))]).await;
    let harness = Harness::with(&provider.section("local", "openai", ""));
    let side = "[[agents]]\nname = \"slow\"\npattern = \"react\"\nmodel.use = \"local/m\"\nbudget.time = \"1s\"\n";
    let outcome = run(&harness, &agent("rules", &[], side), "agent.slow(task=\"hello\")").await;
    assert_eq!(outcome.actions.first().map(|action| action.outcome.as_str()), Some("over-budget"));
    let sent = provider.requests()[0].body.to_string().len() as u64;
    assert_eq!(outcome.spent.tokens, Usage { input: sent.div_ceil(4), output: 2 });
    assert_eq!(outcome.spent.estimated, outcome.spent.tokens.total());
}
