//! What goes through the port: a conversation, the tools that may be used in it, a reply.

use std::ops::AddAssign;
use std::time::Instant;

use serde::Serialize;
use serde_json::{Map, Value};

use super::{Bill, Space};

/// What a model is asked.
#[derive(Debug, Clone, Default)]
pub struct ChatRequest {
    /// What it is told of itself, before all else; empty: nothing.
    pub system: String,
    /// The conversation so far. Its last message is not the model's.
    pub messages: Vec<Message>,
    /// What it may use.
    pub tools: Vec<ToolSpec>,
    /// The form that its answer must have; none: text.
    pub form: Option<Form>,
    /// The most tokens of one reply; none: as the provider says.
    pub max_tokens: Option<u32>,
    /// How much chance there is in it, from 0 to 2; none: as the provider says.
    pub temperature: Option<f64>,
    /// When the caller has no more use for a reply: nothing is waited for that could not begin before. It ends nothing that has begun.
    pub deadline: Option<Instant>,
    /// Where it is told what attempts cost of which no reply came.
    pub bill: Bill,
    /// Where the reply finds room while it is read.
    pub space: Space,
}

/// One message of a conversation.
#[derive(Debug, Clone, PartialEq)]
pub enum Message {
    /// Of the one who wants something.
    User(String),
    /// Of the model.
    Assistant {
        /// What it said.
        text: String,
        /// What it wanted to be used.
        uses: Vec<ToolUse>,
        /// What its provider wants to have back as it was, in a form of its own.
        opaque: Option<Value>,
    },
    /// What came of the uses of the message before: one result for each, in their order.
    Results(Vec<ToolResult>),
}

/// A tool as a model sees it.
#[derive(Debug, Clone, PartialEq)]
pub struct ToolSpec {
    /// Letters, digits, `_` and `-`: `calc__eval`.
    pub name: String,
    /// What it does.
    pub description: String,
    /// The JSON Schema of its input: that of an object.
    pub input: Value,
}

/// A use of a tool that a model wants.
#[derive(Debug, Clone, PartialEq)]
pub struct ToolUse {
    /// By which its result is told.
    pub id: String,
    /// Which tool: whatever the model wrote, so perhaps none that there is.
    pub name: String,
    /// Its input, or the text that should have been one and is no JSON object.
    pub input: Result<Map<String, Value>, String>,
}

/// What came of a use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToolResult {
    /// Of which use.
    pub id: String,
    /// The tool's name as it was wanted.
    pub name: String,
    /// Data, for the model to read.
    pub text: String,
    /// Whether it is why there is none.
    pub is_error: bool,
}

/// A form for an answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Form {
    /// What the provider may call it: letters and `_`.
    pub name: String,
    /// Its JSON Schema. A provider that can't hold a model to it ignores it, so the answer has to be checked.
    pub schema: Value,
}

/// What a model replied.
#[derive(Debug, Clone, PartialEq)]
pub struct ChatReply {
    /// What it said; may be empty.
    pub text: String,
    /// What it wants to be used, in its order. None: the reply is its answer.
    pub uses: Vec<ToolUse>,
    /// Why it stopped.
    pub stop: StopReason,
    /// What it cost.
    pub usage: Usage,
    /// Whether that is an estimate, by bytes: its provider did not tell all of it.
    pub estimated: bool,
    /// What its provider wants to have back with this message.
    pub opaque: Option<Value>,
    /// Who answered, as in [`ChatModel::name`](super::ChatModel::name).
    pub model: String,
}

/// Why a reply ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum StopReason {
    /// It was complete, with or without uses of tools.
    Complete,
    /// The most tokens of one reply: the text is cut.
    MaxTokens,
    /// The provider held it back.
    Filtered,
}

/// Tokens, as the provider counts them, or as they are estimated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Usage {
    /// Of the request.
    pub input: u64,
    /// Of the reply, what was thought included.
    pub output: u64,
}

// === impl Usage ===

impl Usage {
    /// All together.
    #[must_use]
    pub const fn total(self) -> u64 {
        self.input.saturating_add(self.output)
    }
}

impl AddAssign for Usage {
    fn add_assign(&mut self, other: Self) {
        self.input = self.input.saturating_add(other.input);
        self.output = self.output.saturating_add(other.output);
    }
}

// === impl Message ===

impl Message {
    /// A model's reply, as the conversation keeps it.
    #[must_use]
    pub fn reply(reply: &ChatReply) -> Self {
        Self::Assistant { text: reply.text.clone(), uses: reply.uses.clone(), opaque: reply.opaque.clone() }
    }
}
