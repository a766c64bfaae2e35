//! One look, as a person reads it.

use std::time::Duration;

use anstyle::Style;
use hotcell_call::{ByteSize, format_duration, shortened};
use hotcell_runtime::status::{Measured, Status, TenantStatus, Times, ToolStatus};
use hotcell_server::status::{Look, Report};

use super::line::Line;
use super::rates::{Rates, count};
use crate::output::{BOLD, DIM, YELLOW};
use crate::table;

/// What can be done where nothing runs.
pub(super) const NOTHING: &str =
    "No host is running. Start one beside this: hotcell bench calc.eval expression='2 ^ 10' -n 1M";

/// Nothing in particular.
const PLAIN: Style = Style::new();
/// Characters of a name.
const NAME: usize = 32;

/// The first line of a screen.
pub(super) fn head(look: &Look, interval: Duration) -> Line {
    let hosts = match look.hosts.len() {
        1 => "1 host".to_owned(),
        hosts => format!("{hosts} hosts"),
    };
    let every = format_duration(interval);
    Line::of(BOLD, "hotcell top").then(DIM, format_args!("  {hosts}, every {every}, times in ms  (q ends)"))
}

/// What stands on a screen where nothing runs.
pub(super) fn nothing() -> Vec<Line> {
    let parts = NOTHING.split_inclusive(": ");
    std::iter::once(Line::default()).chain(parts.map(|part| Line::of(PLAIN, part))).collect()
}

/// A block for each host, of no more lines than `height` if its tables can be cut so far.
pub(super) fn lines(look: &Look, before: Option<&Look>, height: Option<usize>) -> Vec<Line> {
    let blocks: Vec<Block> = look.hosts.iter().map(|host| Block::new(host, &Rates::new(host, before))).collect();
    let beside = beside(look);
    let rows = height.map_or(usize::MAX, |height| {
        let longest = blocks.iter().map(Block::longest).max().unwrap_or_default();
        let fits =
            |rows: &usize| blocks.iter().map(|block| block.height(*rows)).sum::<usize>() + beside.len() <= height;
        (1..=longest).rev().find(fits).unwrap_or(1)
    });
    let mut left = height.map_or(usize::MAX, |height| height.saturating_sub(beside.len()));
    let mut lines = Vec::new();
    let hosts = blocks.len();
    for (place, block) in blocks.into_iter().enumerate() {
        // As long as others follow, there must be room to say so.
        let needed = block.height(rows).saturating_add(usize::from(place + 1 < hosts));
        if needed > left && place > 0 {
            lines.push(Line::of(YELLOW, format_args!("… and {} more below: make the terminal taller", hosts - place)));
            break;
        }
        left = left.saturating_sub(block.height(rows));
        lines.extend(block.lines(rows));
    }
    lines.extend(beside);
    // On a screen each stands apart from what is above, elsewhere from the one before.
    if height.is_none() && !lines.is_empty() {
        lines.remove(0);
    }
    lines
}

/// Hosts of which nothing can be shown.
fn beside(look: &Look) -> Vec<Line> {
    let mut lines = Vec::new();
    if !look.silent.is_empty() {
        let pids: Vec<String> = look.silent.iter().map(u32::to_string).collect();
        lines.push(format!("no answer, or one of another version, from pid {}", pids.join(", ")));
    }
    if look.more > 0 {
        lines.push(format!("{} hosts more are not shown", look.more));
    }
    if !lines.is_empty() {
        lines.insert(0, String::new());
    }
    lines.into_iter().map(|line| Line::of(YELLOW, line)).collect()
}

/// One host.
struct Block {
    above: Vec<Line>,
    tables: [Table; 2],
}

/// Lines that stand below their head.
struct Table {
    head: Line,
    rows: Vec<Line>,
}

impl Block {
    fn new(host: &Report, rates: &Rates<'_>) -> Self {
        let status = &host.status;
        let above = vec![Line::default(), title(host, rates), calls(status), ends(status), answers(status)];
        Self { above, tables: tables(status, rates) }
    }

    fn longest(&self) -> usize {
        self.tables.iter().map(|table| table.rows.len()).max().unwrap_or_default()
    }

    fn height(&self, rows: usize) -> usize {
        self.above.len() + self.tables.iter().map(|table| table.height(rows)).sum::<usize>()
    }

    fn lines(self, rows: usize) -> impl Iterator<Item = Line> {
        self.above.into_iter().chain(self.tables.into_iter().flat_map(move |table| table.lines(rows)))
    }
}

impl Table {
    fn new(heads: Vec<String>, rows: impl Iterator<Item = Vec<String>>) -> Self {
        let cells: Vec<Vec<String>> = std::iter::once(heads).chain(rows).collect();
        let mut laid = table::numbers(&cells).into_iter();
        let head = Line::of(DIM, laid.next().unwrap_or_default());
        Self { head, rows: laid.map(|line| Line::of(PLAIN, line)).collect() }
    }

    /// With so many rows, and one that says how many are missing.
    fn height(&self, rows: usize) -> usize {
        if self.rows.is_empty() { 0 } else { 1 + self.rows.len().min(rows) + usize::from(self.rows.len() > rows) }
    }

    fn lines(self, rows: usize) -> impl Iterator<Item = Line> {
        let missing = self.rows.len().saturating_sub(rows);
        let head = (!self.rows.is_empty()).then_some(self.head);
        let more = (missing > 0).then(|| Line::of(DIM, format_args!("  … and {missing} more")));
        head.into_iter().chain(self.rows.into_iter().take(rows)).chain(more)
    }
}

/// `run file-analyst  pid 4711  up 12s  812 calls/s`.
fn title(host: &Report, rates: &Rates<'_>) -> Line {
    let up = format_duration(Duration::from_millis(host.status.up_ms));
    let version = match host.version.as_str() {
        env!("CARGO_PKG_VERSION") => String::new(),
        other => format!("  version {}", shortened(other, NAME)),
    };
    Line::of(BOLD, shortened(&host.command, 2 * NAME))
        .then(DIM, format_args!("  pid {}  up {up}{version}  ", host.pid))
        .then(BOLD, format_args!("{} calls/s", table::short(rates.calls(host))))
}

/// Calls on their way.
fn calls(status: &Status) -> Line {
    let calls = &status.calls;
    let queue = format!("running {} of {}  waiting {} of {}  ", calls.running, calls.limit, calls.waiting, calls.queue);
    let (style, pressure) = if status.pressure_high { (YELLOW, "pressure high") } else { (PLAIN, "pressure low") };
    Line::of(DIM, "  calls    ")
        .then(PLAIN, queue)
        .then(style, pressure)
        .then(PLAIN, format_args!("  at the door {}  delayed {}", calls.at_door, calls.delayed))
}

/// Calls that ended.
fn ends(status: &Status) -> Line {
    let mut ends: Vec<_> = status.ended.iter().collect();
    ends.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
    let mut line = Line::of(DIM, "  ended   ");
    for (word, count) in ends {
        let style = if word == "ok" { PLAIN } else { YELLOW };
        line = line.then(style, format_args!(" {} {count} ", shortened(word, NAME)));
    }
    line.then(PLAIN, format_args!(" shed {}  retries {}", status.shed, status.retries))
}

/// Answers that were kept, and shared.
fn answers(status: &Status) -> Line {
    let kept = &status.results;
    let text =
        format!("kept {} in {}  hits {}  joined {}", kept.entries, ByteSize::bytes(kept.bytes), kept.hits, kept.joined);
    Line::of(DIM, "  answers  ").then(PLAIN, text)
}

/// What is known of all tools, and of all tenants. What is of now comes first: a narrow terminal shows no more.
fn tables(status: &Status, rates: &Rates<'_>) -> [Table; 2] {
    [tools(status, rates), tenants(status, rates)]
}

fn tools(status: &Status, rates: &Rates<'_>) -> Table {
    let mut tools: Vec<_> = status.tools.iter().collect();
    tools.sort_by_key(|tool| std::cmp::Reverse(count(&tool.times)));
    let row = |tool: &&ToolStatus| cells(&tool.name, &tool.times, rates.tool(&tool.name, &tool.times), []);
    let mut table = Table::new(heads("tool", []), tools.iter().map(row));
    for (row, tool) in table.rows.iter_mut().zip(tools) {
        let breakers = tool.breakers.iter();
        let breakers =
            breakers.map(|(tenant, state)| format!("  {} for {}", shortened(state, NAME), shortened(tenant, NAME)));
        *row = std::mem::take(row).then(YELLOW, breakers.collect::<String>());
    }
    table
}

fn tenants(status: &Status, rates: &Rates<'_>) -> Table {
    let mut tenants: Vec<_> = status.tenants.iter().collect();
    tenants.sort_by_key(|tenant| std::cmp::Reverse(count(&tenant.times)));
    let row = |tenant: &TenantStatus| {
        let rate = rates.tenant(&tenant.name, &tenant.times);
        cells(&tenant.name, &tenant.times, rate, [tenant.running, tenant.waiting])
    };
    Table::new(heads("tenant", ["running", "waiting"]), tenants.into_iter().map(row))
}

fn heads<const N: usize>(what: &str, now: [&str; N]) -> Vec<String> {
    let past = ["run p50", "p95", "p99", "queue p50", "p95", "p99", "failed"];
    let heads = ["calls", "calls/s"].into_iter().chain(now).chain(past).map(str::to_owned);
    std::iter::once(format!("  {what}")).chain(heads).collect()
}

fn cells<const N: usize>(name: &str, times: &Measured, rate: f64, now: [usize; N]) -> Vec<String> {
    let percentiles = |times: &Times| [times.p50_ms, times.p95_ms, times.p99_ms].map(table::short);
    let mut cells = vec![format!("  {}", shortened(name, NAME)), count(times).to_string(), table::short(rate)];
    cells.extend(now.map(|count| count.to_string()));
    cells.extend(percentiles(&times.run));
    cells.extend(percentiles(&times.queue));
    cells.push(times.failed.count.to_string());
    cells
}

#[cfg(test)]
mod tests;
