//! The document of the paths (OpenAPI 3.1), made of the table that the router is made of, and of the schemas of the tools that the
//! caller may call.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use http::{Method, StatusCode};
use serde_json::{Map, Value, json};

use super::operations::{self, Answer, Operation, Parameter};
use super::shapes;
use super::tools::{self, Function};
use crate::serve::{Caller, Shared};

pub(super) async fn document(State(shared): State<Arc<Shared>>, Extension(caller): Extension<Caller>) -> Response {
    let tools = tools::offered(&caller.host(&shared)).await;
    let functions = tools.iter().flat_map(|tool| tool.functions()).collect::<Vec<_>>();
    super::json(StatusCode::OK, &whole(&functions))
}

/// The document, with a path of its own for each function.
fn whole(functions: &[&Function]) -> Value {
    let mut paths = Map::new();
    for operation in operations::all() {
        add(&mut paths, operation.path, &operation.method, described(&operation));
    }
    let mut schemas = shapes::all();
    for function in functions {
        let path = format!("/v1/tools/{}/call", function.name());
        add(&mut paths, &path, &Method::POST, called(function, &mut schemas));
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "hotcell",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Untrusted tools, each call in a fresh cell with limits that are real and shown.",
            "license": {"name": "MIT OR Apache-2.0"},
        },
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
        // Where no tenant has a token, none is needed.
        "security": [{"token": []}, {}],
    })
}

fn add(paths: &mut Map<String, Value>, path: &str, method: &Method, operation: Value) {
    let path = paths.entry(path).or_insert_with(|| json!({}));
    if let Value::Object(methods) = path {
        methods.insert(method.as_str().to_lowercase(), operation);
    }
}

fn described(operation: &Operation) -> Value {
    let mut described = json!({
        "operationId": operation.id,
        "summary": operation.summary,
        "parameters": operation.takes.iter().map(parameter).collect::<Vec<_>>(),
        "responses": answers(&operation.gives),
    });
    if let (Some(body), Value::Object(keys)) = (&operation.body, &mut described) {
        keys.insert("requestBody".to_owned(), json!({"content": {"application/json": {"schema": body}}}));
    }
    described
}

/// A call of one function, with its own schemas.
fn called(function: &Function, schemas: &mut Map<String, Value>) -> Value {
    let generic = operations::call(operations::bare());
    let input = kept(function, "input", function.input(), schemas);
    let mut responses = answers(&generic.gives);
    if let (Some(output), Some(Value::Object(ok))) = (function.output(), responses.get_mut("200")) {
        let output = kept(function, "output", output, schemas);
        let value = json!({"allOf": [{"$ref": "#/components/schemas/Outcome"}, {"properties": {"value": output}}]});
        let called = json!({"anyOf": [value, {"$ref": "#/components/schemas/Run"}]});
        ok.insert("content".to_owned(), json!({"application/json": {"schema": called}}));
    }
    json!({
        "operationId": format!("call__{}", function.name().replace('.', "__")),
        "summary": function.description().lines().next().unwrap_or_default(),
        "description": function.description(),
        "parameters": generic.takes.iter().map(parameter).collect::<Vec<_>>(),
        "requestBody": {"content": {"application/json": {"schema": input}}},
        "responses": responses,
    })
}

/// Keeps a schema of a tool among the others, and gives a reference to it. What it refers to within itself is found where it is now.
fn kept(function: &Function, part: &str, schema: &Value, schemas: &mut Map<String, Value>) -> Value {
    let name = format!("{}.{part}", function.name());
    let place = format!("#/components/schemas/{name}");
    let mut schema = schema.clone();
    rebase(&mut schema, &place, 0);
    if let Value::Object(keys) = &mut schema {
        // The document has its own.
        keys.remove("$schema");
    }
    schemas.insert(name, schema);
    json!({"$ref": place})
}

/// Deeper than schemas are let in.
const MOST_DEEP: usize = 128;

fn rebase(schema: &mut Value, place: &str, depth: usize) {
    if depth > MOST_DEEP {
        return;
    }
    match schema {
        Value::Object(keys) => {
            for (key, value) in keys {
                match value {
                    Value::String(to) if key == "$ref" && to.starts_with('#') => {
                        *to = format!("{place}{}", to.trim_start_matches('#'));
                    }
                    other => rebase(other, place, depth + 1),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| rebase(item, place, depth + 1)),
        _ => {}
    }
}

fn parameter(parameter: &Parameter) -> Value {
    let Parameter { name, place, what, form } = parameter;
    json!({"name": name, "in": place, "required": *place == "path", "description": what, "schema": form()})
}

fn answers(gives: &[Answer]) -> Map<String, Value> {
    let mut answers = Map::new();
    for Answer { status, what, media, schema } in gives {
        let schema = json!({"$ref": format!("#/components/schemas/{schema}")});
        answers.insert(status.to_string(), json!({"description": what, "content": {*media: {"schema": schema}}}));
    }
    let problem = json!({"$ref": "#/components/schemas/Problem"});
    let content = json!({"application/problem+json": {"schema": problem}});
    answers.insert(
        "default".to_owned(),
        json!({"description": "what went wrong, and what to do about it", "content": content}),
    );
    answers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_within_a_schema_lead_to_where_it_is_now() {
        let mut schema =
            json!({"$ref": "#/$defs/A", "$defs": {"A": {"items": [{"$ref": "#"}, {"$ref": "other.json#/x"}]}}});
        rebase(&mut schema, "#/components/schemas/t.f.input", 0);
        let wanted = json!({
            "$ref": "#/components/schemas/t.f.input/$defs/A",
            "$defs": {"A": {"items": [{"$ref": "#/components/schemas/t.f.input"}, {"$ref": "other.json#/x"}]}},
        });
        assert_eq!(schema, wanted);
    }

    #[test]
    fn whatever_is_referred_to_is_there() {
        fn references(value: &Value, all: &mut Vec<String>) {
            match value {
                Value::Object(keys) => {
                    all.extend(keys.get("$ref").and_then(Value::as_str).map(str::to_owned));
                    keys.values().for_each(|value| references(value, all));
                }
                Value::Array(items) => items.iter().for_each(|item| references(item, all)),
                _ => {}
            }
        }
        let document = whole(&[]);
        let mut all = Vec::new();
        references(&document, &mut all);
        assert!(all.len() > 10);
        for reference in all {
            assert!(document.pointer(reference.trim_start_matches('#')).is_some(), "{reference}");
        }
        let ids =
            document["paths"].as_object().unwrap().values().flat_map(|methods| methods.as_object().unwrap().values());
        let ids: Vec<&str> = ids.map(|operation| operation["operationId"].as_str().unwrap()).collect();
        let mut once = ids.clone();
        once.sort_unstable();
        once.dedup();
        assert_eq!(once.len(), ids.len(), "each has a name of its own");
    }
}
