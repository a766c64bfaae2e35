//! A model whose replies were written down before: for tests and for demonstrations.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use serde_json::{Map, Value};

use super::spelling::said;
use super::{ChatModel, ChatReply, ChatRequest, Hear, ModelError, Replying, StopReason, ToolUse, Usage};

/// One reply that was written down.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Script {
    /// What it says.
    pub text: String,
    /// What it uses: names of functions, with their inputs.
    pub calls: Vec<(String, Map<String, Value>)>,
    /// What it is said to cost.
    pub usage: Usage,
}

/// Gives its replies one after the other, whatever it is asked.
#[derive(Debug)]
pub struct Scripted {
    replies: Mutex<VecDeque<Script>>,
    all: usize,
}

impl Scripted {
    /// A model of these replies.
    #[must_use]
    pub fn new(replies: Vec<Script>) -> Self {
        let all = replies.len();
        Self { replies: Mutex::new(replies.into()), all }
    }
}

impl ChatModel for Scripted {
    fn name(&self) -> &'static str {
        "scripted"
    }

    fn reply<'a>(&'a self, _request: &'a ChatRequest, hear: Hear<'a>) -> Replying<'a> {
        let (next, number) = {
            let mut replies = self.replies.lock().unwrap_or_else(PoisonError::into_inner);
            let next = replies.pop_front();
            (next, self.all - replies.len())
        };
        let Some(script) = next else {
            let all = self.all;
            return Box::pin(async move {
                Err(ModelError::Exhausted(format!("its script has {all} replies, and no more")))
            });
        };
        hear(&script.text);
        let uses = script.calls.into_iter().enumerate().map(|(place, (name, input))| ToolUse {
            id: format!("use-{number}-{}", place + 1),
            name: said(&name),
            input: Ok(input),
        });
        let reply = ChatReply {
            text: script.text,
            uses: uses.collect(),
            stop: StopReason::Complete,
            usage: script.usage,
            estimated: false,
            opaque: None,
            model: self.name().to_owned(),
        };
        Box::pin(async move { Ok(reply) })
    }
}
