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
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Read {
    pub(super) text: String,
    pub(super) uses: Vec<ToolUse>,
    pub(super) stop: StopReason,
    pub(super) told: Told,
    /// What is to come back with it.
    pub(super) kept: Option<Value>,
}

/// What is known of the tokens of a reply, as far as it came.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Told {
    pub(super) input: Option<u64>,
    pub(super) output: Option<u64>,
    /// Whether `output` is of all that was said.
    pub(super) whole: bool,
    /// Bytes of what was said, thoughts and what else is passed over included.
    pub(super) said: usize,
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

    /// What is known of its tokens.
    pub(super) fn told(&self) -> Told {
        match self {
            Self::OpenAi(reader) => reader.told(),
            Self::Anthropic(reader) => reader.told(),
        }
    }

    /// What values take that are kept as they came.
    pub(super) fn values(&self) -> u64 {
        match self {
            Self::OpenAi(reader) => reader.values(),
            Self::Anthropic(reader) => reader.values(),
        }
    }

    /// What the input of all uses will take at the end, when it is read.
    pub(super) fn inputs(&self) -> u64 {
        match self {
            Self::OpenAi(reader) => reader.inputs(),
            Self::Anthropic(reader) => reader.inputs(),
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

impl Told {
    /// The tokens of a request of so many bytes and of its reply, and whether that is an estimate: a fourth of the bytes for what was
    /// not told, or was told as nothing.
    pub(super) fn usage(self, sent: usize) -> (Usage, bool) {
        let by_bytes = |bytes: usize| u64::try_from(bytes.div_ceil(4)).unwrap_or(u64::MAX);
        let input = self.input.filter(|tokens| *tokens > 0);
        let output = self.output.filter(|tokens| self.whole && (*tokens > 0 || self.said == 0));
        let usage = Usage {
            input: input.unwrap_or_else(|| by_bytes(sent)),
            output: output.unwrap_or_else(|| by_bytes(self.said).max(self.output.unwrap_or_default())),
        };
        (usage, input.is_none() || output.is_none())
    }

    /// More was said: what was told of the reply before is not of the whole.
    pub(super) fn hear(&mut self, part: Option<&Value>) {
        let said = part.map_or(0, spoken);
        self.said = self.said.saturating_add(said);
        self.whole &= said == 0;
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

/// Bytes of all texts in a piece of a reply, but for those of a fixed set of words.
fn spoken(part: &Value) -> usize {
    match part {
        Value::String(text) => text.len(),
        Value::Array(list) => list.iter().map(spoken).sum(),
        Value::Object(map) => {
            map.iter().filter(|(key, _)| !matches!(key.as_str(), "type" | "role")).map(|(_, value)| spoken(value)).sum()
        }
        _ => 0,
    }
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
