//! What hostile calls cost the host: memory, threads, open files, and that it comes back.
//!
//! Only counts decide, never times: a machine that is busy with other things makes a measurement slow, and no different. So what
//! a guest does without end is ended by its fuel. Other tests in the same process would be measured too, which is why each of
//! these starts itself again in a process of its own ([`alone`]).

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use futures::future::join_all;
use serde_json::{Value, json};

use super::rejected::{nested, until};
use crate::support::component::world;
use crate::support::program::scratch;
use crate::support::{Harness, Web};

const MIB: u64 = 1 << 20;
/// What a call's cell may have, and as much again for what is made of its result.
const CELL: u64 = (64 + 64) * MIB;
/// What the allocator keeps for the next time, and the engine for the next cell.
const KEPT: u64 = 24 * MIB;
/// Threads for file operations that a hundred calls may have at one time.
const IDLE: u64 = 16;
/// How long such a thread waits for more to do.
const KEPT_ALIVE: Duration = Duration::from_millis(100);
/// Threads that may be left: one or two that are about to go.
const LEFT: u64 = 2;
/// Longer than any measurement takes on the busiest machine: no clock of the host's ends a call here.
const PATIENCE: &str = "[limits]\ntimeout = \"10m\"\n";

/// Measures `case` in a process where nothing else is under way.
fn alone(name: &str, case: impl Future<Output = ()>) {
    const INSIDE: &str = "HOTCELL_TEST_MEASURED";
    if std::env::var_os(INSIDE).is_some() {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        let runtime = builder.worker_threads(2).thread_keep_alive(KEPT_ALIVE).enable_all().build();
        return runtime.expect("worker threads").block_on(case);
    }
    let this = std::env::current_exe().expect("the test knows where it is");
    let test = format!("footprint::{name}");
    let temporary = tempfile::tempdir().expect("a folder");
    let mut command = Command::new(this);
    command.args(["--exact", &test, "--nocapture"]).env(INSIDE, "1").env("TMPDIR", temporary.path());
    // Else the allocator learns from large results to keep room for the next, in each thread's arena that had one.
    command.env("MALLOC_MMAP_THRESHOLD_", "131072").env("MALLOC_TRIM_THRESHOLD_", "131072");
    let output = command.output().expect("it runs");
    let said = String::from_utf8_lossy(&output.stdout);
    // A name that fits nothing would pass as well.
    let passed = output.status.success() && said.contains("1 passed");
    assert!(passed, "{said}\n{}", String::from_utf8_lossy(&output.stderr));
}

/// What the process takes of the machine.
#[derive(Debug, Clone, Copy)]
struct Footprint {
    memory: u64,
    threads: u64,
    files: usize,
    children: usize,
    /// What lies in the folder of temporary files, which is this process' own.
    temporary: usize,
}

impl Footprint {
    fn now() -> Self {
        let count = |folder: &Path| fs::read_dir(folder).expect("a folder").count();
        let (files, temporary) = (count(Path::new("/proc/self/fd")), count(&std::env::temp_dir()));
        Self { memory: status("VmRSS"), threads: status("Threads"), files, children: children(), temporary }
    }

    /// When nothing has changed for a while: what only was there for the last calls is gone.
    async fn settled() -> Self {
        let mut last = Self::now();
        for _ in 0..100 {
            tokio::time::sleep(3 * KEPT_ALIVE).await;
            let now = Self::now();
            let still = (now.threads, now.files, now.children) == (last.threads, last.files, last.children);
            last = now;
            if still {
                break;
            }
        }
        last
    }

    /// Waits until what was there before is all that is left, but for so much memory.
    async fn is_left(self, memory: u64) {
        let patience = Instant::now() + Duration::from_secs(60);
        loop {
            let now = Self::now();
            let fits = now.memory <= self.memory + memory;
            let threads = now.threads <= self.threads + LEFT;
            let files = now.files <= self.files + 2 && now.temporary <= self.temporary;
            if fits && threads && files && now.children <= self.children {
                return;
            }
            // What was freed goes back when it goes back.
            assert!(Instant::now() < patience, "{now:?} after {self:?}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

/// A number of `/proc/self/status`: bytes where it has a unit.
fn status(key: &str) -> u64 {
    let text = fs::read_to_string("/proc/self/status").expect("the process's status");
    let line = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':')).expect("a known key");
    let number: u64 = line.split_whitespace().next().and_then(|number| number.parse().ok()).expect("a number");
    if line.ends_with("kB") { number * 1_024 } else { number }
}

/// How many child processes there are, the dead that nobody waited for included.
fn children() -> usize {
    let parent = |entry: fs::DirEntry| {
        let stat = fs::read_to_string(entry.path().join("stat")).ok()?;
        // The name of the program, which may hold anything, ends with the last bracket; its state comes between.
        stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()
    };
    let all = fs::read_dir("/proc").expect("processes").flatten();
    all.filter_map(parent).filter(|parent: &u32| *parent == std::process::id()).count()
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
        harness.call("echo.text", json!({"text": "warm"})).run().await;
    }
    harness
}

/// Measures a call: what it takes at most, and that it leaves nothing. How it ends is not the question here.
async fn costs(harness: &Harness, target: &str, input: Value, fuel: &str, most: u64) {
    let call = || harness.call(target, input.clone()).limit("fuel", fuel).run();
    call().await;
    let before = Footprint::now();
    let rise = rise(call()).await;
    assert!(rise <= most, "{target}: {} MiB", rise / MIB);
    before.is_left(KEPT).await;
}

// H30: the advisory GHSA-5m8g-xhq4-4h93 grows by 80 MB in each second.
#[test]
fn empty_writes() {
    alone("empty_writes", async {
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path().display().to_string();
        let harness = warm(&format!("{PATIENCE}[tools.output]\nfs.write = [{root:?}]\n"), &["output"]).await;
        for (target, input) in [
            ("output.empty_stdout", json!({})),
            ("output.empty_stderr", json!({})),
            ("output.empty_file", json!({"root": root})),
        ] {
            costs(&harness, target, input, "40M", KEPT).await;
        }
    });
}

// H31, H32
#[test]
fn floods_of_text() {
    alone("floods_of_text", async {
        let harness = warm(PATIENCE, &["output"]).await;
        costs(&harness, "output.flood", json!({"mib": 1_000}), "200M", KEPT).await;
        costs(&harness, "output.lines", json!({"count": 10_000_000}), "200M", KEPT).await;
    });
}

// H25
#[test]
fn huge_results() {
    alone("huge_results", async {
        let harness = warm(PATIENCE, &["output"]).await;
        for target in ["output.answer", "output.fail"] {
            costs(&harness, target, json!({"bytes": 12 << 20}), "1G", CELL).await;
        }
    });
}

// H26
#[test]
fn long_lists() {
    alone("long_lists", async {
        let harness = warm(PATIENCE, &["plain"]).await;
        costs(&harness, "plain.reverse", json!({"bytes": "AAAA".repeat(1 << 18)}), "1G", CELL).await;
        for count in [1_000_000, 60_000_000] {
            costs(&harness, "plain.even", json!({"count": count}), "1G", CELL).await;
        }
        // The list is not even in the guest's memory: its length alone is.
        let wit = "package t:t; world w { export run: func() -> list<result>; }";
        let core = r#"(module (memory (export "memory") 900) (data (i32.const 0) "\08\00\00\00\00\00\00\03") (func (export "run") (result i32) (i32.const 0)))"#;
        harness.shape("claims", &world(wit, core));
        costs(&harness, "claims.run", json!({}), "1G", CELL).await;
    });
}

// H06, H29
#[test]
fn many_handles() {
    alone("many_handles", async {
        let harness = warm(PATIENCE, &["handles"]).await;
        for target in ["handles.pollables", "handles.streams"] {
            costs(&harness, target, json!({"count": 3_000_000}), "1G", KEPT).await;
        }
    });
}

// H04
#[test]
fn waiting_guests() {
    alone("waiting_guests", async {
        let harness = warm(&format!("{PATIENCE}[tools.sleeper]\nclock.mode = \"real\"\n"), &["sleeper"]).await;
        let before = Footprint::now();
        let calls: Vec<_> = (0..100).map(|_| harness.call("sleeper.forever", json!({}))).collect();
        let ids: Vec<_> = calls.iter().map(|call| call.call.id).collect();
        let calls = join_all(calls.into_iter().map(|call| call.run()));
        let during = async {
            until(|| async { harness.host.load().running == 100 }).await;
            let during = Footprint::now();
            ids.iter().for_each(|id| assert!(harness.host.cancel(*id)));
            during
        };
        let (_, during) = tokio::join!(calls, during);
        assert!(during.threads <= before.threads + IDLE, "{before:?}, {during:?}");
        before.is_left(KEPT).await;
    });
}

// H57: an opened pipe would hold a thread of the pool for ever.
#[test]
fn pipes_in_a_folder() {
    alone("pipes_in_a_folder", async {
        let folder = tempfile::tempdir().expect("a folder");
        let pipe = folder.path().join("pipe");
        rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, rustix::fs::Mode::RUSR).expect("a pipe");
        let root = folder.path().display().to_string();
        let harness = warm(&format!("{PATIENCE}[tools.files]\nfs.write = [{root:?}]\n"), &["files"]).await;
        let input = json!({"path": pipe.display().to_string(), "times": 600});
        costs(&harness, "files.fifo", input, "1G", KEPT).await;
    });
}

// H76: 300 KB that take gigabytes, in another process.
#[test]
fn a_compile_bomb() {
    alone("a_compile_bomb", async {
        let harness = warm("[compile]\nmemory = \"128MiB\"\ncpu = \"1s\"\n", &[]).await;
        harness.shape("bomb", &world("package t:t; world w { export run: func(); }", &nested(100_000)));
        let before = Footprint::now();
        let rise = rise(harness.call("bomb.run", json!({})).run()).await;
        assert!(rise <= KEPT, "{} MiB", rise / MIB);
        before.is_left(KEPT).await;
    });
}

// H33, G4
#[test]
fn many_at_once() {
    alone("many_at_once", async {
        let harness = warm(PATIENCE, &["memory", "output"]).await;
        let all = async || {
            let cell = |target, input| harness.call(target, input).limit("memory", "32MiB").limit("fuel", "1G").run();
            let memory = join_all((0..8).map(|_| cell("memory.touch", json!({}))));
            let output = join_all((0..8).map(|_| cell("output.answer", json!({"bytes": 8 << 20}))));
            let log = join_all((0..8).map(|_| cell("output.flood", json!({"mib": 8}))));
            tokio::join!(memory, output, log);
        };
        all().await;
        let before = Footprint::now();
        let rise = rise(all()).await;
        assert!(rise <= (24 * 32 + 128) * MIB, "{} MiB", rise / MIB);
        before.is_left(24 * 4 * MIB).await;
    });
}

// G6: a hundred times whatever ends a call, and nothing is left.
#[test]
fn many_repetitions() {
    const ROUNDS: usize = 100;
    alone("many_repetitions", async {
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path().display().to_string();
        fs::write(folder.path().join("held"), "").expect("a file");
        let granted = format!("fs.write = [{root:?}]");
        let toml = format!(
            "[breaker]\nmode = \"off\"\n[tools.quota]\n{granted}\n[tools.handles]\n{granted}\n[tools.sleeper]\nclock.mode = \"real\"\n\
             [tools.randomness]\nrandom.mode = \"system\"\n"
        );
        let tools = ["cpu", "memory", "output", "faults", "handles", "files", "sleeper", "environment"];
        let harness = warm(&toml, &[&tools[..], &["quota", "randomness", "network"]].concat()).await;
        let socket = std::net::TcpListener::bind("127.0.0.1:0").expect("a socket");
        let address = socket.local_addr().expect("its address").to_string();
        for round in 0..20 {
            every_end(&harness, &root, &address, round).await;
        }
        let before = Footprint::settled().await;
        for round in 20..20 + ROUNDS {
            every_end(&harness, &root, &address, round).await;
        }
        // Of what the gate allows for each repetition of one attack, here there are twenty.
        before.is_left(ROUNDS as u64 * 50 * 1_024).await;
        let calls = harness.host.status().calls;
        assert_eq!((calls.under_way, calls.running), (0, 0), "{calls:?}");
        assert_eq!((calls.at_door, calls.delayed, calls.waiting), (0, 0, 0), "{calls:?}");
        let ours = format!("{}-", std::process::id());
        let unfinished = fs::read_dir(scratch("cache")).expect("the cache");
        let unfinished = unfinished.filter(|entry| {
            let name = entry.as_ref().expect("an entry").file_name();
            name.to_string_lossy().starts_with(&ours)
        });
        assert_eq!(unfinished.count(), 0, "files of the cache that were never finished");
    });
}

/// One call for each way in which a call can end badly, all at once; the last three give up or are given up.
async fn every_end(harness: &Harness, root: &str, address: &str, round: usize) {
    let bad = format!("bad-{round}");
    let component = [b"\0asm\x0d\0\x01\0".as_slice(), bad.as_bytes()].concat();
    let file = harness.shape(&bad, &component);
    let calls = [
        ("cpu.spin", json!({}), ("fuel", "1M"), "exhausted(fuel)"),
        ("cpu.spin", json!({}), ("timeout", "10ms"), "timed-out"),
        ("cpu.recurse", json!({}), ("fuel", "1G"), "exhausted(stack)"),
        ("memory.touch", json!({}), ("memory", "8MiB"), "exhausted(memory)"),
        ("output.answer", json!({"bytes": 100_000}), ("output", "1KiB"), "exhausted(output)"),
        ("output.flood", json!({"mib": 1}), ("log", "64KiB"), "ok"),
        ("faults.panics", json!({"message": "again"}), ("log", "64KiB"), "trapped(unreachable)"),
        ("faults.divide", json!({}), ("log", "64KiB"), "trapped(arithmetic)"),
        ("faults.exits", json!({"code": 1}), ("log", "64KiB"), "trapped(exit)"),
        ("handles.streams", json!({"count": 2_000}), ("handles", "256"), "exhausted(handles)"),
        (
            "handles.files",
            json!({"root": root, "name": "held", "count": 2_000}),
            ("handles", "64"),
            "exhausted(handles)",
        ),
        ("quota.fill", json!({"root": root, "mib": 2}), ("disk", "1MiB"), "exhausted(disk)"),
        ("randomness.storm", json!({}), ("random", "256KiB"), "exhausted(random)"),
        ("files.read", json!({"path": "/etc/passwd"}), ("log", "64KiB"), "denied"),
        ("network.connect", json!({"address": address}), ("log", "64KiB"), "denied"),
        ("sleeper.forever", json!({}), ("timeout", "10ms"), "timed-out"),
        ("echo.progress", json!({"times": 1_000}), ("log", "64KiB"), "ok"),
        ("echo.text", json!({"txet": 1}), ("log", "64KiB"), "invalid"),
        ("nothing.here", json!({}), ("log", "64KiB"), "unknown"),
        (&format!("{bad}.run"), json!({}), ("log", "64KiB"), "rejected"),
    ];
    let ends = join_all(calls.map(|(target, input, (key, value), word)| async move {
        let outcome = harness.call(target, input).limit(key, value).run().await;
        assert_eq!(outcome.word(), word, "{target}: {:?}", outcome.result);
    }));
    let cancelled = async {
        let call = harness.call("sleeper.forever", json!({}));
        let id = call.call.id;
        let (outcome, ()) = tokio::join!(call.run(), until(|| async { harness.host.cancel(id) }));
        assert_eq!(outcome.word(), "cancelled");
    };
    let late = harness.call("sleeper.forever", json!({})).deadline(Duration::from_millis(10)).run();
    let gone = async {
        // In the middle, or before: whoever goes away may do so at any time.
        let _ = tokio::time::timeout(Duration::from_millis(10), harness.call("cpu.spin", json!({})).run()).await;
    };
    let (_, (), late, ()) = tokio::join!(ends, cancelled, late, gone);
    assert!(late.result.is_err());
    fs::remove_file(file).expect("the file was there");
}

// H28, H64, H67: also the advisory GHSA-f8mm-ggr3-89wh, of empty pieces of a body.
#[test]
fn requests() {
    alone("requests", async {
        let web = Web::start();
        let toml = format!("{PATIENCE}[tools.web]\nnet.allow = [\"* http://127.0.0.1:{}/*\"]\n", web.port());
        let harness = warm(&toml, &["web"]).await;
        let url = web.url("/upload");
        costs(&harness, "web.upload", json!({"url": url, "pieces": u64::MAX, "bytes": 0}), "10M", KEPT).await;
        costs(&harness, "web.upload", json!({"url": url, "pieces": 1_000, "bytes": 16_384}), "1G", CELL).await;
        costs(&harness, "web.send", json!({"method": "GET", "url": web.url("/endless")}), "1G", CELL).await;
        costs(&harness, "web.header_bomb", json!({"sets": 900, "headers": 25}), "1G", CELL).await;
    });
}
