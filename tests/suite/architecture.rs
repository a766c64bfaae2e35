//! The invariants of the rooms, each kept by one test. `docs/ARCHITECTURE.md` states them.

use std::collections::{BTreeMap, BTreeSet};

use hotcell_call::{Code, LimitKeys, Limits};
use serde_json::Value;

use crate::support::source::{Line, metadata, read, root, shipped_lines};

/// The rooms and the rooms that each may know, from the floor up. The words of a call are known to all.
const ROOMS: &[(&str, &[&str])] = &[
    ("hotcell-call", &[]),
    ("hotcell-flow", &["hotcell-call"]),
    ("hotcell-sandbox", &["hotcell-call"]),
    ("hotcell-agent", &["hotcell-flow", "hotcell-call"]),
    ("hotcell-runtime", &["hotcell-agent", "hotcell-flow", "hotcell-sandbox", "hotcell-call"]),
    ("hotcell-server", &["hotcell-runtime", "hotcell-call"]),
    ("hotcell-cli", &["hotcell-server", "hotcell-runtime", "hotcell-agent", "hotcell-call"]),
];

/// Heavy or telling dependencies, and the rooms that may have each.
const ALONE: &[(&[&str], &[&str])] = &[
    (
        &["hotcell-sandbox"],
        &["wasmtime", "wasmtime-wasi", "wasmtime-wasi-io", "wasmtime-wasi-http", "cranelift-codegen"],
    ),
    // What leaves by a guest's request leaves through the cell's own rules; what asks a model, through `runtime/src/model`.
    (&["hotcell-sandbox", "hotcell-runtime"], &["rustls", "tokio-rustls", "webpki-roots"]),
    (&["hotcell-sandbox", "hotcell-runtime", "hotcell-server"], &["hyper"]),
    // What is told of a call is told by the runtime; who sends it away is the command line.
    (&["hotcell-runtime", "hotcell-cli"], &["opentelemetry"]),
    (
        &["hotcell-cli"],
        &["opentelemetry-http", "opentelemetry-otlp", "opentelemetry_sdk", "tracing-opentelemetry", "prost", "tonic"],
    ),
    (&["hotcell-server"], &["axum", "hyper-util", "rmcp", "prometheus-client"]),
    (&["hotcell-cli"], &["clap", "clap_complete", "indicatif", "comfy-table", "anyhow", "tracing-subscriber"]),
];

/// What a crate depends on when it is built, by its name.
fn dependencies() -> BTreeMap<String, BTreeSet<String>> {
    let metadata = metadata(&["--no-deps"]);
    let packages = metadata["packages"].as_array().expect("packages");
    let built = |dependency: &&Value| dependency["kind"] != "dev";
    let text = |value: &Value| value["name"].as_str().expect("a name").to_owned();
    packages
        .iter()
        .map(|package| {
            let all = package["dependencies"].as_array().expect("dependencies");
            (text(package), all.iter().filter(built).map(text).collect())
        })
        .collect()
}

fn hosts() -> Vec<(String, BTreeSet<String>)> {
    let rooms: BTreeSet<&str> = ROOMS.iter().map(|(room, _)| *room).collect();
    dependencies().into_iter().filter(|(name, _)| rooms.contains(name.as_str())).collect()
}

fn assert_no(lines: Vec<Line>, why: &str, is_wrong: impl Fn(&str) -> bool) {
    let wrong: Vec<String> = lines
        .into_iter()
        .filter(|line| is_wrong(&line.code))
        .map(|line| format!("{}: {}", line.place, line.code.trim()))
        .collect();
    assert!(wrong.is_empty(), "{why}:\n{}", wrong.join("\n"));
}

#[test]
fn a_room_knows_only_the_rooms_below_it() {
    let hosts = hosts();
    assert_eq!(hosts.len(), ROOMS.len(), "a room is missing");
    for (room, dependencies) in hosts {
        let (_, may) = ROOMS.iter().find(|(name, _)| *name == room).expect("a room");
        for dependency in dependencies.iter().filter(|name| name.starts_with("hotcell")) {
            assert!(may.contains(&dependency.as_str()), "{room} may not know {dependency}");
        }
    }
}

#[test]
fn host_has_exactly_the_seven_rooms() {
    let mut folders: Vec<_> = std::fs::read_dir(root().join("host"))
        .expect("host/")
        .map(|entry| format!("hotcell-{}", entry.expect("an entry").file_name().display()))
        .collect();
    folders.sort();
    let mut rooms: Vec<_> = ROOMS.iter().map(|(room, _)| (*room).to_owned()).collect();
    rooms.sort();
    assert_eq!(folders, rooms);
}

#[test]
fn what_is_there_for_tests_is_asked_for_by_tests_alone() {
    let metadata = metadata(&["--no-deps"]);
    for package in metadata["packages"].as_array().expect("packages") {
        let tests = |dependency: &Value| {
            dependency["features"].as_array().is_some_and(|features| features.contains(&"test-support".into()))
        };
        let dependencies = package["dependencies"].as_array().expect("dependencies");
        for dependency in dependencies.iter().filter(|dependency| tests(dependency)) {
            assert_eq!(dependency["kind"], "dev", "{} is built with {}", package["name"], dependency["name"]);
        }
        assert!(!package["features"]["default"].to_string().contains("test-support"), "{}", package["name"]);
    }
}

#[test]
fn what_is_heavy_is_known_to_few_rooms() {
    for (room, dependencies) in dependencies() {
        // Whoever tests or measures may look behind every door.
        if room == "hotcell-tests" || room == "hotcell-benches" {
            continue;
        }
        for (owners, heavy) in ALONE {
            for name in *heavy {
                let may = owners.contains(&room.as_str());
                assert!(may || !dependencies.contains(*name), "only {owners:?} may know {name}, not {room}");
            }
        }
    }
}

#[test]
fn only_what_asks_models_speaks_http_in_the_runtime() {
    // The proof has a server of its own for its attacks on requests, on this machine alone.
    let others = |place: &str| !place.contains("/model/") && !place.ends_with("proof/server.rs");
    let lines = shipped_lines("host/runtime/src")
        .into_iter()
        .filter(|line| others(line.place.split(':').next().unwrap_or_default()))
        .collect();
    assert_no(lines, "requests to models are sent by `model` alone", |code| {
        ["hyper", "tokio_rustls", "rustls::", "TcpStream"].iter().any(|name| code.contains(name))
    });
}

#[test]
fn the_words_need_serde_and_thiserror_alone() {
    let call = dependencies().remove("hotcell-call").expect("hotcell-call");
    assert_eq!(call, BTreeSet::from(["serde".to_owned(), "thiserror".to_owned()]));
}

#[test]
fn a_tool_knows_the_sdk_and_nothing_of_the_host() {
    let tools: Vec<_> = dependencies().into_iter().filter(|(name, _)| name.starts_with("tool-")).collect();
    assert!(!tools.is_empty());
    for (tool, dependencies) in tools {
        assert!(dependencies.contains("hotcell"), "{tool} is made without the SDK");
        let host: Vec<_> = dependencies.iter().filter(|name| name.starts_with("hotcell-")).collect();
        assert!(host.is_empty(), "{tool} knows {host:?}");
    }
}

#[test]
fn the_engine_is_built_as_its_advisories_ask() {
    // Without `gc` or `threads` the engine can be made to abort; with `wat` it would read text; the rest is not needed.
    let metadata = metadata(&["--filter-platform", "x86_64-unknown-linux-gnu"]);
    let nodes = metadata["resolve"]["nodes"].as_array().expect("nodes");
    let is_engine = |node: &&Value| node["id"].as_str().is_some_and(|id| id.contains("#wasmtime@"));
    let engine = nodes.iter().find(is_engine).expect("the engine");
    let features: BTreeSet<&str> =
        engine["features"].as_array().expect("features").iter().filter_map(Value::as_str).collect();
    for needed in ["gc", "threads", "cranelift", "pooling-allocator"] {
        assert!(features.contains(needed), "the engine is built without `{needed}`");
    }
    for harmful in ["wat", "cache", "profiling", "debug-builtins", "winch", "component-model-async"] {
        assert!(!features.contains(harmful), "the engine is built with `{harmful}`");
    }
}

#[test]
fn only_the_command_line_prints() {
    for room in ["agent", "call", "flow", "runtime", "sandbox", "server"] {
        let prints = |code: &str| ["println!", "print!", "eprint!", "dbg!"].iter().any(|name| code.contains(name));
        assert_no(shipped_lines(format!("host/{room}/src")), "only the command line prints", prints);
    }
}

#[test]
fn flow_has_no_clock_no_chance_and_no_surroundings() {
    let words = [
        "Instant::now",
        "SystemTime",
        ".elapsed(",
        "std::env",
        "std::fs",
        "std::net",
        "sleep(",
        "rand::",
        "getrandom",
        "thread::",
    ];
    let wrong = |code: &str| words.iter().any(|word| code.contains(word)) && !code.contains("fn sleep");
    assert_no(shipped_lines("host/flow/src"), "time, chance and surroundings are arguments in flow", wrong);
    let flow = dependencies().remove("hotcell-flow").expect("hotcell-flow");
    for name in ["rand", "fastrand", "getrandom", "chrono", "time"] {
        assert!(!flow.contains(name), "flow may not know {name}");
    }
}

#[test]
fn no_channel_is_unbounded() {
    let wrong = |code: &str| {
        code.contains("unbounded") || code.contains("mpsc::channel()") || code.contains("mpsc::channel::<")
    };
    for line_of in ["agent", "call", "cli", "flow", "runtime", "sandbox", "server"] {
        let lines = shipped_lines(format!("host/{line_of}/src"));
        let lines = lines.into_iter().filter(|line| !line.code.contains("tokio::sync::mpsc::channel")).collect();
        assert_no(lines, "every queue has a bound", wrong);
    }
}

#[test]
fn no_branch_reads_the_text_of_an_error() {
    let reads = [
        "to_string().contains(",
        "to_string().starts_with(",
        "to_string().ends_with(",
        "to_string() == ",
        "err.contains(",
    ];
    for room in ["agent", "call", "cli", "flow", "runtime", "sandbox", "server"] {
        assert_no(shipped_lines(format!("host/{room}/src")), "errors are told apart by type", |code| {
            reads.iter().any(|read| code.contains(read))
        });
    }
}

#[test]
fn unsafe_code_is_in_one_place() {
    for room in ["agent", "call", "flow", "runtime", "server"] {
        let text = read(format!("host/{room}/src/lib.rs"));
        assert!(text.contains("#![forbid(unsafe_code)]"), "host/{room}/src/lib.rs does not forbid unsafe code");
    }
    let text = read("host/cli/src/main.rs");
    assert!(text.contains("#![forbid(unsafe_code)]"), "host/cli/src/main.rs does not forbid unsafe code");
    let is_unsafe = |line: &Line| {
        line.code.contains("unsafe {") || line.code.contains("unsafe fn") || line.code.contains("unsafe impl")
    };
    let places: Vec<String> =
        shipped_lines("host/sandbox/src").into_iter().filter(is_unsafe).map(|line| line.place).collect();
    assert_eq!(
        places.len(),
        1,
        "the sandbox has one unsafe block, where code is taken in after its MAC was verified: {places:?}"
    );
}

#[test]
fn the_path_of_a_call_can_be_read_at_once() {
    let lines = read("host/runtime/src/path.rs").lines().count();
    assert!(lines <= 150, "path.rs has {lines} lines");
}

#[test]
fn every_crate_keeps_to_the_lints_of_the_workspace() {
    let metadata = metadata(&["--no-deps"]);
    for package in metadata["packages"].as_array().expect("packages") {
        let manifest = package["manifest_path"].as_str().expect("a path");
        let text = read(manifest);
        assert!(text.contains("[lints]\nworkspace = true"), "{manifest} has lints of its own");
    }
}

#[test]
fn the_docs_list_every_limit_with_its_default() {
    let text = read("docs/limits.md");
    let defaults = serde_json::to_value(Limits::default()).expect("limits are JSON");
    for name in LimitKeys::NAMES {
        let line = text.lines().find(|line| line.contains(&format!("`{name}`")));
        let line = line.unwrap_or_else(|| panic!("docs/limits.md does not list `{name}`"));
        let default = shown(name, &defaults);
        assert!(line.contains(&default), "docs/limits.md: `{name}` should have the default {default}: {line}");
    }
}

/// A default as a person writes it.
fn shown(name: &str, defaults: &Value) -> String {
    let number = |key: &str| defaults[key].as_f64().unwrap_or_else(|| panic!("{key} is no number: {defaults}"));
    let bytes = |key: &str| hotcell_call::ByteSize::bytes(number(key) as u64).to_string();
    match name {
        "timeout" => hotcell_call::format_duration(std::time::Duration::from_secs_f64(number("timeout_ms") / 1e3)),
        "fuel" => hotcell_call::Count::new(number(name) as u64).to_string(),
        "handles" | "instances" | "entries" | "requests" => number(name).to_string(),
        _ => bytes(name),
    }
}

#[test]
fn the_docs_list_every_code() {
    let text = read("docs/errors.md");
    for code in Code::ALL {
        let page = code.page();
        assert!(text.contains(page.id), "docs/errors.md does not list {}", page.id);
        assert!(text.contains(page.title), "docs/errors.md: {} should say: {}", page.id, page.title);
    }
}

#[test]
fn the_docs_name_tests_that_there_are() {
    let text = read("docs/security.md");
    let mut named = 0;
    for (room, test) in text.split('`').filter_map(|word| word.split_once("::")) {
        let is_name = |text: &str| text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
        // `hotcell::audit` is a target of the log.
        if !is_name(room) || !is_name(test) || room == "hotcell" {
            continue;
        }
        let suite = read(format!("tests/suite/{room}.rs"));
        assert!(suite.contains(&format!("fn {test}(")), "docs/security.md: there is no {room}::{test}");
        named += 1;
    }
    assert!(named > 100, "{named} tests are named");
}
