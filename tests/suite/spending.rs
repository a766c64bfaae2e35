//! What runs spend on models, as far as providers tell it and where they don't.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use hotcell_agent::Diagnostic;
use hotcell_agent::document::Source;
use hotcell_agent::model::Usage;
use hotcell_call::{Code, Happening};
use hotcell_runtime::{Approver, Heard, Question, RunInput, RunOutcome};
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
    assert_eq!(failure.code(), Code::Budget, "{failure}");
    assert!(outcome.spent.tokens.total() >= 1_500 && outcome.spent.turns < 20, "{:?}", outcome.spent);
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
    let other =
        Provider::start(vec![Answer::status(busy, "", "slow"), Answer::events(&[broken]), Answer::chunks(&[usage])]);
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

// Whether it was worked on nobody knows who had no answer; that nobody was there to work on it is known.
#[tokio::test]
async fn a_request_that_nobody_answered_is_paid_for_and_one_that_was_never_sent_is_not() {
    let provider =
        Provider::start(vec![Answer::Silence(Vec::new()), Answer::Then(Vec::new()), Answer::text("12345678")]);
    let provider = provider.await;
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").and_then(|port| port.local_addr()).expect("an address");
    let toml = provider.section("local", "openai", &format!("{PRICED}\ntimeout = \"300ms\""))
        + &format!("[providers.gone]\nkind = \"openai\"\nbase_url = \"http://{nobody}/v1\"\n{PRICED}\n");
    let harness = Harness::with(&toml);
    let outcome = run(&harness, &agent("local/m", &[], ""), "hello").await;
    assert_eq!(outcome.answer.as_deref(), Some("12345678"), "{:?}", outcome.failure);
    let sent = provider.requests()[0].body.to_string().len() as u64;
    assert_eq!(outcome.spent.tokens, Usage { input: 3 * sent.div_ceil(4), output: 2 });

    let outcome = run(&harness, &agent("gone/m", &[], ""), "hello").await;
    assert_eq!(outcome.failure.map(|failure| failure.code()), Some(Code::Model));
    assert_eq!(outcome.spent.tokens, Usage::default());
}

// What breaks off is paid for before anything else is asked, also the next model.
#[tokio::test]
async fn replies_that_break_off_again_and_again_end_with_the_budget() {
    let half = events_text(&[delta(json!({ "content": "x".repeat(40_000) }))]);
    let cut = || Answer::Then(opened(&half));
    let provider = Provider::start(vec![cut()]).await;
    let harness = Harness::with(&provider.section("local", "openai", PRICED));
    for budget in ["tokens = 15_000", "cost = \"0.06usd\""] {
        let before = provider.requests().len();
        let toml = agent("local/m", &[], &format!("[budget]\n{budget}\n"));
        let outcome = run(&harness, &toml, "hello").await;
        let failure = outcome.failure.expect("nothing came");
        assert_eq!(failure.code(), Code::Budget, "{failure}");
        assert!(provider.requests().len() - before <= 3, "{} requests", provider.requests().len() - before);
        assert!(outcome.spent.tokens.total() < 35_000, "{:?}", outcome.spent);
    }
}

// What a request needs is known before it is sent, and what its reply may cost as well.
#[tokio::test]
async fn a_request_that_is_more_than_what_is_left_is_not_sent_and_a_reply_is_bounded_by_the_money() {
    let provider = Provider::start(vec![Answer::text("no")]).await;
    let harness = Harness::with(&provider.section("local", "openai", PRICED));
    let task = "word ".repeat(20_000);
    for budget in ["tokens = 1_000", "cost = \"0.01usd\""] {
        let failure = run(&harness, &agent("local/m", &[], &format!("[budget]\n{budget}\n")), &task).await.failure;
        assert_eq!(failure.map(|failure| failure.code()), Some(Code::Budget), "{budget}");
    }
    assert!(provider.requests().is_empty());
    let outcome = run(&harness, &agent("local/m", &[], "[budget]\ncost = \"0.004usd\"\n"), "hello").await;
    assert!(outcome.failure.is_none(), "{:?}", outcome.failure);
    let most =
        ["max_tokens", "max_completion_tokens"].iter().find_map(|key| provider.requests()[0].body[*key].as_u64());
    // 1 000 tokens for 0.004 usd, less what the request itself has.
    assert!(most.is_some_and(|most| (1..1_000).contains(&most)), "{most:?}");
}

#[tokio::test]
async fn an_agent_names_a_few_models_and_each_once() {
    let harness = Harness::new();
    let many: Vec<String> = (0..9).map(|number| format!("local/m{number}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    for fallback in [&many[..], &["local/m"]] {
        let toml = agent("local/m", fallback, "");
        let wrong = harness.host.agent(&Source::new("case.toml", &*toml)).await.expect_err("too many");
        let told = wrong.iter().map(Diagnostic::render).collect::<String>();
        assert!(told.contains("at most 8 models fit, each once"), "{told}");
    }
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

// === what is not known, and what the operator lets be spent ===

// A bound that would hold nothing is no bound: neither of the agent's own, nor in its fallbacks, nor at its side.
#[tokio::test]
async fn a_budget_of_money_needs_a_price_of_every_model_that_may_be_asked() {
    let provider = Provider::start(vec![Answer::text("hi")]).await;
    let other = provider.section("other", "openai", "");
    let harness = Harness::with(&(provider.section("local", "openai", PRICED) + &other));
    let cost = "[budget]\ncost = \"1.00usd\"\n";
    let side = |model: &str| format!("[[agents]]\nname = \"critic\"\npattern = \"react\"\nmodel.use = \"{model}\"\n");
    for (toml, lacks) in [
        (agent("other/x", &[], cost), &["[providers.other]", "prices.\"x\""][..]),
        (
            agent("local/m", &["other/x", "local/y"], cost),
            &["[providers.local]\nprices.\"y\"", "[providers.other]\nprices.\"x\""],
        ),
        (agent("rules", &[], &format!("{cost}{}", side("other/x"))), &["prices.\"x\" = {"]),
        (agent("rules", &[], &format!("{}budget.cost = \"1.00usd\"\n", side("other/x"))), &["prices.\"x\" = {"]),
    ] {
        let outcome = run(&harness, &toml, "answer hi").await;
        let failure = outcome.failure.as_ref().unwrap_or_else(|| panic!("{toml}"));
        assert_eq!((failure.code(), outcome.exit_code()), (Code::Price, 2), "{failure}");
        let fix = failure.remedy().expect("the lines");
        assert!(lacks.iter().all(|lack| fix.contains(lack)), "{fix}");
        assert!(failure.what().contains("other/x") && failure.reason().contains("may ask"), "{failure:?}");
    }
    assert!(provider.requests().is_empty(), "nothing was sent");
    for toml in [
        agent("rules", &[], cost),
        agent("local/m", &["rules"], cost),
        agent("rules", &[], &side("other/x")),
        agent("other/x", &[], ""),
    ] {
        let outcome = run(&harness, &toml, "answer hi").await;
        assert_eq!(outcome.answer.as_deref(), Some("hi"), "{toml}: {:?}", outcome.failure);
    }
    // The lines are what is missing, as they stand.
    let known = agent("ollama/qwen3:8b", &[], cost);
    let failure = run(&harness, &known, "answer hi").await.failure.expect("no price");
    let (_, lines) = failure.remedy().and_then(|fix| fix.split_once(":\n")).expect("the lines");
    let mended = Harness::with(&format!("{lines}\nbase_url = \"http://127.0.0.1:1/v1\"\n"));
    let failure = run(&mended, &known, "answer hi").await.failure.expect("nobody is there");
    assert_eq!(failure.code(), Code::Model, "{failure}");
    let harness = Harness::with(&format!("{other}{cost}"));
    let failure = run(&harness, &agent("other/x", &[], ""), "answer hi").await.failure.expect("the operator's bound");
    assert_eq!(failure.code(), Code::Price, "{failure}");
}

#[tokio::test]
async fn no_model_is_asked_that_the_operator_does_not_name() {
    let provider = Provider::start(vec![Answer::text("hi")]).await;
    let section = provider.section("local", "openai", "");
    let harness = Harness::with(&format!("{section}[models]\nallow = [\"local/small*\"]\n"));
    let side = "[[agents]]\nname = \"critic\"\npattern = \"react\"\nmodel.use = \"local/large\"\n";
    for toml in [agent("local/large", &[], ""), agent("local/small-1", &["local/large"], ""), agent("rules", &[], side)]
    {
        let failure = run(&harness, &toml, "answer hi").await.failure.unwrap_or_else(|| panic!("{toml}"));
        assert_eq!(failure.code(), Code::ModelDenied, "{failure}");
        assert!(failure.reason().contains("names local/small*"), "{failure}");
    }
    let direct = harness.host.model(&["local/large".parse().expect("a name")], Vec::new());
    assert_eq!(direct.err().map(|failure| failure.code()), Some(Code::ModelDenied));
    assert!(provider.requests().is_empty());
    for toml in [agent("local/small-1", &[], ""), agent("rules", &[], "")] {
        assert_eq!(run(&harness, &toml, "answer hi").await.answer.as_deref(), Some("hi"));
    }
    let none = Harness::with(&format!("{section}[models]\nallow = []\n"));
    let failure = run(&none, &agent("local/small-1", &[], ""), "hi").await.failure.expect("none may be asked");
    assert!(failure.reason().ends_with("names none"), "{failure}");
}

// An agent only lowers what the operator sets; it cannot ask for more than that either.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_operators_budget_holds_whatever_an_agent_says() {
    let call = json!({ "index": 0, "id": "a", "function": { "name": "echo__text", "arguments": "{\"text\":\"x\"}" } });
    let usage = json!({ "choices": [], "usage": { "prompt_tokens": 90, "completion_tokens": 10 } });
    let provider = Provider::start(vec![Answer::chunks(&[delta(json!({ "tool_calls": [call] })), usage])]).await;
    let large = "[tools]\nallow = [\"echo.*\"]\n[run]\ntimeout = \"1h\"\n[budget]\nturns = 1000\ntokens = 100_000_000\ncalls = 1000\ncost = \"90usd\"\non_exceed = \"pause\"\n";
    for (ceiling, says, turns) in [
        ("turns = 3", "has spent its turns", 3),
        ("tokens = 2_000", "budget", 0),
        ("cost = \"0.008usd\"", "budget", 0),
        ("calls = 2", "made all its calls", 3),
    ] {
        let toml = format!("{}[budget]\n{ceiling}\n", provider.section("local", "openai", PRICED));
        let harness = Harness::with(&toml);
        let agent =
            harness.host.agent(&Source::new("case.toml", agent("local/m", &[], large))).await.expect("an agent");
        let input = RunInput { value: "go on".into(), approver: Some(Arc::new(Yes)), ..RunInput::default() };
        let outcome = harness.host.run(&agent, input).await;
        let failure = outcome.failure.as_ref().expect("it ends");
        assert_eq!(failure.code(), Code::Budget, "{ceiling}: {failure}");
        // How many turns tokens and money are enough for depends on what is estimated of a request.
        assert!(turns == 0 || outcome.spent.turns == turns, "{ceiling}: {failure}");
        assert!(turns > 0 || outcome.spent.tokens.total() <= 2_000, "{ceiling}: {:?}", outcome.spent);
        assert!(failure.to_string().contains(says), "{ceiling}: {failure}");
        assert!(turns == 0 || failure.remedy().is_some_and(|fix| fix.ends_with("in hotcell.toml")), "{failure:?}");
    }
    let harness = Harness::with("[limits]\nfuel = \"100000G\"\ntimeout = \"1h\"\n[budget]\ntime = \"1s\"\n");
    let spins = "[tools]\nallow = [\"cpu.*\"]\n[run]\ntimeout = \"1h\"\n[[agents]]\nname = \"worker\"\npattern = \"react\"\ntools.allow = [\"cpu.*\"]\n";
    let outcome = run(&harness, &agent("rules", &[], spins), "agent.worker(task=\"cpu.spin()\")").await;
    let failure = outcome.failure.expect("it ends");
    assert!(failure.reason().ends_with(" of 1s"), "{failure}");
    assert!(failure.remedy().is_some_and(|fix| fix.contains("`[budget] time` in hotcell.toml")), "{failure:?}");
}

/// Agrees to everything.
struct Yes;

impl Approver for Yes {
    fn ask<'a>(&'a self, _: &'a Question<'a>) -> Pin<Box<dyn Future<Output = bool> + Send + 'a>> {
        Box::pin(async { true })
    }
}

// === what is held ===

// Of tasks side by side, the one for which there is no room fails; the others are done, and the run says so.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_conversation_without_room_fails_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let root = folder.path().to_str().expect("a path").to_owned();
    let harness = Harness::starters(&format!("[tools.files]\nfs.read = [{root:?}]\n[budget]\nmemory = \"256KiB\"\n"));
    let watch = "[input]\nkind = \"folder\"\n[tools]\nallow = [\"files.read\"]\nresult = \"1MiB\"\n[watch]\ntasks = 2\n\
                 task = \"x = files.read(path=\\\"{{path}}\\\")\\nanswer done\"\n";
    let text = agent("rules", &[], watch).replace("\"react\"", "\"reactive\"");
    let agent = harness.host.agent(&Source::new("case.toml", text)).await;
    let agent = agent.unwrap_or_else(|wrong| panic!("{}", wrong.iter().map(Diagnostic::render).collect::<String>()));
    let mut events = harness.host.events().only(|event| event.run.is_some());
    let (host, value) = (harness.host.clone(), root.as_str().into());
    let running = tokio::spawn(async move { host.run(&agent, RunInput { value, ..RunInput::default() }).await });
    while let Some(Heard::Event(event)) = events.next().await {
        match &event.what {
            Happening::StateChanged { to: "watching", .. } => {
                std::fs::write(folder.path().join("large.md"), "x".repeat(300 << 10)).expect("a file");
            }
            Happening::TaskFinished { task: 1, .. } => {
                std::fs::write(folder.path().join("small.md"), "x").expect("a file");
            }
            Happening::RunFinished { .. } => break,
            _ => {}
        }
    }
    let outcome = running.await.expect("a run");
    assert!(outcome.failure.is_none(), "{:?}", outcome.failure);
    let [large, small] = &outcome.tasks[..] else { panic!("{:?}", outcome.tasks) };
    let failure = large.failure.as_ref().expect("it had no room");
    assert_eq!((failure.code(), small.answer.as_deref()), (Code::RunMemory, Some("done")), "{failure} {small:?}");
    assert!(failure.reason().ends_with("of memory, of at most 256KiB"), "{failure}");
    assert!(failure.remedy().is_some_and(|fix| fix.contains("`[budget] memory`")), "{failure:?}");
}

// Neither what comes, nor what it would be as a value, nor what a model is told beside the conversation, is more than there is room for.
#[tokio::test]
async fn what_a_model_says_and_is_told_is_paid_for_before_it_is_kept() {
    let words = delta(json!({ "content": "x".repeat(100 << 10) }));
    let list = format!("[{}0]", "[0],".repeat(10 << 10));
    let input = json!({ "name": "echo__any", "arguments": format!("{{\"list\":{list}}}") });
    let call = delta(json!({ "tool_calls": [{ "index": 0, "id": "a", "function": input }] }));
    let passed_over = format!("data: {{\"choices\":[],\"other\":{list}}}\n\n");
    let line = format!("data: {}\n", "x".repeat(10 << 10)).into_bytes();
    let prompt = format!("prompt = \"{}\"\n", "word ".repeat(20_000));
    for (case, answer, more, sent) in [
        ("a long text", Answer::chunks(&[words.clone(), words.clone(), words]), "", 1),
        ("an input that is a large value", Answer::chunks(&[call]), "", 1),
        ("an event that is one, and means nothing", Answer::Then(opened(&passed_over)), "", 1),
        ("an event that does not end", Answer::Endless(opened(""), line, Duration::ZERO), "", 1),
        ("a long prompt", Answer::text("no"), prompt.as_str(), 0),
    ] {
        let (provider, other) = (Provider::start(vec![answer]).await, Provider::start(vec![Answer::text("no")]).await);
        let toml = provider.section("local", "openai", "") + &other.section("other", "openai", "");
        let harness = Harness::with(&(toml + "[budget]\nmemory = \"256KiB\"\n"));
        let text = agent("local/m", &["other/m"], "").replace("\"react\"\n", &format!("\"react\"\n{more}"));
        let outcome = run(&harness, &text, "hello").await;
        let failure = outcome.failure.unwrap_or_else(|| panic!("{case}: {:?}", outcome.answer));
        assert_eq!(failure.code(), Code::RunMemory, "{case}: {failure}");
        assert!(failure.reason().ends_with("of memory, of at most 256KiB"), "{case}: {failure}");
        let requests = (provider.requests().len(), other.requests().len());
        assert_eq!(requests, (sent, 0), "{case}: no other is asked, and what has no room is not sent");
    }
}

// What is spent ends a run that watches, and what was done before is not lost.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_spent_budget_ends_the_watching_and_keeps_what_was_done() {
    let folder = tempfile::tempdir().expect("a folder");
    let root = folder.path().to_str().expect("a path").to_owned();
    let harness = Harness::starters(&format!("[tools.files]\nfs.read = [{root:?}]\n"));
    let watch = "[input]\nkind = \"folder\"\n[tools]\nallow = [\"files.read\"]\n[budget]\nturns = 1\n[watch]\ntask = \"answer done\"\n";
    let text = agent("rules", &[], watch).replace("\"react\"", "\"reactive\"");
    let agent = harness.host.agent(&Source::new("case.toml", text)).await.expect("an agent");
    let mut events = harness.host.events().only(|event| event.run.is_some());
    let (host, value) = (harness.host.clone(), root.as_str().into());
    let running = tokio::spawn(async move { host.run(&agent, RunInput { value, ..RunInput::default() }).await });
    while let Some(Heard::Event(event)) = events.next().await {
        let file = match &event.what {
            Happening::StateChanged { to: "watching", .. } => "one.md",
            Happening::TaskFinished { task: 1, .. } => "two.md",
            Happening::RunFinished { .. } => break,
            _ => continue,
        };
        std::fs::write(folder.path().join(file), "x").expect("a file");
    }
    let outcome = running.await.expect("a run");
    assert_eq!(outcome.failure.map(|failure| failure.code()), Some(Code::Budget));
    let [one, two] = &outcome.tasks[..] else { panic!("{:?}", outcome.tasks) };
    assert_eq!((one.answer.as_deref(), two.answer.as_deref()), (Some("done"), None));
}

// Runs within a run hold no more together than one; what one held is free for the next.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_runs_of_a_tree_share_one_room() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("text.md");
    std::fs::write(&file, "x".repeat(100 << 10)).expect("a file");
    let root = folder.path().to_str().expect("a path");
    let harness = Harness::with(&format!(
        "[tools.files]\nfs.read = [{root:?}]\n[tools.flaky]\nclock.mode = \"real\"\n[budget]\nmemory = \"560KiB\"\n"
    ));
    let side = "[[agents]]\nname = \"reader\"\npattern = \"react\"\n\
                tools.allow = [\"files.read\", \"flaky.nap\"]\ntools.result = \"1MiB\"\n";
    let text = agent("rules", &[], side);
    // What was read is held as long as the nap takes, and five times that while the model is asked.
    let task = format!("files.read(path=\"{}\")\nflaky.nap(ms=700)\nanswer done", file.display());
    let quoted = |task: &str| serde_json::to_string(task).expect("a text");
    let one = format!("a = agent.reader(task={})\n", quoted(&task));
    let next = format!("b = agent.reader(task={})\nanswer {{{{b}}}}", quoted(&format!("# {{{{a}}}}\n{task}")));
    let outcome = run(&harness, &text, &(one.clone() + &next)).await;
    assert_eq!(outcome.answer.as_deref(), Some("done"), "{:?} {:?}", outcome.failure, outcome.actions);
    // Side by side, they have not enough.
    let all: String = (0..4).map(|number| one.replacen('a', &format!("a{number}"), 1)).collect();
    let outcome = run(&harness, &text, &(all + "answer never")).await;
    let words: Vec<&str> = outcome.actions.iter().map(|action| action.outcome.as_str()).collect();
    assert!(words.contains(&"over-budget") && words.len() == 4, "{words:?} {:?}", outcome.failure);
}
