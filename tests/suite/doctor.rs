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
        // Where there is a server, it would be asked; without a grant nothing is.
        ("proof.ask", json!({"server": "127.0.0.1:1", "times": 1}), "fuel", "1G", "denied"),
        ("proof.send", json!({"server": "127.0.0.1:1", "bytes": 1}), "fuel", "1G", "denied"),
        ("proof.receive", json!({"server": "127.0.0.1:1", "bytes": 1}), "fuel", "1G", "denied"),
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
    // So does which of the compiler's limits comes first, and thereby the width of a column.
    let words =
        |line: &str| line.split("  ").map(str::trim).filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" | ");
    let lines = table.lines().filter(|line| !line.contains("compile bomb"));
    let steady: Vec<_> = lines.map(|line| words(line.get(..end).unwrap_or(line))).collect();
    insta::assert_snapshot!(steady.join("\n"));
    assert!(remarks.contains("28 of 28 attacks were stopped as they should be ("), "{remarks}");
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
            false if limit == "fuel" => {
                assert_ne!(verdict, "broken", "{attack} goes for {limit}, which is on: {proof}");
            }
            false => assert_eq!(verdict, "holds", "{attack} goes for {limit}, which is on: {proof}"),
        }
    }
}

/// The attacks that were not stopped.
fn broken(proof: &Value) -> Vec<&str> {
    verdicts(proof).into_iter().filter(|(.., verdict)| *verdict == "broken").map(|(attack, ..)| attack).collect()
}

#[test]
fn requests_without_bounds_are_seen_and_those_of_a_host_as_well() {
    let proof = without("requests,sent,received,stack,cell,compile").exits(1).json();
    let wanted = ["deep recursion", "many requests", "huge upload", "huge download", "state left", "compile bomb"];
    assert_eq!(broken(&proof), wanted, "{proof}");
    let row = |attack: &str| {
        let rows = proof["attacks"].as_array().expect("attacks");
        rows.iter().find(|row| row["attack"] == attack).cloned().expect("the attack")
    };
    // What was not bounded got through: the server was there, and did as it was asked.
    for (attack, outcome, reached) in
        [("many requests", "ok", "65"), ("huge upload", "ok", "256.0KiB"), ("state left", "ok", "call 2")]
    {
        let row = row(attack);
        assert_eq!((&row["outcome"], &row["reached"]), (&json!(outcome), &json!(reached)), "{row}");
    }
    assert_eq!(row("compile bomb")["outcome"], "cancelled");
}

#[test]
fn fuel_and_quotas_that_are_not_there_are_seen() {
    let proof = without("fuel,disk,entries").exits(1).json();
    let broken = broken(&proof);
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
        "[limits]\nfuel = \"1000000G\"\ntimeout = \"1h\"\ndisk = \"100GiB\"\nhandles = 50\nlog = \"2KiB\"\nrequests = 3\nsent = \"200\"\n",
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
        ("many requests", "3", Value::Null),
        ("huge upload", "200B", Value::Null),
        ("huge download", "256KiB", json!("8MiB")),
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

// === the report ===

/// The report without what differs from machine to machine, and without what is found wrong with this one.
fn steady(shell: &Shell, report: &str) -> String {
    let (report, _) = report.split_once("\nwarning: ").unwrap_or((report, ""));
    let text = report.replace(&shell.path("").display().to_string(), "/checkout/").replace(", unoptimised", "");
    let volatile = |line: &&str| {
        ["program  ", "machine  ", "engine   ", "cache    ", "cache.folder"].iter().any(|title| line.starts_with(title))
    };
    let lines = text.lines().map(|line| match volatile(&line) {
        true => format!("{}  …", line.split(' ').next().unwrap_or_default()),
        false => line.to_owned(),
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn a_fresh_checkout_is_usable_and_every_setting_says_where_it_comes_from() {
    let shell = Shell::new();
    shell.file(
        "hotcell.toml",
        "[limits]\nfuel = \"20G\"\n\n[tools.calc]\nenv.set = { TOKEN = \"hunter2\" }\nrate = \"3/s\"\n",
    );
    let seen = shell.run(&["doctor"]).exits(0);
    assert!(!seen.stdout.contains("hunter2"), "{}", seen.stdout);
    assert!(seen.stdout.contains("cache.folder") && seen.stdout.contains("HOTCELL_CACHE_DIR"), "{}", seen.stdout);
    insta::assert_snapshot!(steady(&shell, &seen.stdout));
    let last = seen.stdout.lines().last().expect("a verdict");
    assert!(last.starts_with("hotcell is ready: "), "{last}");
    assert_eq!(seen.stderr, "");
}

#[test]
fn programs_get_the_report_as_one_object() {
    let shell = Shell::new();
    let report = shell.run(&["doctor", "--json"]).exits(0).json();
    assert_eq!((&report["usable"], &report["problems"]), (&json!(true), &json!([])));
    assert_eq!((&report["config"]["trust"], &report["config"]["file"]), (&json!("none"), &Value::Null));
    let keys = |value: &Value| value.as_object().map(|object| object.keys().cloned().collect::<Vec<_>>().join(" "));
    let parts = ["", "program", "machine", "engine", "config", "tools", "cache", "state"];
    let shape = parts.map(|part| {
        let value = if part.is_empty() { &report } else { &report[part] };
        format!("{part}: {}", keys(value).unwrap_or_default())
    });
    insta::assert_snapshot!(shape.join("\n"));
    let fuel = json!({"key": "limits.fuel", "value": "10G", "from": "default"});
    assert!(report["config"]["values"].as_array().is_some_and(|values| values.contains(&fuel)), "{report}");
    assert!(report["engine"]["reserved"].as_u64() > Some(1 << 40), "{}", report["engine"]);
}

/// What is wrong, by its first words.
fn found<'r>(report: &'r Value, kind: &str) -> Vec<&'r str> {
    let findings = report[kind].as_array().expect("findings");
    for finding in findings {
        assert!(finding["fix"].is_string(), "no way out: {finding}");
    }
    findings.iter().filter_map(|finding| finding["what"].as_str()).collect()
}

#[test]
fn what_makes_calls_fail_is_said_with_the_way_out() {
    let shell = Shell::new();
    shell.file("tools/odd.wasm", "no component");
    shell.install(&["echo", "state"]);
    std::fs::create_dir(shell.path("tools/echo")).expect("a folder");
    std::fs::copy(shell.path("tools/echo.wasm"), shell.path("tools/echo/echo.wasm")).expect("a guest");
    shell.file("tools/echo/tool.toml", "[tool]\nname = \"echo\"\nwasm = \"echo.wasm\"\n");
    let report = shell.run(&["doctor", "--json"]).exits(1).json();
    assert_eq!(report["usable"], false);
    assert_eq!(found(&report, "problems"), ["echo can't be called", "odd can't be called"]);
    let text = shell.run(&["doctor"]).exits(1).stdout;
    assert!(text.contains("problem: odd can't be called\n  why  rejected[E0701]"), "{text}");
    assert!(text.contains("2 broken") && text.contains("hotcell is not ready: 2 problems"), "{text}");
}

#[test]
fn a_file_that_does_not_fit_keeps_nothing_else_from_being_looked_at() {
    let shell = Shell::new();
    shell.file("hotcell.toml", "[limits]\nfeul = \"1G\"\n");
    let seen = shell.run(&["doctor"]).exits(1);
    for part in [
        "2 | feul = \"1G\"",
        "did you mean `fuel`?",
        "the file does NOT fit: below are the defaults",
        "11 starter tools",
    ] {
        assert!(seen.stdout.contains(part), "{part}: {}", seen.stdout);
    }
    let report = shell.run(&["doctor", "--json"]).exits(1).json();
    assert_eq!((&report["config"]["trust"], found(&report, "problems").len()), (&json!("broken"), 1));
    shell.file("hotcell.toml", "[tools.files]\nfs.read = [\"/etc\"]\n");
    let report = shell.run(&["doctor", "--json"]).exits(1).json();
    assert_eq!(report["config"]["trust"], "untrusted");
    assert!(!report["config"]["values"].to_string().contains("/etc"), "what is not in force is not shown");
    assert!(found(&report, "problems")[0].contains("is not trusted"), "{report}");
    let named = shell.run(&["doctor", "--json", "--config", "hotcell.toml"]).exits(0).json();
    assert_eq!(named["config"]["trust"], "named");
    shell.run(&["trust"]).exits(0);
    assert_eq!(shell.run(&["doctor", "--json"]).exits(0).json()["config"]["trust"], "trusted");
}

#[test]
fn a_cache_that_is_not_used_is_said_with_the_reason() {
    use std::fs::{Permissions, set_permissions};
    use std::os::unix::fs::PermissionsExt;

    let shell = Shell::new();
    let look = |variable: &str, value: &std::path::Path| {
        let words = ["doctor", "--json"];
        let output = shell.command(&words).env(variable, value).output().expect("the program runs");
        Seen::of(output, &words).exits(0).json()
    };
    let cache = shell.path("cache");
    assert_eq!(look("HOTCELL_CACHE_DIR", &cache)["cache"]["exists"], false);
    assert!(!cache.exists(), "a doctor changes nothing");
    std::fs::create_dir(&cache).expect("a folder");
    set_permissions(&cache, Permissions::from_mode(0o777)).expect("a mode");
    let report = look("HOTCELL_CACHE_DIR", &cache);
    assert_eq!((&report["cache"]["usable"], &report["usable"]), (&json!(false), &json!(true)));
    let warning =
        &report["warnings"].as_array().expect("warnings").iter().find(|one| one["what"].to_string().contains("cache"));
    assert!(warning.is_some_and(|one| one["why"].to_string().contains("others may write to it")), "{report}");
    set_permissions(&cache, Permissions::from_mode(0o700)).expect("a mode");
    std::fs::write(cache.join("key"), [7; 32]).expect("a key");
    set_permissions(cache.join("key"), Permissions::from_mode(0o644)).expect("a mode");
    assert_eq!(look("HOTCELL_CACHE_DIR", &cache)["cache"]["key"], "open");
    assert_eq!(std::fs::read(cache.join("key")).expect("a key"), [7; 32], "a doctor changes nothing");
    let state = shell.path("state");
    std::fs::create_dir(&state).expect("a folder");
    set_permissions(&state, Permissions::from_mode(0o777)).expect("a mode");
    let report = look("HOTCELL_STATE_DIR", &state);
    assert!(found(&report, "warnings").iter().any(|what| what.contains("is not believed")), "{report}");
}
