//! What a call cost and what it was refused, for people.

use std::fmt::Display;

use hotcell_call::{
    Count, Denial, Kind, Log, LogBytes, Outcome, Receipt, Source, ToolName, format_duration, printable,
};

use crate::output::{DIM, Output, YELLOW};

/// Tells the receipt, what was refused, and what the guest printed.
pub(crate) fn tell(output: &Output, outcome: &Outcome) {
    // Without a digest it never came to a cell, and there is nothing to tell.
    if outcome.receipt.digest.is_some() {
        let line = line(&outcome.target, &outcome.receipt);
        output.note(output.styled_note(DIM, format_args!("  {line}")));
    }
    // A call that ended as denied has told the first already, with its whole fix.
    let told = outcome.result.as_ref().is_err_and(|failure| failure.kind() == Kind::Denied);
    for denial in refused(&outcome.receipt, &outcome.target.tool).skip(usize::from(told)) {
        output.note(output.styled_note(YELLOW, format_args!("  {denial}")));
    }
    for line in printed(&outcome.log, &outcome.receipt) {
        output.note(format_args!("  {} {line}", output.styled_note(DIM, "|")));
    }
}

/// What was used of what, on one line.
pub(crate) fn line(target: &impl Display, receipt: &Receipt) -> String {
    let Receipt { limits, .. } = receipt;
    let least = if receipt.fuel_exact { "" } else { "≥" };
    let source = match receipt.source {
        Source::Cell => "",
        Source::Cache => "  answered from the cache",
        Source::Flight => "  answered by a call that asked the same",
    };
    let attempts = if receipt.attempts > 1 { format!("  attempts {}", receipt.attempts) } else { String::new() };
    format!(
        "{target}  fuel {least}{}  memory {}  run {}  queue {}{attempts}  grants: {}{source}",
        share(Count::new(receipt.fuel), limits.fuel),
        share(receipt.memory_peak, limits.memory),
        format_duration(receipt.run),
        format_duration(receipt.queue),
        receipt.grants,
    )
}

/// `1.1/64MiB`: the unit once where both have the same.
fn share(used: impl Display, limit: impl Display) -> String {
    let (used, limit) = (used.to_string(), limit.to_string());
    let unit = |text: &str| text.find(char::is_alphabetic).unwrap_or(text.len());
    let ((number, its), (_, whole)) = (used.split_at(unit(&used)), limit.split_at(unit(&limit)));
    if its == whole { format!("{number}/{limit}") } else { format!("{used}/{limit}") }
}

/// A line for each thing that the guest was refused, with the flag that would allow it.
fn refused<'a>(receipt: &'a Receipt, tool: &'a ToolName) -> impl Iterator<Item = String> + 'a {
    let known = receipt.denials.iter().map(|denial| told(denial, tool));
    let more = receipt.denials_dropped;
    known.chain((more > 0).then(|| format!("denied  {more} more")))
}

fn told(denial: &Denial, tool: &ToolName) -> String {
    let fix = denial.fix(tool);
    match fix.as_deref().and_then(|fix| fix.lines().next()?.strip_prefix("once: ")) {
        Some(flag) => format!("denied  {}  ({flag})", denial.act()),
        None => format!("denied  {}", denial.act()),
    }
}

/// What the guest printed, harmless and line by line.
fn printed(log: &Log, receipt: &Receipt) -> Vec<String> {
    let mut lines = Vec::new();
    for (bytes, LogBytes { dropped, .. }) in [(&log.stdout, receipt.stdout), (&log.stderr, receipt.stderr)] {
        let text = printable(&String::from_utf8_lossy(bytes));
        lines.extend(text.lines().map(str::to_owned));
        if dropped > 0 {
            lines.push(format!("… and {dropped} bytes more, beyond limits.log = \"{}\"", receipt.limits.log));
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use hotcell_call::{ByteSize, Capability};

    use super::*;

    fn receipt() -> Receipt {
        Receipt {
            fuel: 41_234,
            fuel_exact: true,
            memory_peak: ByteSize::bytes(1_153_434),
            run: Duration::from_micros(412),
            denials: vec![Denial::new(Capability::Read, "docs/a.md"), Denial::new(Capability::Net, "example.com:80")],
            denials_dropped: 7,
            stderr: LogBytes { kept: 10, dropped: 99 },
            ..Receipt::default()
        }
    }

    #[test]
    fn a_receipt_is_one_line() {
        insta::assert_snapshot!(
            line(&"calc.eval", &receipt()),
            @"calc.eval  fuel 41.2k/10G  memory 1.1/64MiB  run 0.41ms  queue 0ms  grants: none"
        );
        let stopped = Receipt { fuel_exact: false, fuel: 2_500_000_000, ..receipt() };
        insta::assert_snapshot!(
            line(&"x", &stopped),
            @"x  fuel ≥2.5/10G  memory 1.1/64MiB  run 0.41ms  queue 0ms  grants: none"
        );
    }

    #[test]
    fn what_was_refused_stands_with_its_flag() {
        let tool = "files".parse().unwrap();
        insta::assert_snapshot!(refused(&receipt(), &tool).collect::<Vec<_>>().join("\n"), @r"
        denied  read `docs/a.md`  (--allow-read docs)
        denied  use the network: example.com:80
        denied  7 more
        ");
    }

    #[test]
    fn a_guest_cannot_forge_lines_of_ours() {
        let log = Log { stdout: b"one\r\nok\x1b[2J\n\n\xff".to_vec(), stderr: Vec::new() };
        assert_eq!(
            printed(&log, &receipt()),
            ["one\\u{d}", "ok\\u{1b}[2J", "", "\u{fffd}", "… and 99 bytes more, beyond limits.log = \"256KiB\""]
        );
    }
}
