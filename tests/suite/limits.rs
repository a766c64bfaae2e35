//! Every limit has a guest that reaches it. The outcome is the right one, its message has the numbers and the way out, and an honest
//! neighbour, another tenant on the same host, never notices.

use std::time::{Duration, Instant};

use hotcell_call::{ByteSize, Outcome};
use serde_json::json;

use crate::support::component::{text, world};
use crate::support::{Harness, Seen, fits};

/// What the caller may wait beyond a wall clock of ours when all cores are busy (G5).
const GRACE: Duration = Duration::from_millis(750);

fn numbers(outcome: &Outcome) -> (&str, &str) {
    let failure = outcome.result.as_ref().expect_err("a failure");
    let reached = failure.numbers().unwrap_or_else(|| panic!("no numbers: {failure}"));
    (&reached.used, &reached.limit)
}

// === fuel and time ===

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fuel_bounds_work() {
    let harness = Harness::new();
    for target in ["cpu.spin", "cpu.poll"] {
        let outcome = harness.call(target, json!({})).limit("fuel", "20M").beside().await;
        outcome.ends("exhausted(fuel)");
        assert_eq!(numbers(&outcome), ("20M", "20M"), "{target}");
        assert!(outcome.receipt.fuel_exact);
        assert!((19_000_000..=20_100_000).contains(&outcome.receipt.fuel), "{}", outcome.receipt.fuel);
    }
}

// H01, H02, H03, H09, H13
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_wall_clock_bounds_every_kind_of_work() {
    let harness = Harness::with("[limits]\nfuel = \"100000G\"\n");
    for target in ["cpu.spin", "cpu.fill", "cpu.copy", "cpu.host_calls", "cpu.poll", "cpu.swallow"] {
        fits(target, Duration::from_millis(250) + GRACE, async || {
            harness.with_neighbour(out_of_time(&harness, target)).await
        })
        .await;
    }
}

/// How long it takes until a call that works for ever is answered.
async fn out_of_time(harness: &Harness, target: &str) -> Duration {
    let began = Instant::now();
    let outcome = harness.call(target, json!({})).limit("timeout", "250ms").run().await;
    let took = began.elapsed();
    outcome.ends("timed-out");
    assert_eq!(numbers(&outcome).1, "250ms", "{target}");
    assert!(outcome.receipt.run >= Duration::from_millis(250), "{target}: {:?}", outcome.receipt.run);
    assert!(!outcome.receipt.fuel_exact, "{target}: what was used after the last look is not known");
    took
}

// H02: what the host does for a guest is the guest's time on a core, whatever little fuel it took.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_hosts_work_for_a_call_is_the_calls_own() {
    let harness = Harness::with("[tools.sleeper]\nclock.mode = \"real\"\n");
    let busy = async |target: &str| {
        let outcome = harness.call(target, json!({})).limit("timeout", "250ms").run().await;
        outcome.ends("timed-out");
        let receipt = serde_json::to_value(&outcome.receipt).expect("a receipt is JSON");
        (receipt["busy_ms"].as_f64().expect("a time"), receipt["run_ms"].as_f64().expect("a time"))
    };
    let (storm, ran) = busy("cpu.host_calls").await;
    assert!(storm > ran / 4.0 && storm <= ran, "{storm} of {ran}");
    fits("a sleeper", Duration::from_millis(50), async || {
        let (slept, ran) = busy("sleeper.forever").await;
        assert!(slept <= ran, "{slept} of {ran}");
        Duration::from_secs_f64(slept / 1e3)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s02_work_over_its_time_is_gone_within_ten_milliseconds_and_work_in_time_is_not_touched() {
    let harness = Harness::with("[limits]\nfuel = \"100000G\"\n[tools.sleeper]\nclock.mode = \"real\"\n");
    for target in ["cpu.spin", "sleeper.forever"] {
        let mut soonest = Duration::MAX;
        // Other tests hold the cores too, so it is the soonest of some that tells how long the host itself takes.
        for _ in 0..20 {
            let began = Instant::now();
            let outcome = harness.call(target, json!({})).limit("timeout", "20ms").run().await;
            soonest = soonest.min(began.elapsed());
            outcome.ends("timed-out");
            assert!(outcome.receipt.run >= Duration::from_millis(20), "{target}: {:?}", outcome.receipt.run);
            assert_eq!(harness.host.load().running, 0, "{target}: nothing of it runs on");
        }
        assert!(soonest < Duration::from_millis(30), "{target}: {soonest:?}");
    }
    let outcome = harness.call("sleeper.nap", json!({"ms": 40})).limit("timeout", "10s").run().await;
    assert_eq!(outcome.ok(), 40);
}

// H04: a guest that waits holds no core and no thread, so a hundred of them wait side by side.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn waiting_for_ever_ends_and_costs_nothing() {
    let harness = Harness::with("[tools.sleeper]\nclock.mode = \"real\"\n");
    let call = || harness.call("sleeper.forever", json!({})).limit("timeout", "500ms").run();
    fits("a hundred at once", Duration::from_millis(500) + GRACE, async || {
        let began = Instant::now();
        let all = futures::future::join_all((0..100).map(|_| call()));
        let outcomes = harness.with_neighbour(all).await;
        let took = began.elapsed();
        let mut busy: Vec<Duration> = outcomes.iter().map(|outcome| outcome.receipt.busy).collect();
        busy.sort_unstable();
        // One or another is in the middle of its few instructions when the machine turns to somebody else.
        assert!(busy[50] < Duration::from_millis(10), "{busy:?}");
        for outcome in &outcomes {
            outcome.ends("timed-out");
            assert!(outcome.receipt.fuel < 1_000_000, "{}", outcome.receipt.fuel);
        }
        took
    })
    .await;
}

// H05
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sleeping_again_and_again_ends() {
    let harness = Harness::with("[tools.sleeper]\nclock.mode = \"real\"\n");
    fits("a chain of sleeps", Duration::from_millis(100), async || {
        let outcome = harness.call("sleeper.chain", json!({})).limit("timeout", "400ms").beside().await;
        outcome.ends("timed-out");
        outcome.receipt.busy
    })
    .await;
    // A virtual clock turns sleep into work, and work has its own bound.
    let harness = Harness::new();
    harness.call("sleeper.chain", json!({})).limit("fuel", "5M").beside().await.ends("exhausted(fuel)");
}

// H07
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn looking_through_many_waits_is_work_like_any_other() {
    let harness = Harness::new();
    let call = harness.call("sleeper.rescan", json!({"sleeping": 400}));
    call.limit("timeout", "300ms").beside().await.ends("timed-out");
}

// H10
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_start_function_without_end_is_bounded_and_the_phase_is_named() {
    let harness = Harness::new();
    let core = r#"(module (func $spin (loop $again (br $again))) (start $spin) (func (export "run")))"#;
    harness.shape("starts", &world("package t:t; world w { export run: func(); }", core));
    for (key, value, word) in [("timeout", "200ms", "timed-out"), ("fuel", "1M", "exhausted(fuel)")] {
        let outcome = harness.call("starts.run", json!({})).limit(key, value).beside().await;
        let failure = outcome.ends(word);
        assert!(failure.reason().contains("while it was instantiated"), "{failure}");
    }
}

// H11
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_allocator_without_end_is_bounded() {
    let harness = Harness::new();
    let core = r#"(module (memory (export "memory") 1)
        (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (loop $again (br $again)) unreachable)
        (func (export "run") (param i32 i32)))"#;
    harness.shape("allocates", &world("package t:t; world w { export run: func(text: string); }", core));
    let call = || harness.call("allocates.run", json!({"text": "x"}));
    call().limit("timeout", "200ms").beside().await.ends("timed-out");
    call().limit("fuel", "1M").beside().await.ends("exhausted(fuel)");
}

// H12: the result is there, but its clean-up never ends. A call is over when its cell is: so it is a limit that was reached.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clean_up_without_end_is_bounded() {
    let harness = Harness::new();
    let core = r#"(module (memory (export "memory") 1) (data (i32.const 8) "\10\00\00\00\02\00\00\00")
        (func (export "run") (result i32) (i32.const 8))
        (func (export "cabi_post_run") (param i32) (loop $again (br $again))))"#;
    harness.shape("lingers", &world("package t:t; world w { export run: func() -> string; }", core));
    let call = || harness.call("lingers.run", json!({}));
    call().limit("timeout", "200ms").beside().await.ends("timed-out");
    call().limit("fuel", "1M").beside().await.ends("exhausted(fuel)");
}

// === stack ===

// H08
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn recursion_ends_with_the_stack() {
    let harness = Harness::new();
    let outcome = harness.call("cpu.recurse", json!({})).beside().await;
    let failure = outcome.ends("exhausted(stack)");
    assert!(failure.reason().contains("512KiB"), "{failure}");
    assert_eq!(numbers(&outcome).1, "512KiB");
    // The stack that a compiler keeps in memory is memory like any other: below it, memory ends.
    harness.call("cpu.recurse_wide", json!({})).beside().await.ends("trapped(oob)");
}

// === memory ===

// H18: the guest turns the refusal into a panic; the outcome still says what happened.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn memory_is_bounded_and_the_limit_is_named_although_the_guest_panics() {
    let harness = Harness::new();
    let outcome = harness.call("memory.touch", json!({})).limit("memory", "16MiB").beside().await;
    outcome.ends("exhausted(memory)");
    assert_eq!(numbers(&outcome).1, "16MiB");
    assert!(outcome.receipt.memory_peak <= ByteSize::mib(16), "{}", outcome.receipt.memory_peak);
    assert!(outcome.receipt.memory_peak >= ByteSize::mib(13), "{}", outcome.receipt.memory_peak);
}

// H19
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn memory_is_bounded_for_a_guest_that_does_not_mind() {
    let harness = Harness::new();
    let outcome = harness.call("memory.silent", json!({})).limit("memory", "16MiB").beside().await;
    let pages = outcome.ok().as_u64().expect("a number");
    assert!(pages * 65_536 <= 16 << 20, "{pages} pages");
    assert!(outcome.receipt.memory_peak <= ByteSize::mib(16));
}

// H20
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_giant_piece_is_refused_at_once() {
    let harness = Harness::new();
    let outcome = harness.call("memory.giant", json!({})).beside().await;
    outcome.ends("exhausted(memory)");
    let (used, limit) = numbers(&outcome);
    assert!(used.starts_with("3") && used.ends_with("GiB"), "{used}");
    assert_eq!(limit, "64MiB");
    assert!(outcome.receipt.run < Duration::from_millis(500), "{:?}", outcome.receipt.run);
}

// H21: five memories of 4 MiB are within a limit of 16 MiB each, and not together.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn memories_count_together() {
    let harness = Harness::new();
    let memories = "(memory 64)".repeat(5);
    harness.shape("many", &plain(&format!("(module {memories} (func (export \"run\")))")));
    let outcome = harness.call("many.run", json!({})).limit("memory", "16MiB").beside().await;
    let failure = outcome.ends("exhausted(memory)");
    assert!(failure.reason().contains("while it was instantiated"), "{failure}");
    assert_eq!(numbers(&outcome), ("20MiB", "16MiB"));
    harness.call("many.run", json!({})).limit("memory", "20MiB").run().await.ok();
    // More of them than the engine sets aside for one call.
    let memories = "(memory 64)".repeat(24);
    harness.shape("crowd", &plain(&format!("(module {memories} (func (export \"run\")))")));
    let word = harness.call("crowd.run", json!({})).beside().await.word();
    assert!(["exhausted(memory)", "exhausted(instances)", "rejected"].contains(&word.as_str()), "{word}");
}

// H22
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tables_count_as_memory() {
    let harness = Harness::new();
    let tables = "(table 40000 funcref)".repeat(4);
    harness.shape("tables", &plain(&format!("(module {tables} (func (export \"run\")))")));
    let outcome = harness.call("tables.run", json!({})).limit("memory", "1MiB").beside().await;
    outcome.ends("exhausted(memory)");
    let grow = "(loop $again (br_if $again (i32.ne (table.grow (ref.null func) (i32.const 1000)) (i32.const -1)))) unreachable";
    harness.shape("grows", &plain(&format!("(module (table 0 funcref) (func (export \"run\") {grow}))")));
    harness.call("grows.run", json!({})).limit("memory", "256KiB").beside().await.ends("exhausted(memory)");
    harness.shape("huge", &plain("(module (table 4294967295 funcref) (func (export \"run\")))"));
    let word = harness.call("huge.run", json!({})).beside().await.word();
    assert!(["exhausted(memory)", "rejected"].contains(&word.as_str()), "{word}");
}

// H24
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn memory_that_is_there_from_the_start_counts() {
    let harness = Harness::new();
    harness.shape("big", &plain("(module (memory 65536) (func (export \"run\")))"));
    let outcome = harness.call("big.run", json!({})).beside().await;
    let failure = outcome.ends("exhausted(memory)");
    assert!(failure.reason().contains("while it was instantiated"), "{failure}");
    assert_eq!(numbers(&outcome), ("4GiB", "64MiB"));
    let grow = "(func $grow (drop (memory.grow (i32.const 5000)))  (if (i32.lt_u (memory.size) (i32.const 5000)) (then unreachable)))";
    harness.shape("grows", &plain(&format!("(module (memory 1) {grow} (start $grow) (func (export \"run\")))")));
    let outcome = harness.call("grows.run", json!({})).beside().await;
    let failure = outcome.ends("exhausted(memory)");
    assert!(failure.reason().contains("while it was instantiated"), "{failure}");
    harness.shape("wide", &plain("(module (memory i64 268435456) (func (export \"run\")))"));
    harness.call("wide.run", json!({})).beside().await.ends("rejected");
}

// H23
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn instances_are_counted_before_any_is_made() {
    let harness = Harness::new();
    // Of 1 500 the format itself has had enough.
    for (name, count, word) in [
        ("few", 30, "ok"),
        ("some", 40, "exhausted(instances)"),
        ("many", 400, "exhausted(instances)"),
        ("crowd", 1_500, "rejected"),
    ] {
        let instances = "(core instance (instantiate $m))".repeat(count);
        let lift = "(func (export \"run\") (canon lift (core func $main \"run\")))";
        let text_of = format!(
            "(component (core module $m (func (export \"run\"))) {instances} (core instance $main (instantiate $m)) {lift})"
        );
        harness.shape(name, &text(&text_of));
        let outcome = harness.call(&format!("{name}.run"), json!({})).beside().await;
        assert_eq!(outcome.word(), word, "{name}: {:?}", outcome.result);
        if word == "exhausted(instances)" {
            outcome.ends(word);
            assert_eq!(numbers(&outcome), ((count + 1).to_string().as_str(), "32"));
        }
    }
}

/// A component whose one function has neither parameters nor a result.
fn plain(core: &str) -> Vec<u8> {
    world("package t:t; world w { export run: func(); }", core)
}

// === what goes in and what comes out ===

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_input_is_bounded_before_anything_reads_it() {
    let harness = Harness::new();
    let outcome = harness.call("echo.text", json!({"text": "x".repeat(5 << 20)})).beside().await;
    outcome.ends("invalid");
    assert_eq!(numbers(&outcome).1, "4MiB");
    let short = harness.call("echo.text", json!({"text": "x".repeat(2_000)})).limit("input", "1KiB").run().await;
    assert_eq!(numbers(&short).1, "1KiB");
    assert_eq!(short.receipt.fuel, 0, "nothing ran");
}

// H25
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_result_that_is_too_large_is_never_cut_and_passed_off_as_whole() {
    let harness = Harness::new();
    for target in ["output.answer", "output.fail"] {
        let outcome = harness.call(target, json!({"bytes": 1 << 20})).limit("output", "256KiB").beside().await;
        outcome.ends("exhausted(output)");
        let (used, limit) = numbers(&outcome);
        assert_eq!(limit, "256KiB", "{target}");
        assert!(used.starts_with("1.0MiB") || used == "1MiB", "{target}: {used}");
        let outcome = harness
            .call(target, json!({"bytes": 20 << 20}))
            .limit("output", "4MiB")
            .limit("memory", "64MiB")
            .beside()
            .await;
        assert!(["exhausted(output)", "exhausted(memory)"].contains(&outcome.word().as_str()), "{}", outcome.word());
        harness.call(target, json!({"bytes": 300 << 20})).beside().await.ends("exhausted(memory)");
    }
    // What fits arrives whole.
    let fits = harness.call("output.answer", json!({"bytes": 200 << 10})).limit("output", "256KiB").run().await;
    assert_eq!(fits.ok().as_str().map(str::len), Some(200 << 10));
    harness.call("output.fail", json!({"bytes": 1_000})).run().await.ends("failed");
}

// H31
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_is_kept_up_to_its_bound_and_counted_beyond() {
    let harness = Harness::new();
    let outcome = harness.call("output.flood", json!({"mib": 8})).limit("log", "64KiB").beside().await;
    outcome.ok();
    for (stream, kept) in [(outcome.receipt.stdout, &outcome.log.stdout), (outcome.receipt.stderr, &outcome.log.stderr)]
    {
        assert_eq!((stream.kept, stream.kept + stream.dropped), (64 << 10, 8 << 20));
        assert_eq!(kept.len(), 64 << 10);
    }
}

// H32
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_short_lines_are_bounded_like_one_long_one() {
    let harness = Harness::new();
    let outcome = harness.call("output.lines", json!({"count": 100_000})).limit("log", "4KiB").beside().await;
    outcome.ok();
    assert_eq!((outcome.receipt.stdout.kept, outcome.receipt.stdout.dropped), (4 << 10, 200_000 - (4 << 10)));
}

// H30: the flood that is empty. Its memory is measured in `footprint`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn empty_writes_are_work_and_leave_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let root = folder.path().display().to_string();
    let harness = Harness::with(&format!("[tools.output]\nfs.write = [\"{root}\"]\n"));
    for (target, input) in [
        ("output.empty_stdout", json!({})),
        ("output.empty_stderr", json!({})),
        ("output.empty_file", json!({"root": root})),
    ] {
        let outcome = harness.call(target, input).limit("timeout", "300ms").beside().await;
        outcome.ends("timed-out");
        assert_eq!(outcome.receipt.stdout.kept + outcome.receipt.stdout.dropped, 0);
        assert_eq!(outcome.receipt.disk, ByteSize::bytes(0));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_guest_hands_over_at_once_is_bounded() {
    let harness = Harness::new();
    let call = |bytes: u64| harness.call("output.one_write", json!({"bytes": bytes}));
    let outcome = call(200 << 10).limit("host_data", "100KiB").beside().await;
    outcome.ends("exhausted(host-data)");
    assert_eq!(numbers(&outcome), ("200KiB", "100KiB"));
    call(50 << 10).limit("host_data", "100KiB").run().await.ok();
    let outcome = call(9 << 20).beside().await;
    outcome.ends("exhausted(host-data)");
    assert_eq!(numbers(&outcome), ("9MiB", "8MiB"));
    // Zeroes cost the guest nothing; more than a stream takes is not made.
    let word = harness.call("output.zeroes", json!({"bytes": 1_u64 << 50})).beside().await.word();
    assert!(word.starts_with("trapped(") || word.starts_with("exhausted("), "{word}");
}

// === handles ===

// H06, H29, H56
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn handles_are_bounded() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("file"), "x").expect("a file");
    let root = folder.path().display().to_string();
    let harness = Harness::with(&format!("[tools.handles]\nfs.read = [\"{root}\"]\n"));
    for (target, input) in [
        ("handles.pollables", json!({"count": 1_000_000})),
        ("handles.streams", json!({"count": 3_000_000})),
        ("handles.files", json!({"root": root, "name": "file", "count": 1_000_000})),
        ("handles.detours", json!({"root": root, "count": 1_000_000})),
        ("handles.listings", json!({"root": root, "count": 1_000_000})),
    ] {
        let outcome = harness.call(target, input.clone()).beside().await;
        outcome.ends("exhausted(handles)");
        // Of open files there are fewer where the process may have few.
        if matches!(target, "handles.pollables" | "handles.streams") {
            assert_eq!(numbers(&outcome), ("1025", "1024"), "{target}");
        }
        let outcome = harness.call(target, input).limit("handles", "50").run().await;
        assert_eq!(numbers(&outcome), ("51", "50"), "{target}");
    }
    // A path that the system would not take as a whole is not taken in pieces either.
    let name = format!("{}file", "./".repeat(2_100));
    let outcome = harness.call("handles.files", json!({"root": root, "name": name, "count": 1})).run().await;
    assert!(outcome.ends("failed").reason().contains("name-too-long"), "{outcome:?}");
    // One at a time is never too many.
    harness.call("handles.one_by_one", json!({"count": 20_000})).limit("handles", "20").run().await.ok();
}

// === randomness ===

// H14, H27
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn random_bytes_are_bounded_over_the_whole_call() {
    for mode in ["seeded", "system"] {
        let harness = Harness::with(&format!("[tools.randomness]\nrandom.mode = \"{mode}\"\n"));
        for target in ["randomness.secure", "randomness.any"] {
            for bytes in [1_u64 << 31, u64::MAX, (1 << 20) + 1] {
                let outcome = harness.call(target, json!({"bytes": bytes})).beside().await;
                outcome.ends("exhausted(random)");
                assert_eq!(numbers(&outcome).1, "1MiB");
                assert!(outcome.receipt.run < Duration::from_millis(500), "{:?}", outcome.receipt.run);
            }
            assert_eq!(harness.call(target, json!({"bytes": 1 << 20})).run().await.ok(), json!(1 << 20));
        }
        for target in ["randomness.storm", "randomness.trickle"] {
            let outcome = harness.call(target, json!({})).beside().await;
            outcome.ends("exhausted(random)");
            assert!(outcome.receipt.random <= ByteSize::mib(1), "{}", outcome.receipt.random);
        }
    }
}

// === disks ===

// H55
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_written_is_bounded() {
    for (target, input) in [
        ("quota.fill", json!({"mib": 8})),
        ("quota.append", json!({"mib": 8})),
        ("quota.rewrite", json!({"mib": 8})),
        ("quota.stretch", json!({"bytes": 1_u64 << 40})),
        ("quota.sparse", json!({"bytes": 1_u64 << 40})),
    ] {
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path().display().to_string();
        let harness = Harness::with(&format!("[tools.quota]\nfs.write = [\"{root}\"]\n"));
        let mut input = input;
        input["root"] = json!(root);
        let outcome = harness.call(target, input).limit("disk", "2MiB").beside().await;
        outcome.ends("exhausted(disk)");
        assert_eq!(numbers(&outcome).1, "2MiB", "{target}");
        assert!(outcome.receipt.disk <= ByteSize::mib(2), "{target}: {}", outcome.receipt.disk);
        assert!(size_of_folder(folder.path()) <= 2 << 20, "{target}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn entries_are_bounded_whatever_they_are() {
    for entry in ["file", "folder", "link", "hardlink"] {
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path().display().to_string();
        let harness = Harness::with(&format!("[tools.quota]\nfs.write = [\"{root}\"]\n"));
        let input = json!({"root": root, "entry": entry, "count": 1_000_000});
        let outcome = harness.call("quota.litter", input).limit("entries", "100").beside().await;
        let failure = outcome.ends("exhausted(disk)");
        assert!(
            failure.to_string().contains("entries") || failure.remedy().is_some_and(|fix| fix.contains("entries")),
            "{failure}"
        );
        assert_eq!(std::fs::read_dir(folder.path()).expect("the folder").count(), 100, "{entry}");
    }
}

fn size_of_folder(folder: &std::path::Path) -> u64 {
    let files = std::fs::read_dir(folder).expect("the folder");
    files.map(|file| file.expect("a file").metadata().expect("its size").len()).sum()
}

// === together ===

// H33
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_hostile_guests_at_once_end_each_in_its_own_way() {
    let harness = Harness::new();
    let memory = || harness.call("memory.touch", json!({})).limit("memory", "16MiB").run();
    let output = || harness.call("output.answer", json!({"bytes": 1 << 20})).limit("output", "256KiB").run();
    let log = || harness.call("output.flood", json!({"mib": 2})).run();
    let all = async {
        let memories = futures::future::join_all((0..8).map(|_| memory()));
        let outputs = futures::future::join_all((0..8).map(|_| output()));
        let logs = futures::future::join_all((0..8).map(|_| log()));
        tokio::join!(memories, outputs, logs)
    };
    let (memories, outputs, logs) = harness.with_neighbour(all).await;
    for outcome in memories {
        outcome.ends("exhausted(memory)");
    }
    for outcome in outputs {
        outcome.ends("exhausted(output)");
    }
    for outcome in logs {
        outcome.ok();
    }
}

// The other side of each limit: what keeps to it is not disturbed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn honest_work_within_the_limits_is_done() {
    let harness = Harness::new();
    assert_eq!(harness.call("memory.hold", json!({"mib": 40})).run().await.ok(), json!(40));
    assert_eq!(harness.call("echo.work", json!({"rounds": 10_000_000})).run().await.ok(), json!(10_000_000));
    assert_eq!(harness.call("sleeper.nap", json!({"ms": 3_600_000})).run().await.ok(), json!(3_600_000));
    let outcome = harness.call("echo.text", json!({"text": "ü\n\u{0}"})).run().await;
    assert_eq!(outcome.ok(), json!("ü\n\u{0}"));
    assert!(outcome.receipt.pure && outcome.receipt.fuel_exact && outcome.receipt.fuel > 0);
    assert!(outcome.receipt.memory_peak > ByteSize::bytes(0) && outcome.receipt.run > Duration::ZERO);
}
