//! How the program behaves among others: what signals do to it, and readers who leave, and what a shell knows of it.

use std::fs;
use std::io::Read;
use std::process::Stdio;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal};

use crate::cli::{Seen, Shell};

// === signals ===

// F18
#[test]
fn a_signal_ends_a_call_at_once_as_cancelled() {
    for signal in [Signal::INT, Signal::TERM] {
        a_call_is_cancelled_by(signal);
    }
}

fn a_call_is_cancelled_by(signal: Signal) {
    let shell = Shell::new();
    shell.install(&["sleeper"]);
    let mut command = shell.command(&["call", "sleeper.forever", "--allow-clock", "--timeout", "60s", "--json"]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program runs");
    let pid = Pid::from_raw(child.id().cast_signed()).expect("a process");
    // It listens for signals before it compiles: so whenever this comes, it ends the same way. But not before it listens.
    let listens = Instant::now() + Duration::from_secs(20);
    while !catches(child.id(), signal) {
        assert!(Instant::now() < listens, "it never listened");
        std::thread::sleep(Duration::from_millis(5));
    }
    let asked = Instant::now();
    rustix::process::kill_process(pid, signal).expect("a signal");
    let output = child.wait_with_output().expect("it ends");
    assert!(asked.elapsed() < Duration::from_secs(5), "{:?}", asked.elapsed());
    let seen = Seen::of(output, &["call", "sleeper.forever"]).exits(130);
    assert_eq!(seen.json()["outcome"], "cancelled");
}

/// Whether a process has a handler for a signal.
pub(crate) fn catches(pid: u32, signal: Signal) -> bool {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).unwrap_or("0");
    u64::from_str_radix(caught.trim(), 16).is_ok_and(|caught| caught & (1 << (signal.as_raw() - 1)) != 0)
}

// === readers ===

// As `hotcell … | head -1`: who has read enough is no error, and no panic.
#[test]
fn a_reader_may_leave_early() {
    let shell = Shell::new();
    shell.install(&["output"]);
    for words in [
        &["ls"][..],
        &["explain"],
        &["completions", "zsh"],
        &["call", "output.answer", "bytes=3000000"],
        &["call", "output.answer", "bytes=3000000", "--json"],
    ] {
        let mut child = shell.command(words).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it runs");
        let mut stdout = child.stdout.take().expect("its output");
        let mut first = [0];
        stdout.read_exact(&mut first).expect("it says something");
        drop(stdout);
        let seen = Seen::of(child.wait_with_output().expect("it ends"), words).exits(0);
        assert!(!seen.stderr.contains("panicked") && !seen.stderr.contains("ipe"), "{words:?}: {}", seen.stderr);
    }
    // One who was never there.
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    let output = shell.command(&["ls"]).stdout(writer).output().expect("it runs");
    assert_eq!(Seen::of(output, &["ls"]).exits(0).stderr, "");
}

// What can't be written for another reason is told: a full disk is not a success.
#[test]
fn a_full_disk_is_an_error() {
    let shell = Shell::new();
    let full = fs::File::options().write(true).open("/dev/full").expect("a full disk");
    let output = shell.command(&["explain"]).stdout(full).output().expect("it runs");
    let seen = Seen::of(output, &["explain"]).exits(2);
    assert!(seen.stderr.contains("the answer could not be printed"), "{}", seen.stderr);
}

// === shells ===

#[test]
fn every_shell_can_complete_it() {
    let shell = Shell::new();
    for (name, part) in [
        ("bash", "complete -F _hotcell"),
        ("elvish", "edit:completion:arg-completer[hotcell]"),
        ("fish", "complete -c hotcell"),
        ("powershell", "Register-ArgumentCompleter"),
        ("zsh", "#compdef hotcell"),
    ] {
        let script = shell.run(&["completions", name]).exits(0).stdout;
        assert!(script.contains(part) && script.contains("inspect"), "{name}: {script:.300}");
        assert!(!script.contains("__compile"), "{name} shows what nobody types");
    }
    let seen = shell.run(&["completions", "csh"]).exits(2);
    assert!(seen.stderr.contains("bash") && seen.stderr.contains("zsh"), "{}", seen.stderr);
}
