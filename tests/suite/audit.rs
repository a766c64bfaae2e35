//! What a call did outside of its cell, and who allowed it: effects in the receipt, decisions as events.

use std::fs;
use std::time::Duration;

use hotcell_call::{Capability, Decision, Effects, Happening, Outcome, Source, Used};
use hotcell_runtime::Subscription;
use serde_json::json;

use super::cli::Shell;
use super::path::{heard, started};
use super::rejected::until;
use crate::support::{Harness, Web};

/// The decisions that were told of one call, each with its tenant, its tool and its component as they stand there.
async fn decided(events: &mut Subscription, outcome: &Outcome) -> Vec<Decision> {
    let told = heard(events).await.remove(&outcome.call).unwrap_or_default();
    let decisions = told.into_iter().filter_map(|what| match what {
        Happening::Decided { target, digest, decision, .. } => {
            assert_eq!((target.tool, Some(digest)), (outcome.target.tool.clone(), outcome.receipt.digest));
            Some(decision)
        }
        _ => None,
    });
    decisions.collect()
}

fn effects(used: &[Used]) -> Effects {
    let mut effects = Effects::default();
    used.iter().for_each(|used| assert!(effects.insert(*used)));
    effects
}

fn line(decision: &Decision) -> String {
    let verdict = if decision.allowed { "allowed" } else { "denied" };
    let rule = decision.rule.as_deref().unwrap_or("no rule");
    format!("{verdict} {} {} by {rule}", decision.capability.as_str(), decision.asked)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_capability_is_told_when_it_is_used_and_by_which_rule() {
    let (web, folder) = (Web::start(), tempfile::tempdir().expect("a folder"));
    let root = folder.path().to_str().expect("a path");
    fs::write(folder.path().join("a.txt"), "hello").expect("a file");
    let port = web.port();
    let harness = Harness::with(&format!(
        "[tools.files]\nfs.write = [{root:?}]\n[tools.reader]\nfs.read = [{root:?}]\n\
         [tools.clock]\nclock.mode = \"real\"\n[tools.randomness]\nrandom.mode = \"system\"\n\
         [tools.environment]\nenv.allow = [\"PATH\"]\n\
         [tools.web]\nnet.allow = [\"GET,POST http://127.0.0.1:{port}/echo/*\"]\n"
    ));
    harness.tool("reader", "files", "[fs]\nread = [\".\"]\n");
    let file = format!("{root}/a.txt");
    let url = web.url("/echo/x?token=1");
    let read = format!("allowed read {file} by read {root}");
    let net = |method: &str| {
        format!("allowed net {method} http://127.0.0.1:{port}/echo/x by net GET,POST http://127.0.0.1:{port}/echo/*")
    };
    for (target, input, used, told) in [
        ("echo.text", json!({"text": "x"}), vec![], vec![]),
        ("reader.read", json!({"path": file}), vec![Used::Read], vec![read.clone()]),
        ("reader.write", json!({"path": file, "text": "x"}), vec![], vec![format!("denied write {file} by no rule")]),
        ("files.read", json!({"path": file}), vec![Used::Read], vec![format!("allowed read {file} by write {root}")]),
        (
            "files.write",
            json!({"path": file, "text": "x"}),
            vec![Used::Write],
            vec![format!("allowed write {file} by write {root}")],
        ),
        (
            "clock.now",
            json!({}),
            vec![Used::Clock],
            vec!["allowed clock the machine's clocks by clock real".to_owned()],
        ),
        ("clock.left", json!({}), vec![Used::TimeLeft], vec![]),
        (
            "randomness.numbers",
            json!({"count": 3}),
            vec![Used::Random],
            vec!["allowed random the system's randomness by random system".to_owned()],
        ),
        ("web.send", json!({"method": "GET", "url": url, "headers": []}), vec![Used::Net], vec![net("GET")]),
        (
            "web.send",
            json!({"method": "POST", "url": url, "headers": [], "body": "x"}),
            vec![Used::Net, Used::NetWrite],
            vec![net("POST")],
        ),
        (
            "web.probe",
            json!({"urls": [web.url("/other")]}),
            vec![],
            vec![format!("denied net GET http://127.0.0.1:{port}/other by no rule")],
        ),
    ] {
        let mut events = harness.host.events();
        let outcome = harness.call(target, input).run().await;
        let receipt = &outcome.receipt;
        let seen = decided(&mut events, &outcome).await;
        assert_eq!(receipt.effects, effects(&used), "{target}: {:?}", outcome.result);
        assert_eq!(seen.iter().map(line).collect::<Vec<_>>(), told, "{target}: {:?}", outcome.result);
        assert_eq!(receipt.pure, used.is_empty() && receipt.denials.is_empty(), "{target}: {receipt:?}");
    }
    let mut events = harness.host.events();
    let outcome = harness.call("environment.look", json!({})).run().await;
    let seen = decided(&mut events, &outcome).await;
    assert!(seen.iter().any(|decision| line(decision) == "allowed env PATH by env PATH"), "{seen:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_told_of_one_call_is_bounded_and_the_rest_is_counted() {
    let harness = Harness::new();
    let mut events = harness.host.events();
    let urls: Vec<String> = (0..200).map(|n| format!("http://example.org/{}", n % 100)).collect();
    let outcome = harness.call("web.probe", json!({"urls": urls})).run().await;
    let told = heard(&mut events).await.remove(&outcome.call).unwrap_or_default();
    let decisions = told.iter().filter(|what| matches!(what, Happening::Decided { .. })).count();
    assert_eq!((decisions, outcome.receipt.decisions_dropped), (64, 72));
    let Some(Happening::Finished { decisions_dropped, .. }) = told.last() else { panic!("{told:?}") };
    assert_eq!(*decisions_dropped, 72);
}

// What leads out of a folder was never allowed, and what an earlier attempt did is not forgotten.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_what_was_let_through_is_told_as_allowed_and_every_attempt_counts() {
    let folder = tempfile::tempdir().expect("a folder");
    let granted = folder.path().join("data");
    fs::create_dir(&granted).expect("a folder");
    fs::write(folder.path().join("outside.txt"), "secret").expect("a file");
    std::os::unix::fs::symlink("../outside.txt", granted.join("link")).expect("a link");
    let root = granted.to_str().expect("a path");
    let harness =
        Harness::with(&format!("[tools.files]\nfs.read = [{root:?}]\n[tools.flaky]\nfs.write = [{root:?}]\n"));
    for path in ["../outside.txt", "link"] {
        let mut events = harness.host.events();
        let outcome = harness.call("files.read", json!({"path": format!("{root}/{path}")})).run().await;
        let seen = decided(&mut events, &outcome).await;
        assert!(!seen.is_empty() && seen.iter().all(|decision| !decision.allowed), "{path}: {seen:?}");
    }
    let mut events = harness.host.events();
    let outcome = harness.call("files.list", json!({"path": root})).run().await;
    let seen = decided(&mut events, &outcome).await;
    assert!(seen.iter().any(|decision| decision.allowed), "{seen:?}");
    let outcome = harness.call("flaky.idempotent", json!({"root": root, "calls": 2})).run().await;
    assert_eq!(outcome.receipt.attempts, 2, "{:?}", outcome.result);
    assert!(outcome.receipt.effects.contains(Used::Write), "{}", outcome.receipt.effects);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_secret_is_told_by_its_name_alone() {
    let (web, file) = (Web::start(), tempfile::NamedTempFile::new().expect("a file"));
    fs::write(file.path(), "hunter2-hunter2").expect("a secret");
    let rule = format!("GET http://127.0.0.1:{}/echo/*", web.port());
    let harness = Harness::with(&format!(
        "[tools.web]\nnet.allow = [{rule:?}]\n[tools.web.secrets.KEY]\nfrom = \"file:{}\"\nto = {rule:?}\nheader = \"X-Key\"\n",
        file.path().display()
    ));
    let mut events = harness.host.events();
    let urls = [web.url("/echo/one"), web.url("/echo/hunter2-hunter2"), web.url("/hunter2-hunter2")];
    let outcome = harness.call("web.probe", json!({"urls": urls})).run().await;
    let seen = decided(&mut events, &outcome).await;
    let told: Vec<(bool, usize)> = seen.iter().map(|decision| (decision.allowed, decision.secrets.len())).collect();
    assert_eq!(told, [(true, 1), (true, 1), (false, 0)], "{seen:?}");
    assert_eq!(seen[0].secrets, ["KEY"]);
    let text = serde_json::to_string(&seen).expect("JSON");
    assert!(!text.contains("hunter2") && text.matches("[redacted:KEY]").count() == 2, "{text}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_done_before_the_caller_went_away_is_told() {
    let web = Web::start();
    let rule = format!("POST http://127.0.0.1:{}/*", web.port());
    let harness = Harness::with(&format!("[tools.web]\nnet.allow = [{rule:?}]\n"));
    let mut events = harness.host.events();
    let call =
        harness.call("web.send", json!({"method": "POST", "url": web.url("/silent"), "headers": [], "body": "x"}));
    let id = call.call.id;
    let running = tokio::spawn(call.run());
    started(&mut events, id).await;
    until(|| async { web.connections() > 0 }).await;
    running.abort();
    until(|| async { harness.host.load().under_way == 0 }).await;
    let told = heard(&mut events).await.remove(&id).unwrap_or_default();
    let Some(Happening::Finished { outcome, effects, .. }) = told.last() else { panic!("{told:?}") };
    assert_eq!(outcome, "cancelled");
    assert!(effects.contains(Used::NetWrite) && effects.change(), "{effects}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_tenants_effects_take_nobody_elses_kept_answers_away() {
    let harness = Harness::with("[tools.web]\ncache.ttl = \"1h\"\n");
    let probe = |tenant: &str, urls: &[&str]| harness.call("web.probe", json!({"urls": urls})).by(tenant).run();
    let source = |outcome: Outcome| outcome.receipt.source;
    assert_eq!(source(probe("one", &[]).await), Source::Cell);
    assert_eq!(source(probe("one", &[]).await), Source::Cache);
    let refused = probe("one", &["http://example.org/"]).await;
    assert_eq!(refused.receipt.denials[0].capability, Capability::Net);
    assert_eq!(source(probe("one", &[]).await), Source::Cell, "what was refused once is asked anew each time");
    assert_eq!(source(probe("two", &[]).await), Source::Cell);
    assert_eq!(source(probe("two", &[]).await), Source::Cache);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_urgent_call_does_not_wait_for_the_answer_of_one_that_is_not() {
    let endless = "[limits]\nfuel = \"100000G\"\ntimeout = \"1h\"\n[tools.flaky]\ncache.ttl = \"1h\"\n";
    let harness = Harness::with(endless);
    let mut events = harness.host.events();
    let asks = |priority: &str| {
        let mut call = harness.call("flaky.honest", json!({"rounds": u64::MAX}));
        call.call.priority = priority.parse().expect("a class");
        let id = call.call.id;
        (id, tokio::spawn(call.run()))
    };
    let mut calls = Vec::new();
    for priority in ["background", "critical"] {
        let (id, running) = asks(priority);
        tokio::time::timeout(Duration::from_secs(60), started(&mut events, id)).await.expect("a cell of its own");
        calls.push((id, running));
    }
    for (id, running) in calls {
        assert!(harness.host.cancel(id));
        assert_eq!(running.await.expect("a call").word(), "cancelled");
    }
}

#[test]
fn decisions_stand_in_the_log_of_the_audit() {
    let shell = Shell::new();
    shell.install(&["files"]);
    fs::create_dir_all(shell.path("docs")).expect("a folder");
    shell.file("docs/a.md", "hello");
    let ran = shell.run(&["-v", "call", "filer.read", "path=docs/a.md", "--allow-read", "docs"]);
    assert_eq!(ran.exit, 0, "{}", ran.stderr);
    let line =
        ran.stderr.lines().find(|line| line.contains("hotcell::audit")).unwrap_or_else(|| panic!("{}", ran.stderr));
    for part in ["allowed=true", "capability=\"read\"", "asked=\"docs/a.md\"", "rule=\"read docs\"", "tool=filer.read"]
    {
        assert!(line.contains(part), "{part}: {line}");
    }
}
