//! From the events of a stream to a reply.

use hotcell_agent::model::{Hear, ModelError, StopReason};
use serde_json::{Map, Value};

use crate::model::calls::{Calls, Piece};
use crate::model::sse::Event;
use crate::model::wire::{More, Read, Told, message, object, tokens};

/// A reply, as far as it came.
#[derive(Debug, Default)]
pub(in crate::model) struct Reader {
    text: String,
    calls: Calls,
    stop: Option<StopReason>,
    refused: bool,
    told: Told,
    done: bool,
}

impl Reader {
    pub(in crate::model) fn event(&mut self, event: &Event, hear: Hear<'_>) -> Result<More, ModelError> {
        if event.data.trim() == "[DONE]" {
            self.done = true;
            return Ok(More::No);
        }
        let chunk = object(event)?;
        let error = chunk.get("error").filter(|error| !error.is_null());
        if error.is_some() || event.name == "error" {
            return Err(ModelError::Failed(message(&chunk)));
        }
        // One was asked for; a second is somebody else's.
        let choice = chunk.get("choices").and_then(Value::as_array).and_then(|choices| choices.first());
        self.told.hear(choice.and_then(|choice| choice.get("delta")));
        if let Some(usage) = chunk.get("usage").filter(|usage| usage.is_object()) {
            self.told.input = tokens(usage.get("prompt_tokens")).or(self.told.input);
            self.told.output = tokens(usage.get("completion_tokens")).or(self.told.output);
            self.told.whole = self.told.output.is_some();
        }
        if let Some(choice) = choice {
            self.choice(choice, hear)?;
        }
        Ok(More::Yes)
    }

    pub(in crate::model) fn told(&self) -> Told {
        self.told
    }

    /// What values take that are kept as such.
    pub(in crate::model) fn values(&self) -> u64 {
        self.calls.extras()
    }

    /// What the input of all uses will take once it is read.
    pub(in crate::model) fn inputs(&self) -> u64 {
        self.calls.weight()
    }

    pub(in crate::model) fn end(self) -> Result<Read, ModelError> {
        let Some(stop) = self.stop.filter(|_| self.done) else {
            return Err(ModelError::Cut("the stream ended before the reply did".to_owned()));
        };
        let mut extras = Map::new();
        let mut uses = Vec::new();
        for (wanted, extra) in self.calls.finish() {
            if let Some(extra) = extra {
                extras.insert(wanted.id.clone(), extra);
            }
            uses.push(wanted);
        }
        let stop = if self.refused { StopReason::Filtered } else { stop };
        let kept = (!extras.is_empty()).then_some(Value::Object(extras));
        Ok(Read { text: self.text, uses, stop, told: self.told, kept })
    }

    fn choice(&mut self, choice: &Value, hear: Hear<'_>) -> Result<(), ModelError> {
        if let Some(delta) = choice.get("delta") {
            match delta.get("content") {
                Some(Value::Array(parts)) => {
                    for part in parts {
                        self.say(part.get("text"), hear);
                    }
                }
                content => {
                    self.say(content, hear);
                }
            }
            self.refused |= self.say(delta.get("refusal"), hear);
            for call in delta.get("tool_calls").and_then(Value::as_array).into_iter().flatten() {
                self.call(call)?;
            }
        }
        if let Some(reason) = choice.get("finish_reason").and_then(Value::as_str) {
            self.stop = Some(match reason {
                "length" => StopReason::MaxTokens,
                "content_filter" => StopReason::Filtered,
                // Whether tools are wanted is told by the uses: some servers say `stop` with them.
                _ => StopReason::Complete,
            });
        }
        Ok(())
    }

    fn say(&mut self, text: Option<&Value>, hear: Hear<'_>) -> bool {
        let Some(text) = text.and_then(Value::as_str).filter(|text| !text.is_empty()) else { return false };
        self.text.push_str(text);
        hear(text);
        true
    }

    fn call(&mut self, call: &Value) -> Result<(), ModelError> {
        let function = call.get("function");
        let text = |value: Option<&'_ Value>| value.and_then(Value::as_str).unwrap_or_default().to_owned();
        let arguments = match function.and_then(|function| function.get("arguments")) {
            // Some servers give them as what they mean.
            Some(whole @ Value::Object(_)) => whole.to_string(),
            arguments => text(arguments),
        };
        self.calls.push(&Piece {
            index: call.get("index").and_then(Value::as_u64),
            id: &text(call.get("id")),
            name: &text(function.and_then(|function| function.get("name"))),
            arguments: &arguments,
            extra: call.get("extra_content").filter(|extra| !extra.is_null()),
        })
    }
}

#[cfg(test)]
mod tests;
