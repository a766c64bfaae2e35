//! From the events of a stream to a reply.

use hotcell_agent::model::{Hear, ModelError, StopReason};
use hotcell_agent::weight;
use serde_json::{Value, json};

use crate::model::calls::{Calls, Piece};
use crate::model::sse::Event;
use crate::model::wire::{More, Read, Told, message, object, tokens};

/// Thoughts in one reply.
const MOST_THOUGHTS: usize = 256;

/// A reply, as far as it came.
#[derive(Debug, Default)]
pub(in crate::model) struct Reader {
    text: String,
    calls: Calls,
    /// What was thought, with the number of its block.
    thoughts: Vec<(u64, Thought)>,
    /// What those take that came enciphered.
    hidden: u64,
    stop: Option<StopReason>,
    told: Told,
    done: bool,
}

#[derive(Debug)]
enum Thought {
    Open {
        text: String,
        signature: String,
    },
    /// Enciphered; as it came.
    Hidden(Value),
}

impl Reader {
    pub(in crate::model) fn event(&mut self, event: &Event, hear: Hear<'_>) -> Result<More, ModelError> {
        let data = object(event)?;
        let index = data.get("index").and_then(Value::as_u64).unwrap_or_default();
        match data.get("type").and_then(Value::as_str).unwrap_or_default() {
            "message_start" => self.count(data.get("message").and_then(|message| message.get("usage"))),
            "content_block_start" => {
                self.told.hear(data.get("content_block"));
                self.begin(index, data.get("content_block"), hear)?;
            }
            "content_block_delta" => {
                self.told.hear(data.get("delta"));
                self.go_on(index, data.get("delta"), hear)?;
            }
            "message_delta" => {
                self.count(data.get("usage"));
                // What was told at the start is no more than a beginning.
                self.told.whole = data.get("usage").is_some_and(|usage| tokens(usage.get("output_tokens")).is_some());
                let reason = data.get("delta").and_then(|delta| delta.get("stop_reason")).and_then(Value::as_str);
                self.stop = reason.map(stop).or(self.stop);
            }
            "message_stop" => {
                self.done = true;
                return Ok(More::No);
            }
            "error" => return Err(ModelError::Failed(message(&data))),
            // Others are for those who know them: that is how the interface grows.
            _ => {}
        }
        Ok(More::Yes)
    }

    pub(in crate::model) fn told(&self) -> Told {
        self.told
    }

    /// What values take that are kept as such.
    pub(in crate::model) fn values(&self) -> u64 {
        self.hidden
    }

    /// What the input of all uses will take once it is read.
    pub(in crate::model) fn inputs(&self) -> u64 {
        self.calls.weight()
    }

    pub(in crate::model) fn end(self) -> Result<Read, ModelError> {
        let Some(stop) = self.stop.filter(|_| self.done) else {
            return Err(ModelError::Cut("the stream ended before the reply did".to_owned()));
        };
        let thoughts: Vec<Value> = self.thoughts.into_iter().map(|(_, thought)| thought.block()).collect();
        Ok(Read {
            text: self.text,
            uses: self.calls.finish().into_iter().map(|(wanted, _)| wanted).collect(),
            stop,
            told: self.told,
            kept: (!thoughts.is_empty()).then_some(Value::Array(thoughts)),
        })
    }

    /// Counts are of all so far; those that are left out stand.
    fn count(&mut self, usage: Option<&Value>) {
        let Some(usage) = usage else { return };
        let part = |key| tokens(usage.get(key));
        if let Some(input) = part("input_tokens") {
            let cached = ["cache_creation_input_tokens", "cache_read_input_tokens"].map(|key| part(key).unwrap_or(0));
            self.told.input = Some(cached.into_iter().fold(input, u64::saturating_add));
        }
        self.told.output = part("output_tokens").or(self.told.output);
    }

    fn begin(&mut self, index: u64, block: Option<&Value>, hear: Hear<'_>) -> Result<(), ModelError> {
        let Some(block) = block else { return Ok(()) };
        let text = |key| block.get(key).and_then(Value::as_str).unwrap_or_default();
        match text("type") {
            "text" => self.say(text("text"), hear),
            "tool_use" => {
                // It begins empty, and comes in pieces; some servers give it whole.
                let whole = block.get("input").filter(|input| input.as_object().is_some_and(|input| !input.is_empty()));
                let arguments = whole.map(Value::to_string).unwrap_or_default();
                let (id, name) = (text("id"), text("name"));
                self.calls.push(&Piece { index: Some(index), id, name, arguments: &arguments, extra: None })?;
            }
            "thinking" => {
                let (text, signature) = (text("thinking").to_owned(), text("signature").to_owned());
                self.think(index, Thought::Open { text, signature })?;
            }
            "redacted_thinking" => {
                self.hidden = self.hidden.saturating_add(weight(block).as_u64());
                self.think(index, Thought::Hidden(block.clone()))?;
            }
            _ => {}
        }
        Ok(())
    }

    fn go_on(&mut self, index: u64, delta: Option<&Value>, hear: Hear<'_>) -> Result<(), ModelError> {
        let Some(delta) = delta else { return Ok(()) };
        let said = |key| delta.get(key).and_then(Value::as_str).unwrap_or_default();
        let mut thoughts = self.thoughts.iter_mut().rev();
        let open = thoughts.find_map(|(number, thought)| match thought {
            Thought::Open { text, signature } if *number == index => Some((text, signature)),
            _ => None,
        });
        match (said("type"), open) {
            ("text_delta", _) => self.say(said("text"), hear),
            ("input_json_delta", _) => {
                self.calls.push(&Piece { index: Some(index), arguments: said("partial_json"), ..Piece::default() })?;
            }
            ("thinking_delta", Some((text, _))) => text.push_str(said("thinking")),
            ("signature_delta", Some((_, signature))) => signature.push_str(said("signature")),
            _ => {}
        }
        Ok(())
    }

    fn say(&mut self, text: &str, hear: Hear<'_>) {
        if !text.is_empty() {
            self.text.push_str(text);
            hear(text);
        }
    }

    fn think(&mut self, index: u64, thought: Thought) -> Result<(), ModelError> {
        if self.thoughts.len() >= MOST_THOUGHTS {
            return Err(ModelError::TooLarge { limit: format!("{MOST_THOUGHTS} thoughts") });
        }
        self.thoughts.push((index, thought));
        Ok(())
    }
}

impl Thought {
    fn block(self) -> Value {
        match self {
            Self::Open { text, signature } => json!({ "type": "thinking", "thinking": text, "signature": signature }),
            Self::Hidden(block) => block,
        }
    }
}

fn stop(reason: &str) -> StopReason {
    match reason {
        "max_tokens" | "model_context_window_exceeded" => StopReason::MaxTokens,
        "refusal" => StopReason::Filtered,
        _ => StopReason::Complete,
    }
}

#[cfg(test)]
mod tests;
