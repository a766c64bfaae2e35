//! What was proved, as a person reads it.

use std::time::Duration;

use hotcell_call::format_duration;
use hotcell_runtime::proof::{Proof, Row, Verdict};
use hotcell_runtime::status::Times;

use crate::commands::inspect::about;
use crate::output::{DIM, GREEN, Output, RED, YELLOW, one_line};
use crate::table;

/// A terminal of fewer columns has no room for what goes without saying: the limit stands in the outcome, too.
const WIDE: usize = 96;

/// The table, then what has to be said of it.
pub(super) fn lines(output: &Output, proof: &Proof) -> Vec<String> {
    let wide = table::width().is_none_or(|width| width >= WIDE);
    let mut lines = rows(output, proof, wide);
    lines.push(String::new());
    lines.extend(table::hanging(&remarks(proof), table::width()));
    lines.push(String::new());
    lines.push(verdict(output, proof));
    lines
}

fn rows(output: &Output, proof: &Proof, wide: bool) -> Vec<String> {
    let head = ["", "attack", "limit", "set to", "outcome", "reached", "gone", "p99"].map(str::to_owned);
    let cells: Vec<[String; 8]> = std::iter::once(head).chain(proof.rows.iter().map(cells)).collect();
    let laid = if wide {
        table::rows(&cells, None)
    } else {
        let narrow = |[mark, attack, _, set, outcome, reached, gone, p99]: [String; 8]| {
            [mark, attack, set, outcome, reached, gone, p99]
        };
        table::rows(&cells.into_iter().map(narrow).collect::<Vec<_>>(), None)
    };
    let style = |place: usize, line: String| match place.checked_sub(1).and_then(|row| proof.rows.get(row)) {
        None => output.styled(DIM, line),
        Some(row) => {
            let mark = mark(&row.verdict);
            let style = match row.verdict {
                Verdict::Holds => GREEN,
                Verdict::Broken(_) => RED,
                Verdict::Untried(_) => YELLOW,
            };
            line.strip_prefix(mark).map_or(line.clone(), |rest| format!("{}{rest}", output.styled(style, mark)))
        }
    };
    laid.into_iter().enumerate().map(|(place, line)| style(place, line)).collect()
}

fn mark(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Holds => "ok",
        Verdict::Broken(_) => "NO",
        Verdict::Untried(_) => "--",
    }
}

fn cells(row: &Row) -> [String; 8] {
    let set = row.set.clone().unwrap_or_default();
    let narrowed = if row.narrowed_from.is_some() && row.set.is_some() { "*" } else { "" };
    let gone = match (row.after, row.calls) {
        (_, 0) => String::new(),
        (Some(after), _) => format!("+{}", short(after)),
        (None, _) => short(row.took),
    };
    let p99 = if row.neighbour.count == 0 { String::new() } else { short(row.neighbour.p99) };
    [
        mark(&row.verdict).to_owned(),
        row.attack.to_owned(),
        row.limit.to_owned(),
        format!("{set}{narrowed}"),
        row.outcome.clone().unwrap_or_default(),
        row.reached.clone().unwrap_or_default(),
        gone,
        p99,
    ]
}

/// Milliseconds in three digits.
fn short(time: Duration) -> String {
    format!("{}ms", table::short(time.as_secs_f64() * 1e3))
}

/// Why rows are not as they should be, and how the table is to be read.
fn remarks(proof: &Proof) -> Vec<[String; 2]> {
    let mut remarks = Vec::new();
    for row in &proof.rows {
        if let Verdict::Broken(why) | Verdict::Untried(why) = &row.verdict {
            remarks.push([mark(&row.verdict).to_owned(), format!("{}: {}", row.attack, one_line(why))]);
        }
    }
    for row in proof.slowed() {
        let waited = short(row.neighbour.p99);
        remarks.push([
            "!".to_owned(),
            format!(
                "{}: the neighbour waited {waited} beside it; is the machine busy, or [schedule] in_flight small?",
                row.attack
            ),
        ]);
    }
    let mut narrowed: Vec<String> = Vec::new();
    for row in &proof.rows {
        if let Some(from) = &row.narrowed_from {
            let from = format!("{} from {from}", row.limit);
            if !narrowed.contains(&from) {
                narrowed.push(from);
            }
        }
    }
    if !narrowed.is_empty() {
        remarks.push([
            "*".to_owned(),
            format!("narrowed for the proof, so that it takes no longer: {}", narrowed.join(", ")),
        ]);
    }
    let row = |title: &str, text: String| [title.to_owned(), text];
    remarks.push(row(
        "gone",
        "+ after its time was up; else after its start, when it met its limit and was ended".to_owned(),
    ));
    let (alone, beside) = (Times::from(proof.idle), Times::from(proof.beside));
    let answered = if proof.harmed.is_some() { "NOT all answered" } else { "all answered" };
    let ms = |millis: f64| format!("{}ms", table::short(millis));
    remarks.push(row(
        "p99",
        format!(
            "of an honest neighbour, another tenant's echo, while the attack went on. In all {} calls, {answered}: p99 {}, and {} \
             while it was alone",
            beside.count,
            ms(beside.p99_ms),
            ms(alone.p99_ms)
        ),
    ));
    remarks.extend(proof.harmed.as_ref().map(|failure| row("NO", format!("neighbour: {}", one_line(failure)))));
    remarks.push(row("limits", format!("in force: {}", about::limits(&proof.limits))));
    remarks
}

fn verdict(output: &Output, proof: &Proof) -> String {
    let count = proof.rows.len();
    let untried = proof.rows.iter().filter(|row| matches!(row.verdict, Verdict::Untried(_))).count();
    let took = format_duration(proof.took);
    let broken = proof.broken().count();
    let rest = if untried > 0 { format!("; {untried} could not be tried") } else { String::new() };
    if broken > 0 {
        output
            .styled(RED, format_args!("{broken} of {count} attacks were NOT stopped as they should be{rest} ({took})"))
    } else if proof.harmed.is_some() {
        output.styled(RED, format_args!("all attacks were stopped, but the neighbour was harmed{rest} ({took})"))
    } else {
        let held = count - untried;
        output.styled(GREEN, format_args!("{held} of {count} attacks were stopped as they should be{rest} ({took})"))
    }
}

#[cfg(test)]
mod tests;
