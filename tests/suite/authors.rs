//! What authors of tools do: begin one, build it, test it, call it.

use std::fs;
use std::process::Command;

use crate::cli::{Seen, Shell};
use crate::support::program::scratch;
use crate::support::source::root;

/// Its own Cargo needs the developer's: toolchain, registry, and a folder for what it builds.
fn developing(mut command: Command) -> Command {
    for name in ["HOME", "CARGO_HOME", "RUSTUP_HOME", "RUSTUP_TOOLCHAIN"] {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    command.env("CARGO_TARGET_DIR", scratch("new-tool-target"));
    command
}

fn build(shell: &Shell, words: &[&str]) -> Seen {
    let words = [&["build"], words].concat();
    Seen::of(developing(shell.command(&words)).output().expect("the program runs"), &words)
}

/// A new tool, with the SDK of this checkout and the versions of this workspace: so it needs no network.
fn greeter(shell: &Shell) {
    shell.run(&["new", "tool", "greeter", "--sdk", &root().join("guest-sdk").display().to_string()]).exits(0);
    fs::copy(root().join("Cargo.lock"), shell.path("greeter/Cargo.lock")).expect("a lock file");
}

// From nothing to a tool that answers.
#[test]
fn a_new_tool_is_built_tested_and_called() {
    let shell = Shell::new();
    greeter(&shell);
    let built = build(&shell, &["greeter", "--json"]).exits(0).json();
    assert_eq!((&built["tool"], &built["functions"][0]), (&"greeter".into(), &"greeter.greet".into()), "{built}");
    let path = shell.path(built["path"].as_str().expect("a path"));
    let component = fs::read(&path).expect("the component");
    // 191 KiB with the official standard library; the one that is built from Debian's sources adds a tenth.
    assert!(component.len() < 224 << 10, "{} bytes", component.len());
    nothing_of_the_builder(&component);
    let file = path.display().to_string();
    let inspected = shell.run(&["inspect", &file, "--json"]).exits(0).json();
    assert_eq!(inspected["functions"][0]["name"], "greet", "{inspected}");
    let seen = shell.run(&["call", &format!("{file}#greet"), "name=Ada"]).exits(0);
    assert_eq!(seen.stdout, "Hello, Ada!\n");
    shell.run(&["call", &format!("{file}#greet"), "name= "]).exits(2);
}

#[test]
fn a_new_tool_passes_its_own_tests() {
    let shell = Shell::new();
    greeter(&shell);
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = developing(Command::new(cargo));
    let output = command.args(["test", "--offline"]).current_dir(shell.path("greeter")).output().expect("cargo runs");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("2 passed"), "{said}{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn what_can_not_be_built_is_told() {
    let shell = Shell::new();
    fs::create_dir(shell.path("empty")).expect("a folder");
    for folder in ["empty", "missing"] {
        let seen = build(&shell, &[folder]).exits(2);
        assert!(seen.stderr.contains("no Cargo.toml") && seen.stderr.contains("hotcell new tool"), "{}", seen.stderr);
    }
    greeter(&shell);
    shell.file("greeter/src/lib.rs", "#[hotcell::tool]\nfn greet() -> Strin { String::new() }\n");
    let seen = build(&shell, &["greeter"]).exits(2);
    for word in ["the tool does not compile", "Strin", "src/lib.rs:2"] {
        assert!(seen.stderr.contains(word), "{word}: {}", seen.stderr);
    }
    let program = build(&shell, &["greeter", "--json"]).exits(2).json();
    assert_eq!(program["error"]["what"], "the tool does not compile", "{program}");
    // A crate that is no tool makes no component.
    shell.file("greeter/src/lib.rs", "");
    let manifest = fs::read_to_string(shell.path("greeter/Cargo.toml")).expect("the manifest");
    shell.file("greeter/Cargo.toml", &manifest.replace("\"cdylib\", ", ""));
    let seen = build(&shell, &["greeter"]).exits(2);
    assert!(seen.stderr.contains("makes no component") && seen.stderr.contains("cdylib"), "{}", seen.stderr);
}

/// Whoever gets a component learns from it neither who built it nor where.
fn nothing_of_the_builder(component: &[u8]) {
    let home = std::env::var("HOME").expect("a home");
    for path in [home, root().display().to_string(), "/root/".to_owned(), "/home/".to_owned()] {
        let found = component.windows(path.len()).position(|bytes| bytes == path.as_bytes());
        let near = found.and_then(|at| component.get(at..(at + 120).min(component.len())));
        assert!(found.is_none(), "{path}: {}", String::from_utf8_lossy(near.unwrap_or_default()));
    }
}

// === agents ===

#[test]
fn a_new_agent_is_sound_and_runs_at_once() {
    let shell = Shell::new();
    for (pattern, words) in [
        ("react", &["new", "agent", "react"][..]),
        ("plan", &["new", "agent", "plan", "--pattern", "plan"]),
        ("steps", &["new", "agent", "steps", "--pattern", "steps"]),
        ("reactive", &["new", "agent", "reactive", "--pattern", "reactive"]),
    ] {
        let seen = shell.run(words).exits(0);
        let file = format!("{pattern}.toml");
        assert_eq!(seen.stdout, format!("{file}\n"));
        shell.run(&["check", &file]).exits(0);
        // As it says itself.
        let (_, next) = seen.stderr.split_once("hotcell run ./").expect("what comes next");
        let (named, task) = next.trim_end().split_once(' ').expect("a file and a task");
        assert_eq!(named, file);
        let text = fs::read_to_string(shell.path(&file)).expect("the file");
        assert!(text.contains(&format!("hotcell run ./{file} {task}\n")), "{text}");
        let answer = if pattern == "steps" { "6 * 7 is 42.\n" } else { "42\n" };
        assert_eq!(
            shell.run(&["run", &format!("./{file}"), task.trim_matches('\'')]).exits(0).stdout,
            answer,
            "{pattern}"
        );
        assert!(shell.run(words).exits(2).stderr.contains("is there already"));
        assert_eq!(fs::read_to_string(shell.path(&file)).expect("the file"), text);
    }
    assert_eq!(shell.run(&["new", "agent", "x", "--json"]).exits(0).json()["file"], "x.toml");
    assert!(shell.run(&["new", "agent", "x", "--pattern", "chat"]).exits(2).stderr.contains("react"));
}

#[test]
fn an_editor_gets_the_schema_of_an_agent() {
    let shell = Shell::new();
    let seen = shell.run(&["schema", "agent"]).exits(0);
    assert!(seen.json()["properties"]["agent"]["properties"]["pattern"]["enum"].is_array(), "{}", seen.stdout);
    assert!(seen.stdout.lines().count() > 100, "people look at it too");
    assert_eq!(shell.run(&["schema", "agent", "--json"]).exits(0).json(), seen.json());
    shell.run(&["schema", "tool"]).exits(2);
}
