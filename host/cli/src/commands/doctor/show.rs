//! The report as a person reads it: what there is, who set what, and, last, what to do.

use super::finding::Finding;
use super::report::Report;
use super::settings::{Settings, Standing};
use super::tools::Tools;
use crate::error;
use crate::output::{BOLD, DIM, GREEN, Output, RED, YELLOW, one_line};
use crate::table;

pub(super) fn lines(output: &Output, report: &Report) -> Vec<String> {
    let mut lines = titled(output, &facts(report));
    lines.push(String::new());
    let head = ["setting", "from", "value"].map(str::to_owned);
    let values = report.config.values.iter();
    let values = values.map(|value| [value.key.clone(), value.from.clone(), value.value.clone()]);
    let mut rows = table::rows(&std::iter::once(head).chain(values).collect::<Vec<_>>(), table::width()).into_iter();
    lines.extend(rows.next().map(|head| output.styled(DIM, head)));
    lines.extend(rows);
    for diagnostic in &report.config.wrong {
        lines.push(String::new());
        lines.push(diagnostic.render());
    }
    for (style, word, findings) in [(YELLOW, "warning", &report.warnings), (RED, "problem", &report.problems)] {
        for finding in findings {
            lines.push(String::new());
            lines.push(format!("{}: {}", output.styled(style, word), output.styled(BOLD, one_line(&finding.what))));
            lines.extend(titled(output, &details(finding)));
        }
    }
    lines.push(String::new());
    lines.push(verdict(output, report));
    lines
}

/// Why, and what to do.
fn details(finding: &Finding) -> Vec<[String; 2]> {
    let mut rows = Vec::new();
    if !finding.why.is_empty() {
        rows.push(row("  why", one_line(&finding.why)));
    }
    rows.extend(finding.fix.as_ref().map(|fix| {
        let ways = fix.lines().map(error::way).map(|(way, rest)| format!("{way}{rest}"));
        row("  fix", ways.collect::<Vec<_>>().join("\n"))
    }));
    rows
}

fn verdict(output: &Output, report: &Report) -> String {
    let count = |count: usize, what: &str| match count {
        0 => None,
        1 => Some(format!("1 {what}")),
        count => Some(format!("{count} {what}s")),
    };
    let found = [count(report.problems.len(), "problem"), count(report.warnings.len(), "warning")];
    let found: Vec<String> = found.into_iter().flatten().collect();
    let found = if found.is_empty() { "nothing to mend".to_owned() } else { found.join(", ") };
    if report.is_usable() {
        output.styled(GREEN, format_args!("hotcell is ready: {found}"))
    } else {
        output.styled(RED, format_args!("hotcell is not ready: {found}"))
    }
}

fn facts(report: &Report) -> Vec<[String; 2]> {
    let mut rows = vec![row("program", program(report)), row("machine", machine(report))];
    rows.push(row("engine", engine(report)));
    rows.push(row("config", config(&report.config)));
    if !report.config.environment.is_empty() {
        rows.push(row("", format!("variables that are set: {}", report.config.environment.join(", "))));
    }
    rows.extend(report.tools.as_ref().map(|tools| row("tools", self::tools(tools))));
    rows.push(row("cache", cache(report)));
    let state = report.state.as_ref().map_or_else(
        || "nowhere".to_owned(),
        |state| format!("{}{}", one_line(state.folder.display()), if state.exists { "" } else { ", not made yet" }),
    );
    rows.push(row("state", state));
    rows
}

fn program(report: &Report) -> String {
    let program = &report.program;
    let engine = program.engine.map_or_else(String::new, |version| format!(", wasmtime {version}"));
    let build = if program.optimised { "" } else { ", unoptimised" };
    let proof = if program.proof { "the guests of --prove" } else { "no guests for --prove" };
    format!(
        "hotcell {}{engine}{build}; inside: {} starter tools, {} agents, {proof}",
        program.version, program.starters, program.agents
    )
}

fn machine(report: &Report) -> String {
    let machine = &report.machine;
    let mut parts = Vec::new();
    parts.extend(machine.kernel.as_ref().map(|kernel| format!("Linux {}", one_line(kernel))));
    parts.push(format!("{} core{}", machine.cores, if machine.cores == 1 { "" } else { "s" }));
    parts.extend(machine.memory.map(|memory| {
        let free = machine.memory_free.map_or_else(String::new, |free| format!(" ({free} free)"));
        format!("memory {memory}{free}")
    }));
    parts.push(
        machine.open_files.map_or_else(|| "any number of open files".to_owned(), |files| format!("{files} open files")),
    );
    parts.extend(machine.mappings.map(|mappings| format!("{mappings} mappings")));
    parts.extend(machine.address_space.map(|space| format!("{space} of addresses")));
    parts.join(", ")
}

fn engine(report: &Report) -> String {
    let Some(engine) = &report.engine else { return "can't be set up".to_owned() };
    let reserved = engine.reserved.map_or_else(String::new, |reserved| format!(", {reserved} of addresses reserved"));
    let scan = if engine.pagemap_scan { "works" } else { "is not there" };
    format!(
        "pool of {} memories for {} calls at a time{reserved}; the pagemap scan {scan}; {} of each memory stays in place; stack {}",
        engine.memories, engine.calls, engine.resident, engine.stack
    )
}

fn config(settings: &Settings) -> String {
    let file = settings.file.as_ref().map_or_else(String::new, |file| one_line(file.display()));
    match settings.trust {
        Standing::None => "no hotcell.toml here or above: the defaults hold".to_owned(),
        Standing::Named => format!("{file}, named, which needs no trust"),
        Standing::Harmless => format!("{file}, which reaches nothing beyond its folder and needs no trust"),
        Standing::Trusted => format!("{file}, trusted"),
        Standing::Untrusted => format!("{file} is NOT trusted: below are the defaults"),
        Standing::Broken => "the file does NOT fit: below are the defaults".to_owned(),
    }
}

fn tools(tools: &Tools) -> String {
    let mut lines = vec![format!("{} starter tools", tools.starters)];
    for folder in &tools.folders {
        let path = one_line(folder.path.display());
        lines.push(if folder.exists { format!("{} in {path}", folder.tools) } else { format!("{path} is not there") });
    }
    if tools.named > 0 {
        lines.push(format!("{} by their path", tools.named));
    }
    if !tools.broken.is_empty() {
        lines.push(format!("{} broken", tools.broken.len()));
    }
    if tools.unknown > 0 {
        lines.push(format!("{} not looked into: there was no time", tools.unknown));
    }
    lines.join("; ")
}

fn cache(report: &Report) -> String {
    let Some(cache) = &report.cache else { return "nowhere".to_owned() };
    let folder = one_line(cache.folder.display());
    if !cache.exists {
        return format!("{folder}, not made yet");
    }
    if !cache.usable {
        return format!("{folder}, NOT used");
    }
    let key = match cache.key {
        "secret" => "only you may write to it, and read its key",
        "open" => "only you may write to it, but others can read its key",
        _ => "only you may write to it; no key yet",
    };
    format!("{folder}, {} components in {} of {}; {key}", cache.components, cache.size, cache.max_size)
}

fn titled(output: &Output, rows: &[[String; 2]]) -> Vec<String> {
    // The titles are plain words, and so as wide as they are long.
    let lines = table::hanging(rows, table::width());
    let title = |line: String| {
        let indent = line.len() - line.trim_start().len();
        match line.split_at_checked(indent).and_then(|(space, rest)| Some((space, rest.split_once("  ")?))) {
            Some((space, (title, rest))) if indent < 4 => format!("{space}{}  {rest}", output.styled(DIM, title)),
            _ => line,
        }
    };
    lines.into_iter().map(title).collect()
}

fn row(title: &str, text: String) -> [String; 2] {
    [title.to_owned(), text]
}
