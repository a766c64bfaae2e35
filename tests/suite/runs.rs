//! `hotcell run` from outside: who is asked, which model is, what is told while a run goes on, and many tasks at once.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;

use crate::cli::{Seen, Shell};
use crate::support::program::hotcell;

/// An agent that needs no key, and asks before it calculates.
const CAREFUL: &str = r#"
[agent]
name = "careful"
pattern = "react"
[input]
kind = "text"
[model]
use = "rules"
[tools]
allow = ["calc.*"]
[approve]
ask = ["calc.eval"]
"#;

const TASK: &str = r#"use calc.eval with {"expression": "6*7"}"#;

fn shell() -> Shell {
    let shell = Shell::new();
    shell.file("careful.toml", CAREFUL);
    shell.file("free.toml", &CAREFUL.replace("[approve]\nask = [\"calc.eval\"]\n", "").replace("careful", "free"));
    shell
}

// === who is asked ===

#[test]
fn where_nobody_can_be_asked_nothing_is_approved() {
    let shell = shell();
    let object = shell.run(&["run", "careful.toml", TASK, "--json"]).exits(0).json();
    assert_eq!((&object["actions"][0]["outcome"], &object["calls"]), (&json!("denied"), &json!(0)), "{object}");
    // A yes on stdin is none: it is not a terminal.
    let words = ["run", "careful.toml", TASK, "--json"];
    let mut child = shell
        .command(&words)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it runs");
    child.stdin.take().expect("its input").write_all(b"y\ny\n").expect("a pipe");
    let object = Seen::of(child.wait_with_output().expect("it ends"), &words).exits(0).json();
    assert_eq!(object["actions"][0]["outcome"], "denied", "{object}");
}

#[test]
fn yes_is_said_once_and_aloud() {
    let shell = shell();
    let seen = shell.run(&["run", "careful.toml", TASK, "--yes", "--quiet"]).exits(0);
    assert_eq!(seen.stdout, "42\n");
    assert_eq!(seen.stderr, "--yes: careful is let do every call that it would have to ask for\n");
    // It is no setting that comes with a shell.
    let mut command = shell.command(&["run", "careful.toml", TASK, "--json"]);
    let seen = Seen::of(command.env("HOTCELL_YES", "1").output().expect("it runs"), &["HOTCELL_YES"]).exits(0);
    assert_eq!(seen.json()["actions"][0]["outcome"], "denied");
}

/// Runs a command on a terminal of its own; types each answer when what it answers has been shown. Gives what was seen there, and
/// the exit code.
fn typed(shell: &Shell, words: &[&str], answers: &[(&str, &[u8])]) -> (String, i32) {
    let quoted = |word: &&str| format!("'{}'", word.replace('\'', r"'\''"));
    let line = words.iter().map(quoted).collect::<Vec<_>>().join(" ");
    let line = format!("exec '{}' {line}", hotcell().display());
    let mut command = shell.command(&[]);
    let inherited: Vec<_> =
        command.get_envs().map(|(name, value)| (name.to_owned(), value.map(ToOwned::to_owned))).collect();
    let folder = command.get_current_dir().expect("a folder").to_owned();
    command = std::process::Command::new("script");
    command.args(["-qefc", &line, "/dev/null"]).current_dir(folder).env_clear().env("SHELL", "/bin/sh");
    command.envs(inherited.into_iter().filter_map(|(name, value)| Some((name, value?))));
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("`script`, of util-linux");
    let (mut keys, mut screen) = (child.stdin.take().expect("keys"), child.stdout.take().expect("a screen"));
    let (mut seen, mut unanswered) = (String::new(), String::new());
    let mut answers = answers.iter();
    let mut next = answers.next();
    let mut part = [0; 4_096];
    loop {
        let length = screen.read(&mut part).expect("the terminal can be read");
        if length == 0 {
            break;
        }
        let text = String::from_utf8_lossy(&part[..length]);
        seen.push_str(&text);
        unanswered.push_str(&text);
        while let Some((shown, answer)) = next
            && let Some((_, after)) = unanswered.split_once(shown)
        {
            unanswered = after.to_owned();
            keys.write_all(answer).expect("keys can be typed");
            next = answers.next();
        }
    }
    assert!(next.is_none(), "{next:?} was never asked: {seen}");
    (seen, child.wait().expect("it ends").code().unwrap_or(-1))
}

#[test]
fn on_a_terminal_a_person_is_asked_and_only_yes_is_yes() {
    let shell = shell();
    for (answer, answered) in [(&b"y\n"[..], true), (b"\n", false), (b"n\n", false), (b"\x04", false)] {
        let (seen, exit) = typed(&shell, &["run", "careful.toml", TASK], &[("[N]o", answer)]);
        assert_eq!(exit, 0, "{seen}");
        assert_eq!(seen.contains("\n42\r\n"), answered, "{answer:?}: {seen}");
        assert_eq!(seen.contains("was not approved"), !answered, "{answer:?}: {seen}");
        for part in ["careful", "wants to call", "calc.eval", "(pure)", r#"{"expression":"6*7"}"#] {
            assert!(seen.contains(part), "{part}: {seen}");
        }
    }
}

#[test]
fn whoever_is_asked_can_break_off() {
    let (seen, exit) = typed(&shell(), &["run", "careful.toml", TASK], &[("[N]o", b"\x03")]);
    assert_eq!(exit, 130, "{seen}");
    assert!(seen.contains("cancelled[E"), "{seen}");
}

#[test]
fn a_budget_is_a_persons_to_raise_and_never_that_of_a_flag() {
    let shell = shell();
    let paused = format!("{CAREFUL}\n[budget]\nturns = 1\non_exceed = \"pause\"\n");
    shell.file("careful.toml", &paused);
    let words = ["run", "careful.toml", TASK, "--yes"];
    let seen = shell.run(&words).exits(8);
    assert!(seen.stderr.starts_with("--yes: ") && seen.stderr.contains("over-budget["), "{}", seen.stderr);
    let (seen, exit) = typed(&shell, &words, &[("as much again? [y]es / ", b"y\n")]);
    assert_eq!(exit, 0, "{seen}");
    assert!(seen.contains("has spent its turns") && seen.contains("1 of 1") && seen.contains("\n42\r\n"), "{seen}");
}

// === which model ===

#[test]
fn another_model_may_be_asked_than_the_file_names() {
    let shell = shell();
    let keyed =
        CAREFUL.replace("\"rules\"", "\"nobody/x\"\nfallback = [\"scripted\"]\n[[model.reply]]\ntext = \"as written\"");
    shell.file("keyed.toml", &keyed);
    let task = "say hello";
    shell.run(&["run", "keyed.toml", task]).exits(6);
    let told = |words: &[&str]| shell.run(words).exits(0).stdout;
    assert_eq!(told(&["run", "keyed.toml", task, "--model", "scripted"]), "as written\n");
    assert_ne!(told(&["run", "keyed.toml", task, "--model", "rules"]), "as written\n");
    let mut command = shell.command(&["run", "keyed.toml", task]);
    let seen =
        Seen::of(command.env("HOTCELL_MODEL", "scripted").output().expect("it runs"), &["HOTCELL_MODEL"]).exits(0);
    assert_eq!(seen.stdout, "as written\n");
    let seen = shell.run(&["run", "careful.toml", task, "--model", "scripted"]).exits(2);
    assert!(seen.stderr.contains("[[model.reply]]"), "{}", seen.stderr);
    let seen = shell.run(&["run", "careful.toml", task, "--model", "gpt"]).exits(2);
    assert!(seen.stderr.contains("provider/model"), "{}", seen.stderr);
    // A setting of the shell is no reason to refuse an agent of steps.
    shell.file("steps.toml", "[agent]\nname = \"steps\"\n[[step]]\nid = \"a\"\nvalue = \"b\"\n");
    let seen = shell.run(&["run", "steps.toml", "--model", "rules"]).exits(0);
    assert!(seen.stdout == "b\n" && seen.stderr.contains("steps has no model"), "{}", seen.stderr);
}

// === what is told ===

/// An agent with another at its side, whose replies stand in its file.
const PAIR: &str = r#"
[agent]
name = "pair"
pattern = "react"
[input]
kind = "text"
[model]
use = "scripted"
[[model.reply]]
use = [{ call = "calc.eval", with = { expression = "6*7" } }, { call = "agent__helper", with = { task = 'use calc.eval with {"expression": "1+1"}' } }]
[[model.reply]]
text = "\u001b[2Jdone"
[tools]
allow = ["calc.*"]
[[agents]]
name = "helper"
pattern = "react"
model.use = "rules"
tools.allow = ["calc.*"]
"#;

#[test]
fn a_trace_shows_runs_within_runs_and_drives_no_terminal() {
    let shell = Shell::new();
    shell.file("pair.toml", PAIR);
    let seen = shell.run(&["run", "pair.toml", "go", "--trace"]).exits(0);
    assert_eq!(seen.stdout, "\u{1b}[2Jdone\n", "a pipe gets every byte");
    for part in [
        "\npair  react  ok  ",
        "\n├ scripted  ",
        "\n├ calc.eval  ok  ",
        "\n├ agent helper  ok  ",
        "\n│ ├ rules  ",
        "\n│ ├ calc.eval  ok  ",
        "\n│ └ answer  2\n",
        "\n└ answer  \\u{1b}[2Jdone\n",
    ] {
        assert!(seen.stderr.contains(part), "{part:?}: {}", seen.stderr);
    }
    let object = shell.run(&["run", "pair.toml", "go", "--trace", "--json"]).exits(0).json();
    assert_eq!(object["trace"]["parts"][2]["run"]["answer"], "2", "{object}");
    // Each action is told when it ends, also without a trace, and by whom.
    let seen = shell.run(&["run", "pair.toml", "go"]).exits(0);
    assert!(seen.stderr.contains("helper: calc.eval") && !seen.stderr.contains('├'), "{}", seen.stderr);
    shell.file("steps.toml", "[agent]\nname = \"steps\"\n[tools]\nallow = [\"calc\"]\n[[step]]\nid = \"a\"\nfor_each = [\"1\", \"2\", \"3\"]\ncall = \"calc.eval\"\nwith.expression = \"{{item}}\"\n");
    let seen = shell.run(&["run", "steps.toml", "--trace"]).exits(0);
    for part in ["steps  steps  ok  ", "\n├ a  done  × 3  ", "\n└ calls\n  └ calc.eval  × 3  queue "] {
        assert!(seen.stderr.contains(part), "{part:?}: {}", seen.stderr);
    }
}

#[test]
fn programs_hear_what_happens_line_by_line_and_the_outcome_last() {
    let shell = Shell::new();
    shell.file("pair.toml", PAIR);
    let seen = shell.run(&["run", "pair.toml", "go", "--events"]).exits(0);
    let lines: Vec<serde_json::Value> =
        seen.stdout.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect();
    let (outcome, events) = lines.split_last().expect("lines");
    assert_eq!((&outcome["outcome"], outcome.get("event")), (&json!("ok"), None), "{outcome}");
    let run = &outcome["run"];
    assert_eq!((&events[0]["event"], &events[0]["run"]), (&json!("run-started"), run));
    let last = events.last().expect("events");
    assert_eq!((&last["event"], &last["run"]), (&json!("run-finished"), run));
    let count = |name: &str| events.iter().filter(|event| event["event"] == name).count();
    assert_eq!(["run-started", "run-finished", "thought", "action-required", "finished"].map(count), [2, 2, 4, 3, 2]);
    let order: Vec<u64> = events.iter().filter_map(|event| event["seq"].as_u64()).collect();
    assert!(order.len() == events.len() && order.is_sorted(), "{order:?}");
    assert!(!seen.stdout.contains('\u{1b}'), "{}", seen.stdout);
    // They come while it runs: the first line is there before the tool has ended, which it never does.
    shell.install(&["sleeper"]);
    let sleeps = "[agent]\nname = \"sleeps\"\n[tools]\nallow = [\"sleeper\"]\n[[step]]\nid = \"a\"\ncall = \"sleeper.forever\"\n";
    shell.file("sleeps.toml", sleeps);
    let words = ["run", "sleeps.toml", "--events", "--allow-clock", "--timeout", "60s"];
    let mut child = shell.command(&words).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("it runs");
    let mut lines = BufReader::new(child.stdout.take().expect("its output")).lines();
    let started = lines.by_ref().map(|line| line.expect("it is read")).find(|line| line.contains("\"started\""));
    assert!(started.is_some());
    kill_process(Pid::from_raw(child.id().cast_signed()).expect("a process"), Signal::INT).expect("a signal");
    assert_eq!(child.wait().expect("it ends").code(), Some(130));
}
