//! The document of the paths against what the server really takes and answers: no key of an answer, and no form of a header, that it
//! does not have.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use jsonschema::{Validator, validator_for};
use serde_json::{Value, json};

use super::with;
use crate::support::served::{Reply, Served};

/// The document, as strict as can be: what it does not name is not there.
struct Document {
    paths: Value,
    schemas: Value,
    /// The operations that were answered well, and by a problem.
    seen: BTreeSet<(String, bool)>,
}

impl Document {
    fn of(served: &Served) -> Self {
        let mut document = served.get("/openapi.json").is(200).json();
        let paths = document["paths"].take();
        let mut schemas = document["components"]["schemas"].take();
        for (name, schema) in schemas.as_object_mut().expect("schemas") {
            // Those of tools are the tools' own.
            if !name.contains('.') {
                close(schema);
            }
        }
        Self { paths, schemas, seen: BTreeSet::new() }
    }

    fn validator(&self, schema: &Value) -> Validator {
        let whole = json!({"allOf": [schema], "components": {"schemas": self.schemas}});
        validator_for(&whole).expect("a schema")
    }

    /// What a path gives under a status.
    fn answer(&self, method: &str, path: &str, status: u16, media: &str) -> Value {
        let gives = &self.paths[path][method]["responses"];
        let answer = gives.get(status.to_string()).unwrap_or(&gives["default"]);
        let content = answer["content"].get(media).unwrap_or_else(|| panic!("{method} {path}: no {media} at {status}"));
        content["schema"].clone()
    }

    fn fits(&mut self, method: &str, path: &str, status: u16, media: &str, value: &Value) {
        let validator = self.validator(&self.answer(method, path, status, media));
        let wrong: Vec<String> =
            validator.iter_errors(value).map(|error| format!("{}: {error}", error.instance_path())).collect();
        assert!(wrong.is_empty(), "{method} {path} at {status}: {wrong:#?} in {value:#}");
        let id = self.paths[path][method]["operationId"].as_str().expect("an id");
        self.seen.insert((id.to_owned(), status < 300));
    }

    /// Asks, and holds the answer against the document.
    fn ask(&mut self, served: &Served, request: (&str, &str, &str), headers: &[&str], body: &str) -> Reply {
        let (method, template, path) = request;
        let reply = served.ask(&format!("{} {path}", method.to_uppercase()), headers, body);
        let media = reply.header("content-type").expect("a type").split(';').next().expect("a word").to_owned();
        let value = if media.ends_with("json") { reply.json() } else { json!(reply.body) };
        self.fits(method, template, reply.status, &media, &value);
        reply
    }
}

/// An object has the keys that its shape names, and no others.
fn close(schema: &mut Value) {
    match schema {
        Value::Object(keys) => {
            keys.values_mut().for_each(close);
            if keys.get("properties").is_some_and(Value::is_object) {
                keys.entry("additionalProperties").or_insert(json!(false));
            }
        }
        Value::Array(items) => items.iter_mut().for_each(close),
        _ => {}
    }
}

const CALL: &str = "/v1/tools/{tool}/call";
const RUNS: &str = "/v1/agents/{agent}/runs";

#[test]
fn every_key_of_every_answer_is_in_the_document() {
    let toml = "[tools.cpu]\nlimits.timeout = \"5s\"\n[tools.echo]\nrate = \"1/h\"\n";
    let (shell, served) = with(&["cpu", "echo"], toml);
    shell.file("tools/broken.wasm", "no component");
    let mut document = Document::of(&served);
    let call = |document: &mut Document, target: &str, headers: &[&str], body: &str| {
        document.ask(&served, ("post", CALL, &format!("/v1/tools/{target}/call")), headers, body)
    };
    // Answers, the tool's own errors, and all kinds of failures.
    let mut more = call(&mut document, "calc.eval", &[], "{\"expression\": \"1\"}").is(200).json();
    more["receipt"]["limits"]["more"] = json!(1);
    let validator = document.validator(&document.answer("post", CALL, 200, "application/json"));
    assert!(!validator.is_valid(&more), "a key that the document does not have is found, however deep");
    call(&mut document, "calc.eval", &[], "{\"expression\": \"1/0\"}");
    call(&mut document, "files.read", &[], "{\"path\": \"/etc/passwd\"}").is(403);
    call(&mut document, "cpu.spin", &["hotcell-fuel: 1M"], "{}").is(507);
    call(&mut document, "cpu.spin", &["hotcell-timeout: 50ms"], "{}").is(504);
    call(&mut document, "cpu.spin", &["hotcell-memory: 900GiB"], "{}").is(403);
    call(&mut document, "calc.eval", &[], "{").is(400);
    call(&mut document, "calk", &[], "{}").is(404);
    call(&mut document, "echo.text", &[], "[\"a\"]").is(200);
    call(&mut document, "echo.text", &[], "[\"a\"]").is(429);
    call(&mut document, "broken", &[], "{}");
    let begun = call(&mut document, "cpu.spin", &["prefer: respond-async"], "{}").is(202);
    // One that has ended while that was waited for.
    call(&mut document, "calc.eval", &["prefer: respond-async, wait=60"], "{\"expression\": \"1\"}").is(200);
    let long = begun.json()["run"].as_str().expect("a run").to_owned();
    document.ask(&served, ("delete", "/v1/runs/{run}", &format!("/v1/runs/{long}")), &[], "").is(200);
    document.ask(&served, ("delete", "/v1/runs/{run}", "/v1/runs/x"), &[], "").is(404);
    // Agents, and what becomes of their runs.
    document.ask(&served, ("get", "/v1/agents", "/v1/agents"), &[], "").is(200);
    let mut runs = vec![long];
    for (agent, body) in [("researcher", "{\"input\": \"answer x\"}"), ("planner", "{\"input\": \"x\"}")] {
        let place = format!("/v1/agents/{agent}/runs");
        let run = document.ask(&served, ("post", RUNS, &place), &["prefer: wait=60"], body).is(200);
        runs.push(run.json()["run"].as_str().expect("a run").to_owned());
    }
    document.ask(&served, ("post", RUNS, "/v1/agents/nobody/runs"), &[], "{}").is(404);
    document.ask(&served, ("post", RUNS, "/v1/agents/planner/runs"), &[], "{\"task\": 1}").is(400);
    for run in &runs {
        document.ask(&served, ("get", "/v1/runs/{run}", &format!("/v1/runs/{run}")), &[], "").is(200);
        let path = "/v1/runs/{run}/events";
        for (_, event) in served.follow(&format!("/v1/runs/{run}/events"), &[]) {
            document.fits("get", path, 200, "text/event-stream", &event);
        }
    }
    document.ask(&served, ("get", "/v1/runs/{run}", "/v1/runs/x"), &[], "").is(404);
    document.ask(&served, ("get", "/v1/runs/{run}/events", "/v1/runs/x/events"), &[], "").is(404);
    document.ask(&served, ("get", "/v1/runs", "/v1/runs"), &[], "").is(200);
    // What there is.
    document.ask(&served, ("get", "/v1/tools", "/v1/tools"), &[], "").is(200);
    document.ask(&served, ("get", "/v1/tools/{tool}", "/v1/tools/calc"), &[], "").is(200);
    document.ask(&served, ("get", "/v1/tools/{tool}", "/v1/tools/nothing"), &[], "").is(404);
    document.ask(&served, ("get", "/errors/{code}", "/errors/E0401"), &[], "").is(200);
    document.ask(&served, ("get", "/errors/{code}", "/errors/E9999"), &[], "").is(404);
    for path in ["/healthz", "/readyz", "/metrics", "/openapi.json"] {
        document.ask(&served, ("get", path, path), &[], "").is(200);
    }
    document.ask(&served, ("get", "/v1/events", "/v1/events"), &["last-event-id: x"], "").is(400);
    let first = follow_all(&served);
    document.fits("get", "/v1/events", 200, "text/event-stream", &first);
    // None was forgotten.
    let ids = operations(&document.paths);
    let well: BTreeSet<&str> = document.seen.iter().filter(|(_, well)| *well).map(|(id, _)| &**id).collect();
    let missing: Vec<&str> = ids.iter().map(|id| &**id).filter(|id| !well.contains(id)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

/// The first that is heard of a call.
fn follow_all(served: &Served) -> Value {
    let heard = AtomicBool::new(false);
    thread::scope(|scope| {
        let calling = scope.spawn(|| {
            // Whether it is followed already is not known before something is heard.
            while !heard.load(Ordering::SeqCst) {
                served.post("/v1/tools/calc.eval/call", "{\"expression\": \"1\"}").is(200);
            }
        });
        let (_, event) = served.follow("/v1/events", &[]).next().expect("an event");
        heard.store(true, Ordering::SeqCst);
        calling.join().expect("calls");
        event
    })
}

/// The names of all operations but the calls of single functions.
fn operations(paths: &Value) -> Vec<String> {
    let methods =
        paths.as_object().expect("paths").values().flat_map(|methods| methods.as_object().expect("methods").values());
    let ids = methods.map(|operation| operation["operationId"].as_str().expect("an id").to_owned());
    ids.filter(|id| !id.starts_with("call__")).collect()
}

#[test]
fn headers_are_taken_as_the_document_says_and_no_others() {
    let (_shell, served) = with(&[], "");
    let document = Document::of(&served);
    let parameters = document.paths[CALL]["post"]["parameters"].as_array().expect("parameters");
    let schema = |name: &str| {
        let found = parameters.iter().find(|parameter| parameter["name"] == name);
        found.unwrap_or_else(|| panic!("{name}"))["schema"].clone()
    };
    let long = |length: usize| "k".repeat(length);
    let (fits, exceeds) = (long(200), long(201));
    let values: &[(&str, &[&str])] = &[
        (
            "hotcell-deadline",
            &["250ms", "5s", "1.5m", "5 s", "5", "s", "soon", "-1s", "1.s", "1e3s", "1_000ms", "_s", "5ss"],
        ),
        ("hotcell-timeout", &["2s", "2", "", "1.0000000001s", "1.000000001s"]),
        ("hotcell-fuel", &["50M", "7", "50_000k", "5 M", "lots", "5MB", "1.5G", ".5G"]),
        ("hotcell-memory", &["16MiB", "16777216", "16 MiB", "16M", "64 parsecs", "1.5GB"]),
        ("hotcell-priority", &["critical", "high", "normal", "low", "background", "urgent", "HIGH"]),
        ("hotcell-retries", &["0", "3", "4294967295", "4294967296", "-1", "x"]),
        ("idempotency-key", &["8e03978e", "\"8e\"", "a b", "\"\"", &fits, &exceeds]),
    ];
    for (name, texts) in values {
        let schema = schema(name);
        let validator = document.validator(&schema);
        for text in *texts {
            let number = (schema["type"] == "integer").then(|| serde_json::from_str(text).ok()).flatten();
            let fits = validator.is_valid(&number.unwrap_or_else(|| json!(text)));
            let header = format!("{name}: {text}");
            let status = served.ask("POST /v1/tools/calc.eval/call", &[&header], "{\"expression\": \"1\"}").status;
            // Whether it can be read: what it says may be refused all the same.
            assert_eq!(fits, status != 400, "{header}: {status}");
        }
    }
    let last = &document.paths["/v1/events"]["get"]["parameters"][0];
    assert_eq!((&last["name"], &last["schema"]["minimum"]), (&json!("last-event-id"), &json!(0)));
}

#[test]
fn a_parent_that_is_none_by_the_document_is_none() {
    let (_shell, served) = with(&[], "");
    let document = Document::of(&served);
    let parameters = document.paths[CALL]["post"]["parameters"].as_array().expect("parameters");
    let parent = parameters.iter().find(|parameter| parameter["name"] == "traceparent").expect("a parent");
    let validator = document.validator(&parent["schema"]);
    for (text, fits) in [
        ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", true),
        ("cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more", true),
        ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more", false),
        ("ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", false),
        ("00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01", false),
        ("00-4bf9-00f067aa0ba902b7-01", false),
    ] {
        assert_eq!(validator.is_valid(&json!(text)), fits, "{text}");
        assert_eq!(hotcell_runtime::trace::Parent::read(text, None).is_some(), fits, "{text}");
    }
}
