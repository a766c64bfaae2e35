//! From a conversation to the body of a request.

use hotcell_agent::model::{ChatRequest, Message, ToolUse};
use serde_json::{Map, Value, json};

use crate::model::wire::kept;

/// Who is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::model) enum Dialect {
    /// `OpenAI` itself, whose newer models refuse `max_tokens`.
    Own,
    /// Others, of whom many know nothing else.
    Like,
}

/// The body of a request for the next reply.
pub(in crate::model) fn body(dialect: Dialect, model: &str, full: &str, request: &ChatRequest) -> Value {
    let mut body = Map::new();
    let mut put = |key: &str, value: Value| drop(body.insert(key.to_owned(), value));
    put("model", json!(model));
    put("messages", Value::Array(messages(full, request)));
    put("stream", json!(true));
    put("stream_options", json!({ "include_usage": true }));
    if !request.tools.is_empty() {
        let tool = |tool: &hotcell_agent::model::ToolSpec| {
            let function = json!({ "name": tool.name, "description": tool.description, "parameters": tool.input });
            json!({ "type": "function", "function": function })
        };
        put("tools", request.tools.iter().map(tool).collect());
    }
    if let Some(form) = &request.form {
        // Not `strict`: that takes only a part of JSON Schema, and refuses the rest.
        let schema = json!({ "name": form.name, "schema": form.schema });
        put("response_format", json!({ "type": "json_schema", "json_schema": schema }));
    }
    if let Some(most) = request.max_tokens {
        let key = if dialect == Dialect::Own { "max_completion_tokens" } else { "max_tokens" };
        put(key, json!(most));
    }
    if let Some(temperature) = request.temperature {
        put("temperature", json!(temperature));
    }
    Value::Object(body)
}

fn messages(full: &str, request: &ChatRequest) -> Vec<Value> {
    let mut messages = Vec::new();
    if !request.system.is_empty() {
        messages.push(json!({ "role": "system", "content": request.system }));
    }
    for message in &request.messages {
        match message {
            Message::User(text) => messages.push(json!({ "role": "user", "content": text })),
            Message::Assistant { text, uses, opaque } => {
                messages.push(assistant(text, uses, kept(full, opaque.as_ref())));
            }
            Message::Results(results) => messages.extend(results.iter().map(|result| {
                // There is no mark for one that went wrong: its text says so.
                json!({ "role": "tool", "tool_call_id": result.id, "content": result.text })
            })),
        }
    }
    messages
}

fn assistant(text: &str, uses: &[ToolUse], kept: Option<&Value>) -> Value {
    if uses.is_empty() {
        return json!({ "role": "assistant", "content": text });
    }
    let calls = uses.iter().map(|wanted| {
        // What was no object is told by its result; servers that read the arguments again want one.
        let arguments = wanted.input.clone().unwrap_or_default();
        let function = json!({ "name": wanted.name, "arguments": Value::Object(arguments).to_string() });
        let mut call = json!({ "id": wanted.id, "type": "function", "function": function });
        if let (Some(extra), Some(call)) = (kept.and_then(|kept| kept.get(&wanted.id)), call.as_object_mut()) {
            call.insert("extra_content".to_owned(), extra.clone());
        }
        call
    });
    let content = if text.is_empty() { Value::Null } else { json!(text) };
    json!({ "role": "assistant", "content": content, "tool_calls": calls.collect::<Value>() })
}

#[cfg(test)]
mod tests {
    use hotcell_agent::model::{Form, ToolResult, ToolSpec};

    use super::*;
    use crate::model::wire::keep;

    const FULL: &str = "openai/gpt-5-mini";

    fn wanted(id: &str, input: Result<Map<String, Value>, String>) -> ToolUse {
        ToolUse { id: id.to_owned(), name: "calc__eval".to_owned(), input }
    }

    #[test]
    fn all_that_there_can_be() {
        let input = json!({ "expression": "1+1" }).as_object().cloned().unwrap();
        let opaque = keep(FULL, json!({ "c1": { "google": { "thought_signature": "s" } } }));
        let result = |id: &str, text: &str| ToolResult {
            id: id.to_owned(),
            name: "calc__eval".to_owned(),
            text: text.to_owned(),
            is_error: false,
        };
        let request = ChatRequest {
            system: "Be brief.".to_owned(),
            messages: vec![
                Message::User("1+1?".to_owned()),
                Message::Assistant {
                    text: String::new(),
                    uses: vec![wanted("c1", Ok(input)), wanted("c2", Err("{\"expr".to_owned()))],
                    opaque: Some(opaque),
                },
                Message::Results(vec![result("c1", "2"), result("c2", "no JSON object")]),
            ],
            tools: vec![ToolSpec {
                name: "calc__eval".to_owned(),
                description: "Evaluates".to_owned(),
                input: json!({ "type": "object" }),
            }],
            form: Some(Form { name: "answer".to_owned(), schema: json!({ "type": "object" }) }),
            max_tokens: Some(100),
            temperature: Some(0.5),
            ..ChatRequest::default()
        };
        let expected = json!({
            "model": "gpt-5-mini",
            "messages": [
                { "role": "system", "content": "Be brief." },
                { "role": "user", "content": "1+1?" },
                { "role": "assistant", "content": null, "tool_calls": [
                    { "id": "c1", "type": "function", "function": { "name": "calc__eval", "arguments": "{\"expression\":\"1+1\"}" },
                      "extra_content": { "google": { "thought_signature": "s" } } },
                    { "id": "c2", "type": "function", "function": { "name": "calc__eval", "arguments": "{}" } },
                ] },
                { "role": "tool", "tool_call_id": "c1", "content": "2" },
                { "role": "tool", "tool_call_id": "c2", "content": "no JSON object" },
            ],
            "stream": true,
            "stream_options": { "include_usage": true },
            "tools": [{ "type": "function", "function": {
                "name": "calc__eval", "description": "Evaluates", "parameters": { "type": "object" } } }],
            "response_format": { "type": "json_schema", "json_schema": { "name": "answer", "schema": { "type": "object" } } },
            "max_completion_tokens": 100,
            "temperature": 0.5,
        });
        assert_eq!(body(Dialect::Own, "gpt-5-mini", FULL, &request), expected);
        // Another model is not given what this one wanted back, and another server knows the older name.
        let other = body(Dialect::Like, "m", "local/m", &request);
        assert_eq!((&other["max_tokens"], &other["max_completion_tokens"]), (&json!(100), &Value::Null));
        assert!(!other.to_string().contains("extra_content"), "{other}");
    }

    #[test]
    fn what_is_not_said_is_not_sent() {
        let request = ChatRequest { messages: vec![Message::User("hi".to_owned())], ..ChatRequest::default() };
        let expected = json!({
            "model": "m", "messages": [{ "role": "user", "content": "hi" }],
            "stream": true, "stream_options": { "include_usage": true },
        });
        assert_eq!(body(Dialect::Own, "m", FULL, &request), expected);
    }
}
