//! Whether what came of an attack shows that its limit holds: a pure function, so that it can be seen to say no.
//!
//! It believes nobody's word. The value of a limit is what the store said of itself, in the receipt; what was reached is what fuel
//! counter, limiter and accounts say; what came of a folder is what lies there afterwards. A guest's own answer counts only where
//! it would be the attacker's boast.

use std::time::Duration;

use hotcell_call::{ByteSize, Code, Count, Limits, Outcome, Receipt, format_duration};

/// What an attack goes for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Bound {
    /// A limit of the call, by its key, and the word of an outcome that says it was reached.
    Limit(&'static str, &'static str),
    /// The log: it goes on to be counted, and is no longer kept.
    Log,
    /// The engine's stack.
    Stack,
    /// The compiler's limits.
    Compile,
    /// Something that is not granted, and is refused.
    Denied,
    /// Something that is not granted, and is not there: the guest's list of what it found is empty.
    Nothing,
    /// The cell is fresh: it is the first call in it.
    Fresh,
    /// What breaks is contained.
    Trap,
}

/// What was found in the folder that the guest could write, and around it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Found {
    /// The size of all files.
    pub(super) bytes: u64,
    /// Files and folders.
    pub(super) entries: u64,
    /// What was changed outside of it.
    pub(super) harm: Option<String>,
}

/// What an attack shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The limit holds.
    Holds,
    /// It does not, and how that shows.
    Broken(String),
    /// It was not reached, and why: another was nearer, or there was no time left.
    Untried(String),
}

/// How long after its time a guest may be gone, on a machine that is busy.
pub(super) const GRACE: Duration = Duration::from_millis(750);

impl Bound {
    /// What is tried, in one word.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Limit(key, _) => key,
            Self::Log => "log",
            Self::Stack => "stack",
            Self::Compile => "compile",
            Self::Denied | Self::Nothing => "grants",
            Self::Fresh => "cell",
            Self::Trap => "trap",
        }
    }

    /// The word of the outcome that there has to be.
    pub(super) fn expected(self) -> &'static str {
        match self {
            Self::Limit(_, word) => word,
            Self::Log | Self::Nothing | Self::Fresh => "ok",
            Self::Stack => "exhausted(stack)",
            Self::Compile => "rejected",
            Self::Denied => "denied",
            Self::Trap => "trapped(unreachable)",
        }
    }

    /// The value of the limit that stood on the store, or that the refusal names if it never came to a store.
    pub(super) fn set(self, outcome: &Outcome) -> Option<String> {
        match self {
            Self::Limit("input", _) | Self::Stack | Self::Compile => told(outcome).map(|(_, limit)| limit.to_owned()),
            Self::Limit(key, _) => outcome.receipt.limits.shown(key),
            Self::Log => outcome.receipt.limits.shown("log"),
            Self::Denied | Self::Nothing | Self::Fresh | Self::Trap => None,
        }
    }

    /// How far the guest came.
    pub(super) fn reached(self, outcome: &Outcome) -> Option<String> {
        let receipt = &outcome.receipt;
        match self {
            Self::Limit("fuel", _) => Some(Count::new(receipt.fuel).to_string()),
            Self::Limit("timeout", _) => Some(format_duration(receipt.run)),
            Self::Limit("memory", _) => Some(receipt.memory_peak.to_string()),
            Self::Limit("random", _) => Some(receipt.random.to_string()),
            Self::Limit("disk", _) => Some(receipt.disk.to_string()),
            Self::Limit("requests", _) => Some(receipt.requests.to_string()),
            Self::Limit("sent", _) => Some(receipt.sent.to_string()),
            Self::Limit("received", _) => Some(receipt.received.to_string()),
            Self::Log => Some(ByteSize::bytes(printed(receipt).0).to_string()),
            Self::Limit("entries", _) => {
                told(outcome).map(|(used, _)| used.split(' ').next().unwrap_or(used).to_owned())
            }
            Self::Limit(..) | Self::Stack | Self::Compile => told(outcome).map(|(used, _)| used.to_owned()),
            Self::Denied => Some(format!("{} denied", receipt.denials.len())),
            Self::Fresh => outcome.result.as_ref().ok().map(|answer| format!("call {}", answer.as_str())),
            Self::Nothing | Self::Trap => None,
        }
    }
}

/// Judges one attack under the limits that were asked for.
pub(super) fn judge(bound: Bound, asked: &Limits, outcome: &Outcome, found: Option<&Found>) -> Verdict {
    let word = outcome.word();
    if let Some(harm) = found.and_then(|found| found.harm.as_ref()) {
        return Verdict::Broken(harm.clone());
    }
    if word == "cancelled" {
        return Verdict::Broken("it ran on, and had to be cancelled".to_owned());
    }
    if let Some(broken) = standing(bound, asked, outcome).or_else(|| passed(bound, outcome, found)) {
        return Verdict::Broken(broken);
    }
    if word == bound.expected() && !is_twin(bound, outcome) {
        return answered(bound, outcome);
    }
    if is_other_bound(outcome) {
        return Verdict::Untried(format!("it ended {word} before"));
    }
    Verdict::Broken(format!("it ended {word}, not {}", bound.expected()))
}

/// Whether another limit stood on the store than was asked for.
fn standing(bound: Bound, asked: &Limits, outcome: &Outcome) -> Option<String> {
    let key = match bound {
        Bound::Limit("input", _) => {
            let (_, set) = told(outcome)?;
            let wanted = asked.shown("input").filter(|wanted| wanted != set)?;
            return Some(format!("the limit was {set}, not {wanted}"));
        }
        Bound::Limit(key, _) => key,
        Bound::Log => "log",
        _ => return None,
    };
    let set = &outcome.receipt.limits;
    let differs = asked.differing(set).contains(&key);
    let shown = |limits: &Limits| limits.shown(key).unwrap_or_default();
    differs.then(|| format!("the limit on its store was {}, not {}", shown(set), shown(asked)))
}

/// Whether more was used than the limit allows, by what the host itself counted.
fn passed(bound: Bound, outcome: &Outcome, found: Option<&Found>) -> Option<String> {
    let receipt = &outcome.receipt;
    let limits = &receipt.limits;
    let size = |used: u64, limit: ByteSize, what: &str| {
        (used > limit.as_u64()).then(|| format!("it {what} {} of {limit}", ByteSize::bytes(used)))
    };
    match bound {
        Bound::Limit("fuel", _) => (receipt.fuel > limits.fuel.as_u64())
            .then(|| format!("it used {} of {}", Count::new(receipt.fuel), limits.fuel)),
        Bound::Limit("timeout", _) => (receipt.run > limits.timeout + GRACE).then(|| {
            format!("it was gone only after {} of {}", format_duration(receipt.run), format_duration(limits.timeout))
        }),
        Bound::Limit("memory", _) => size(receipt.memory_peak.as_u64(), limits.memory, "had"),
        Bound::Limit("random", _) => size(receipt.random.as_u64(), limits.random, "got"),
        Bound::Limit("output", _) => size(receipt.output.as_u64(), limits.output, "answered with"),
        Bound::Limit("disk", _) => {
            let found = found.map_or(0, |found| found.bytes);
            size(receipt.disk.as_u64().max(found), limits.disk, "wrote")
        }
        Bound::Limit("entries", _) => found
            .map(|found| found.entries)
            .filter(|made| *made > limits.entries.into())
            .map(|made| format!("it made {made} files of {}", limits.entries)),
        Bound::Limit("requests", _) => (receipt.requests > limits.requests)
            .then(|| format!("it sent {} requests of {}", receipt.requests, limits.requests)),
        Bound::Limit("sent", _) => size(receipt.sent.as_u64(), limits.sent, "sent"),
        Bound::Limit("received", _) => size(receipt.received.as_u64(), limits.received, "received"),
        Bound::Log => size(receipt.stdout.kept.max(receipt.stderr.kept), limits.log, "left a log of"),
        _ => None,
    }
}

/// What an outcome with the right word shows.
fn answered(bound: Bound, outcome: &Outcome) -> Verdict {
    let answer = outcome.result.as_ref().map_or("", |answer| answer.as_str());
    let broken = match bound {
        Bound::Log => (printed(&outcome.receipt).1 == 0).then(|| "nothing of the flood was dropped".to_owned()),
        Bound::Nothing => (answer != "[]").then(|| format!("it found {answer:.200}")),
        Bound::Fresh => (answer != "1").then(|| format!("it found the state of a call before: {answer:.200}")),
        Bound::Denied => outcome.receipt.denials.is_empty().then(|| "no refusal was recorded".to_owned()),
        Bound::Compile => {
            let code = outcome.result.as_ref().err().map(hotcell_call::Failure::code);
            (code != Some(Code::Compile)).then(|| "it was not the compiler's limit that refused it".to_owned())
        }
        Bound::Limit(..) | Bound::Stack | Bound::Trap => None,
    };
    broken.map_or(Verdict::Holds, Verdict::Broken)
}

/// Whether it was the other of two limits that end in the same word.
fn is_twin(bound: Bound, outcome: &Outcome) -> bool {
    let code = outcome.result.as_ref().err().map(hotcell_call::Failure::code);
    match bound {
        Bound::Limit("sent", _) => code != Some(Code::Sent),
        Bound::Limit("received", _) => code != Some(Code::Received),
        _ => false,
    }
}

/// Whether the host ended it, or did not let it begin, for something else than what was tried.
fn is_other_bound(outcome: &Outcome) -> bool {
    use hotcell_call::Kind::{Exhausted, Refused, TimedOut};
    let kind = outcome.result.as_ref().err().map(hotcell_call::Failure::kind);
    matches!(kind, Some(Exhausted(_) | TimedOut | Refused(_)))
}

/// What the failure says was used, of how much.
fn told(outcome: &Outcome) -> Option<(&str, &str)> {
    let numbers = outcome.result.as_ref().err()?.numbers()?;
    Some((&numbers.used, &numbers.limit))
}

/// Bytes that were printed, and dropped of them, by the stream with more.
fn printed(receipt: &Receipt) -> (u64, u64) {
    let whole = |log: hotcell_call::LogBytes| (log.kept.saturating_add(log.dropped), log.dropped);
    whole(receipt.stdout).max(whole(receipt.stderr))
}

#[cfg(test)]
mod tests;
