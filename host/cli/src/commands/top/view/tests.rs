use hotcell_runtime::status::{Calls, Kept};

use super::*;
use crate::output::Output;

fn times(count: u64, ms: f64) -> Times {
    Times { count, p50_ms: ms, p95_ms: ms * 2.0, p99_ms: ms * 10.0, max_ms: ms * 20.0 }
}

fn measured(run: u64, failed: u64) -> Measured {
    Measured { queue: times(run + failed, 0.004), run: times(run, 1.234), failed: times(failed, 10_000.0) }
}

fn report(pid: u32, up_ms: u64, run: u64, tools: usize) -> Report {
    let tool = |number| ToolStatus {
        name: if number == 0 { "fetch".to_owned() } else { format!("tool-{number}") },
        times: measured(run / (number + 1), 3),
        breakers: if number == 0 { [("acme".to_owned(), "open".to_owned())].into() } else { [].into() },
    };
    Report {
        pid,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        command: "run scout".to_owned(),
        status: Status {
            up_ms,
            calls: Calls { under_way: 9, at_door: 1, delayed: 2, waiting: 4, queue: 4096, running: 2, limit: 1024 },
            pressure_high: pid == 1,
            ended: [("ok".to_owned(), run), ("refused(rate)".to_owned(), 3)].into(),
            shed: 0,
            retries: 5,
            results: Kept { entries: 3, bytes: 4096, hits: 7, joined: 1 },
            tools: (0..tools as u64).map(tool).collect(),
            tenants: vec![TenantStatus { name: "acme".to_owned(), waiting: 4, running: 2, times: measured(run, 3) }],
        },
    }
}

fn look(hosts: Vec<Report>) -> Look {
    Look { hosts, ..Look::default() }
}

fn shown(lines: Vec<Line>) -> Vec<String> {
    lines.into_iter().map(|line| line.painted(&Output::plain()).trim_end().to_owned()).collect()
}

#[test]
fn a_host_is_one_block() {
    let before = look(vec![report(1, 1_000, 1_000, 2)]);
    let now = look(vec![report(1, 3_000, 2_000, 2)]);
    insta::assert_snapshot!(shown(lines(&now, Some(&before), None)).join("\n"), @r"
    run scout  pid 1  up 3s  500 calls/s
      calls    running 2 of 1024  waiting 4 of 4096  pressure high  at the door 1  delayed 2
      ended    ok 2000  refused(rate) 3  shed 0  retries 5
      answers  kept 3 in 4KiB  hits 7  joined 1
      tool    calls  calls/s  run p50   p95   p99  queue p50   p95   p99  failed
      fetch    2003      500     1.23  2.47  12.3       0.00  0.01  0.04       3  open for acme
      tool-1   1003      250     1.23  2.47  12.3       0.00  0.01  0.04       3
      tenant  calls  calls/s  running  waiting  run p50   p95   p99  queue p50   p95   p99  failed
      acme     2003      500        2        4     1.23  2.47  12.3       0.00  0.01  0.04       3
    ");
}

// What can't be had from the receipts of calls must be seen on a terminal of the usual width.
#[test]
fn what_is_of_now_is_not_cut_from_a_terminal_of_eighty_columns() {
    let mut host = report(1, 3_000, 2_000_000, 1);
    host.status.calls = Calls { waiting: 4096, running: 1024, ..host.status.calls };
    host.status.tenants[0] = TenantStatus { waiting: 4096, running: 1024, ..host.status.tenants[0].clone() };
    let lines = lines(&look(vec![host]), None, None).into_iter().map(|line| line.cut(Some(80))).collect();
    let lines = shown(lines);
    assert!(lines[1].contains("running 1024 of 1024  waiting 4096 of 4096  pressure high"), "{lines:?}");
    assert!(lines[6].contains("  running  waiting  ") && lines[7].contains("     1024     4096  "), "{lines:?}");
}

#[test]
fn rates_are_since_the_last_look_and_at_the_first_since_the_beginning() {
    let rate = |now: &Report, before: Option<&Look>| Rates::new(now, before).calls(now);
    let host = report(1, 4_000, 2_000, 1);
    assert_eq!(rate(&host, None), 2_003.0 / 4.0);
    assert_eq!(rate(&host, Some(&look(vec![report(1, 2_000, 1_000, 1)]))), 500.0);
    // Another host, or an earlier one of that number.
    for other in [report(2, 2_000, 1_000, 1), report(1, 9_000, 1_000, 1)] {
        assert_eq!(rate(&host, Some(&look(vec![other]))), 2_003.0 / 4.0);
    }
}

#[test]
fn what_does_not_fit_is_counted() {
    let now = look(vec![report(1, 1_000, 1_000, 40), report(2, 1_000, 1_000, 4)]);
    let whole = lines(&now, None, None).len();
    for height in [22, 24, 40, 59] {
        let lines = shown(lines(&now, None, Some(height)));
        assert!(lines.len() <= height, "{height}: {}", lines.join("\n"));
        assert!(lines.iter().any(|line| line.starts_with("  … and ")), "{height}: {}", lines.join("\n"));
        assert_eq!(lines.iter().filter(|line| line.starts_with("run scout")).count(), 2, "{height}");
    }
    let lines_of_less = shown(lines(&now, None, Some(19)));
    assert_eq!(lines_of_less.last().map(String::as_str), Some("… and 1 more below: make the terminal taller"));
    assert!(lines_of_less.len() <= 19 && lines_of_less[1].starts_with("run scout  pid 1"), "{lines_of_less:?}");
    // One more: the first is apart from what stands above.
    assert_eq!(lines(&now, None, Some(1_000)).len(), whole + 1);
}

#[test]
fn names_of_other_processes_drive_no_terminal() {
    let mut host = report(1, 1_000, 1_000, 1);
    let hostile = "\x1b[2Jx\n\u{202e}".repeat(100);
    host.command.clone_from(&hostile);
    host.version.clone_from(&hostile);
    host.status.ended.insert(hostile.clone(), 1);
    host.status.tools[0].name.clone_from(&hostile);
    host.status.tools[0].breakers.insert(hostile.clone(), hostile.clone());
    host.status.tenants[0].name = hostile;
    let look = Look { hosts: vec![host], silent: vec![7, 8], more: 3 };
    let lines = shown(lines(&look, None, None));
    assert!(lines.iter().all(|line| !line.contains(|c: char| c.is_control() || c == '\u{202e}')), "{lines:?}");
    assert!(lines.iter().any(|line| line.ends_with("from pid 7, 8")) && lines.len() < 14, "{lines:?}");
}
