//! Everything that a call can end with besides an answer.
//!
//! One vocabulary ([`Kind`]) for exit codes, HTTP, MCP, events and docs; one object ([`Failure`]) everywhere: a stable code, what
//! happened, why with numbers, and what to do about it. Decisions read the kind, never the text.

use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::{Serialize, Serializer};

use crate::{Code, printable};

/// How a call ended when it was not `ok`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The tool answered with its own error.
    Failed,
    /// Arguments, a file or a command do not fit.
    Invalid,
    /// A capability is not granted.
    Denied,
    /// A limit was reached.
    Exhausted(Resource),
    /// The wall clock ran out, the host's own time included.
    TimedOut,
    /// Not admitted; worth trying later.
    Refused(Refusal),
    /// No such tool, function, agent or run.
    Unknown,
    /// A component that is not taken in.
    Rejected,
    /// An agent's budget is spent.
    OverBudget,
    /// The guest broke.
    Trapped(TrapKind),
    /// The host died after the start; what the call did is not known.
    Indeterminate,
    /// Ended by its caller.
    Cancelled,
    /// A bug of ours.
    Fault,
}

/// What was used up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "each is the limit of the same name")]
pub enum Resource {
    Fuel,
    Memory,
    Output,
    Handles,
    Disk,
    Stack,
    Instances,
    Random,
    HostData,
    Requests,
    Sent,
    Received,
}

/// Why a call was not admitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Refusal {
    /// Too many calls in a short time.
    Rate,
    /// A share of something is spent.
    Quota,
    /// The queue is full.
    Overloaded,
    /// The circuit breaker is open.
    Open,
    /// Its deadline passed before it could start.
    Late,
}

/// How a guest broke.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TrapKind {
    /// It ran into `unreachable`: how a panic ends, too.
    Unreachable,
    /// It reached outside its memory or a table.
    OutOfBounds,
    /// It divided by zero, or overflowed a division or conversion.
    Arithmetic,
    /// It called through a pointer of another type.
    IndirectCall,
    /// It left by `exit`, with any code.
    Exit,
    /// Its result breaks its own type.
    InvalidResult,
    /// It broke while the arguments were being handed over.
    Lower,
    /// Anything else that the engine stops.
    Other,
}

/// How much was used of how much.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Reached {
    /// What was used or asked, with its unit.
    pub used: String,
    /// The limit, with its unit.
    pub limit: String,
}

/// Every end of a call but `ok`.
#[derive(Debug, Clone)]
pub struct Failure(Box<Parts>);

#[derive(Debug, Clone)]
struct Parts {
    code: Code,
    what: String,
    why: String,
    fix: Option<String>,
    reached: Option<Reached>,
    retry_after: Option<Duration>,
    source: Option<Arc<dyn Error + Send + Sync>>,
}

/// The most that a message may say: whoever reads it has other things on the screen.
const MOST_CHARACTERS: usize = 2_000;

// === impl Kind ===

impl Kind {
    /// The word of the vocabulary: `exhausted`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::Invalid => "invalid",
            Self::Denied => "denied",
            Self::Exhausted(_) => "exhausted",
            Self::TimedOut => "timed-out",
            Self::Refused(_) => "refused",
            Self::Unknown => "unknown",
            Self::Rejected => "rejected",
            Self::OverBudget => "over-budget",
            Self::Trapped(_) => "trapped",
            Self::Indeterminate => "indeterminate",
            Self::Cancelled => "cancelled",
            Self::Fault => "fault",
        }
    }

    /// What stands in brackets behind the word: `fuel`.
    #[must_use]
    pub const fn detail(self) -> Option<&'static str> {
        Some(match self {
            Self::Exhausted(resource) => match resource {
                Resource::Fuel => "fuel",
                Resource::Memory => "memory",
                Resource::Output => "output",
                Resource::Handles => "handles",
                Resource::Disk => "disk",
                Resource::Stack => "stack",
                Resource::Instances => "instances",
                Resource::Random => "random",
                Resource::HostData => "host-data",
                Resource::Requests => "requests",
                // Two limits and one word: which of them it was, the failure says.
                Resource::Sent | Resource::Received => "http-body",
            },
            Self::Refused(refusal) => match refusal {
                Refusal::Rate => "rate",
                Refusal::Quota => "quota",
                Refusal::Overloaded => "overloaded",
                Refusal::Open => "open",
                Refusal::Late => "late",
            },
            Self::Trapped(trap) => match trap {
                TrapKind::Unreachable => "unreachable",
                TrapKind::OutOfBounds => "oob",
                TrapKind::Arithmetic => "arithmetic",
                TrapKind::IndirectCall => "indirect-call",
                TrapKind::Exit => "exit",
                TrapKind::InvalidResult => "invalid-result",
                TrapKind::Lower => "lower",
                TrapKind::Other => "other",
            },
            _ => return None,
        })
    }

    /// The exit code of the binary.
    #[must_use]
    pub const fn exit_code(self) -> u8 {
        match self {
            Self::Failed => 1,
            Self::Invalid => 2,
            Self::Denied => 3,
            Self::Exhausted(_) | Self::TimedOut => 4,
            Self::Refused(_) => 5,
            Self::Unknown => 6,
            Self::Rejected => 7,
            Self::OverBudget => 8,
            Self::Trapped(_) => 9,
            Self::Indeterminate => 10,
            Self::Cancelled => 130,
            Self::Fault => 70,
        }
    }

    /// The HTTP status.
    #[must_use]
    pub const fn http_status(self) -> u16 {
        match self {
            Self::Failed => 200,
            Self::Invalid => 400,
            Self::Denied => 403,
            Self::Exhausted(_) => 507,
            Self::TimedOut => 504,
            Self::Refused(Refusal::Rate | Refusal::Quota) | Self::OverBudget => 429,
            Self::Refused(_) => 503,
            Self::Unknown => 404,
            Self::Rejected => 422,
            Self::Trapped(_) => 502,
            Self::Cancelled => 499,
            Self::Indeterminate | Self::Fault => 500,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.detail() {
            Some(detail) => write!(f, "{}({detail})", self.word()),
            None => f.write_str(self.word()),
        }
    }
}

impl Serialize for Kind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

// === impl Failure ===

impl Failure {
    /// A failure that says what happened: a short sentence without a full stop, `calc.eval used up its fuel`.
    #[must_use]
    pub fn new(code: Code, what: impl AsRef<str>) -> Self {
        Self(Box::new(Parts {
            code,
            what: clean(what.as_ref()),
            why: String::new(),
            fix: None,
            reached: None,
            retry_after: None,
            source: None,
        }))
    }

    /// Names what it is about, where that was not known before.
    #[must_use]
    pub fn of(mut self, subject: impl fmt::Display) -> Self {
        self.0.what = clean(&format!("{subject}: {}", self.0.what));
        self
    }

    /// Says why, with the numbers or the rule.
    #[must_use]
    pub fn why(mut self, why: impl AsRef<str>) -> Self {
        self.0.why = clean(why.as_ref());
        self
    }

    /// Says what to do: a command or a line to paste.
    #[must_use]
    pub fn fix(mut self, fix: impl AsRef<str>) -> Self {
        self.0.fix = Some(clean(fix.as_ref()));
        self
    }

    /// Gives the numbers, for programs.
    #[must_use]
    pub fn reached(mut self, used: impl fmt::Display, limit: impl fmt::Display) -> Self {
        self.0.reached = Some(Reached { used: used.to_string(), limit: limit.to_string() });
        self
    }

    /// Says when it is worth trying again.
    #[must_use]
    pub fn retry_after(mut self, wait: Duration) -> Self {
        self.0.retry_after = Some(wait);
        self
    }

    /// Keeps the inner error, for logs and for [`Error::source`]; it is not shown to callers.
    #[must_use]
    pub fn caused_by(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.0.source = Some(Arc::from(source.into()));
        self
    }

    /// Changes its texts where `change` gives others, and leaves out the inner error, whose text can't be changed.
    #[must_use]
    pub fn map_texts(mut self, change: impl Fn(&str) -> Option<String>) -> Self {
        let parts = &mut *self.0;
        for text in [&mut parts.what, &mut parts.why].into_iter().chain(&mut parts.fix) {
            if let Some(changed) = change(text) {
                *text = clean(&changed);
            }
        }
        parts.source = None;
        self
    }

    /// The stable code.
    #[must_use]
    pub fn code(&self) -> Code {
        self.0.code
    }

    /// The outcome.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.0.code.kind()
    }

    /// What happened.
    #[must_use]
    pub fn what(&self) -> &str {
        &self.0.what
    }

    /// Why; empty where the what says all.
    #[must_use]
    pub fn reason(&self) -> &str {
        &self.0.why
    }

    /// What to do about it.
    #[must_use]
    pub fn remedy(&self) -> Option<&str> {
        self.0.fix.as_deref()
    }

    /// The numbers.
    #[must_use]
    pub fn numbers(&self) -> Option<&Reached> {
        self.0.reached.as_ref()
    }

    /// When to try again.
    #[must_use]
    pub fn wait(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// Where to read more.
    #[must_use]
    pub fn docs(&self) -> String {
        format!("hotcell explain {}", self.0.code)
    }
}

/// Escapes and cuts: parts of a message come from guests.
fn clean(text: &str) -> String {
    let shown = printable(text);
    match shown.char_indices().nth(MOST_CHARACTERS) {
        Some((cut, _)) => format!("{}…", shown.get(..cut).unwrap_or_default()),
        None => shown,
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}[{}]: {}", self.kind(), self.0.code, self.0.what)?;
        if !self.0.why.is_empty() {
            write!(f, ": {}", self.0.why)?;
        }
        Ok(())
    }
}

impl Error for Failure {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.source.as_deref().map(|source| source as &(dyn Error + 'static))
    }
}

impl Serialize for Failure {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Object<'a> {
            outcome: Kind,
            code: Code,
            what: &'a str,
            why: &'a str,
            #[serde(skip_serializing_if = "Option::is_none")]
            fix: Option<&'a str>,
            #[serde(skip_serializing_if = "Option::is_none")]
            reached: Option<&'a Reached>,
            #[serde(skip_serializing_if = "Option::is_none")]
            retry_after_ms: Option<u64>,
            docs: String,
        }
        Object {
            outcome: self.kind(),
            code: self.0.code,
            what: &self.0.what,
            why: &self.0.why,
            fix: self.remedy(),
            reached: self.numbers(),
            retry_after_ms: self.wait().map(|wait| u64::try_from(wait.as_millis()).unwrap_or(u64::MAX)),
            docs: self.docs(),
        }
        .serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_object_everywhere() {
        let failure = Failure::new(Code::Fuel, "calc.eval used up its fuel")
            .why("10G of 10G")
            .fix("--fuel 20G")
            .reached("10G", "10G");
        assert_eq!(failure.to_string(), "exhausted(fuel)[E0401]: calc.eval used up its fuel: 10G of 10G");
        assert_eq!(
            serde_json::to_value(&failure).unwrap(),
            serde_json::json!({
                "outcome": "exhausted(fuel)", "code": "E0401", "what": "calc.eval used up its fuel",
                "why": "10G of 10G", "fix": "--fuel 20G", "reached": {"used": "10G", "limit": "10G"},
                "docs": "hotcell explain E0401"
            })
        );
    }

    #[test]
    fn a_guest_cannot_drive_a_terminal_through_a_message() {
        let failure = Failure::new(Code::ToolFailed, "\x1b]0;owned\x07").why("x".repeat(1_000_000));
        assert!(!failure.to_string().contains('\x1b'));
        assert!(failure.to_string().len() < 8_000);
    }

    #[test]
    fn the_vocabulary_has_the_exit_codes_of_the_contract() {
        for (kind, exit, http) in [
            (Kind::Failed, 1, 200),
            (Kind::Invalid, 2, 400),
            (Kind::Denied, 3, 403),
            (Kind::Exhausted(Resource::Fuel), 4, 507),
            (Kind::TimedOut, 4, 504),
            (Kind::Refused(Refusal::Rate), 5, 429),
            (Kind::Refused(Refusal::Overloaded), 5, 503),
            (Kind::Unknown, 6, 404),
            (Kind::Rejected, 7, 422),
            (Kind::OverBudget, 8, 429),
            (Kind::Trapped(TrapKind::Exit), 9, 502),
            (Kind::Indeterminate, 10, 500),
            (Kind::Cancelled, 130, 499),
            (Kind::Fault, 70, 500),
        ] {
            assert_eq!((kind.exit_code(), kind.http_status()), (exit, http), "{kind}");
        }
    }
}
