//! What the headers of a request look like, for the document: made of what reads them, so that neither says what the other does not.

use hotcell_call::{ByteSize, Count, Priority, duration_pattern};
use hotcell_runtime::trace;
use serde_json::{Value, json};

use super::headers::{MOST_KEY, MOST_WAIT};

/// The schema of a header's value.
pub(super) type Form = fn() -> Value;

/// Any text.
pub(super) fn text() -> Value {
    json!({"type": "string"})
}

/// `250ms`.
pub(super) fn duration() -> Value {
    patterned(&duration_pattern())
}

/// `16MiB`.
pub(super) fn size() -> Value {
    patterned(&ByteSize::pattern())
}

/// `50M`.
pub(super) fn count() -> Value {
    patterned(&Count::pattern())
}

/// The class in the queue.
pub(super) fn priority() -> Value {
    json!({"enum": Priority::ALL.map(Priority::as_str), "default": Priority::default().as_str()})
}

/// How often a call may be made again.
pub(super) fn retries() -> Value {
    json!({"type": "integer", "minimum": 0, "maximum": u32::MAX})
}

/// The number of an event.
pub(super) fn event() -> Value {
    json!({"type": "integer", "minimum": 0, "maximum": u64::MAX})
}

/// An idempotency key: quotes around it do not count.
pub(super) fn key() -> Value {
    patterned(&format!("^\"*[!#-~]([!-~]{{0,{}}}[!#-~])?\"*$", MOST_KEY - 2))
}

/// How an answer is wanted: what is not known of it is left out, so every text is one.
pub(super) fn preference() -> Value {
    let most = MOST_WAIT.as_secs();
    json!({"type": "string", "examples": ["respond-async", "respond-async, wait=10", format!("wait={most}")]})
}

/// The trace that a request belongs to.
pub(super) fn parent() -> Value {
    patterned(trace::PATTERN)
}

fn patterned(pattern: &str) -> Value {
    json!({"type": "string", "pattern": pattern})
}
