//! What both ways of speaking to a provider have in common: events go in, a reply comes out.

use hotcell_agent::model::{ChatRequest, Hear, ModelError, StopReason, ToolUse, Usage};
use hotcell_call::{ByteSize, shortened};
use serde_json::Value;

use super::sse::Event;
use super::{anthropic, openai};
use crate::config::ProviderKind;

/// One reply, as it comes: far more than any model says.
pub(super) const MOST_BODY: usize = 16 << 20;
/// One line of it.
pub(super) const MOST_LINE: usize = 1 << 20;
/// What is told of a provider's own words.
const MOST_SAID: usize = 500;

/// A reply without who gave it.
#[derive(Debug, PartialEq)]
pub(super) struct Read {
    pub(super) text: String,
    pub(super) uses: Vec<ToolUse>,
    pub(super) stop: StopReason,
    pub(super) usage: Usage,
    /// What is to come back with it.
    pub(super) kept: Option<Value>,
}

/// Reads a reply, event by event.
pub(super) enum Reader {
    OpenAi(openai::Reader),
    Anthropic(anthropic::Reader),
}

/// Whether more is to come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum More {
    Yes,
    No,
}

impl Reader {
    pub(super) fn new(kind: ProviderKind) -> Self {
        match kind {
            ProviderKind::OpenAi => Self::OpenAi(openai::Reader::default()),
            ProviderKind::Anthropic => Self::Anthropic(anthropic::Reader::default()),
        }
    }

    pub(super) fn event(&mut self, event: &Event, hear: Hear<'_>) -> Result<More, ModelError> {
        match self {
            Self::OpenAi(reader) => reader.event(event, hear),
            Self::Anthropic(reader) => reader.event(event, hear),
        }
    }

    /// The reply, after its last event.
    pub(super) fn end(self) -> Result<Read, ModelError> {
        match self {
            Self::OpenAi(reader) => reader.end(),
            Self::Anthropic(reader) => reader.end(),
        }
    }
}

/// Where requests go, below the provider's address.
pub(super) fn path(kind: ProviderKind) -> &'static str {
    match kind {
        ProviderKind::OpenAi => "chat/completions",
        ProviderKind::Anthropic => "messages",
    }
}

/// The body of a request. `model` is the provider's name for it, `full` ours.
pub(super) fn body(
    kind: ProviderKind,
    dialect: openai::Dialect,
    model: &str,
    full: &str,
    request: &ChatRequest,
) -> Value {
    match kind {
        ProviderKind::OpenAi => openai::body(dialect, model, full, request),
        ProviderKind::Anthropic => anthropic::body(model, full, request),
    }
}

// === what is kept for the next turn ===

/// Marks what a model wants to have back with whose it is: no other would understand it.
pub(super) fn keep(full: &str, kept: Value) -> Value {
    serde_json::json!({ "of": full, "kept": kept })
}

/// What this model wants to have back, if it is its own.
pub(super) fn kept<'v>(full: &str, opaque: Option<&'v Value>) -> Option<&'v Value> {
    let opaque = opaque?;
    (opaque.get("of")?.as_str()? == full).then(|| opaque.get("kept"))?
}

// === what strangers say ===

/// A count of tokens. One that is none counts as nothing, one that is too large as the most that can be counted.
pub(super) fn tokens(value: Option<&Value>) -> Option<u64> {
    let value = value?;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a cast from a float keeps within bounds"
    )]
    value.as_u64().or_else(|| value.as_f64().map(|number| number as u64))
}

/// A JSON object out of an event.
pub(super) fn object(event: &Event) -> Result<Value, ModelError> {
    match serde_json::from_str::<Value>(&event.data) {
        Ok(value) if value.is_object() => Ok(value),
        Ok(_) => Err(ModelError::Malformed(format!("an event is no object: {}", event.data))),
        Err(error) => Err(ModelError::Malformed(format!("an event is no JSON: {error}: {}", event.data))),
    }
}

/// What an error says: its message where there is one, else all of it.
pub(super) fn message(error: &Value) -> String {
    let inner = error.get("error").unwrap_or(error);
    match inner.get("message").and_then(Value::as_str).or_else(|| inner.as_str()) {
        Some(message) => message.to_owned(),
        None => inner.to_string(),
    }
}

/// A text with a provider's own words in it, as it is shown. The key is searched for before: in what was cut it would not be found.
pub(super) fn said(text: &str) -> String {
    shortened(text.trim_end(), MOST_SAID)
}

pub(super) fn too_large(what: &str, bytes: usize) -> ModelError {
    ModelError::TooLarge { limit: format!("{what} {}", ByteSize::of(bytes)) }
}

#[cfg(test)]
mod tests;
