//! The floor on which everything else stands: what is seen of the processes themselves, and of how they are built.
//!
//! Which item of it is where, and why one or another differs from what is usual, stands in `docs/adr/0012-the-hardening-floor.md`.

use std::collections::BTreeMap;
use std::fs;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::cli::Shell;
use crate::support::program::{hotcell, scratch};
use crate::support::source::{Line, metadata, read, shipped_lines};

/// A child that is gone when the test is.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Running {
    /// What the kernel bounds of it, once it has set this bound itself: soft and hard, by the kernel's names.
    fn limits(&mut self, set: &str, to: &str) -> BTreeMap<String, (String, String)> {
        let patience = Instant::now() + Duration::from_secs(60);
        loop {
            assert!(self.0.try_wait().expect("a child").is_none(), "it ended by itself");
            let text = fs::read_to_string(format!("/proc/{}/limits", self.0.id())).expect("its limits");
            let limits = table(&text);
            if limits.get(set).is_some_and(|(soft, hard)| soft == to && hard == to) {
                return limits;
            }
            assert!(Instant::now() < patience, "{set} is never {to}: {text}");
            thread::sleep(Duration::from_millis(5));
        }
    }
}

/// Columns are of a fixed width there.
fn table(text: &str) -> BTreeMap<String, (String, String)> {
    let column = |line: &str, from, to| line.get(from..to).unwrap_or_default().trim().to_owned();
    let rows = text.lines().skip(1);
    rows.map(|line| (column(line, 0, 26), (column(line, 26, 47), column(line, 47, 68)))).collect()
}

fn pair(text: &str) -> (String, String) {
    (text.to_owned(), text.to_owned())
}

#[test]
fn a_host_leaves_no_core_and_takes_all_the_descriptors_that_it_may() {
    let shell = Shell::new();
    shell.install(&["sleeper"]);
    // A shell gives it few of them, and a core file of any size.
    let script = "ulimit -S -n 100; ulimit -S -c unlimited 2>/dev/null; exec \"$0\" \"$@\"";
    let mut command = shell.command(&[]);
    let program = std::mem::replace(&mut command, Command::new("sh"));
    command.args(["-c", script]).arg(hotcell()).args(["call", "sleeper.forever", "--allow-clock", "--timeout", "10m"]);
    command.current_dir(shell.path("")).env_clear();
    for (name, value) in program.get_envs() {
        command.env(name, value.expect("a value"));
    }
    let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("a shell");
    let mut child = Running(child);
    let limits = child.limits("Max core file size", "0");
    // The two are set one after the other, and this one last.
    let most = limits["Max open files"].1.clone();
    assert_ne!(most, "100");
    child.limits("Max open files", &most);
}

#[test]
fn the_compiler_is_bounded_before_it_reads_a_byte() {
    let mut command = Command::new(hotcell());
    // Memory, CPU and the size of what it may read; the last is never sent.
    command.args(["__compile", "1073741824", "7", "1000"]).env_clear();
    let child = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    let mut child = Running(child.expect("the compiler"));
    // The last that it sets.
    let limits = child.limits("Max address space", "1073741824");
    for (name, value) in [("Max core file size", "0"), ("Max file size", "0"), ("Max open files", "3")] {
        assert_eq!(limits[name], pair(value), "{name}");
    }
    assert_eq!(limits["Max cpu time"], ("7".to_owned(), "8".to_owned()));
}

#[test]
fn the_compiler_sees_nothing_of_the_surroundings() {
    let shell = Shell::new();
    // In place of the compiler a program that writes its environment down; there is no other way to see that of a child.
    let seen = shell.path("seen");
    let script = format!("env > '{}'; cat > /dev/null", seen.display());
    let compiler = hotcell_sandbox::Compiler { program: "/bin/sh".into(), args: vec!["-c".into(), script.into()] };
    let settings = hotcell_sandbox::Settings { calls: 1, cache: None, ..hotcell_sandbox::Settings::new(compiler) };
    let sandbox = hotcell_sandbox::Sandbox::new(settings).unwrap_or_else(|error| panic!("{error}"));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let component = b"\0asm\x0d\0\x01\0".as_slice();
    let opened = runtime.block_on(sandbox.open_bytes(&"x".parse().expect("a name"), component));
    assert!(opened.is_err(), "a shell compiles nothing");
    assert!(std::env::vars_os().count() > 3, "there is something to be seen");
    let text = fs::read_to_string(seen).expect("what it saw");
    let ours = ["RAYON_NUM_THREADS", "RUST_MIN_STACK", "MALLOC_ARENA_MAX"];
    // What a shell makes for itself.
    let shells = ["PWD", "OLDPWD", "SHLVL", "_"];
    let names = text.lines().filter_map(|line| line.split_once('=')).map(|(name, _)| name);
    let strange: Vec<&str> = names.filter(|name| !ours.contains(name) && !shells.contains(name)).collect();
    assert!(strange.is_empty(), "{strange:?}");
    assert!(ours.iter().all(|name| text.contains(name)), "{text}");
}

// Where the code is: each of these is right in one place, and wrong in any other.
#[test]
fn what_must_be_done_once_is_in_one_place() {
    let lines = shipped_lines("host/sandbox/src");
    let places = |words: &str| -> Vec<String> {
        let has = |line: &&Line| line.code.contains(words);
        lines.iter().filter(has).map(|line| line.place.split(':').next().unwrap_or_default().to_owned()).collect()
    };
    for (words, file) in [
        (".increment_epoch()", "ticker.rs"),
        ("Component::deserialize(", "tool.rs"),
        (".catch_unwind()", "invoke.rs"),
        ("Store::try_new(", "invoke.rs"),
        (".limiter(", "invoke.rs"),
        (".set_fuel(", "invoke.rs"),
        (".set_max_component_handles(", "invoke.rs"),
        (".set_max_capacity(", "cell.rs"),
        (".set_field_size_limit(", "capability/http/mod.rs"),
        (".max_wasm_stack(", "engine.rs"),
    ] {
        assert_eq!(places(words), [format!("host/sandbox/src/{file}")], "{words}");
    }
    // What would read text, a path, or code that somebody else made.
    for words in ["Component::new(", "Component::from_file(", "deserialize_file(", "deserialize_raw(", "Module::new("] {
        assert_eq!(places(words), <[String; 0]>::default(), "{words}");
    }
}

#[test]
fn a_panic_unwinds_wherever_a_host_is_built() {
    let manifest = read("Cargo.toml");
    // A panic that aborts would take every other call along. Guests are another matter.
    for profile in manifest.split("\n[profile.").skip(1) {
        let (name, keys) = profile.split_once(']').expect("a table");
        let keys = keys.split("\n[").next().unwrap_or_default();
        assert!(name == "tool" || !keys.contains("panic"), "[profile.{name}] decides about panics");
    }
}

#[test]
fn nothing_of_the_engines_own_ways_to_the_world_is_built_in() {
    let metadata = metadata(&["--filter-platform", "x86_64-unknown-linux-gnu"]);
    let nodes = metadata["resolve"]["nodes"].as_array().expect("nodes");
    let features = |name: &str| -> Vec<&str> {
        let node = nodes.iter().find(|node| node["id"].as_str().is_some_and(|id| id.contains(name)));
        let features = node.unwrap_or_else(|| panic!("{name} is not built"))["features"].as_array().expect("features");
        features.iter().filter_map(Value::as_str).collect()
    };
    // Neither WASI 0.1 and 0.3, nor a way of sending requests that has no rules.
    assert_eq!(features("#wasmtime-wasi@"), ["p2"]);
    assert_eq!(features("#wasmtime-wasi-http@"), ["p2"]);
}

#[test]
fn the_version_line_names_the_engine() {
    let lock = read("Cargo.lock");
    let (_, rest) = lock.split_once("name = \"wasmtime\"\nversion = \"").expect("the engine");
    let engine = rest.split('"').next().expect("its version");
    let seen = Shell::new().run(&["--version"]).exits(0);
    assert!(seen.stdout.ends_with(&format!(" (wasmtime {engine})\n")), "{}", seen.stdout);
}

// H89: nobody makes it say what guests hold, neither by flags nor by the variables that others heed.
#[test]
fn at_no_level_does_the_log_say_what_a_guest_holds() {
    let shell = Shell::new();
    shell.install(&["faults", "output", "echo", "environment"]);
    let input = "the-guests-own-words";
    for words in [
        &["call", "echo.text", &format!("text={input}"), "--json"][..],
        &["call", "faults.tells_all", &format!("input={input}"), "--json"],
        &["call", "output.lines", "count=1000", "--json"],
        &["call", "environment.variable", "name=TOKEN", "--allow-env", "TOKEN", "--json"],
    ] {
        let mut command = shell.command(&[&["-vvv"], words].concat());
        command.env("TOKEN", "a-secret-of-the-callers").env("HOTCELL_CACHE_DIR", scratch("cache"));
        for name in ["RUST_LOG", "HOTCELL_LOG", "RUST_TRACE", "WASMTIME_LOG"] {
            command.env(name, "trace");
        }
        command.env("WASMTIME_BACKTRACE_DETAILS", "1").env("RUST_BACKTRACE", "full");
        let output = command.output().expect("it runs");
        let log = String::from_utf8_lossy(&output.stderr);
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(said.contains("\"receipt\""), "{said} {log}");
        assert!(said.contains("own-words") || said.contains("callers") || said.contains("1000"), "it was held: {said}");
        for held in [input, "a-secret-of-the-callers", "xxxx", "worker writing", "wasmtime_wasi"] {
            assert!(!log.contains(held), "{words:?}: {log}");
        }
    }
}
