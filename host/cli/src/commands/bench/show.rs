//! What was measured, as a person reads it.

use hotcell_call::{Count, Failure, format_duration};
use hotcell_runtime::Spread;
use hotcell_runtime::status::Times;

use super::Bench;
use super::tally::{First, Tally};
use crate::commands::inspect::about;
use crate::error::way;
use crate::output::{BOLD, DIM, Output, RED, one_line, without_numbers};
use crate::table;

/// All of it: how they ended, how long they took, what they used and could have used.
pub(super) fn lines(output: &Output, bench: &Bench, tally: &Tally) -> Vec<String> {
    let mut lines = vec![head(output, bench, tally), String::new()];
    lines.extend(titled(output, &ends(tally)));
    for (word, count, failure) in tally.failures() {
        lines.extend(failed(output, word, count, failure));
    }
    let rows = times(tally);
    if rows.len() > 1 {
        lines.push(String::new());
        let mut rows = table::numbers(&rows).into_iter();
        lines.extend(rows.next().map(|head| output.styled(DIM, head)));
        lines.extend(rows);
    }
    lines.push(String::new());
    lines.extend(titled(output, &terms(tally)));
    lines
}

/// `calc.eval  1000 calls, 2 at a time, in 0.21s: 4712 calls/s`.
fn head(output: &Output, bench: &Bench, tally: &Tally) -> String {
    let ended = tally.ended();
    let count = if ended == bench.calls { ended.to_string() } else { format!("{ended} of {}", bench.calls) };
    let name = output.styled(BOLD, &bench.target);
    let rate = tally.rate().map_or_else(String::new, |rate| {
        let rate = output.styled(BOLD, format_args!("{} calls/s", table::short(rate)));
        format!(" in {}: {rate}", format_duration(tally.wall))
    });
    let calls = if bench.calls == 1 { "call" } else { "calls" };
    format!("{name}  {count} {calls}, {} at a time{rate}", bench.in_flight)
}

fn titled(output: &Output, rows: &[[String; 2]]) -> Vec<String> {
    // The titles are plain words, and so as wide as they are long.
    let lines = table::hanging(rows, table::width());
    let title = |line: String| match line.split_once("  ") {
        Some((title, rest)) if !title.is_empty() => format!("{}  {rest}", output.styled(DIM, title)),
        _ => line,
    };
    lines.into_iter().map(title).collect()
}

fn ends(tally: &Tally) -> Vec<[String; 2]> {
    let mut ends: Vec<_> = tally.ends.iter().collect();
    ends.sort_by_key(|(_, end)| std::cmp::Reverse(end.count));
    let ends: Vec<String> = ends.iter().map(|(word, end)| format!("{word} {}", end.count)).collect();
    let mut rows = vec![row("outcomes", ends.join(", "))];
    let beside =
        [(tally.retries, "retries"), (tally.cached, "kept answers"), (tally.joined, "answers of another's run")];
    let beside: Vec<String> =
        beside.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")).collect();
    if !beside.is_empty() {
        rows.push(row("beside", beside.join(", ")));
    }
    rows.extend(tally.first.as_ref().map(|first| row("first", cold(tally, first))));
    rows
}

/// The first call, for which the tool was opened.
fn cold(tally: &Tally, first: &First) -> String {
    let outcome = if first.outcome == "ok" { String::new() } else { format!("{} after ", first.outcome) };
    let opened = format_duration(tally.opened);
    let ran = match first.receipt.attempts {
        0 => String::new(),
        _ => format!(", run {}", format_duration(first.receipt.run)),
    };
    format!("{outcome}{}{ran}; {opened} to open the tool before it", format_duration(first.total))
}

/// One kind of failure, by its first.
fn failed(output: &Output, word: &str, count: u64, failure: &Failure) -> Vec<String> {
    let word = output.styled(RED, format_args!("{word}[{}]", failure.code()));
    let mut lines = vec![String::new(), format!("{word} {count}×, the first: {}", one_line(failure.what()))];
    let mut rows = Vec::new();
    rows.extend((!failure.reason().is_empty()).then(|| row("  why", without_numbers(failure.reason()))));
    rows.extend(failure.remedy().map(|fix| {
        let ways = fix.lines().map(way).map(|(way, rest)| format!("{way}{rest}"));
        row("  fix", ways.collect::<Vec<_>>().join("\n"))
    }));
    rows.push(row("  more", failure.docs()));
    lines.extend(table::hanging(&rows, table::width()));
    lines
}

/// Percentiles in milliseconds, with a row for what there is.
fn times(tally: &Tally) -> Vec<Vec<String>> {
    let times = &tally.times;
    let mut rows = vec![["ms", "p50", "p95", "p99", "max"].map(str::to_owned).to_vec()];
    for (title, spread) in [
        ("total", &times.total),
        ("queue", &times.queue),
        ("run", &times.run),
        ("instantiate", &times.instantiate),
        ("unanswered total", &times.unanswered),
        ("unanswered run", &times.unanswered_run),
    ] {
        rows.extend(percentiles(title, spread));
    }
    rows
}

fn percentiles(title: &str, spread: &Spread) -> Option<Vec<String>> {
    let times = Times::from(spread.times());
    let shown = |millis: f64| format!("{millis:.3}");
    let row =
        || vec![title.to_owned(), shown(times.p50_ms), shown(times.p95_ms), shown(times.p99_ms), shown(times.max_ms)];
    (times.count > 0).then(row)
}

/// What was used, and what could have been.
fn terms(tally: &Tally) -> Vec<[String; 2]> {
    let mut rows = Vec::new();
    rows.extend(tally.fuel.known().map(|(least, median, most)| {
        let [least, median, most] = [least, median, most].map(Count::new);
        row("fuel", if least == most { format!("{median} each") } else { format!("{median} ({least} to {most})") })
    }));
    rows.push(row("memory", format!("{} at most", tally.memory_peak)));
    rows.push(row("limits", about::limits(&tally.limits)));
    rows.push(row("grants", tally.grants.to_string()));
    rows
}

fn row(title: &str, text: String) -> [String; 2] {
    [title.to_owned(), text]
}
