//! A trace as a tree of lines.

use std::time::Duration;

use hotcell_agent::model::unspelled;
use hotcell_call::{Count, format_duration, shortened};

use super::{Part, Run, Took};
use crate::output::{BOLD, DIM, GREEN, Output, RED, YELLOW};

/// Of more in one place than this, the middle is left out.
const MOST_IN_PLACE: usize = 40;
/// How many of those stand at the end.
const LAST: usize = 8;
/// Lines of all.
const MOST_LINES: usize = 400;
/// What is shown of a text.
const MOST_SHOWN: usize = 160;
/// Names that a thought wants to use, at most.
const MOST_USES: usize = 8;

/// One line, and those beneath it.
struct Branch {
    text: String,
    beneath: Vec<Branch>,
}

/// The lines of a run, styled for stderr.
pub(in crate::commands::run) fn lines(output: &Output, run: &Run) -> Vec<String> {
    let outcome = run.outcome.as_deref().unwrap_or("unfinished");
    let name = output.styled_note(BOLD, shown(&run.agent));
    let mut lines =
        vec![format!("{name}  {}  {}  {}", run.pattern, word(output, outcome), time(output, run.elapsed_ms))];
    grow(&mut lines, "", beneath(output, run));
    if lines.len() > MOST_LINES {
        let more = lines.len() - MOST_LINES;
        lines.truncate(MOST_LINES);
        lines.push(format!("… {more} lines more; --json has all of it"));
    }
    lines
}

fn grow(lines: &mut Vec<String>, before: &str, branches: Vec<Branch>) {
    let count = branches.len();
    for (place, branch) in branches.into_iter().enumerate() {
        let (twig, beneath) = if place + 1 == count { ("└ ", "  ") } else { ("├ ", "│ ") };
        lines.push(format!("{before}{twig}{}", branch.text));
        grow(lines, &format!("{before}{beneath}"), branch.beneath);
    }
}

fn beneath(output: &Output, run: &Run) -> Vec<Branch> {
    let mut branches = cut(run.parts.iter().map(|part| branch(output, part)).collect(), run.more);
    // An action tells of its call itself.
    if run.parts.iter().any(|part| matches!(part, Part::Step { .. })) && !run.functions.is_empty() {
        let each = run.functions.iter().map(|(name, took)| {
            let name = format!("{}  × {}", shown(name), took.calls);
            leaf(format!("{name}  {}", output.styled_note(DIM, spent(took))))
        });
        branches.push(Branch { text: "calls".to_owned(), beneath: cut(each.collect(), 0) });
    }
    if let Some(answer) = &run.answer {
        branches.push(leaf(format!("answer  {}", shown(answer))));
    }
    if run.missed > 0 {
        branches.push(leaf(output.styled_note(YELLOW, format_args!("{} events were missed", run.missed))));
    }
    branches
}

/// The first and the last of many, with the number of those between, and of those that were not kept.
fn cut(mut branches: Vec<Branch>, more: u64) -> Vec<Branch> {
    let mut hidden = 0;
    let mut place = branches.len();
    if branches.len() > MOST_IN_PLACE {
        place = MOST_IN_PLACE - LAST;
        let from = branches.len() - LAST;
        hidden = branches.drain(place..from).count();
    }
    if hidden > 0 {
        branches.insert(place, leaf(format!("… {hidden} more")));
    }
    if more > 0 {
        branches.push(leaf(format!("… {more} more, which were not kept")));
    }
    branches
}

fn leaf(text: String) -> Branch {
    Branch { text, beneath: Vec::new() }
}

fn branch(output: &Output, part: &Part) -> Branch {
    match part {
        Part::Thought { model, tokens, took_ms, uses } => {
            let took = format_duration(Duration::from_secs_f64(took_ms / 1e3));
            let took = output.styled_note(DIM, format_args!("{tokens} tokens  {took}"));
            leaf(format!("{}  {took}{}", shown(model), wanted(uses)))
        }
        Part::Action { target, outcome, elapsed_ms, took, run, .. } => {
            let outcome = word(output, outcome.as_deref().unwrap_or("unfinished"));
            let took = took.as_ref().map(|took| format!("  {}", output.styled_note(DIM, spent(took))));
            let text = format!("{}  {outcome}  {}", shown(target), time(output, *elapsed_ms));
            let beneath = run.as_ref().map(|run| beneath(output, run)).unwrap_or_default();
            Branch { text: text + &took.unwrap_or_default(), beneath }
        }
        Part::Step { step, state, calls, elapsed_ms, .. } => {
            let state = word(output, state.unwrap_or("unfinished"));
            let took = match calls {
                0 => String::new(),
                1 => format!("  {}", time(output, *elapsed_ms)),
                calls => format!("  × {calls}  {}", time(output, *elapsed_ms)),
            };
            leaf(format!("{}  {state}{took}", shown(step)))
        }
        Part::Asked { what, agreed } => {
            let (style, answer) = match agreed {
                Some(true) => (GREEN, "yes"),
                Some(false) => (RED, "no"),
                None => (YELLOW, "unanswered"),
            };
            leaf(format!("asked: {}  {}", shown(what), output.styled_note(style, answer)))
        }
        Part::Error { what } => leaf(format!("{}  {}", output.styled_note(RED, "error"), shown(what))),
        Part::Budget { what, used, most } => {
            let text = format!("{what}  {} of {}", shown(used), shown(most));
            leaf(format!("{}  {text}", output.styled_note(YELLOW, "budget")))
        }
    }
}

/// What a thought wants to use.
fn wanted(uses: &[String]) -> String {
    if uses.is_empty() {
        return String::new();
    }
    // As people write them: models' APIs take no dots.
    let name = |name: &String| match name.strip_prefix("agent__") {
        Some(agent) => shown(&format!("agent {agent}")),
        None => shown(&unspelled(name)),
    };
    let mut names: Vec<String> = uses.iter().take(MOST_USES).map(name).collect();
    if uses.len() > MOST_USES {
        names.push(format!("… {} more", uses.len() - MOST_USES));
    }
    format!("  → {}", names.join(", "))
}

fn spent(took: &Took) -> String {
    let time = |millis: f64| format_duration(Duration::from_secs_f64(millis / 1e3));
    let failed = if took.failed > 0 && took.calls > 1 { format!("{} failed  ", took.failed) } else { String::new() };
    let (queue, run) = (time(took.queue_ms), time(took.run_ms));
    format!("{failed}queue {queue}  run {run}  fuel {}", Count::new(took.fuel))
}

fn word(output: &Output, word: &str) -> String {
    let style = match word {
        "ok" | "done" => GREEN,
        "skipped" | "unfinished" => YELLOW,
        _ => RED,
    };
    output.styled_note(style, shown(word))
}

fn time(output: &Output, millis: u64) -> String {
    output.styled_note(DIM, format_duration(Duration::from_millis(millis)))
}

/// Whoever said it: one line, escaped and cut.
fn shown(text: &str) -> String {
    shortened(text, MOST_SHOWN)
}
