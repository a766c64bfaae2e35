//! The path of a call: who is let in, how it ends, and that it is told once.

use std::collections::HashMap;
use std::fs;
use std::time::{Duration, Instant};

use futures::future::join_all;
use hotcell_call::{CallId, Code, Happening, Outcome, Target};
use hotcell_runtime::{Heard, Subscription};
use serde_json::json;

use super::cli::Shell;
use super::rejected::until;
use crate::support::component::{Contract, Listed};
use crate::support::program::guest;
use crate::support::{Harness, Seen, fits};

/// Nothing ends by itself: work has fuel for an hour, and sleepers see the real clock.
const ENDLESS: &str = "[limits]\nfuel = \"100000G\"\ntimeout = \"1h\"\n[tools.sleeper]\nclock.mode = \"real\"\n";

/// What was heard of each call so far.
pub(super) async fn heard(events: &mut Subscription) -> HashMap<CallId, Vec<Happening>> {
    let mut calls: HashMap<CallId, Vec<Happening>> = HashMap::new();
    let mut last = None;
    while let Ok(Some(heard)) = tokio::time::timeout(Duration::ZERO, events.next()).await {
        let event = match heard {
            Heard::Event(event) => event,
            Heard::Missed(count) => panic!("{count} events were missed"),
        };
        assert!(last.is_none_or(|last| event.seq > last), "events are numbered in their order");
        last = Some(event.seq);
        // What is told of the host itself is no call's.
        if let Some(call) = event.call {
            calls.entry(call).or_default().push(event.what.clone());
        }
    }
    calls
}

#[track_caller]
fn told_once(happened: &[Happening], word: &str) {
    assert!(matches!(happened.first(), Some(Happening::Accepted { .. })), "{happened:?}");
    let ends = happened.iter().filter(|what| matches!(what, Happening::Finished { .. })).count();
    assert_eq!(ends, 1, "{happened:?}");
    match happened.last() {
        Some(Happening::Finished { outcome, .. }) => assert_eq!(outcome, word),
        other => panic!("{other:?} is not the end"),
    }
}

// G7, G8 as far as they go: however a call ends, it is told once, and the same as its caller was.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_call_is_told_once_and_the_same() {
    let harness = Harness::new();
    let mut events = harness.host.events();
    let calls = vec![
        harness.call("echo.text", json!({"text": "x"})),
        harness.call("echo.text", json!({"text": 1})),
        harness.call("echo.txet", json!({})),
        harness.call("ehco.text", json!({})),
        harness.call("cpu.spin", json!({})).limit("fuel", "1M"),
        harness.call("cpu.spin", json!({})).limit("timeout", "50ms"),
        harness.call("faults.exits", json!({"code": 0})),
        harness.call("files.read", json!({"path": "/etc/passwd"})),
        harness.call("echo.text", json!({"text": "x"})).deadline(Duration::ZERO),
        harness.call("echo.text", json!({"text": "x"})).limit("fuel", "20G"),
    ];
    let outcomes: Vec<Outcome> = join_all(calls.into_iter().map(|call| call.run())).await;
    let words: Vec<String> = outcomes.iter().map(Outcome::word).collect();
    assert_eq!(
        words[..8],
        ["ok", "invalid", "unknown", "unknown", "exhausted(fuel)", "timed-out", "trapped(exit)", "denied"]
    );
    assert!(["timed-out", "refused(late)"].contains(&words[8].as_str()), "{}", words[8]);
    assert_eq!(words[9], "denied");
    let heard = heard(&mut events).await;
    assert_eq!(heard.len(), outcomes.len());
    for outcome in &outcomes {
        told_once(&heard[&outcome.call], &outcome.word());
    }
    let steps: Vec<&str> = heard[&outcomes[0].call].iter().map(step).collect();
    assert_eq!(steps, ["accepted", "queued", "started", "finished"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s05_the_times_are_told_on_every_way_out_also_when_the_caller_has_gone() {
    let harness = Harness::with(&format!("[schedule]\nin_flight = 1\n{ENDLESS}"));
    let mut events = harness.host.events();
    let (long, short) = (Duration::from_millis(100), Duration::from_millis(50));
    let outcomes = [
        harness.call("sleeper.nap", json!({"ms": 50})).run().await,
        harness.call("sleeper.forever", json!({})).limit("timeout", "50ms").run().await,
        harness.call("echo.text", json!({"text": 1})).run().await,
    ];
    assert_eq!(outcomes.each_ref().map(Outcome::word), ["ok", "timed-out", "invalid"]);
    assert!(outcomes[..2].iter().all(|outcome| outcome.receipt.run >= short));
    assert_eq!((outcomes[2].receipt.queue, outcomes[2].receipt.run), (Duration::ZERO, Duration::ZERO), "it never ran");
    let told = heard(&mut events).await;
    for outcome in &outcomes {
        assert_eq!(times(&told[&outcome.call]), Some((outcome.receipt.queue, outcome.receipt.run)));
    }
    // One caller goes while its call runs, one while it waits; one is cancelled, and one is late, in the queue.
    let spin = || harness.call("cpu.spin", json!({}));
    let (running, waiting, cancelled) = (harness.call("sleeper.forever", json!({})), spin(), spin());
    let ids = [running.call.id, waiting.call.id, cancelled.call.id];
    let running = tokio::spawn(running.run());
    started(&mut events, ids[0]).await;
    let (waiting, cancelled) = (tokio::spawn(waiting.run()), tokio::spawn(cancelled.run()));
    until(|| async { harness.host.load().waiting == 2 }).await;
    let late = spin().deadline(long).run().await;
    late.ends("refused(late)");
    assert!(harness.host.cancel(ids[2]));
    let cancelled = cancelled.await.expect("a call");
    cancelled.ends("cancelled");
    // The one that waits goes first: else it would have its turn.
    waiting.abort();
    until(|| async { harness.host.load().under_way == 1 }).await;
    running.abort();
    until(|| async { harness.host.load().under_way == 0 }).await;
    let told = heard(&mut events).await;
    for outcome in [&late, &cancelled] {
        assert_eq!(times(&told[&outcome.call]), Some((outcome.receipt.queue, Duration::ZERO)));
        assert!(outcome.receipt.queue >= short, "{:?}", outcome.receipt.queue);
    }
    let [ran, waited] = [ids[0], ids[1]].map(|id| times(&told[&id]).expect("an end"));
    assert!(ran.0 < short && ran.1 >= long, "{ran:?}");
    assert!(waited.0 >= short && waited.1 == Duration::ZERO, "{waited:?}");
}

/// The time in the queue and that of the run, as the one end tells them.
fn times(happened: &[Happening]) -> Option<(Duration, Duration)> {
    match happened.last()? {
        Happening::Finished { queue, run_time, .. } => Some((*queue, *run_time)),
        _ => None,
    }
}

fn step(what: &Happening) -> &'static str {
    match what {
        Happening::Accepted { .. } => "accepted",
        Happening::Queued => "queued",
        Happening::Started { .. } => "started",
        Happening::Progress { .. } => "progress",
        Happening::Finished { .. } => "finished",
        _ => "other",
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn progress_is_heard_between_start_and_end() {
    let harness = Harness::new();
    let mut events = harness.host.events();
    let outcome = harness.call("echo.progress", json!({"times": 5})).run().await;
    outcome.ok();
    let heard = heard(&mut events).await;
    let steps: Vec<&str> = heard[&outcome.call].iter().map(step).collect();
    assert_eq!(steps.first(), Some(&"accepted"));
    assert_eq!(steps.last(), Some(&"finished"));
    assert_eq!(steps.iter().filter(|step| **step == "progress").count(), 5, "{steps:?}");
}

// === names ===

// H82
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn names_keep_to_their_grammar_before_anything_looks_for_them() {
    let long = "x".repeat(1 << 20);
    for name in ["../../run", "run\n", "/etc/passwd", "a/b", "", ".", "run\0", "$(x)", "--help", long.as_str()] {
        let error = name.parse::<Target>().expect_err(name).to_string();
        assert!(error.len() < 500 && !error.contains(|c: char| c.is_control()), "{error:?}");
    }
}

// H82
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_there_is_said_with_what_is() {
    let harness = Harness::new();
    let failure = harness.call("ehco.text", json!({})).run().await.ends("unknown");
    assert_eq!(failure.code(), Code::UnknownTool, "{failure}");
    assert!(failure.remedy().is_some_and(|fix| fix.contains("echo")), "{failure}");
    assert!(failure.reason().split(',').count() <= 10, "{failure}");
    let failure = harness.call("echo.txet", json!({})).run().await.ends("unknown");
    assert_eq!(failure.code(), Code::UnknownFunction, "{failure}");
    assert!(failure.remedy().is_some_and(|fix| fix.contains("echo.text")), "{failure}");
    let failure = harness.call("echo", json!({})).run().await.ends("invalid");
    assert_eq!(failure.code(), Code::Function, "{failure}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_can_only_lower_limits() {
    let harness = Harness::with("[limits]\nfuel = \"50M\"\n[tools.echo]\nlimits.fuel = \"40M\"\n");
    let call = |fuel: &str| harness.call("echo.text", json!({"text": "x"})).limit("fuel", fuel);
    let failure = call("41M").run().await.ends("denied");
    assert_eq!(failure.code(), Code::Wider, "{failure}");
    assert!(failure.to_string().contains("41M") && failure.to_string().contains("40M"), "{failure}");
    let outcome = call("39M").run().await;
    outcome.ok();
    assert_eq!(outcome.receipt.limits.fuel.as_u64(), 39_000_000);
    let other = harness.call("cpu.spin", json!({})).run().await;
    other.ends("exhausted(fuel)");
    assert_eq!(other.receipt.limits.fuel.as_u64(), 50_000_000);
    // What an author asks for is a limit, too.
    harness.tool("modest", "echo", "[limits]\nfuel = \"1M\"\n");
    harness.call("modest.work", json!({"rounds": 10_000_000})).run().await.ends("exhausted(fuel)");
}

// === files ===

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_is_dropped_into_the_folder_is_there_at_once() {
    let harness = Harness::new();
    harness.call("fresh.run", json!({})).run().await.ends("unknown");
    harness.shape("fresh", &Contract::default().build());
    until(|| async { harness.call("fresh.run", json!({})).run().await.result.is_ok() }).await;
    fs::remove_file(harness.tools().join("fresh.wasm")).expect("gone");
    until(|| async { harness.call("fresh.run", json!({})).run().await.word() == "unknown" }).await;
}

// F10: a file that is replaced under load; each call runs one of the two, and none runs half of one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replaced_file_is_the_old_one_or_the_new_one() {
    let harness = Harness::new();
    let (old, new) = (Contract::default().build(), fs::read(guest("echo")).expect("a guest"));
    let path = harness.shape("replaced", &old);
    harness.call("replaced.run", json!({})).run().await.ok();
    let beside = path.with_extension("new");
    for round in 0..6 {
        fs::write(&beside, if round % 2 == 0 { &new } else { &old }).expect("a file");
        fs::rename(&beside, &path).expect("replaced");
        let (is_there, gone) =
            if round % 2 == 0 { ("replaced.text", "replaced.run") } else { ("replaced.run", "replaced.text") };
        until(|| async {
            let outcome = harness.call(is_there, json!({"text": "x"})).run().await;
            assert!(["ok", "unknown", "invalid"].contains(&outcome.word().as_str()), "{:?}", outcome.result);
            outcome.word() != "unknown"
        })
        .await;
        harness.call(gone, json!({})).run().await.ends("unknown");
    }
}

// === ends ===

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cancelled_call_stops_its_guest() {
    let harness = Harness::with(ENDLESS);
    for (target, input) in [("cpu.spin", json!({})), ("sleeper.forever", json!({})), ("cpu.fill", json!({}))] {
        let mut events = harness.host.events();
        let call = harness.call(target, input);
        let id = call.call.id;
        let running = tokio::spawn(call.run());
        started(&mut events, id).await;
        let asked = Instant::now();
        assert!(harness.host.cancel(id));
        let outcome = running.await.expect("a call");
        outcome.ends("cancelled");
        assert!(asked.elapsed() < Duration::from_secs(2), "{target}: {:?}", asked.elapsed());
        assert!(!harness.host.cancel(id), "it is over");
        assert_eq!(harness.host.load().running, 0, "{target}");
    }
}

/// Waits until a call is in its cell.
pub(super) async fn started(events: &mut Subscription, id: CallId) {
    loop {
        match events.next().await {
            Some(Heard::Event(event)) if event.call == Some(id) && matches!(event.what, Happening::Started { .. }) => {
                return;
            }
            Some(_) => {}
            None => panic!("the host is gone"),
        }
    }
}

// F16 as far as it goes: a caller that goes away takes its call with it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_whose_caller_goes_away_ends() {
    let harness = Harness::with(ENDLESS);
    let mut events = harness.host.events();
    let call = harness.call("cpu.spin", json!({}));
    let id = call.call.id;
    let running = tokio::spawn(call.run());
    started(&mut events, id).await;
    running.abort();
    until(|| async { harness.host.load().under_way == 0 && harness.host.load().running == 0 }).await;
    let ends: Vec<Happening> = heard(&mut events).await.remove(&id).unwrap_or_default();
    assert!(matches!(ends.as_slice(), [Happening::Finished { outcome, .. }] if outcome == "cancelled"), "{ends:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deadline_counts_from_the_callers_side() {
    let harness = Harness::with(ENDLESS);
    fits("a deadline of 200 ms", Duration::from_millis(950), async || {
        let late = async {
            let started = Instant::now();
            let outcome = harness.call("cpu.spin", json!({})).deadline(Duration::from_millis(200)).run().await;
            (outcome, started.elapsed())
        };
        let (outcome, took) = harness.with_neighbour(late).await;
        let failure = outcome.result.as_ref().expect_err("a failure");
        // On a busy machine it may be late before it begins.
        assert!(["timed-out", "refused(late)"].contains(&outcome.word().as_str()), "{failure}");
        assert!(failure.to_string().contains("deadline"), "{failure}");
        if outcome.word() == "timed-out" { took } else { Duration::MAX }
    })
    .await;
}

// A tool that was never seen is compiled, which may take long; who can't wait is told so at once, and the next need not wait again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deadline_covers_the_opening_of_a_tool_which_goes_on() {
    let harness = Harness::new();
    let fresh = format!("{:?}", std::time::SystemTime::now());
    harness.shape("fresh", &Contract::listing([Listed { description: fresh, ..Listed::default() }]).build());
    let mut events = harness.host.events();
    let outcome = harness.call("fresh.run", json!({})).deadline(Duration::from_millis(5)).run().await;
    let failure = outcome.ends("refused(late)");
    assert_eq!(failure.code(), Code::Late, "{failure}");
    assert!(failure.reason().contains("while its tool was opened"), "{failure}");
    let told = &heard(&mut events).await[&outcome.call];
    told_once(told, "refused(late)");
    assert!(told.iter().all(|what| !matches!(what, Happening::Queued)), "{told:?}");
    // Whoever waits for no longer than a call takes is served once the tool is there, though nobody has waited for it.
    until(|| async {
        harness.call("fresh.run", json!({})).deadline(Duration::from_millis(40)).run().await.result.is_ok()
    })
    .await;
}

// To read what was typed, the command line looks at the tool's schema: that counts, too.
#[test]
fn a_deadline_that_is_typed_counts_from_then_on() {
    let shell = Shell::new();
    let fresh = Listed { description: format!("{:?}", std::time::SystemTime::now()), ..Listed::default() };
    fs::write(shell.path("tools/fresh.wasm"), Contract::listing([fresh]).build()).expect("a file");
    let seen = shell.run(&["call", "fresh.run", "value=1", "--deadline", "5ms"]).exits(5);
    assert!(seen.stderr.contains("E0505") && seen.stderr.contains("while its tool was opened"), "{}", seen.stderr);
    shell.run(&["call", "fresh.run", "value=1", "--deadline", "60s"]).exits(0);
}

// H15
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_tenants_timeouts_end_nobody_elses_calls() {
    let harness = Harness::with("[tools.sleeper]\nclock.mode = \"real\"\n");
    let honest = join_all(
        (0..10).map(|_| harness.call("sleeper.nap", json!({"ms": 700})).by("honest").limit("timeout", "8s").run()),
    );
    let hasty = join_all((0..50).map(|n| {
        let target = if n % 2 == 0 { "cpu.spin" } else { "sleeper.forever" };
        harness.call(target, json!({})).by("hasty").limit("timeout", "100ms").run()
    }));
    let (honest, hasty) = harness.with_neighbour(async { tokio::join!(honest, hasty) }).await;
    honest.iter().for_each(|outcome| assert_eq!(outcome.ok(), 700));
    for outcome in hasty {
        outcome.ends("timed-out");
    }
}

// H16
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_in_the_last_moment_is_an_answer_or_a_timeout() {
    let harness = Harness::with("[tools.sleeper]\nclock.mode = \"real\"\n");
    let mut events = harness.host.events();
    let calls =
        (0..100).map(|n| harness.call("sleeper.nap", json!({"ms": 95 + n % 10})).limit("timeout", "100ms").run());
    let outcomes = join_all(calls).await;
    let heard = heard(&mut events).await;
    for outcome in &outcomes {
        assert!(["ok", "timed-out"].contains(&outcome.word().as_str()), "{:?}", outcome.result);
        told_once(&heard[&outcome.call], &outcome.word());
    }
    assert!(outcomes.iter().any(|outcome| outcome.word() == "timed-out"), "a nap of more than the timeout never fits");
}

// F15 in small: what does not fit into the queue is refused at once, and what was let in is answered.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_queue_refuses_and_loses_nothing() {
    let harness = Harness::with("[schedule]\nin_flight = 2\nqueue = 4\n[tools.sleeper]\nclock.mode = \"real\"\n");
    let mut events = harness.host.events();
    let calls = (0..50).map(|_| harness.call("sleeper.nap", json!({"ms": 100})).run());
    let outcomes = join_all(calls).await;
    let (answered, refused): (Vec<_>, Vec<_>) = outcomes.iter().partition(|outcome| outcome.result.is_ok());
    assert!(answered.len() >= 4 && !refused.is_empty(), "{} and {}", answered.len(), refused.len());
    for outcome in refused {
        let failure = outcome.result.as_ref().expect_err("a refusal");
        assert_eq!((outcome.word().as_str(), failure.code()), ("refused(overloaded)", Code::Overloaded), "{failure}");
    }
    let heard = heard(&mut events).await;
    outcomes.iter().for_each(|outcome| told_once(&heard[&outcome.call], &outcome.word()));
    // One with a deadline waits for room instead.
    let calls = (0..20).map(|_| harness.call("sleeper.nap", json!({"ms": 10})).deadline(Duration::from_secs(20)).run());
    for outcome in join_all(calls).await {
        outcome.ok();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn draining_answers_what_was_accepted_and_takes_nothing_new() {
    let harness = Harness::with(ENDLESS);
    let mut events = harness.host.events();
    let call = harness.call("sleeper.nap", json!({"ms": 200}));
    let id = call.call.id;
    let accepted = tokio::spawn(call.run());
    started(&mut events, id).await;
    let spin = harness.call("cpu.spin", json!({}));
    let spinning = spin.call.id;
    let spinning_call = tokio::spawn(spin.run());
    started(&mut events, spinning).await;
    let drained = harness.host.drain(Duration::from_secs(2));
    let late = async {
        tokio::task::yield_now().await;
        harness.call("echo.text", json!({"text": "x"})).run().await
    };
    let ((), late) = tokio::join!(drained, late);
    assert_eq!(late.result.expect_err("a refusal").code(), Code::Draining);
    accepted.await.expect("a call").ok();
    spinning_call.await.expect("a call").ends("cancelled");
    assert_eq!(harness.host.load().under_way, 0);
}
