//! The stages of the path, each at its bound: who is let in, who is next, what is made again, and what is kept.
//!
//! What each policy promises by itself is tested in `host/flow`, on a clock that stands still. Here they are seen in their places, with
//! real guests.

use std::fs;
use std::time::{Duration, Instant};

use futures::future::join_all;
use hotcell_call::{Code, Happening, Outcome, Priority, Source};
use hotcell_runtime::Heard;
use serde_json::json;

use super::rejected::until;
use crate::support::{Harness, Seen};

const REAL: &str = "[tools.sleeper]\nclock.mode = \"real\"\n";

/// A folder that the tool `flaky` may write, and the settings that say so.
fn with_folder(more: &str) -> (tempfile::TempDir, Harness) {
    let folder = tempfile::tempdir().expect("a folder");
    let harness = Harness::with(&format!("[tools.flaky]\nfs.write = [{:?}]\n{more}", folder.path()));
    (folder, harness)
}

fn root(folder: &tempfile::TempDir) -> &str {
    folder.path().to_str().expect("a path")
}

/// How often the guest has noted that it was called.
fn noted(folder: &tempfile::TempDir) -> u64 {
    fs::metadata(folder.path().join("calls")).map_or(0, |file| file.len())
}

fn words(outcomes: &[Outcome], word: &str) -> usize {
    outcomes.iter().filter(|outcome| outcome.word() == word).count()
}

// === admission ===

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s11_a_rate_lets_in_what_it_says_and_tells_when_to_come_again() {
    let harness =
        Harness::with("[tenants.slow]\nrate = { limit = \"2/h\", burst = 2 }\n[tenants.neighbour]\n[tools.echo]\n");
    let call = || harness.call("echo.text", json!({"text": "x"})).by("slow").run();
    let outcomes = [call().await, call().await, call().await];
    assert_eq!((words(&outcomes, "ok"), words(&outcomes, "refused(rate)")), (2, 1));
    let failure = outcomes[2].ends("refused(rate)");
    assert_eq!(failure.code(), Code::Rate);
    let wait = failure.wait().expect("a time to come again");
    assert!(wait > Duration::from_secs(1_700) && wait <= Duration::from_secs(1_800), "{wait:?}");
    assert!(failure.reason().contains("[tenants.slow]") && failure.reason().contains("2 in 1h"), "{failure}");
    assert!(failure.remedy().is_some_and(|fix| fix.contains("rate")), "{failure}");
    harness.call("echo.text", json!({"text": "x"})).by("neighbour").run().await.ok();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tools_rate_is_for_all_and_a_tenant_that_calls_too_often_does_not_use_it_up() {
    let toml = "[tools.echo]\nrate = \"3/h\"\n[tenants.greedy]\nrate = \"1/h\"\n[tenants.other]\n";
    let harness = Harness::with(toml);
    let call = |tenant: &str| harness.call("echo.text", json!({"text": "x"})).by(tenant).run();
    call("greedy").await.ok();
    for _ in 0..20 {
        let failure = call("greedy").await.ends("refused(rate)");
        assert!(failure.reason().contains("[tenants.greedy]"), "{failure}");
    }
    call("other").await.ok();
    call("other").await.ok();
    let failure = call("other").await.ends("refused(rate)");
    assert!(failure.reason().contains("[tools.echo]"), "{failure}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_quota_counts_what_calls_really_used_also_of_those_who_leave_in_the_middle() {
    let toml = "[limits]\nfuel = \"100000G\"\ntimeout = \"1h\"\n[tenants.acme]\nquota = { time = \"300ms/d\" }\n[tenants.calls]\nquota = { calls = \"2/d\" }\n";
    let harness = Harness::with(toml);
    let call = || harness.call("echo.text", json!({"text": "x"})).by("calls").run();
    assert_eq!((call().await.word(), call().await.word()), ("ok".to_owned(), "ok".to_owned()));
    let failure = call().await.ends("refused(quota)");
    assert!(failure.reason().contains("quota.calls") && failure.numbers().is_some(), "{failure}");
    // Whoever goes away has used what it used.
    let mut events = harness.host.events();
    let spin = harness.call("cpu.spin", json!({})).by("acme");
    let id = spin.call.id;
    let spinning = tokio::spawn(spin.run());
    super::path::started(&mut events, id).await;
    let began = Instant::now();
    until(|| async { began.elapsed() > Duration::from_millis(400) }).await;
    spinning.abort();
    until(|| async { harness.host.load().under_way == 0 }).await;
    let failure = harness.call("echo.text", json!({"text": "x"})).by("acme").run().await.ends("refused(quota)");
    assert_eq!(failure.code(), Code::Quota);
    assert!(failure.reason().contains("quota.time"), "{failure}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_others_calls_cost_is_not_held_of_a_tenants_quota() {
    let harness = Harness::with("[tenants.dear]\n[tenants.thrifty]\nquota = { fuel = \"2G/d\" }\n");
    let dear = harness.call("echo.work", json!({"rounds": u64::MAX})).limit("fuel", "3G").by("dear").run().await;
    dear.ends("exhausted(fuel)");
    // Each uses a part in ten thousand of the quota.
    for _ in 0..8 {
        assert_eq!(harness.call("echo.text", json!({"text": "x"})).by("thrifty").run().await.ok(), "x");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tenants_rate_is_asked_before_anything_is_done_for_a_call() {
    let harness = Harness::with("[tenants.noisy]\nrate = { limit = \"2/h\", burst = 2 }\n");
    for target in ["nowhere.at-all", "echo.nothing"] {
        harness.call(target, json!({})).by("noisy").run().await.ends("unknown");
    }
    harness.call("nowhere.at-all", json!({})).by("noisy").run().await.ends("refused(rate)");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn once_tenants_are_named_there_are_no_others_and_none_is_more_urgent_than_it_may_be() {
    let harness = Harness::with("[tenants.acme]\npriority = \"normal\"\n");
    let failure = harness.call("echo.text", json!({"text": "x"})).by("acne").run().await.ends("unknown");
    assert_eq!((failure.code(), failure.remedy()), (Code::UnknownTenant, Some("did you mean `acme`?")));
    let mut urgent = harness.call("echo.text", json!({"text": "x"})).by("acme");
    urgent.call.priority = Priority::High;
    let failure = urgent.run().await.ends("denied");
    assert_eq!(failure.code(), Code::Wider);
    assert!(failure.reason().contains("normal"), "{failure}");
    harness.call("echo.text", json!({"text": "x"})).run().await.ok();
}

// === flight ===

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s03_fifty_who_ask_the_same_have_one_run_and_the_answer_is_kept() {
    let harness = Harness::with("[tools.flaky]\ncache.ttl = \"1h\"\n");
    let ask = |rounds: u64| harness.call("flaky.honest", json!({"rounds": rounds})).run();
    let outcomes = join_all((0..50).map(|_| ask(20_000_000))).await;
    let answer = outcomes[0].ok();
    assert!(outcomes.iter().all(|outcome| outcome.ok() == answer));
    let by = |source: Source| outcomes.iter().filter(|outcome| outcome.receipt.source == source).count();
    assert_eq!((by(Source::Cell), by(Source::Cell) + by(Source::Flight) + by(Source::Cache)), (1, 50));
    let kept = ask(20_000_000).await;
    assert_eq!(
        (kept.ok(), kept.receipt.source, kept.receipt.fuel, kept.receipt.attempts),
        (answer, Source::Cache, 0, 0)
    );
    assert!(kept.receipt.digest.is_some() && kept.receipt.pure);
    // Space and order are no difference; another number, or another tenant, is.
    let mut same = harness.call("flaky.honest", json!({}));
    same.call.input = hotcell_call::Payload::new(" { \"rounds\" :  20000000 } ");
    assert_eq!(same.run().await.receipt.source, Source::Cache);
    assert_eq!(ask(20_000_001).await.receipt.source, Source::Cell);
    let other = harness.call("flaky.honest", json!({"rounds": 20_000_000})).by("other").run().await;
    assert_eq!(other.receipt.source, Source::Cell, "how fast an answer comes tells nobody what another tenant asked");
    let narrower = harness.call("flaky.honest", json!({"rounds": 20_000_000})).limit("fuel", "9G").run().await;
    assert_eq!(narrower.receipt.source, Source::Cell, "under other limits it is another question");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_run_was_seen_to_use_counts_and_not_what_its_tool_says() {
    let (folder, harness) = with_folder("cache.ttl = \"1h\"\n");
    let outcomes = join_all((0..20).map(|_| harness.call("flaky.liar", json!({"root": root(&folder)})).run())).await;
    let mut answers: Vec<u64> = outcomes.iter().filter_map(|outcome| outcome.ok().as_u64()).collect();
    answers.sort_unstable();
    assert_eq!(noted(&folder), 20, "each ran for itself");
    assert!(outcomes.iter().all(|outcome| outcome.receipt.source == Source::Cell && !outcome.receipt.pure));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_that_only_look_alike_do_not_wait_for_each_other() {
    // A real clock is an effect: their answers are their own, and a hundred of them take the time of two.
    let harness = Harness::with("[tools.flaky]\ncache.ttl = \"1h\"\nclock.mode = \"real\"\n");
    let nap = || harness.call("flaky.nap", json!({"ms": 300})).run();
    let began = Instant::now();
    let outcomes = join_all((0..100).map(|_| nap())).await;
    assert!(outcomes.iter().all(|outcome| outcome.ok() == 300));
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    assert!(outcomes.iter().all(|outcome| outcome.receipt.source == Source::Cell));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_who_waits_for_anothers_answer_keeps_its_own_deadline_and_can_be_cancelled() {
    let harness = Harness::with("[limits]\nfuel = \"100000G\"\ntimeout = \"1h\"\n[tools.flaky]\ncache.ttl = \"1h\"\n");
    let ask = || harness.call("flaky.honest", json!({"rounds": u64::MAX}));
    let mut events = harness.host.events();
    let leader = ask();
    let id = leader.call.id;
    let leading = tokio::spawn(leader.run());
    super::path::started(&mut events, id).await;
    let late = ask().deadline(Duration::from_millis(100)).run().await.ends("refused(late)");
    assert!(late.reason().contains("asks the same"), "{late}");
    let follower = ask();
    let follows = follower.call.id;
    let following = tokio::spawn(follower.run());
    until(|| async { harness.host.load().under_way == 2 }).await;
    assert!(harness.host.cancel(follows));
    following.await.expect("a call").ends("cancelled");
    assert!(harness.host.cancel(id));
    leading.await.expect("a call").ends("cancelled");
}

// === queue ===

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s25_classes_go_in_order_and_equals_in_the_order_in_which_they_came() {
    let harness = Harness::with(&format!("[schedule]\nin_flight = 1\n{REAL}"));
    let mut events = harness.host.events();
    let holder = harness.call("sleeper.nap", json!({"ms": 300}));
    let id = holder.call.id;
    let holding = tokio::spawn(holder.run());
    super::path::started(&mut events, id).await;
    let mut waiting = Vec::new();
    let classes =
        [Priority::Background, Priority::Low, Priority::Normal, Priority::Normal, Priority::High, Priority::Critical];
    for (place, class) in classes.into_iter().enumerate() {
        let mut call = harness.call("echo.text", json!({"text": "x"}));
        call.call.priority = class;
        waiting.push((class, call.call.id));
        let spawned = tokio::spawn(call.run());
        until(|| async { harness.host.load().waiting == place + 1 }).await;
        drop(spawned);
    }
    holding.await.expect("a call").ok();
    let mut started = Vec::new();
    while started.len() < waiting.len() {
        match events.next().await {
            Some(Heard::Event(event)) if matches!(event.what, Happening::Started { .. }) => started.extend(event.call),
            Some(_) => {}
            None => panic!("the host is gone"),
        }
    }
    waiting.sort_by_key(|(class, _)| *class);
    let expected: Vec<_> = waiting.iter().map(|(_, id)| *id).collect();
    assert_eq!(started, expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s38_a_tenant_that_floods_delays_another_by_no_more_than_its_turn() {
    let toml = format!("[schedule]\nin_flight = 2\nqueue = 2000\n[tenants.flood]\n[tenants.light]\n{REAL}");
    let harness = Harness::with(&toml);
    let flood: Vec<_> =
        (0..400).map(|_| tokio::spawn(harness.call("sleeper.nap", json!({"ms": 20})).by("flood").run())).collect();
    until(|| async { harness.host.load().waiting > 300 }).await;
    for _ in 0..5 {
        let outcome = harness.call("echo.text", json!({"text": "x"})).by("light").run().await;
        outcome.ok();
        // Two calls of the other are in their cells, and one more may have had its turn: all four seconds of it come later.
        assert!(outcome.receipt.queue < Duration::from_millis(800), "{:?}", outcome.receipt.queue);
    }
    flood.iter().for_each(tokio::task::JoinHandle::abort);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s18_a_tool_that_hangs_fills_its_own_cells_and_no_others() {
    let toml = "[limits]\nfuel = \"100000G\"\ntimeout = \"1h\"\n[schedule]\nin_flight = 8\nper_tool = 6\n[tools.sleeper]\nclock.mode = \"real\"\nmax_concurrent = 3\n";
    let harness = Harness::with(toml);
    let hanging: Vec<_> = (0..20).map(|_| tokio::spawn(harness.call("sleeper.forever", json!({})).run())).collect();
    until(|| async { harness.host.load().waiting == 17 }).await;
    assert_eq!(harness.host.load().running, 3);
    harness.with_neighbour(async { harness.call("echo.text", json!({"text": "x"})).run().await.ok() }).await;
    hanging.iter().for_each(tokio::task::JoinHandle::abort);
    until(|| async { harness.host.load().under_way == 0 && harness.host.load().running == 0 }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tenant_at_its_cap_waits_and_the_place_goes_to_others() {
    let toml = format!(
        "[schedule]\nin_flight = 4\n[tenants.capped]\nmax_concurrent = 1\nqueue = 2\n[tenants.neighbour]\n{REAL}"
    );
    let harness = Harness::with(&toml);
    let naps = join_all((0..10).map(|_| harness.call("sleeper.nap", json!({"ms": 100})).by("capped").run()));
    let outcomes = harness.with_neighbour(naps).await;
    assert_eq!((words(&outcomes, "ok"), words(&outcomes, "refused(overloaded)")), (3, 7));
}

// S30: a call for later takes no cell until then.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_for_later_starts_then_and_can_be_cancelled_before() {
    let harness = Harness::with("[schedule]\nin_flight = 1\n");
    let later = |millis: u64| {
        let mut call = harness.call("echo.text", json!({"text": "x"}));
        call.call.start_at = Some(Instant::now() + Duration::from_millis(millis));
        call
    };
    let began = Instant::now();
    later(200).run().await.ok();
    assert!(began.elapsed() >= Duration::from_millis(200));
    let call = later(3_600_000);
    let id = call.call.id;
    let waiting = tokio::spawn(call.run());
    until(|| async { harness.host.load().waiting == 1 }).await;
    // It does not wait behind what may not start yet, or it would never come back.
    harness.call("echo.text", json!({"text": "x"})).run().await.ok();
    assert!(harness.host.cancel(id));
    waiting.await.expect("a call").ends("cancelled");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_queue_that_stands_turns_away_what_is_least_urgent() {
    let harness = Harness::with(&format!("[schedule]\nin_flight = 1\nshed_after = \"20ms\"\n{REAL}"));
    let calls = (0..60).map(|n| {
        let mut call = harness.call("sleeper.nap", json!({"ms": 20}));
        call.call.priority = if n % 2 == 0 { Priority::Normal } else { Priority::Low };
        call.run()
    });
    let outcomes = join_all(calls).await;
    let shed: Vec<_> = outcomes.iter().filter_map(|outcome| outcome.result.as_ref().err()).collect();
    assert!(!shed.is_empty() && shed.len() < 60, "{}", shed.len());
    assert!(shed.iter().all(|failure| failure.code() == Code::Shed && failure.wait().is_some()), "{:?}", shed[0]);
    let of = |class: usize| outcomes.iter().skip(class).step_by(2).filter(|outcome| outcome.result.is_err()).count();
    assert!(of(1) >= of(0), "{} of the urgent, {} of the others", of(0), of(1));
    assert_eq!(harness.host.status().shed, shed.len() as u64);
}

// === retry ===

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s01_what_passes_is_made_again_as_often_as_it_may_be() {
    let (folder, harness) = with_folder("retry.backoff = \"1ms..100ms\"\nbreaker.mode = \"off\"\n");
    let mut events = harness.host.events();
    let outcome = harness.call("flaky.idempotent", json!({"root": root(&folder), "calls": 3})).run().await;
    assert_eq!((outcome.ok(), outcome.receipt.attempts, noted(&folder)), (json!(3), 3, 3));
    assert!(outcome.receipt.fuel_before > 0, "what the first two used is charged, too");
    let mut seen = Vec::new();
    while let Some(Heard::Event(event)) = events.next().await {
        match &event.what {
            Happening::Started { attempt, .. } => seen.push(format!("started {attempt}")),
            Happening::Retrying { attempt, outcome, .. } => seen.push(format!("{outcome} {attempt}")),
            Happening::Finished { .. } => break,
            _ => {}
        }
    }
    assert_eq!(seen, ["started 1", "failed 1", "started 2", "failed 2", "started 3"]);
    // No more often than that: unless more is asked for.
    let call = || harness.call("flaky.idempotent", json!({"root": root(&folder), "calls": 8}));
    let outcome = call().run().await;
    outcome.ends("failed");
    assert_eq!(outcome.receipt.attempts, 3);
    let mut more = call();
    more.call.retries = Some(5);
    let outcome = more.run().await;
    assert_eq!((outcome.ok(), outcome.receipt.attempts), (json!(8), 2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s16_a_call_is_made_again_no_more_often_than_it_says_itself() {
    let (folder, harness) = with_folder("retry.backoff = \"1ms..100ms\"\nbreaker.mode = \"off\"\n");
    for (retries, attempts) in [(Some(0), 1), (Some(1), 2), (None, 3), (Some(4), 5)] {
        let before = noted(&folder);
        let mut call = harness.call("flaky.idempotent", json!({"root": root(&folder), "calls": 1_000}));
        call.call.retries = retries;
        call.call.note = Some("mine".into());
        let id = call.call.id;
        let outcome = call.run().await;
        outcome.ends("failed");
        assert_eq!((outcome.call, outcome.receipt.attempts), (id, attempts), "{retries:?}");
        assert_eq!(outcome.note.as_deref(), Some("mine"));
        assert_eq!(noted(&folder) - before, u64::from(attempts), "{retries:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_may_have_changed_something_is_not_made_again_unless_it_was_seen_to_do_nothing() {
    let (folder, harness) = with_folder("retry.backoff = \"1ms..100ms\"\n");
    let outcome = harness.call("flaky.write", json!({"root": root(&folder), "calls": 3})).run().await;
    outcome.ends("failed");
    assert_eq!((outcome.receipt.attempts, noted(&folder)), (1, 1));
    // It says that it writes, and its runs used nothing: nothing has left the cell.
    let outcome = harness.call("flaky.down", json!({"ms": 1})).run().await;
    outcome.ends("failed");
    assert_eq!(outcome.receipt.attempts, 3);
    let outcome = harness.call("flaky.wrong", json!({})).run().await;
    outcome.ends("failed");
    assert_eq!(outcome.receipt.attempts, 1, "an error of the tool's own does not pass");
    let outcome = harness.call("flaky.down", json!({"ms": 3_600_000})).run().await;
    outcome.ends("failed");
    assert_eq!(outcome.receipt.attempts, 1, "whoever asks for more patience than there is gets none");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s19_a_wait_between_attempts_holds_no_cell_and_each_attempt_is_charged_to_the_rate() {
    let toml = "[schedule]\nin_flight = 1\n[tools.flaky]\nretry.backoff = \"10s..10s\"\n";
    let harness = Harness::with(toml);
    let mut events = harness.host.events();
    let call = harness.call("flaky.down", json!({"ms": 5_000}));
    let id = call.call.id;
    let down = tokio::spawn(call.run());
    loop {
        match events.next().await {
            Some(Heard::Event(event)) if matches!(event.what, Happening::Retrying { .. }) => break,
            Some(_) => {}
            None => panic!("the host is gone"),
        }
    }
    harness.call("echo.text", json!({"text": "x"})).run().await.ok();
    assert_eq!((harness.host.load().running, harness.host.load().waiting), (0, 1));
    assert!(harness.host.cancel(id));
    let outcome = down.await.expect("a call");
    outcome.ends("cancelled");
    assert_eq!(outcome.receipt.attempts, 1);
    let limited = Harness::with("[tools.flaky]\nrate = \"2/h\"\nretry.backoff = \"1ms..1s\"\n");
    let outcome = limited.call("flaky.down", json!({"ms": 1})).run().await;
    outcome.ends("failed");
    assert_eq!(outcome.receipt.attempts, 2, "there was no third start to be had");
}

// === permit ===

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s66_what_fails_gets_a_rest_then_a_probe_and_only_for_whom_it_failed() {
    let toml =
        "[tools.flaky]\nretry.max = 0\nbreaker = { calls = 5, rest = \"300ms\" }\n[tenants.unlucky]\n[tenants.other]\n";
    let harness = Harness::with(toml);
    let maybe = |up: bool, tenant: &str| harness.call("flaky.maybe", json!({"up": up})).by(tenant).run();
    for _ in 0..5 {
        maybe(false, "unlucky").await.ends("failed");
    }
    let began = Instant::now();
    let failure = maybe(true, "unlucky").await.ends("refused(open)");
    assert!(failure.wait().is_some_and(|wait| wait <= Duration::from_millis(300)), "{failure}");
    assert!(failure.remedy().is_some_and(|fix| fix.contains("breaker.mode")), "{failure}");
    maybe(true, "other").await.ok();
    let status = harness.host.status();
    let flaky = status.tools.iter().find(|tool| tool.name == "flaky").expect("it was called");
    assert_eq!(flaky.breakers.get("unlucky").map(String::as_str), Some("open"));
    until(|| async { began.elapsed() > Duration::from_millis(320) }).await;
    let mut events = harness.host.events();
    maybe(true, "unlucky").await.ok();
    maybe(true, "unlucky").await.ok();
    let mut states = Vec::new();
    while let Ok(Some(Heard::Event(event))) = tokio::time::timeout(Duration::ZERO, events.next()).await {
        if let Happening::Breaker { state, .. } = event.what {
            states.push(state);
        }
    }
    assert_eq!(states, ["half-open", "closed"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_says_nothing_of_what_is_behind_a_tool_opens_no_breaker() {
    let harness = Harness::with("[tools.flaky]\nretry.max = 0\n");
    for _ in 0..12 {
        harness.call("flaky.wrong", json!({})).run().await.ends("failed");
        harness.call("echo.unavailable", json!({"ms": 100_000})).run().await.ends("failed");
        harness.call("flaky.honest", json!({"rounds": u64::MAX})).limit("timeout", "5ms").run().await.ends("timed-out");
        harness
            .call("flaky.honest", json!({"rounds": u64::MAX}))
            .limit("fuel", "1M")
            .run()
            .await
            .ends("exhausted(fuel)");
    }
    assert!(harness.host.status().tools.iter().all(|tool| tool.breakers.is_empty()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s23_a_limit_that_learns_keeps_to_its_bounds_and_answers_all() {
    for limit in ["aimd", "gradient", "vegas"] {
        let toml = format!("[schedule]\nin_flight = {{ limit = {limit:?}, min = 2, start = 4, max = 8 }}\n{REAL}");
        let harness = Harness::with(&toml);
        let calls = join_all((0..60).map(|_| harness.call("sleeper.nap", json!({"ms": 10})).run()));
        let watched = async {
            let mut most = 0;
            while harness.host.load().under_way > 0 || most == 0 {
                most = most.max(harness.host.load().running);
                tokio::task::yield_now().await;
            }
            most
        };
        let (outcomes, most) = tokio::join!(calls, watched);
        assert_eq!(words(&outcomes, "ok"), 60, "{limit}");
        assert!((1..=8).contains(&most), "{limit}: {most}");
        assert!((2..=8).contains(&harness.host.status().calls.limit), "{limit}");
    }
}

// === ends ===

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s17_an_outcome_names_its_call_tells_the_queue_from_the_run_and_is_one_word() {
    let harness = Harness::with(&format!("[schedule]\nin_flight = 1\n{REAL}"));
    let nap = |millis: u64| harness.call("sleeper.nap", json!({"ms": millis}));
    // Opened before, so that all come to the queue in their order.
    nap(0).run().await.ok();
    let calls = [
        nap(100),
        nap(20),
        harness.call("flaky.wrong", json!({})),
        harness.call("echo.text", json!({"text": 1})),
        harness.call("ehco.text", json!({})),
        nap(20).limit("timeout", "10ms"),
        nap(20).deadline(Duration::from_millis(50)),
    ];
    let asked: Vec<_> = calls.iter().map(|call| (call.call.id, call.call.target.clone())).collect();
    let outcomes = join_all(calls.map(|call| call.run())).await;
    let named: Vec<_> = outcomes.iter().map(|outcome| (outcome.call, outcome.target.clone())).collect();
    assert_eq!(named, asked);
    let all: Vec<String> = outcomes.iter().map(Outcome::word).collect();
    assert_eq!(all, ["ok", "ok", "failed", "invalid", "unknown", "timed-out", "refused(late)"]);
    let (first, second) = (&outcomes[0].receipt, &outcomes[1].receipt);
    let (long, short) = (Duration::from_millis(100), Duration::from_millis(90));
    assert!(first.queue < short && first.run >= long, "{first:?}");
    assert!(second.queue >= short && second.run < short, "{second:?}");
    assert_eq!((outcomes[6].receipt.attempts, outcomes[6].receipt.run), (0, Duration::ZERO), "it never ran");
}

// === counts ===

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s22_every_end_is_counted_once_by_its_word() {
    let harness = Harness::new();
    harness.call("echo.text", json!({"text": "x"})).run().await.ok();
    harness.call("echo.txet", json!({})).run().await.ends("unknown");
    harness.call("flaky.wrong", json!({})).run().await.ends("failed");
    harness.call("cpu.spin", json!({})).limit("timeout", "20ms").run().await.ends("timed-out");
    harness.call("cpu.spin", json!({})).limit("fuel", "1M").run().await.ends("exhausted(fuel)");
    let status = harness.host.status();
    let count = |word: &str| status.ended.get(word).copied().unwrap_or_default();
    assert_eq!(
        (count("ok"), count("unknown"), count("failed"), count("timed-out"), count("exhausted(fuel)")),
        (1, 1, 1, 1, 1)
    );
    assert_eq!(status.ended.values().sum::<u64>(), 5);
    let tool = |name: &str| status.tools.iter().find(|tool| tool.name == name).map(|tool| tool.times);
    let cpu = tool("cpu").expect("it ran");
    assert_eq!(
        (cpu.queue.count, cpu.run.count, cpu.failed.count),
        (2, 0, 2),
        "what failed says nothing of how long it takes"
    );
    assert_eq!(tool("echo").map(|times| times.run.count), Some(1), "what never ran took no time");
    assert_eq!(
        serde_json::from_value::<hotcell_runtime::status::Status>(serde_json::to_value(&status).expect("JSON"))
            .expect("read"),
        status
    );
}

// === batch ===

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s24_calls_of_one_tenant_share_a_cell_where_they_may_and_each_has_its_own_answer() {
    let harness =
        Harness::with("[tools.echo]\nbatch = { max = 8, wait = \"50ms\" }\n[tools.flaky]\nbatch = { max = 8 }\n");
    let mut most = 0;
    // Sharing ends after ten milliseconds, in which a busy machine may give us none: so it is tried a few times.
    for _ in 0..8 {
        let outcomes = of_two_tenants(&harness).await;
        let shared = outcomes.iter().filter(|outcome| outcome.receipt.shared_cell).count();
        assert!(outcomes.iter().all(|outcome| !(outcome.receipt.shared_cell && outcome.receipt.pure)));
        most = most.max(shared);
        if most >= 8 {
            break;
        }
    }
    assert!(most >= 8, "{most} of 32 shared a cell");
    // What is not said to be pure has a cell of its own, whatever the operator allows.
    let own = join_all((0..8).map(|_| harness.call("flaky.honest", json!({"rounds": 1})).run())).await;
    assert!(own.iter().all(|outcome| outcome.result.is_ok() && !outcome.receipt.shared_cell));
}

/// Calls of two tenants, some of which reach their limit: each has its own end.
async fn of_two_tenants(harness: &Harness) -> Vec<Outcome> {
    let calls = (0..32).map(|n| {
        let tenant = if n % 2 == 0 { "one" } else { "other" };
        match n % 8 {
            // Its own fault, and nobody else's.
            3 => harness.call("echo.work", json!({"rounds": u64::MAX})).by(tenant).limit("fuel", "1M"),
            _ => harness.call("echo.text", json!({"text": format!("call {n}")})).by(tenant),
        }
    });
    let outcomes = join_all(calls.map(|call| call.run())).await;
    for (n, outcome) in outcomes.iter().enumerate() {
        if n % 8 == 3 {
            outcome.ends("exhausted(fuel)");
        } else {
            assert_eq!(outcome.ok(), format!("call {n}"));
            assert!(outcome.receipt.fuel < 1_000_000, "its own fuel: {}", outcome.receipt.fuel);
        }
    }
    outcomes
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_in_company_has_its_answer_when_it_ends_and_not_when_the_batch_does() {
    let toml = "[limits]\nfuel = \"100000G\"\ntimeout = \"1h\"\n[tools.echo]\nbatch = { max = 2, wait = \"1s\" }\n";
    let harness = Harness::with(toml);
    let first = tokio::spawn(harness.call("echo.text", json!({"text": "first"})).run());
    until(|| async { harness.host.load().running == 1 }).await;
    // The batch is full now: it runs the first call, and then for ever.
    let endless = harness.call("echo.work", json!({"rounds": u64::MAX}));
    let id = endless.call.id;
    let endless = tokio::spawn(endless.run());
    let outcome = first.await.expect("a call");
    assert_eq!(outcome.ok(), "first");
    assert!(harness.host.cancel(id), "its company is not at its end");
    endless.await.expect("a call").ends("cancelled");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_behind_one_that_takes_long_go_on_alone() {
    let toml = "[limits]\nfuel = \"100000G\"\ntimeout = \"1h\"\n[tools.echo]\nbatch = { max = 4, wait = \"1s\" }\n";
    let harness = Harness::with(toml);
    let endless = harness.call("echo.work", json!({"rounds": u64::MAX}));
    let id = endless.call.id;
    let endless = tokio::spawn(endless.run());
    until(|| async { harness.host.load().running == 1 }).await;
    let behind = join_all((0..3).map(|n| harness.call("echo.text", json!({"text": n.to_string()})).run())).await;
    for (n, outcome) in behind.iter().enumerate() {
        assert_eq!(outcome.ok(), n.to_string());
        let receipt = &outcome.receipt;
        assert!(receipt.queue + receipt.run > Duration::from_millis(5), "its wait for company is told: {receipt:?}");
    }
    assert!(harness.host.cancel(id), "it still runs");
    let endless = endless.await.expect("a call");
    endless.ends("cancelled");
    assert!(endless.receipt.run > Duration::ZERO);
}

// A call whose deadline comes while it waits for company was told as a fault now and then: its seat was given up before the reason came.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_is_late_for_company_is_late_and_no_fault() {
    let harness = Harness::with("[tools.echo]\nbatch = { max = 64, wait = \"1s\" }\n");
    harness.call("echo.text", json!({"text": "x"})).run().await.ok();
    for round in 0..20 {
        let calls = (0..50_u64).map(|n| {
            let wait = Duration::from_micros(200 * (n + round));
            harness.call("echo.text", json!({"text": "x"})).by(&format!("t{}", n % 25)).deadline(wait).run()
        });
        for outcome in join_all(calls).await {
            let word = outcome.word();
            assert!(["ok", "timed-out", "refused(late)"].contains(&word.as_str()), "{word}: {:?}", outcome.result);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_is_cancelled_or_late_in_company_takes_nobody_with_it() {
    let toml = "[limits]\nfuel = \"100000G\"\ntimeout = \"1h\"\n[tools.echo]\nbatch = { max = 4, wait = \"100ms\" }\n";
    let harness = Harness::with(toml);
    let endless = harness.call("echo.work", json!({"rounds": u64::MAX}));
    let id = endless.call.id;
    let spinning = tokio::spawn(endless.run());
    let honest = join_all((0..3).map(|n| {
        let harness = &harness;
        async move { harness.call("echo.text", json!({"text": n.to_string()})).run().await.ok() }
    }));
    let late = harness.call("echo.work", json!({"rounds": u64::MAX})).deadline(Duration::from_millis(300)).run();
    let cancelled = async {
        let began = Instant::now();
        until(|| async { harness.host.load().running > 0 && began.elapsed() > Duration::from_millis(150) }).await;
        assert!(harness.host.cancel(id));
        spinning.await.expect("a call")
    };
    let (honest, late, cancelled) = tokio::join!(honest, late, cancelled);
    assert_eq!(honest, ["0", "1", "2"]);
    cancelled.ends("cancelled");
    assert!(["timed-out", "refused(late)"].contains(&late.word().as_str()), "{}", late.word());
}
