//! `hotcell run` from outside: who is asked, which model is, what is told while a run goes on, and many tasks at once.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::Stdio;
use std::time::Instant;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::cli::{Seen, Shell};
use crate::support::program::hotcell;
use crate::watch::{hosts, until};

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

// === what is typed ===

// What was typed for an agent that may use everything reached those tools alone that the program has itself.
#[test]
fn what_is_typed_holds_for_whatever_tool_a_call_names() {
    let shell = Shell::new();
    shell.install(&["cpu", "files", "memory"]);
    fs::create_dir(shell.path("docs")).expect("a folder");
    shell.file("docs/a.md", "hello");
    shell.file("hotcell.toml", "[tools.memory]\nmax_concurrent = 3\n");
    let agent = "[agent]\npattern = \"react\"\n[model]\nuse = \"rules\"\n[tools]\nallow = [\"*\"]\n";
    shell.file("any.toml", agent);
    for (flags, task, outcome) in [
        (&["--fuel", "1M"][..], "cpu.spin()", "exhausted(fuel)"),
        (&["--memory", "8MiB"], "memory.touch()", "exhausted(memory)"),
        (&[], "filer.read(path=\"docs/a.md\")", "denied"),
        (&["--allow-read", "docs"], "filer.read(path=\"docs/a.md\")", "ok"),
        (&["--allow-read", "docs"], "filer.read(path=\"any.toml\")", "denied"),
    ] {
        let seen = shell.run(&[&["run", "any.toml", task, "--json"], flags].concat());
        let object = seen.json();
        assert_eq!(object["actions"][0]["outcome"], outcome, "{task} {flags:?}: {object}");
    }
    let refused = shell.run(&["run", "any.toml", "answer x", "--fuel", "1M", "--memory", "1000GiB"]).exits(2);
    assert!(refused.stderr.contains("more than the host can keep"), "{}", refused.stderr);
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
    let lines: Vec<Value> =
        seen.stdout.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect();
    let (outcome, events) = lines.split_last().expect("lines");
    assert_eq!((&outcome["outcome"], outcome.get("event")), (&json!("ok"), None), "{outcome}");
    let run = &outcome["run"];
    assert_eq!((&events[0]["event"], &events[0]["run"]), (&json!("run-started"), run));
    let last = events.last().expect("events");
    assert_eq!((&last["event"], &last["run"]), (&json!("run-finished"), run));
    let count = |name: &str| events.iter().filter(|event| event["event"] == name).count();
    assert_eq!(["run-started", "run-finished", "thought", "action-required", "finished"].map(count), [2, 2, 4, 3, 2]);
    let mut numbers: Vec<u64> = events.iter().filter_map(|event| event["seq"].as_u64()).collect();
    numbers.sort_unstable();
    let first = numbers[0];
    assert!(numbers.iter().copied().eq(first..first + events.len() as u64), "each once: {numbers:?}");
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

// === many tasks ===

/// An agent that naps as long as it is told.
const NAPS: &str = r#"
[agent]
name = "naps"
[input]
kind = "json"
[tools]
allow = ["sleeper.nap"]
[[step]]
id = "nap"
call = "sleeper.nap"
with.ms = "{{input.ms}}"
"#;

/// The lines of many tasks.
fn lines(seen: &Seen) -> Vec<Value> {
    seen.stdout.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect()
}

#[test]
fn s76_each_task_is_answered_in_the_order_of_the_file_and_a_bad_line_alone() {
    let shell = shell();
    let tasks = concat!(
        "\"use calc.eval with {\\\"expression\\\": \\\"1+1\\\"}\"\n\n",
        "{\"id\": \"second\\u001b[2J\", \"input\": \"use calc.eval with {\\\"expression\\\": \\\"2+2\\\"}\"}\n",
        "no task\n",
        "{\"id\": \"last\", \"input\": \"use calc.eval with {\\\"expression\\\": \\\"3+3\\\"}\"}"
    );
    shell.file("tasks.jsonl", tasks);
    for tasks in ["tasks.jsonl", "-"] {
        let words = ["run", "free.toml", "--tasks", tasks, "-j", "2"];
        let mut command = shell.command(&words);
        command.stdin(fs::File::open(shell.path("tasks.jsonl")).expect("the tasks"));
        let seen = Seen::of(command.output().expect("it runs"), &words).exits(2);
        let told = lines(&seen);
        let of = |key: &str| told.iter().map(|line| line[key].clone()).collect::<Vec<_>>();
        assert_eq!(of("index"), [1, 3, 4, 5], "{}", seen.stdout);
        assert_eq!(of("id"), ["1", "second\u{1b}[2J", "4", "last"]);
        assert_eq!(of("outcome"), ["ok", "ok", "invalid", "ok"]);
        assert_eq!(of("answer"), [json!("2"), json!("4"), Value::Null, json!("6")]);
        assert_eq!((&told[0]["calls"], &told[2]["error"]["code"]), (&json!(1), &json!("E0203")), "{}", seen.stdout);
        assert!(told[0]["spent"]["turns"].as_u64() > Some(0) && told[0]["elapsed_ms"].as_f64() > Some(0.0));
        assert!(!seen.stdout.contains('\u{1b}'), "{}", seen.stdout);
        assert!(seen.stderr.contains("free  4 tasks  3 ok  1 failed  time "), "{}", seen.stderr);
    }
}

#[test]
fn what_is_answered_is_not_asked_again() {
    let shell = shell();
    let task = |id: &str, sum: &str| {
        format!("{{\"id\": \"{id}\", \"input\": \"use calc.eval with {{\\\"expression\\\": \\\"{sum}\\\"}}\"}}\n")
    };
    shell.file("tasks.jsonl", &(task("a", "1+1") + "broken\n" + &task("b", "2+2") + &task("a", "9+9")));
    let words = ["run", "free.toml", "--tasks", "tasks.jsonl", "--results", "results.jsonl"];
    let seen = shell.run(&words).exits(2);
    let outcomes = |seen: &Seen| lines(seen).iter().map(|line| line["outcome"].clone()).collect::<Vec<_>>();
    assert_eq!(outcomes(&seen), ["ok", "invalid", "ok", "invalid"]);
    assert_eq!(fs::read_to_string(shell.path("results.jsonl")).expect("results"), seen.stdout);
    // The line of `b` was written in part when the machine went down.
    let lines: Vec<&str> = seen.stdout.lines().collect();
    shell.file("results.jsonl", &format!("{}\n{}\n{}", lines[0], lines[1], &lines[2].split_at(40).0));
    shell.file("tasks.jsonl", &(task("a", "1+1") + "\"say hello\"\n" + &task("b", "2+2")));
    let seen = shell.run(&words).exits(0);
    assert_eq!(outcomes(&seen), ["ok", "ok"]);
    assert!(seen.stderr.contains("2 tasks  2 ok  1 skipped"), "{}", seen.stderr);
    let kept = fs::read_to_string(shell.path("results.jsonl")).expect("results");
    assert_eq!(kept, format!("{}\n{}\n{}", lines[0], lines[1], seen.stdout));
    let seen = shell.run(&words).exits(0);
    assert!(seen.stdout.is_empty() && seen.stderr.contains("0 tasks  0 ok  3 skipped"), "{}", seen.stderr);
    let mistaken = ["run", "free.toml", "--tasks", "tasks.jsonl", "--results", "tasks.jsonl"];
    assert!(shell.run(&mistaken).exits(2).stderr.contains("line 1 is no result of tasks"));
    for words in [
        &["run", "free.toml", "x", "--tasks", "tasks.jsonl"][..],
        &["run", "free.toml", "x", "-j", "2"],
        &["run", "free.toml", "x", "--results", "results.jsonl"],
        &["run", "free.toml", "--tasks", "tasks.jsonl", "--trace"],
        &["run", "free.toml", "--tasks", "missing.jsonl"],
    ] {
        let seen = shell.run(words);
        assert!(seen.stdout.is_empty() && seen.exit != 0, "{words:?}: {}", seen.stdout);
    }
    let mut command = shell.command(&["run", "free.toml", TASK]);
    let seen = Seen::of(command.env("HOTCELL_TASKS_IN_FLIGHT", "3").output().expect("it runs"), &["one run"]).exits(0);
    assert_eq!(seen.stdout, "42\n", "a setting for other runs");
}

// S76: fifty tasks of 0.4 s, eight at a time. What the machine makes slower makes the tasks slower too, so what they took together
// is what the whole is judged by; what it takes to begin is seen from one task alone.
#[test]
fn s76_many_tasks_take_no_longer_than_their_runs_side_by_side() {
    let shell = Shell::new();
    shell.install(&["sleeper"]);
    shell.file("naps.toml", NAPS);
    let timed = |count: usize| {
        shell.file("tasks.jsonl", &"{\"input\": {\"ms\": 400}}\n".repeat(count));
        let began = Instant::now();
        let seen = shell.run(&["run", "naps.toml", "--tasks", "tasks.jsonl", "-j", "8", "--allow-clock"]).exits(0);
        let took = began.elapsed().as_secs_f64();
        let each: Vec<f64> =
            lines(&seen).iter().map(|line| line["elapsed_ms"].as_f64().expect("a time") / 1e3).collect();
        assert!(each.len() == count && each.iter().all(|took| *took >= 0.4), "{each:?}");
        (took, each)
    };
    // The first makes what is kept for all others.
    timed(1);
    let (alone, one) = timed(1);
    let (took, each) = timed(50);
    let ideal = each.iter().sum::<f64>() / 8.0;
    let last = each.iter().copied().fold(0.0, f64::max);
    let most = ideal * 1.05 + last + 1.0 + (alone - one[0]);
    assert!(took <= most, "{took} s, and {most} s are allowed for {ideal} s");
}

#[test]
fn what_was_answered_before_a_signal_stays_answered() {
    let shell = Shell::new();
    shell.install(&["sleeper"]);
    shell.file("naps.toml", NAPS);
    // More than are started ahead of the one that is still under way, without an end.
    let forever = "{\"id\": \"long\", \"input\": {\"ms\": 3600000}}\n";
    shell.file(
        "tasks.jsonl",
        &format!("{{\"input\": {{\"ms\": 1}}}}\n{forever}{}", "{\"input\": {\"ms\": 1}}\n".repeat(100)),
    );
    let words = [
        "run",
        "naps.toml",
        "--tasks",
        "tasks.jsonl",
        "-j",
        "2",
        "--allow-clock",
        "--timeout",
        "60s",
        "--results",
        "kept.jsonl",
    ];
    let mut child = shell.command(&words).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it runs");
    let mut output = BufReader::new(child.stdout.take().expect("its output"));
    let mut first = String::new();
    output.read_line(&mut first).expect("a line");
    assert!(first.starts_with("{\"index\":1,") && first.ends_with('\n'), "{first}");
    // The answered one, and seven that wait for the long one.
    until("as many ran as may", || {
        let ended = hosts(&shell).first()?["status"]["ended"]["ok"].as_u64()?;
        (ended >= 8).then_some(())
    });
    kill_process(Pid::from_raw(child.id().cast_signed()).expect("a process"), Signal::INT).expect("a signal");
    let mut rest = String::new();
    output.read_to_string(&mut rest).expect("the rest");
    let seen = Seen::of(child.wait_with_output().expect("it ends"), &words).exits(130);
    assert_eq!(rest, "", "nothing is told that a task before it is not");
    assert!(seen.stderr.contains("naps  1 task  1 ok  ") && seen.stderr.contains("cancelled["), "{}", seen.stderr);
    // Four times two, the long one among them: the other ninety-odd were not begun.
    assert!(seen.stderr.contains("  8 broken off  "), "{}", seen.stderr);
    assert_eq!(fs::read_to_string(shell.path("kept.jsonl")).expect("results"), first);
}

#[test]
fn each_task_saves_into_a_folder_of_its_own_and_a_path_in_it_grants_nothing() {
    let shell = Shell::new();
    let saves = "[agent]\nname = \"saves\"\n[input]\nkind = \"file\"\n[tools]\nallow = [\"files.read\"]\n[tools.files]\nfs.read = [\".\"]\n[[step]]\nid = \"read\"\ncall = \"files.read\"\nwith.path = \"{{input}}\"\n[[step]]\nid = \"copy\"\nvalue = \"{{steps.read.text}}\"\nsave = \"copy.txt\"\n";
    shell.file("saves.toml", saves);
    fs::create_dir(shell.path("data")).expect("a folder");
    shell.file("data/a", "one");
    shell.file("data/b", "two");
    shell.file("secret", "three");
    shell.file("tasks.jsonl", "\"data/a\"\n\"data/b\"\n\"secret\"\n");
    let words = ["run", "saves.toml", "--tasks", "tasks.jsonl", "--out", "made", "--allow-read", "data"];
    let seen = shell.run(&words).exits(3);
    let told = lines(&seen);
    assert_eq!(
        (&told[1]["files"], &told[2]["outcome"]),
        (&json!(["made/2/copy.txt"]), &json!("denied")),
        "{}",
        seen.stdout
    );
    let read = |path: &str| fs::read_to_string(shell.path(path)).ok();
    assert_eq!((read("made/1/copy.txt"), read("made/2/copy.txt")), (Some("one".to_owned()), Some("two".to_owned())));
    assert_eq!(read("made/3/copy.txt"), None);
}

// What would end a run before it begins is told by whoever looks at its file, too.
#[test]
fn a_check_says_of_prices_what_a_run_would() {
    let shell = Shell::new();
    shell.file("hotcell.toml", "[providers.own]\nkind = \"openai\"\nbase_url = \"http://127.0.0.1:9/v1\"\n");
    shell.file(
        "dear.toml",
        "[agent]\nname = \"dear\"\npattern = \"react\"\n[model]\nuse = \"own/m\"\n[budget]\ncost = \"0.50usd\"\n",
    );
    let [checked, run] = [&["check", "dear.toml"][..], &["run", "./dear.toml", "go"]]
        .map(|args| shell.run(&[&["--config", "hotcell.toml"], args].concat()));
    for ended in [&checked, &run] {
        let told = ended.stderr.clone() + &ended.stdout;
        assert!(told.contains("E0217") && told.contains("own/m") && told.contains("prices.\"m\" = {"), "{told}");
    }
    assert_eq!(checked.exit, run.exit);
}
