//! What hostile calls cost the host: memory, threads, open files, and that it comes back.
//!
//! Other tests in the same process would be measured too. So each measurement is a test that is ignored, and one that is not
//! starts it in a process of its own.

use std::fs;
use std::process::Command;
use std::time::Duration;

use futures::future::join_all;
use serde_json::json;

use super::rejected::{nested, until};
use crate::support::component::world;
use crate::support::{Harness, Seen};

const MIB: u64 = 1 << 20;
/// Threads that wait for file operations come and go by themselves. What leaks a thread leaks one each time, a hundred here.
const IDLE: u64 = 16;

#[test]
fn hostile_calls_cost_the_host_no_more_than_they_may() {
    let names = [
        "empty_writes",
        "floods_of_text",
        "huge_results",
        "long_lists",
        "many_handles",
        "waiting_guests",
        "pipes_in_a_folder",
        "a_compile_bomb",
        "many_at_once",
        "a_hundred_repetitions",
    ];
    let this = std::env::current_exe().expect("the test knows where it is");
    let mut failed = Vec::new();
    for name in names {
        let test = format!("footprint::measured::{name}");
        let arguments = ["--exact", &test, "--ignored", "--nocapture", "--test-threads", "1"];
        let output = Command::new(&this).args(arguments).output().expect("the test runs");
        let said = String::from_utf8_lossy(&output.stdout);
        // A name that fits nothing would pass as well.
        if !output.status.success() || !said.contains("1 passed") {
            failed.push(format!("{name}\n{said}\n{}", String::from_utf8_lossy(&output.stderr)));
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

/// What the process takes of the machine.
#[derive(Debug, Clone, Copy)]
struct Footprint {
    memory: u64,
    threads: u64,
    files: usize,
}

impl Footprint {
    fn now() -> Self {
        let files = fs::read_dir("/proc/self/fd").expect("open files").count();
        Self { memory: status("VmRSS"), threads: status("Threads"), files }
    }
}

/// A number of `/proc/self/status`: bytes where it has a unit.
fn status(key: &str) -> u64 {
    let text = fs::read_to_string("/proc/self/status").expect("the process's status");
    let line = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':')).expect("a known key");
    let number: u64 = line.split_whitespace().next().and_then(|number| number.parse().ok()).expect("a number");
    if line.ends_with("kB") { number * 1_024 } else { number }
}

/// The most memory that `case` took beyond what there was before.
async fn rise(case: impl Future) -> u64 {
    // Makes the high-water mark what is used now.
    fs::write("/proc/self/clear_refs", "5").expect("the mark can be set back");
    let before = status("VmRSS");
    case.await;
    status("VmHWM").saturating_sub(before)
}

/// A host that has made all its threads and loaded the tools that are measured.
async fn warm(toml: &str, tools: &[&str]) -> Harness {
    let harness = Harness::with(toml);
    for tool in tools {
        harness.host.inspect(&tool.parse().expect("a name")).await.expect("a tool");
    }
    for _ in 0..5 {
        harness.call("echo.text", json!({"text": "warm"})).run().await.ok();
    }
    harness
}

mod measured {
    use super::*;

    // H30: the advisory GHSA-5m8g-xhq4-4h93 grows by 80 MB in each second.
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    #[ignore = "measures the process: started by `hostile_calls_cost_the_host_no_more_than_they_may`"]
    async fn empty_writes() {
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path().display().to_string();
        let harness =
            warm(&format!("[limits]\nfuel = \"1000G\"\n[tools.output]\nfs.write = [{root:?}]\n"), &["output"]).await;
        for (target, input) in [
            ("output.empty_stdout", json!({})),
            ("output.empty_stderr", json!({})),
            ("output.empty_file", json!({"root": root})),
        ] {
            let call = || harness.call(target, input.clone()).limit("timeout", "600ms").run();
            call().await.ends("timed-out");
            let rise = rise(async { call().await.ends("timed-out") }).await;
            assert!(rise <= 8 * MIB, "{target}: {} MiB", rise / MIB);
        }
    }

    // H31, H32
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    #[ignore = "measures the process: started by `hostile_calls_cost_the_host_no_more_than_they_may`"]
    async fn floods_of_text() {
        let harness = warm("", &["output"]).await;
        let flood = rise(async { harness.call("output.flood", json!({"mib": 48})).run().await.ok() }).await;
        assert!(flood <= 8 * MIB + 4 * MIB, "{} MiB, of which the guest has some", flood / MIB);
        let lines = rise(async { harness.call("output.lines", json!({"count": 100_000})).run().await.ok() }).await;
        assert!(lines <= 8 * MIB, "{} MiB", lines / MIB);
    }

    // H25
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    #[ignore = "measures the process: started by `hostile_calls_cost_the_host_no_more_than_they_may`"]
    async fn huge_results() {
        let harness = warm("", &["output"]).await;
        for target in ["output.answer", "output.fail"] {
            let rise = rise(async {
                let outcome = harness.call(target, json!({"bytes": 12 << 20})).run().await;
                assert!(
                    ["exhausted(output)", "exhausted(memory)"].contains(&outcome.word().as_str()),
                    "{:?}",
                    outcome.result
                );
            })
            .await;
            assert!(rise <= (64 + 64) * MIB, "{target}: {} MiB", rise / MIB);
        }
    }

    // H26
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    #[ignore = "measures the process: started by `hostile_calls_cost_the_host_no_more_than_they_may`"]
    async fn long_lists() {
        let harness = warm("", &["plain"]).await;
        let bytes = json!({"bytes": "AAAA".repeat(1 << 18)});
        let reversed = rise(async { harness.call("plain.reverse", bytes).run().await.ok() }).await;
        assert!(reversed <= 64 * MIB, "1 MiB of bytes: {} MiB", reversed / MIB);
        for count in [1_000_000, 16_000_000, 60_000_000] {
            let rise = rise(harness.call("plain.even", json!({"count": count})).run()).await;
            assert!(rise <= (64 + 64) * MIB, "{count} booleans: {} MiB", rise / MIB);
        }
        // The list is not even in the guest's memory: its length alone is.
        let wit = "package t:t; world w { export run: func() -> list<result>; }";
        let core = r#"(module (memory (export "memory") 900) (data (i32.const 0) "\08\00\00\00\00\00\00\03") (func (export "run") (result i32) (i32.const 0)))"#;
        harness.shape("claims", &world(wit, core));
        let rise = rise(harness.call("claims.run", json!({})).run()).await;
        assert!(rise <= (64 + 64) * MIB, "50 million results: {} MiB", rise / MIB);
    }

    // H06, H29
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    #[ignore = "measures the process: started by `hostile_calls_cost_the_host_no_more_than_they_may`"]
    async fn many_handles() {
        let harness = warm("", &["handles"]).await;
        for target in ["handles.pollables", "handles.streams"] {
            let call = || harness.call(target, json!({"count": 3_000_000})).run();
            call().await.ends("exhausted(handles)");
            let rise = rise(async { call().await.ends("exhausted(handles)") }).await;
            assert!(rise <= 16 * MIB, "{target}: {} MiB", rise / MIB);
        }
    }

    // H04
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    #[ignore = "measures the process: started by `hostile_calls_cost_the_host_no_more_than_they_may`"]
    async fn waiting_guests() {
        let harness = warm("[tools.sleeper]\nclock.mode = \"real\"\n", &["sleeper"]).await;
        let before = Footprint::now();
        let call = |_| harness.call("sleeper.forever", json!({})).limit("timeout", "800ms").run();
        let calls = join_all((0..100).map(call));
        let during = async {
            until(|| async { harness.host.load().running == 100 }).await;
            Footprint::now()
        };
        let (outcomes, during) = tokio::join!(calls, during);
        assert!(during.threads <= before.threads + 4, "{before:?}, {during:?}");
        for outcome in outcomes {
            outcome.ends("timed-out");
        }
    }

    // H57: an opened pipe would hold a thread of the pool for ever.
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    #[ignore = "measures the process: started by `hostile_calls_cost_the_host_no_more_than_they_may`"]
    async fn pipes_in_a_folder() {
        let folder = tempfile::tempdir().expect("a folder");
        let pipe = folder.path().join("pipe");
        rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, rustix::fs::Mode::RUSR).expect("a pipe");
        let root = folder.path().display().to_string();
        let harness = warm(&format!("[tools.files]\nfs.write = [{root:?}]\n"), &["files"]).await;
        let input = json!({"path": pipe.display().to_string(), "times": 600});
        harness.call("files.fifo", input.clone()).run().await.ok();
        let before = Footprint::now();
        harness.call("files.fifo", input).run().await.ok();
        let after = Footprint::now();
        assert!(after.threads <= before.threads + IDLE && after.files <= before.files + 2, "{before:?}, {after:?}");
    }

    // H76: 300 KB that take gigabytes, in another process.
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    #[ignore = "measures the process: started by `hostile_calls_cost_the_host_no_more_than_they_may`"]
    async fn a_compile_bomb() {
        let harness = warm("[compile]\nmemory = \"128MiB\"\ncpu = \"1s\"\ntimeout = \"3s\"\n", &[]).await;
        let core = nested(100_000);
        harness.shape("bomb", &world("package t:t; world w { export run: func(); }", &core));
        drop(core);
        let rise = rise(async { harness.call("bomb.run", json!({})).run().await.ends("rejected") }).await;
        assert!(rise <= 16 * MIB, "{} MiB", rise / MIB);
    }

    // H33, G4
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    #[ignore = "measures the process: started by `hostile_calls_cost_the_host_no_more_than_they_may`"]
    async fn many_at_once() {
        let harness = warm("", &["memory", "output"]).await;
        let memory = |_| harness.call("memory.touch", json!({})).limit("memory", "32MiB").run();
        let output = |_| harness.call("output.answer", json!({"bytes": 8 << 20})).limit("memory", "32MiB").run();
        let log = |_| harness.call("output.flood", json!({"mib": 8})).limit("memory", "32MiB").run();
        let rise = rise(async {
            let all = (join_all((0..8).map(memory)), join_all((0..8).map(output)), join_all((0..8).map(log)));
            tokio::join!(all.0, all.1, all.2)
        })
        .await;
        assert!(rise <= (24 * 32 + 128) * MIB, "{} MiB", rise / MIB);
    }

    // G6: a hundred times whatever ends a call, and nothing is left.
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    #[ignore = "measures the process: started by `hostile_calls_cost_the_host_no_more_than_they_may`"]
    async fn a_hundred_repetitions() {
        let tools = ["cpu", "memory", "output", "faults", "handles", "files", "sleeper", "environment"];
        let harness = warm("[tools.sleeper]\nclock.mode = \"real\"\n", &tools).await;
        let round = || async {
            join_all([
                harness.call("cpu.spin", json!({})).limit("fuel", "1M").run(),
                harness.call("cpu.spin", json!({})).limit("timeout", "10ms").run(),
                harness.call("memory.touch", json!({})).limit("memory", "8MiB").run(),
                harness.call("output.flood", json!({"mib": 1})).run(),
                harness.call("output.answer", json!({"bytes": 100_000})).limit("output", "1KiB").run(),
                harness.call("faults.panics", json!({"message": "again"})).run(),
                harness.call("faults.exits", json!({"code": 1})).run(),
                harness.call("handles.streams", json!({"count": 2_000})).run(),
                harness.call("files.read", json!({"path": "/etc/passwd"})).run(),
                harness.call("sleeper.forever", json!({})).limit("timeout", "10ms").run(),
                harness.call("environment.look", json!({})).run(),
                harness.call("nothing.here", json!({})).run(),
            ])
            .await
        };
        for _ in 0..20 {
            round().await;
        }
        let before = Footprint::now();
        for _ in 0..100 {
            round().await;
        }
        // What was freed goes back when it goes back.
        tokio::time::sleep(Duration::from_millis(200)).await;
        let after = Footprint::now();
        assert!(after.threads <= before.threads + IDLE && after.files <= before.files + 2, "{before:?}, {after:?}");
        let rise = after.memory.saturating_sub(before.memory);
        assert!(rise <= 100 * 50 * 1_024, "{} KiB in a hundred rounds", rise / 1_024);
        assert_eq!(harness.host.load().under_way, 0);
    }
}
