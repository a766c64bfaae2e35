//! Looking at hosts while they work: `hotcell bench` and `hotcell top`, from outside.

use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::cli::{Seen, Shell};
use crate::manners::catches;

/// Waits until something is so, and gives what it is.
#[track_caller]
fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
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
        assert!(seen.contains(code) && (seen.contains("10×, the first: ") || seen.contains("7×, the first: ")), "{seen}");
        assert!(seen.contains(fix), "{fix}: {seen}");
    }
    // What can't be opened is told once, as `call` tells it.
    let seen = shell.run(&["bench", "ehco.text", "text=x"]).exits(6);
    assert!(seen.stdout.is_empty() && seen.stderr.contains("did you mean `echo`?"), "{}", seen.stderr);
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
