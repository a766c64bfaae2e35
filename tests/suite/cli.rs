//! The finished program, from outside: what is typed, what comes back, on which stream, with which exit code.

use std::fs;
use std::io::Write;
use std::os::unix::fs::symlink;
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::program::{guest, hotcell, scratch};

/// A folder to type commands in, and a home that is not the developer's.
pub(crate) struct Shell(TempDir);

impl Shell {
    pub(crate) fn new() -> Self {
        let shell = Self(tempfile::tempdir().expect("a folder"));
        fs::create_dir_all(shell.path("tools")).expect("a folder of tools");
        shell
    }

    pub(crate) fn path(&self, within: &str) -> std::path::PathBuf {
        self.0.path().join(within)
    }

    pub(crate) fn file(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).expect("a file");
    }

    /// Drops guests into the folder of tools. A starter tool has the name of one of them, so that one gets another.
    pub(crate) fn install(&self, names: &[&str]) {
        for name in names {
            let unique = if *name == "files" { "filer" } else { name };
            fs::copy(guest(name), self.path(&format!("tools/{unique}.wasm"))).expect("a guest");
        }
    }

    pub(crate) fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(hotcell());
        command.args(words).current_dir(self.0.path()).env_clear().stdin(Stdio::null());
        command.env("HOME", self.0.path()).env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.env("HOTCELL_CACHE_DIR", scratch("cache"));
        command
    }

    pub(crate) fn run(&self, words: &[&str]) -> Seen {
        Seen::of(self.command(words).output().expect("the program runs"), words)
    }

    /// The child is given this on its stdin.
    fn run_with(&self, words: &[&str], input: &[u8]) -> Seen {
        let mut command = self.command(words);
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program runs");
        // It may end before it has read all: that is its right.
        let _ = child.stdin.take().expect("its input").write_all(input);
        Seen::of(child.wait_with_output().expect("it ends"), words)
    }
}

/// What came back.
pub(crate) struct Seen {
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    pub(crate) exit: i32,
    words: String,
}

impl Seen {
    pub(crate) fn of(output: Output, words: &[&str]) -> Self {
        let text = |bytes| String::from_utf8(bytes).expect("the program prints UTF-8");
        let (stdout, stderr) = (text(output.stdout), text(output.stderr));
        let control = |c: char| c.is_control() && c != '\n' && c != '\t';
        assert!(!stderr.contains(control), "{words:?} drives the terminal: {stderr:?}");
        assert!(!stderr.contains("panicked at host/"), "{stderr}");
        Self { stdout, stderr, exit: output.status.code().unwrap_or(-1), words: words.join(" ") }
    }

    #[track_caller]
    pub(crate) fn exits(self, code: i32) -> Self {
        assert_eq!(self.exit, code, "{}\n{}\n{}", self.words, self.stdout, self.stderr);
        self
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{}: {error}: {}", self.words, self.stdout))
    }
}

// === calls ===

#[test]
fn the_first_call_needs_nothing_but_the_program() {
    let seen = Shell::new().run(&["call", "calc.eval", "expression=2^10"]).exits(0);
    assert_eq!(seen.stdout, "1024\n", "is it built with the starter tools? run `just test`");
    assert!(
        seen.stderr.contains("calc.eval") && seen.stderr.contains("fuel") && seen.stderr.contains("grants: none"),
        "{}",
        seen.stderr
    );
    let seen = Shell::new().run(&["call", "calc", "expression=2^10", "--json"]).exits(0);
    assert_eq!((&seen.json()["value"], &seen.json()["outcome"]), (&json!(1024), &json!("ok")));
    assert!(seen.json()["receipt"]["fuel"].as_u64().is_some_and(|fuel| fuel > 0));
    assert_eq!(seen.stderr, "");
}

// G8: the same words for people and for programs, and the exit codes of the contract.
#[test]
fn every_outcome_has_its_exit_code() {
    let shell = Shell::new();
    shell.install(&["cpu", "echo", "faults", "files", "memory", "output"]);
    shell.file("tools/broken.wasm", "no component");
    for (words, exit, outcome) in [
        (&["call", "echo.text", "text=x"][..], 0, "ok"),
        (&["call", "output.fail", "bytes=3"], 1, "failed"),
        (&["call", "echo.text", "txet=x"], 2, "invalid"),
        (&["call", "filer.read", "path=/etc/hostname"], 3, "denied"),
        (&["call", "cpu.spin", "--fuel", "1M"], 4, "exhausted(fuel)"),
        (&["call", "cpu.spin", "--timeout", "50ms"], 4, "timed-out"),
        (&["call", "memory.touch", "--memory", "8MiB"], 4, "exhausted(memory)"),
        (&["call", "ehco.text"], 6, "unknown"),
        (&["call", "broken"], 7, "rejected"),
        (&["call", "faults.exits", "code=0"], 9, "trapped(exit)"),
    ] {
        let person = shell.run(words).exits(exit);
        let program = shell.run(&[words, &["--json"]].concat()).exits(exit);
        let object = program.json();
        assert_eq!(object["outcome"], outcome, "{words:?}: {object}");
        if exit != 0 {
            assert_eq!(person.stdout, "", "{words:?}: only data goes to stdout");
            assert!(person.stderr.starts_with(&format!("{outcome}[E")), "{words:?}: {}", person.stderr);
            let code = object["error"]["code"].as_str().expect("a code");
            assert!(person.stderr.contains(code), "{words:?}: {}", person.stderr);
            let explained = shell.run(&["explain", code]).exits(0);
            assert!(explained.stdout.contains(code), "{}", explained.stdout);
        }
    }
}

#[test]
fn a_path_works_wherever_a_name_does() {
    let shell = Shell::new();
    let file = guest("echo").display().to_string();
    assert_eq!(shell.run(&["call", &format!("{file}#text"), "text=hello"]).exits(0).stdout, "hello\n");
    assert!(shell.run(&["inspect", &file]).exits(0).stdout.contains("echo.text"));
    let plain = guest("plain").display().to_string();
    assert_eq!(shell.run(&["call", &format!("{plain}#divide"), "-d", "[42, -6]"]).exits(0).stdout, "-7\n");
    assert_eq!(
        shell
            .run(&["call", &format!("{plain}#shapes.move-by"), "-d", r#"{"shape": "empty", "dx": 1, "dy": 1}"#])
            .exits(0)
            .stdout,
        "empty\n"
    );
    shell.run(&["call", "missing.wasm#text", "text=x"]).exits(7);
    shell.run(&["call", &format!("{file}#txet"), "text=x"]).exits(6);
}

#[test]
fn arguments_come_in_every_form() {
    let shell = Shell::new();
    shell.install(&["echo"]);
    shell.file("input.json", r#"{"text": "from a file"}"#);
    shell.file("text.txt", "a text\n");
    for (words, answer) in [
        (&["call", "echo.text", "text=with = and spaces"][..], "with = and spaces\n"),
        (&["call", "echo.text", "-d", r#"{"text": "an object"}"#], "an object\n"),
        (&["call", "echo.text", "-d", r#"["a list"]"#], "a list\n"),
        (&["call", "echo.text", "-d", "@input.json"], "from a file\n"),
        (&["call", "echo.text", "text=@text.txt"], "a text\n"),
        (&["call", "echo.work", "rounds=12"], "12\n"),
        (&["call", "echo.text", "text=12"], "12\n"),
    ] {
        assert_eq!(shell.run(words).exits(0).stdout.trim_end(), answer.trim_end(), "{words:?}");
    }
    let seen = shell.run_with(&["call", "echo.text", "-d", "-"], br#"{"text": "from stdin"}"#).exits(0);
    assert_eq!(seen.stdout, "from stdin\n");
    for words in [
        &["call", "echo.text", "-d", "{"][..],
        &["call", "echo.text", "-d", "@missing.json"],
        &["call", "echo.text", "text"],
        &["call"],
    ] {
        shell.run(words).exits(2);
    }
}

// H46: the program's own input is never the guest's.
#[test]
fn a_guest_does_not_see_the_programs_input_or_variables() {
    let shell = Shell::new();
    shell.install(&["environment"]);
    let seen = shell.run_with(&["call", "environment.look", "--json"], b"secret input").exits(0).json();
    let expected =
        json!({"variables": {}, "arguments": [], "folder": null, "input": "", "terminal": false, "system": []});
    assert_eq!(seen["value"], expected);
}

#[test]
fn flags_grant_for_one_call() {
    let shell = Shell::new();
    shell.install(&["clock", "environment", "files", "randomness"]);
    fs::create_dir(shell.path("data")).expect("a folder");
    shell.file("data/x.txt", "granted");
    shell.run(&["call", "filer.read", "path=data/x.txt"]).exits(3);
    assert_eq!(
        shell.run(&["call", "filer.read", "path=data/x.txt", "--allow-read", "data"]).exits(0).stdout,
        "granted\n"
    );
    shell.run(&["call", "filer.write", "path=data/y.txt", "text=new", "--allow-read", "data"]).exits(3);
    shell.run(&["call", "filer.write", "path=data/y.txt", "text=new", "--allow-write", "data"]).exits(0);
    assert_eq!(fs::read_to_string(shell.path("data/y.txt")).expect("the file"), "new");
    // What the message says to type is typed.
    let denied = shell.run(&["call", "filer.read", "path=data/x.txt"]).exits(3);
    let flag = denied.stderr.lines().find_map(|line| line.split("once").nth(1)).expect("a flag to type").trim();
    let words: Vec<&str> = ["call", "filer.read", "path=data/x.txt"].into_iter().chain(flag.split(' ')).collect();
    shell.run(&words).exits(0);

    let home = shell.0.path().display().to_string();
    let seen = shell.run(&["call", "environment.variable", "name=HOME", "--allow-env", "HOME"]).exits(0);
    assert_eq!(seen.stdout.trim_end(), home);
    shell.run(&["call", "environment.variable", "name=HOME"]).exits(1);
    let now = shell.run(&["call", "clock.now", "--allow-clock"]).exits(0);
    assert!(now.stdout.trim().parse::<u64>().is_ok_and(|seconds| seconds > 1_700_000_000), "{}", now.stdout);
    let numbers = || shell.run(&["call", "randomness.numbers", "count=2", "--allow-random"]).exits(0).stdout;
    assert_ne!(numbers(), numbers());
    for flags in [["--allow-read", "missing"], ["--allow-read", "/proc"], ["--allow-env", "NOT_SET"]] {
        shell.run(&[&["call", "filer.read", "path=x"], &flags[..]].concat()).exits(2);
    }
}

#[test]
fn a_file_of_settings_is_found_and_its_faults_are_shown_at_once() {
    let shell = Shell::new();
    shell.install(&["cpu"]);
    shell.file("hotcell.toml", "[tools.cpu]\nlimits.fuel = \"2M\"\n");
    let seen = shell.run(&["call", "cpu.spin"]).exits(4);
    assert!(seen.stderr.contains("2M"), "{}", seen.stderr);
    shell.file("hotcell.toml", "[tools.cpu]\nlimits.fule = \"2M\"\nlimits.timeout = 5\n[net]\n");
    let seen = shell.run(&["call", "cpu.spin"]).exits(2);
    for word in ["hotcell.toml:2", "fule", "fuel", "hotcell.toml:3", "hotcell.toml:4"] {
        assert!(seen.stderr.contains(word), "{word}: {}", seen.stderr);
    }
    shell.run(&["check", "hotcell.toml"]).exits(2);
}

// Whoever brings a checkout does not decide what is granted outside of it.
// The environment may say where a file lies; that it may grant what it says is for the operator to decide.
#[test]
fn a_file_that_the_environment_names_is_not_trusted_by_that() {
    let shell = Shell::new();
    fs::create_dir_all(shell.path("elsewhere")).expect("a folder");
    fs::create_dir_all(shell.path("data")).expect("a folder");
    let data = shell.path("data").display().to_string();
    shell.file("elsewhere/mine.toml", &format!("[tools.calc]\nfs.read = [{data:?}]\n"));
    let told = |words: &[&str]| {
        let mut command = shell.command(words);
        Seen::of(command.env("HOTCELL_CONFIG", "elsewhere/mine.toml").output().expect("the program runs"), words)
    };
    let call = ["call", "calc.eval", "expression=2^10"];
    let seen = told(&call).exits(3);
    assert!(seen.stderr.contains("E0307") && seen.stderr.contains("elsewhere/mine.toml"), "{}", seen.stderr);
    shell.run(&[&call[..], &["--config", "elsewhere/mine.toml"]].concat()).exits(0);
    told(&[&call[..], &["--config", "elsewhere/mine.toml"]].concat()).exits(0);
    // It is in force, all the same: what needs no trust counts.
    shell.run(&["trust", "elsewhere/mine.toml"]).exits(0);
    assert_eq!(told(&call).exits(0).stdout, "1024\n");
    shell.file("elsewhere/mine.toml", "[limits]\nfuel = \"10\"\n");
    told(&call).exits(4);
    shell.run(&call).exits(0);
}

// What is wrong in a file is shown with its lines, so a link would show the lines of any file.
#[test]
fn a_found_file_that_is_a_link_shows_nothing_of_what_it_leads_to() {
    let shell = Shell::new();
    shell.install(&["echo"]);
    shell.file("secret", "root:x:0:0\n");
    let link = |at: &str| symlink(shell.path("secret"), shell.path(at)).expect("a link");
    let shows_nothing = |words: &[&str], exit| {
        let seen = shell.run(words).exits(exit);
        assert!(!seen.stdout.contains("root:") && !seen.stderr.contains("root:"), "{}{}", seen.stdout, seen.stderr);
        seen
    };
    link("tools/echo.toml");
    let seen = shows_nothing(&["call", "echo.text", "text=x"], 6);
    assert!(seen.stderr.contains("it is a link"), "{}", seen.stderr);
    shows_nothing(&["ls"], 0);
    fs::create_dir(shell.path("agents")).expect("a folder");
    link("agents/mine.toml");
    shows_nothing(&["run", "mine"], 2);
    link("hotcell.toml");
    for words in
        [&["ls"][..], &["call", "calc.eval", "expression=1"], &["trust"], &["trust", "--show"], &["ls", "--json"]]
    {
        let seen = shows_nothing(words, 2);
        assert!(format!("{}{}", seen.stdout, seen.stderr).contains("it is a link"), "{}", seen.stderr);
    }
    // Whoever names a link means what it leads to.
    fs::write(shell.path("secret"), "[limits]\nfuel = \"20G\"\n").expect("a file");
    shell.run(&["call", "calc.eval", "expression=1", "--config", "hotcell.toml"]).exits(0);
}

#[test]
fn a_found_file_grants_nothing_outside_of_its_folder() {
    let shell = Shell::new();
    shell.install(&["files"]);
    let beside = tempfile::tempdir().expect("a folder");
    fs::write(beside.path().join("secret"), "beside").expect("a file");
    let folder = beside.path().display().to_string();
    shell.file("hotcell.toml", &format!("[tools.filer]\nfs.read = [{folder:?}]\n"));
    let read = format!("path={folder}/secret");
    let seen = shell.run(&["call", "filer.read", &read]).exits(3);
    assert!(seen.stderr.contains("E0307") && seen.stderr.contains("hotcell trust"), "{}", seen.stderr);
    shell.run(&["trust"]).exits(0);
    assert_eq!(shell.run(&["call", "filer.read", &read]).exits(0).stdout, "beside\n");
    // A file that has changed since is another file.
    shell.file("hotcell.toml", &format!("[tools.filer]\nfs.write = [{folder:?}]\n"));
    shell.run(&["call", "filer.read", &read]).exits(3);
    shell.run(&["--config", "hotcell.toml", "call", "filer.read", &read]).exits(0);
}

// === starter tools ===

// The zones of the machine are none of its business, whoever else was built with it.
#[test]
fn the_time_tool_looks_for_no_files() {
    let shell = Shell::new();
    for words in [
        &["call", "time.now", "zone=Europe/Oslo", "--allow-clock"][..],
        &["call", "time.convert", "time=2026-11-22T19:00:00+01:00[Europe/Oslo]", "zone=Asia/Tokyo"],
        &["call", "time.parse", "text=Sun, 22 Nov 2026 19:00:00 +0100", "zone=america/new_york"],
        &["call", "time.parse", "text=2026-11-22 19:00", "zone=Europe/Olso"],
    ] {
        let seen = shell.run(&[words, &["--json", "--allow-read", "."]].concat()).json();
        assert_eq!(seen["receipt"]["denials"], json!([]), "{words:?}: {seen}");
        assert_eq!(seen["value"].is_null(), words[3] == "zone=Europe/Olso", "{seen}");
    }
}

// === hostile output ===

// H31, H44, H45
#[test]
fn what_a_guest_prints_drives_no_terminal_and_forges_no_data() {
    let shell = Shell::new();
    shell.install(&["faults", "output"]);
    // `Seen` has looked at stderr for whatever drives a terminal.
    let seen = shell.run(&["call", "output.forge"]).exits(1);
    assert_eq!(seen.stdout, "");
    let seen = shell.run(&["call", "output.forge", "--json"]).exits(1);
    assert_eq!(seen.stdout.lines().count(), 1, "one object, on one line: {}", seen.stdout);
    assert!(!seen.stdout.contains('\u{1b}') && !seen.stdout.contains('\u{202e}'), "{}", seen.stdout);
    let log = seen.json();
    assert!(log.to_string().contains("jsonrpc"), "the log is in the object: {log}");
    let seen = shell.run(&["call", "output.flood", "mib=4", "--json"]).exits(0);
    assert!(seen.stdout.len() < 2 << 20, "{} bytes", seen.stdout.len());
    assert_eq!(seen.json()["receipt"]["stdout"]["dropped"], (4 << 20) - (256 << 10));
    let seen = shell.run(&["call", "faults.panics", "message=the tank is empty"]).exits(9);
    assert!(seen.stderr.contains("the tank is empty"), "{}", seen.stderr);
}

// H77, H82
#[test]
fn hostile_names_run_nothing() {
    let shell = Shell::new();
    fs::copy(guest("echo"), shell.path("tools/$(touch hotcell-escape).wasm")).expect("a file");
    fs::copy(guest("echo"), shell.path("tools/-rf.wasm")).expect("a file");
    fs::copy(guest("echo"), shell.path("tools/new\nline\u{1b}[2J.wasm")).expect("a file");
    let seen = shell.run(&["ls"]).exits(0);
    assert!(!seen.stdout.contains(|c: char| c.is_control() && c != '\n'), "{:?}", seen.stdout);
    shell.run(&["ls", "--json"]).exits(0).json();
    for name in ["../../run", "run\n", "/etc/passwd", "$(touch hotcell-escape)", "a/b.c", "\u{1b}[2J"] {
        let seen = shell.run(&["call", name]);
        assert!([2, 6, 7].contains(&seen.exit), "{name:?}: {} {}", seen.exit, seen.stderr);
    }
    assert!(!shell.path("hotcell-escape").exists());
}
