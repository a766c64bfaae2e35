//! Looking at hosts while they work: `hotcell bench` and `hotcell top`, from outside.

use std::fs::{self, Permissions};
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::process::{Child, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::cli::{Seen, Shell};
use crate::manners::catches;

/// Waits until something is so, and gives what it is.
#[track_caller]
pub(crate) fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let late = Instant::now() + Duration::from_secs(30);
    loop {
        if let Some(seen) = look() {
            return seen;
        }
        assert!(Instant::now() < late, "{what}: not in time");
        thread::sleep(Duration::from_millis(10));
    }
}

// === bench ===

#[test]
fn a_bench_tells_how_all_its_calls_ended_and_how_long_they_took() {
    let shell = Shell::new();
    let seen = shell.run(&["bench", "calc.eval", "expression=2^10", "-n", "50", "-j", "4"]).exits(0);
    assert!(seen.stdout.starts_with("calc.eval  50 calls, 4 at a time in "), "{}", seen.stdout);
    for part in
        ["outcomes  ok 50\n", "first  ", "\ntotal  ", "\nqueue  ", "\nrun  ", "each\n", "limits  fuel 10G, timeout 10s"]
    {
        assert!(seen.stdout.contains(part), "{part:?}: {}", seen.stdout);
    }
    assert_eq!(seen.stderr, "", "nothing moves where nobody sees it");
    let object =
        shell.run(&["bench", "calc", "-d", r#"["2^10"]"#, "-n", "20", "--warmup", "5", "--json"]).exits(0).json();
    assert_eq!((&object["calls"], &object["ended"], &object["outcomes"]), (&json!(20), &json!(20), &json!({"ok": 20})));
    assert_eq!(
        (&object["total"]["count"], &object["run"]["count"]),
        (&json!(19), &json!(19)),
        "the first stands apart"
    );
    assert!(object["first"]["total_ms"].as_f64() > object["first"]["run_ms"].as_f64(), "{object}");
    assert!(object["fuel"]["p50"].as_u64() > Some(0) && object["calls_per_second"].as_f64() > Some(0.0), "{object}");
    assert_eq!(object["limits"]["memory"], 64 << 20);
}

#[test]
fn a_bench_ends_as_most_of_its_calls_that_failed() {
    let shell = Shell::new();
    shell.install(&["cpu", "echo", "output"]);
    shell.file("hotcell.toml", "[tools.echo]\nrate = \"3/m\"\n");
    for (words, exit, ends, fix) in [
        (&["bench", "output.fail", "bytes=3"][..], 1, json!({"failed": 10}), ""),
        (&["bench", "echo.text", "txet=x"], 2, json!({"invalid": 10}), ""),
        (&["bench", "cpu.spin", "--fuel", "1M"], 4, json!({"exhausted(fuel)": 10}), "once    --fuel 2M"),
        (&["bench", "echo.text", "text=x"], 5, json!({"ok": 3, "refused(rate)": 7}), "raise `rate` under [tools.echo]"),
    ] {
        let words = [words, &["-n", "10"]].concat();
        let object = shell.run(&[&words[..], &["--json"]].concat()).exits(exit).json();
        assert_eq!(object["outcomes"], ends, "{words:?}");
        let code = object["failures"][0]["first"]["code"].as_str().expect("a code");
        let seen = shell.run(&words).exits(exit).stdout;
        assert!(
            seen.contains(code) && (seen.contains("10×, the first: ") || seen.contains("7×, the first: ")),
            "{seen}"
        );
        assert!(seen.contains(fix), "{fix}: {seen}");
    }
    // What can't be opened is told once, as `call` tells it.
    let seen = shell.run(&["bench", "ehco.text", "text=x"]).exits(6);
    assert!(seen.stdout.is_empty() && seen.stderr.contains("did you mean `echo`?"), "{}", seen.stderr);
}

// So many at a time, each for so long, are so many a second: else a wait was left out, and load would seem to cost nothing.
#[test]
fn a_bench_leaves_out_no_time_in_which_a_caller_waited() {
    let shell = Shell::new();
    shell.install(&["cpu"]);
    let words = ["bench", "cpu.spin", "--fuel", "5M", "-n", "400", "-j", "32", "--json"];
    let object = shell.run(&words).exits(4).json();
    let number = |value: &Value| value.as_f64().expect("a number");
    let at_a_time = number(&object["unanswered"]["p50_ms"]) / 1e3 * number(&object["calls_per_second"]);
    // The median is not the mean, and the machine does other things too.
    assert!((8.0..128.0).contains(&at_a_time), "{at_a_time}: {object}");
}

#[test]
fn a_bench_that_is_broken_off_tells_what_it_has_seen() {
    let shell = Shell::new();
    shell.install(&["sleeper"]);
    let words = ["bench", "sleeper.forever", "-n", "100", "-j", "2", "--allow-clock", "--timeout", "60s", "--json"];
    let child = shell.command(&words).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it runs");
    let pid = Pid::from_raw(child.id().cast_signed()).expect("a process");
    until("it listens", || catches(child.id(), Signal::INT).then_some(()));
    kill_process(pid, Signal::INT).expect("a signal");
    let seen = Seen::of(child.wait_with_output().expect("it ends"), &words).exits(130);
    let object: Value = seen.json();
    // The signal came while the tool was opened, or during the first call.
    if object.get("error").is_none() {
        assert_eq!((&object["interrupted"], &object["outcomes"]), (&json!(true), &json!({"cancelled": 1})), "{object}");
    }
}

// === top ===

/// A command that works until it is dropped.
struct Working(Child);

impl Working {
    fn new(shell: &Shell, words: &[&str]) -> Self {
        Self(shell.command(words).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it runs"))
    }

    fn pid(&self) -> u32 {
        self.0.id()
    }
}

impl Drop for Working {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = (self.0.kill(), self.0.wait());
    }
}

/// Naps without an end, two at a time.
const NAPS: &[&str] = &["bench", "sleeper.nap", "ms=20", "-n", "1M", "-j", "2", "--allow-clock", "--deadline", "30s"];

/// An agent that sleeps until its tool runs out of time.
const SLEEPY: &str = "[agent]\nname = \"sleepy\"\n[tools]\nallow = [\"sleeper.forever\"]\n[[step]]\nid = \"sleep\"\ncall = \"sleeper.forever\"\n";

pub(crate) fn hosts(shell: &Shell) -> Vec<Value> {
    let look = shell.run(&["top", "--once", "--json"]).exits(0).json();
    look["hosts"].as_array().expect("hosts").clone()
}

#[test]
fn top_sees_the_hosts_that_run_and_how_it_stands_with_them() {
    let shell = Shell::new();
    shell.install(&["sleeper"]);
    shell.file("sleepy.toml", SLEEPY);
    let napping = Working::new(&shell, NAPS);
    let sleeping = Working::new(&shell, &["run", "./sleepy.toml", "--allow-clock", "--timeout", "60s"]);
    let (bench, run) = (napping.pid(), sleeping.pid());
    let of = |hosts: &[Value], pid: u32| hosts.iter().find(|host| host["pid"] == pid).cloned();
    let (naps, sleep) = until("both work", || {
        let hosts = hosts(&shell);
        let (naps, sleep) = (of(&hosts, bench)?, of(&hosts, run)?);
        let both = naps["status"]["ended"]["ok"].as_u64() > Some(1) && sleep["status"]["calls"]["running"] == 1;
        both.then_some((naps, sleep))
    });
    assert_eq!((&naps["command"], &sleep["command"]), (&json!("bench sleeper.nap"), &json!("run sleepy")));
    let tool = &naps["status"]["tools"][0];
    assert_eq!(tool["name"], "sleeper");
    assert!(tool["run"]["p50_ms"].as_f64() >= Some(19.0) && tool["run"]["count"].as_u64() > Some(1), "{tool}");
    assert_eq!(naps["status"]["tenants"][0]["name"], "local");
    // What was typed beside the tool stays its own.
    assert!(!naps.to_string().contains("30s") && !naps.to_string().contains("ms=20"), "{naps}");

    let seen = shell.run(&["top"]).exits(0);
    assert_eq!(seen.stderr, "");
    for part in [
        &format!("bench sleeper.nap  pid {bench}  up "),
        &format!("run sleepy  pid {run}  up "),
        "\n  tool ",
        "\n  sleeper ",
    ] {
        assert!(seen.stdout.contains(part), "{part}: {}", seen.stdout);
    }
}

/// Where sockets are, seen from the home.
const RUN: &str = ".local/state/hotcell/run";

#[test]
fn a_host_that_ends_leaves_nothing_and_what_one_that_was_killed_left_vanishes() {
    let shell = Shell::new();
    shell.install(&["sleeper"]);
    let left = || fs::read_dir(shell.path(RUN)).map_or(0, Iterator::count);
    shell.run(&["bench", "calc.eval", "expression=1", "-n", "3"]).exits(0);
    assert_eq!(left(), 0);
    let mut killed = Working::new(&shell, NAPS);
    until("it works", || (hosts(&shell).len() == 1).then_some(()));
    let (folder, socket) = (shell.path(RUN), shell.path(RUN).join(format!("{}.sock", killed.pid())));
    let mode = |path: &std::path::Path| fs::metadata(path).expect("it is there").permissions().mode() & 0o777;
    assert_eq!((mode(&folder), mode(&socket)), (0o700, 0o600));
    killed.0.kill().expect("it is killed");
    killed.0.wait().expect("it ends");
    assert!(socket.exists(), "nobody could clean up");
    assert_eq!(hosts(&shell), Vec::<Value>::new());
    assert_eq!(left(), 0);
}

#[test]
fn where_nothing_runs_top_says_what_to_do() {
    let shell = Shell::new();
    let seen = shell.run(&["top"]).exits(0);
    assert!(seen.stdout.is_empty() && seen.stderr.contains("hotcell bench calc.eval"), "{}", seen.stderr);
    assert_eq!(shell.run(&["top", "--once", "--json"]).exits(0).json(), json!({"hosts": [], "silent": [], "more": 0}));
}

// Who can put something there could pretend to be a host.
#[test]
fn a_folder_that_others_may_open_is_refused_by_both_sides() {
    let shell = Shell::new();
    fs::create_dir_all(shell.path(RUN)).expect("a folder");
    fs::set_permissions(shell.path(RUN), Permissions::from_mode(0o755)).expect("its mode");
    let seen = shell.run(&["top"]).exits(2);
    assert!(seen.stderr.contains("E0210") && seen.stderr.contains("others may open it"), "{}", seen.stderr);
    assert!(seen.stderr.contains(&format!("chmod 700 {}", shell.path(RUN).display())), "{}", seen.stderr);
    // A host works all the same, and says so if it is asked to.
    let bench = ["bench", "calc.eval", "expression=1", "-n", "3"];
    assert_eq!(shell.run(&bench).exits(0).stderr, "");
    let seen = shell.run(&[&bench[..], &["-v"]].concat()).exits(0);
    assert!(
        seen.stderr.contains("can't see this host") && seen.stderr.contains("others may open it"),
        "{}",
        seen.stderr
    );
    assert_eq!(fs::read_dir(shell.path(RUN)).expect("the folder").count(), 0);
    fs::set_permissions(shell.path(RUN), Permissions::from_mode(0o700)).expect("its mode");
    shell.run(&["top"]).exits(0);
}

#[test]
fn the_folder_of_the_session_is_taken_where_it_is_private() {
    let shell = Shell::new();
    let session = shell.path("session");
    fs::create_dir(&session).expect("a folder");
    let bench = |mode| {
        fs::set_permissions(&session, Permissions::from_mode(mode)).expect("its mode");
        let words = ["bench", "calc.eval", "expression=1", "-n", "2"];
        let mut command = shell.command(&words);
        Seen::of(command.env("XDG_RUNTIME_DIR", &session).output().expect("it runs"), &words).exits(0);
    };
    bench(0o755);
    assert!(shell.path(RUN).exists() && !session.join("hotcell").exists());
    fs::remove_dir(shell.path(RUN)).expect("the folder");
    bench(0o700);
    assert!(!shell.path(RUN).exists() && session.join("hotcell").exists());
}

#[test]
fn programs_get_an_object_a_line_until_they_leave_or_a_signal_comes() {
    let shell = Shell::new();
    let words = ["top", "--json", "--interval", "200ms"];
    let mut child = shell.command(&words).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it runs");
    let mut lines = BufReader::new(child.stdout.take().expect("its output")).lines();
    for _ in 0..3 {
        let look: Value = serde_json::from_str(&lines.next().expect("a line").expect("it is read")).expect("an object");
        assert_eq!(look["hosts"], json!([]));
    }
    // The reader leaves: the next line tells.
    drop(lines);
    let status = until("it ends", || child.try_wait().expect("a child"));
    assert_eq!(status.code(), Some(0));
    let child = shell.command(&words).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it runs");
    until("it listens", || catches(child.id(), Signal::INT).then_some(()));
    kill_process(Pid::from_raw(child.id().cast_signed()).expect("a process"), Signal::INT).expect("a signal");
    let seen = Seen::of(child.wait_with_output().expect("it ends"), &words).exits(0);
    assert_eq!(seen.stderr, "");
}

// A process of this user can put anything there: it is shown, and drives nothing.
#[test]
fn what_another_process_says_is_shown_as_a_strangers_words() {
    let shell = Shell::new();
    fs::create_dir_all(shell.path(RUN)).expect("a folder");
    fs::set_permissions(shell.path(RUN), Permissions::from_mode(0o700)).expect("its mode");
    let listener = UnixListener::bind(shell.path(RUN).join("7.sock")).expect("a socket");
    let calls = json!({"under_way": 0, "at_door": 0, "delayed": 0, "waiting": 0, "queue": 1, "running": 0, "limit": 1});
    let kept = json!({"entries": 0, "bytes": 0, "hits": 0, "joined": 0});
    let status = json!({
        "up_ms": 1, "calls": calls, "pressure_high": false, "ended": {"\u{1b}[31mok\n": 1}, "shed": 0, "retries": 0,
        "results": kept, "tools": [], "tenants": []
    });
    let report = json!({"pid": 7, "version": "\u{1b}[2J", "command": "run \u{1b}]0;x\u{7}\nforged", "status": status});
    thread::spawn(move || {
        for stream in listener.incoming() {
            serde_json::to_writer(stream.expect("a connection"), &report).expect("it is written");
        }
    });
    let seen = shell.run(&["top"]).exits(0).stdout;
    assert!(seen.starts_with("run \\u{1b}]0;x\\u{7}\\nforged  pid 7  up 1ms  version \\u{1b}[2J  "), "{seen}");
    assert!(!seen.contains(|c: char| c.is_control() && c != '\n') && seen.lines().count() == 4, "{seen:?}");
    let seen = shell.run(&["top", "--once", "--json"]).exits(0).stdout;
    assert!(!seen.contains('\u{1b}') && seen.lines().count() == 1, "{seen:?}");
}
