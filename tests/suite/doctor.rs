//! `hotcell doctor`: that it proves what holds, and, where a limit is taken away, that it says so.

use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::cli::{Seen, Shell};
use crate::support::{Harness, Seen as _};

/// Longer than any proof takes, on a machine that is busy with other tests.
const LONG: Duration = Duration::from_secs(60);

// === the guest ===

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_guest_of_the_proof_does_what_it_is_there_for() {
    let harness = Harness::with("[tools.proof]\nclock.mode = \"real\"\n");
    for (target, input, key, value, word) in [
        ("proof.spin", json!({}), "fuel", "1M", "exhausted(fuel)"),
        ("proof.storm", json!({}), "timeout", "50ms", "timed-out"),
        ("proof.sleep", json!({}), "timeout", "50ms", "timed-out"),
        ("proof.grow", json!({}), "memory", "8MiB", "exhausted(memory)"),
        ("proof.recurse", json!({}), "fuel", "1G", "exhausted(stack)"),
        ("proof.answer", json!({"bytes": 2_000}), "output", "1KiB", "exhausted(output)"),
        ("proof.random", json!({"bytes": 2_000}), "random", "1KiB", "exhausted(random)"),
        ("proof.hand-over", json!({"bytes": 2_000}), "host_data", "1KiB", "exhausted(host-data)"),
        ("proof.hold", json!({"count": 20}), "handles", "10", "exhausted(handles)"),
        ("proof.read", json!({"path": "/etc/hostname"}), "fuel", "1G", "denied"),
        ("proof.reach", json!({}), "fuel", "1G", "denied"),
        ("proof.trap", json!({}), "fuel", "1G", "trapped(unreachable)"),
        // Without a folder it has nowhere to go.
        ("proof.fill", json!({"folder": "granted"}), "fuel", "1G", "failed"),
        ("proof.litter", json!({"folder": "granted"}), "fuel", "1G", "failed"),
    ] {
        harness.call(target, input).limit(key, value).run().await.ends(word);
    }
    for (target, input, answer) in [
        ("proof.flood", json!({"bytes": 10}), Value::Null),
        ("proof.look", json!({}), json!([])),
        ("proof.count", json!({}), json!(1)),
        ("proof.echo", json!({"text": "x"}), json!("x")),
    ] {
        assert_eq!(harness.call(target, input).run().await.ok(), answer, "{target}");
    }
    // It tells what it found: here, that there is no folder to climb out of.
    let climbed = harness.call("proof.climb", json!({"folder": "granted", "name": "x", "full": "/x"})).run().await.ok();
    assert_eq!(climbed.as_array().map(Vec::len), Some(1), "{climbed}");
}

// === the proof ===

/// The verdict on each attack.
fn verdicts(proof: &Value) -> Vec<(&str, &str, &str)> {
    let text = |row: &'_ Value, key: &str| row[key].as_str().unwrap_or_default().to_owned().leak() as &str;
    let rows = proof["attacks"].as_array().expect("attacks");
    rows.iter().map(|row| (text(row, "attack"), text(row, "limit"), text(row, "verdict"))).collect()
}

/// Proves with these limits taken away.
fn without(limits: &str) -> Seen {
    let words = ["doctor", "--prove", "--json"];
    let output = Shell::new().command(&words).env("HOTCELL_TEST_WITHOUT", limits).output();
    Seen::of(output.expect("the program runs"), &words)
}

#[test]
fn the_limits_of_a_fresh_checkout_hold_and_the_proof_is_a_table() {
    let began = Instant::now();
    let seen = Shell::new().run(&["doctor", "--prove"]).exits(0);
    assert!(began.elapsed() < LONG, "{:?}", began.elapsed());
    let (table, remarks) = seen.stdout.split_once("\n\n").expect("a table and remarks");
    // What follows differs from run to run.
    let end = table.lines().next().and_then(|head| head.find("reached")).expect("a head");
    let steady = table.lines().map(|line| line.get(..end).unwrap_or(line).trim_end());
    // Which of the compiler's limits comes first is a matter of the machine.
    let steady: Vec<_> =
        steady.map(|line| line.replace("256MiB*", "…").replace("1s*", "…").replace("2s*", "…")).collect();
    insta::assert_snapshot!(steady.join("\n"));
    assert!(remarks.contains("25 of 25 attacks were stopped as they should be ("), "{remarks}");
    assert!(remarks.contains("all answered") && remarks.contains("in force: fuel 10G, timeout 10s"), "{remarks}");
    assert_eq!(seen.stderr, "", "nothing moves where nobody sees it");
}

#[test]
fn programs_get_the_proof_with_all_its_numbers() {
    let proof = Shell::new().run(&["doctor", "--prove", "--json"]).exits(0).json();
    assert_eq!((&proof["holds"], &proof["limits"]["memory"]), (&json!(true), &json!(64 << 20)));
    assert_eq!(proof["neighbour"]["failed"], Value::Null);
    assert!(proof["neighbour"]["beside"]["count"].as_u64() > Some(100), "{}", proof["neighbour"]);
    let row = |attack: &str| {
        let rows = proof["attacks"].as_array().expect("attacks");
        rows.iter().find(|row| row["attack"] == attack).cloned().expect("the attack")
    };
    let sleep = row("endless sleep");
    assert!(sleep["after_ms"].as_f64().is_some_and(|after| after < 1_000.0), "{sleep}");
    assert!(sleep["neighbour"]["count"].as_u64() > Some(0), "{sleep}");
    let mut fuel = row("endless loop");
    assert!(fuel["took_ms"].as_f64() > Some(0.0), "{fuel}");
    for volatile in ["took_ms", "calls", "neighbour"] {
        fuel[volatile] = json!("…");
    }
    insta::assert_snapshot!(serde_json::to_string_pretty(&fuel).expect("JSON"));
}

#[test]
fn a_limit_that_is_not_there_is_seen() {
    let off = ["memory", "input", "output", "log", "handles", "instances", "random", "host_data"];
    let seen = without(&off.join(",")).exits(1);
    let proof = seen.json();
    assert_eq!(proof["holds"], false);
    for (attack, limit, verdict) in verdicts(&proof) {
        match off.contains(&limit) {
            true => assert_eq!(verdict, "broken", "{attack} goes for {limit}, which is off: {proof}"),
            // How long a guest goes on is a matter of the machine, too.
            false if limit == "timeout" => {}
            false => assert_eq!(verdict, "holds", "{attack} goes for {limit}, which is on: {proof}"),
        }
    }
}

#[test]
fn fuel_and_quotas_that_are_not_there_are_seen() {
    let proof = without("fuel,disk,entries").exits(1).json();
    let broken: Vec<_> =
        verdicts(&proof).into_iter().filter(|(.., verdict)| *verdict == "broken").map(|(attack, ..)| attack).collect();
    for attack in ["endless loop", "endless start", "disk filling", "file litter"] {
        assert!(broken.contains(&attack), "{attack}: {proof}");
    }
}

#[test]
fn a_clock_that_stops_nobody_is_seen_and_does_not_keep_the_proof() {
    let began = Instant::now();
    let proof = without("timeout").exits(1).json();
    assert!(began.elapsed() < LONG, "{:?}", began.elapsed());
    for (attack, limit, verdict) in verdicts(&proof) {
        assert!(limit != "timeout" || verdict == "broken", "{attack}: {proof}");
    }
    let rows = proof["attacks"].as_array().expect("attacks");
    let sleep = rows.iter().find(|row| row["attack"] == "endless sleep").expect("the attack");
    assert_eq!((&sleep["outcome"], &sleep["why"]), (&json!("cancelled"), &json!("it ran on, and had to be cancelled")));
}

#[test]
fn limits_of_hours_are_narrowed_and_small_ones_are_tried_as_they_are() {
    let shell = Shell::new();
    shell.file(
        "hotcell.toml",
        "[limits]\nfuel = \"1000000G\"\ntimeout = \"1h\"\ndisk = \"100GiB\"\nhandles = 50\nlog = \"2KiB\"\n",
    );
    let proof = shell.run(&["doctor", "--prove", "--json"]).exits(0).json();
    let row = |attack: &str| {
        let rows = proof["attacks"].as_array().expect("attacks");
        rows.iter().find(|row| row["attack"] == attack).cloned().expect("the attack")
    };
    for (attack, set, from) in [
        ("endless loop", "500M", json!("1000000G")),
        ("endless sleep", "300ms", json!("1h")),
        ("disk filling", "4MiB", json!("100GiB")),
        ("many handles", "50", Value::Null),
        ("log flood", "2KiB", Value::Null),
    ] {
        let row = row(attack);
        assert_eq!((&row["set"], &row["narrowed_from"]), (&json!(set), &from), "{attack}");
    }
}

#[test]
fn under_limits_that_let_nobody_through_nothing_can_be_proved() {
    let shell = Shell::new();
    shell.file("hotcell.toml", "[limits]\nmemory = \"1MiB\"\n");
    let seen = shell.run(&["doctor", "--prove"]).exits(4);
    assert!(seen.stderr.contains("not even an honest guest gets through"), "{}", seen.stderr);
    shell.file("hotcell.toml", "[limits]\nmemroy = \"1MiB\"\n");
    let seen = shell.run(&["doctor", "--prove"]).exits(2);
    assert!(seen.stderr.contains("memroy") && seen.stderr.contains("`memory`"), "{}", seen.stderr);
}

#[test]
fn a_proof_ends_at_a_signal_and_leaves_nothing_behind() {
    let shell = Shell::new();
    let scratch = shell.path("scratch");
    std::fs::create_dir(&scratch).expect("a folder");
    let mut command = shell.command(&["doctor", "--prove"]);
    let mut child =
        command.env("TMPDIR", &scratch).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the program runs");
    let pid = Pid::from_raw(i32::try_from(child.id()).expect("an id")).expect("an id");
    let is_at_work = || std::fs::read_dir(&scratch).expect("a folder").count() > 0;
    let until = Instant::now() + LONG;
    while !is_at_work() && Instant::now() < until {
        thread::sleep(Duration::from_millis(10));
    }
    thread::sleep(Duration::from_millis(700));
    kill_process(pid, Signal::INT).expect("it is there");
    let began = Instant::now();
    let status = child.wait().expect("it ends");
    assert_eq!(status.code(), Some(130));
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    assert!(!is_at_work(), "its folder is still there");
}
