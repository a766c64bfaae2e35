//! From a conversation to the body of a request.

use hotcell_agent::model::{ChatRequest, Message, ToolUse};
use serde_json::{Map, Value, json};

use crate::model::wire::kept;

/// A number has to be named; every model that is still served takes this one.
const MOST_TOKENS: u32 = 8_192;

/// The body of a request for the next reply.
pub(in crate::model) fn body(model: &str, full: &str, request: &ChatRequest) -> Value {
    let mut body = Map::new();
    let mut put = |key: &str, value: Value| drop(body.insert(key.to_owned(), value));
    put("model", json!(model));
    put("max_tokens", json!(request.max_tokens.unwrap_or(MOST_TOKENS)));
    put("messages", request.messages.iter().filter_map(|one| message(full, one)).collect());
    put("stream", json!(true));
    let system = system(request);
    if !system.is_empty() {
        put("system", json!(system));
    }
    if !request.tools.is_empty() {
        let tool = |tool: &hotcell_agent::model::ToolSpec| json!({ "name": tool.name, "description": tool.description, "input_schema": tool.input });
        put("tools", request.tools.iter().map(tool).collect());
    }
    if let Some(temperature) = request.temperature {
        // Here it ends at 1.
        put("temperature", json!(temperature.min(1.0)));
    }
    Value::Object(body)
}

/// A form is asked for in words: holding the model to a schema is known to some of the models only, and takes only a part of JSON
/// Schema.
fn system(request: &ChatRequest) -> String {
    let Some(form) = &request.form else { return request.system.clone() };
    let asked = format!(
        "Your final answer is one JSON value that fits this JSON Schema, with nothing before or behind it and without a code fence:\n{}",
        form.schema
    );
    if request.system.is_empty() { asked } else { format!("{}\n\n{asked}", request.system) }
}

/// A message; none where there is nothing in it, because empty ones are refused.
fn message(full: &str, message: &Message) -> Option<Value> {
    let (role, content) = match message {
        Message::User(text) => ("user", vec![json!({ "type": "text", "text": text })]),
        Message::Assistant { text, uses, opaque } => ("assistant", assistant(text, uses, kept(full, opaque.as_ref()))),
        Message::Results(results) => {
            let result = |result: &hotcell_agent::model::ToolResult| {
                json!({
                    "type": "tool_result", "tool_use_id": result.id, "content": result.text, "is_error": result.is_error,
                })
            };
            ("user", results.iter().map(result).collect())
        }
    };
    (!content.is_empty()).then(|| json!({ "role": role, "content": content }))
}

/// What was thought comes back first, as it was: else the uses behind it are refused.
fn assistant(text: &str, uses: &[ToolUse], kept: Option<&Value>) -> Vec<Value> {
    let mut content: Vec<Value> = kept.and_then(Value::as_array).cloned().unwrap_or_default();
    if !text.trim().is_empty() {
        content.push(json!({ "type": "text", "text": text }));
    }
    content.extend(uses.iter().map(|wanted| {
        let input = wanted.input.clone().unwrap_or_default();
        json!({ "type": "tool_use", "id": wanted.id, "name": wanted.name, "input": input })
    }));
    content
}

#[cfg(test)]
mod tests {
    use hotcell_agent::model::{Form, ToolResult, ToolSpec};

    use super::*;
    use crate::model::wire::keep;

    const FULL: &str = "anthropic/claude-sonnet-4-5";

    #[test]
    fn all_that_there_can_be() {
        let thought = json!({ "type": "thinking", "thinking": "so", "signature": "s" });
        let wanted = |id: &str, input: Result<Map<String, Value>, String>| ToolUse {
            id: id.to_owned(),
            name: "calc__eval".to_owned(),
            input,
        };
        let result = |id: &str, is_error| ToolResult {
            id: id.to_owned(),
            name: "calc__eval".to_owned(),
            text: "2".to_owned(),
            is_error,
        };
        let request = ChatRequest {
            system: "Be brief.".to_owned(),
            messages: vec![
                Message::User("1+1?".to_owned()),
                Message::Assistant { text: " \n".to_owned(), uses: Vec::new(), opaque: None },
                Message::Assistant {
                    text: "Let me see.".to_owned(),
                    uses: vec![wanted("a", Ok(Map::new())), wanted("b", Err("{".to_owned()))],
                    opaque: Some(keep(FULL, json!([thought]))),
                },
                Message::Results(vec![result("a", false), result("b", true)]),
            ],
            tools: vec![ToolSpec {
                name: "calc__eval".to_owned(),
                description: "Evaluates".to_owned(),
                input: json!({ "type": "object" }),
            }],
            form: None,
            max_tokens: None,
            temperature: Some(1.5),
            ..ChatRequest::default()
        };
        let expected = json!({
            "model": "claude-sonnet-4-5",
            "max_tokens": 8192,
            "system": "Be brief.",
            "messages": [
                { "role": "user", "content": [{ "type": "text", "text": "1+1?" }] },
                { "role": "assistant", "content": [
                    { "type": "thinking", "thinking": "so", "signature": "s" },
                    { "type": "text", "text": "Let me see." },
                    { "type": "tool_use", "id": "a", "name": "calc__eval", "input": {} },
                    { "type": "tool_use", "id": "b", "name": "calc__eval", "input": {} },
                ] },
                { "role": "user", "content": [
                    { "type": "tool_result", "tool_use_id": "a", "content": "2", "is_error": false },
                    { "type": "tool_result", "tool_use_id": "b", "content": "2", "is_error": true },
                ] },
            ],
            "tools": [{ "name": "calc__eval", "description": "Evaluates", "input_schema": { "type": "object" } }],
            "stream": true,
            "temperature": 1.0,
        });
        assert_eq!(body("claude-sonnet-4-5", FULL, &request), expected);
        let other = body("m", "anthropic/other", &request).to_string();
        assert!(!other.contains("signature"), "another model is not given what this one thought: {other}");
    }

    #[test]
    fn a_form_is_asked_for_in_words() {
        let form = Form { name: "answer".to_owned(), schema: json!({ "type": "integer" }) };
        let mut request = ChatRequest { form: Some(form), max_tokens: Some(5), ..ChatRequest::default() };
        let alone = body("m", FULL, &request);
        assert!(alone["system"].as_str().unwrap().ends_with("\n{\"type\":\"integer\"}"), "{alone}");
        assert_eq!(alone["max_tokens"], 5);
        request.system = "Be brief.".to_owned();
        assert!(body("m", FULL, &request)["system"].as_str().unwrap().starts_with("Be brief.\n\nYour final answer"));
    }
}
