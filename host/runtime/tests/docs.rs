//! The pages in `docs/` say what the code does.
//!
//! `docs/errors.md` is made from the table of codes: `UPDATE_DOCS=1 cargo test -p hotcell-runtime --test docs` writes it anew. The
//! others are written by hand and compared where a number or a key could go stale.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "what a test stands on may fail by a panic too"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use hotcell_agent::Diagnostic;
use hotcell_call::{ByteSize, Code, Count, LimitKeys, Limits};
use hotcell_runtime::ToolFile;
use hotcell_runtime::config::{Config, Place, ceiling};

fn page(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs").join(name)
}

fn text(name: &str) -> String {
    fs::read_to_string(page(name)).unwrap()
}

// === errors.md ===

fn errors() -> String {
    let mut text = String::from(
        "# Errors\n\n\
         Every failure has a code, and a code never changes its meaning. `hotcell explain CODE` prints the same. The first two digits\n\
         are the exit code of the command line (13 stands for 130). This page is made from the table in `host/call/src/code.rs`.\n\n\
         | code | outcome | exit | HTTP | |\n|---|---|---|---|---|\n",
    );
    for code in Code::ALL {
        let (page, kind) = (code.page(), code.kind());
        let anchor = page.id.to_lowercase();
        let (exit, http) = (kind.exit_code(), kind.http_status());
        text += &format!("| [{}](#{anchor}) | `{kind}` | {exit} | {http} | {} |\n", page.id, page.title);
    }
    for code in Code::ALL {
        let page = code.page();
        text += &format!(
            "\n## {}\n\n`{}`: {}.\n\n{}\n\n**What to do.** {}\n",
            page.id,
            code.kind(),
            page.title,
            page.meaning,
            page.remedy
        );
    }
    text
}

#[test]
fn the_page_of_errors_is_the_table_of_codes() {
    let made = errors();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(page("errors.md"), &made).unwrap();
    }
    let written = fs::read_to_string(page("errors.md")).unwrap_or_default();
    assert!(written == made, "stale: UPDATE_DOCS=1 cargo test -p hotcell-runtime --test docs");
}

// === limits.md ===

/// The second and third cell of the row of a key, without their backquotes.
fn row(text: &str, key: &str) -> Option<(String, String)> {
    let row = text.lines().find(|line| line.starts_with(&format!("| `{key}` |")))?;
    let cells: Vec<&str> = row.split('|').map(|cell| cell.trim()).collect();
    let bare = |cell: &str| cell.replace('`', "");
    Some((bare(cells[2]), bare(cells[3])))
}

/// Every limit as it is written in a file: its key and its value.
fn shown(limits: &Limits) -> Vec<(&'static str, String)> {
    let nothing = Limits {
        fuel: Count::new(0),
        timeout: Duration::ZERO,
        memory: ByteSize::default(),
        input: ByteSize::default(),
        output: ByteSize::default(),
        log: ByteSize::default(),
        handles: 0,
        instances: 0,
        random: ByteSize::default(),
        host_data: ByteSize::default(),
        disk: ByteSize::default(),
        entries: 0,
        requests: 0,
        sent: ByteSize::default(),
        received: ByteSize::default(),
    };
    let keys = LimitKeys {
        fuel: Some(limits.fuel),
        timeout: Some(limits.timeout),
        memory: Some(limits.memory),
        input: Some(limits.input),
        output: Some(limits.output),
        log: Some(limits.log),
        handles: Some(limits.handles),
        instances: Some(limits.instances),
        random: Some(limits.random),
        host_data: Some(limits.host_data),
        disk: Some(limits.disk),
        entries: Some(limits.entries),
        requests: Some(limits.requests),
        sent: Some(limits.sent),
        received: Some(limits.received),
    };
    nothing.wider(&keys).into_iter().map(|wider| (wider.key, wider.asked)).collect()
}

#[test]
fn every_limit_of_a_call_has_its_row_with_default_and_ceiling() {
    let text = text("limits.md");
    let (defaults, ceilings) = (shown(&Limits::default()), shown(&ceiling()));
    assert_eq!(defaults.len(), LimitKeys::NAMES.len());
    for ((key, default), (_, ceiling)) in defaults.iter().zip(&ceilings) {
        let (said, most) = row(&text, key).unwrap_or_else(|| panic!("no row for `{key}`"));
        assert_eq!(said, *default, "the default of `{key}`");
        let none = matches!(*key, "fuel" | "disk" | "entries" | "requests" | "sent" | "received");
        assert_eq!(most, if none { "none" } else { ceiling }, "the ceiling of `{key}`");
    }
}

#[test]
fn every_bound_of_the_host_has_its_row_and_default() {
    let (text, config) = (text("limits.md"), Config::default());
    let time = hotcell_call::format_duration;
    for (key, default) in [
        ("schedule.in_flight", config.schedule.in_flight.most().to_string()),
        ("schedule.queue", config.schedule.queue.to_string()),
        ("schedule.per_tool", config.schedule.per_tool().to_string()),
        ("schedule.age_step", time(config.schedule.age_step)),
        ("schedule.patience", time(config.schedule.patience)),
        ("results.max_size", config.results.max_size.to_string()),
        ("results.max_entries", config.results.max_entries.to_string()),
        ("host.memory", config.process_memory.to_string()),
        ("budget.memory", config.budget.memory.to_string()),
        ("compile.max_file", config.compile.max_file.to_string()),
        ("compile.memory", config.compile.memory.to_string()),
        ("compile.cpu", time(config.compile.cpu)),
        ("compile.timeout", time(config.compile.timeout)),
        ("cache.max_size", config.compile.max_cache.to_string()),
    ] {
        let (said, range) = row(&text, key).unwrap_or_else(|| panic!("no row for `{key}`"));
        assert_eq!(said, default, "the default of `{key}`");
        let (least, most) = range.split_once(" to ").unwrap_or_else(|| panic!("no range for `{key}`"));
        for (value, fits) in [(least, true), (most, true), (&*beyond(most), false)] {
            assert_eq!(takes(key, value), fits, "{key} = {value}");
        }
    }
}

/// A little more than `value`, in the same unit.
fn beyond(value: &str) -> String {
    let unit = value.trim_start_matches(|c: char| c.is_ascii_digit());
    let number: u64 = value.trim_end_matches(unit).parse().unwrap();
    format!("{}{unit}", number + 1)
}

/// Whether `hotcell.toml` takes the value.
fn takes(key: &str, value: &str) -> bool {
    let quoted = value.parse::<u64>().map_or_else(|_| format!("\"{value}\""), |number| number.to_string());
    config(&format!("{key} = {quoted}")).is_ok()
}

fn config(text: &str) -> Result<Config, String> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("hotcell.toml");
    fs::write(&file, text).unwrap();
    let told = |wrong: Vec<Diagnostic>| wrong.iter().map(Diagnostic::render).collect::<String>();
    Config::load(&Place::File(file)).map_err(told)
}

// === config.md ===

/// The example that begins with the file's name as a comment.
fn example(file: &str) -> String {
    let text = text("config.md");
    let head = format!("```toml\n# {file}\n");
    let (_, rest) = text.split_once(&head).unwrap_or_else(|| panic!("no example of {file}"));
    format!("\n{}", rest.split("```").next().unwrap())
}

/// The sections that there are: whoever writes an unknown one is told them.
fn sections() -> Vec<String> {
    let told = config("zzzzzzzz = 1").unwrap_err();
    let (_, names) = told.split_once("the file has: ").unwrap();
    names.trim().split(", ").map(str::to_owned).collect()
}

#[test]
fn the_example_of_the_operators_file_is_one_and_has_every_limit() {
    let example = example("hotcell.toml");
    let config = config(&example).unwrap_or_else(|wrong| panic!("{wrong}"));
    for key in LimitKeys::NAMES {
        assert!(example.contains(&format!("\n{key} = ")), "`{key}` is missing");
    }
    for section in sections() {
        let (table, key) = (format!("\n[{section}]"), format!("\n[{section}."));
        assert!(example.contains(&table) || example.contains(&key), "`[{section}]` is missing");
    }
    let (_, grants) = config.for_tool(&"files".parse().unwrap());
    assert_eq!(grants.folders.len(), 3);
    assert!(config.tools[&"dice".parse().unwrap()].path.is_some());
}

#[test]
fn the_example_of_a_tools_file_is_one_and_has_every_key() {
    let file = ToolFile::parse("tool.toml", &example("tool.toml")).unwrap();
    assert!(file.name.is_some() && file.description.is_some() && file.version.is_some());
    assert!(file.license.is_some() && file.effect.is_some() && file.wasm.is_some());
    assert!(!file.wants.read.is_empty() && !file.wants.env.is_empty());
    assert!(file.wants.real_clock && file.wants.system_random);
}

// === agents.md ===

#[test]
fn every_key_of_an_agent_is_in_the_table_of_them() {
    let text = text("agents.md");
    let (_, table) = text.split_once("## All keys").unwrap();
    let schema = page("../host/cli/schema/agent.json");
    let schema: serde_json::Value = serde_json::from_str(&fs::read_to_string(schema).unwrap()).unwrap();
    let sections = schema["properties"].as_object().unwrap();
    assert!(sections.len() > 10, "{sections:?}");
    for (section, of) in sections {
        let row = table.lines().find(|line| line.contains(&format!("[{section}]")));
        let row = row.unwrap_or_else(|| panic!("no row for [{section}]"));
        // Agents at the side have the keys of an agent, and one of their own.
        let of = if of["type"] == "array" { &of["items"] } else { of };
        let keys = of["properties"].as_object().into_iter().flatten().map(|(key, _)| key.as_str());
        for key in keys.filter(|key| section != "agents" || *key == "share") {
            let named = row.contains(&format!("`{key}`")) || row.contains(&format!(".{key}]]`"));
            assert!(named, "`{key}` of [{section}] is not in its row: {row}");
        }
    }
}
