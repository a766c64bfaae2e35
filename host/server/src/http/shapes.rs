//! The shapes of answers, for the document: every key that any answer has. `tests/suite/serve/answers.rs` holds them against answers.

use serde_json::{Map, Value, json};

use super::problem::ProblemShape;

/// All of them, by their names in the document.
pub(super) fn all() -> Map<String, Value> {
    let shapes = [
        ("Problem", problem()),
        ("Failure", failure()),
        ("Reached", object(&["used", "limit"], json!({"used": text(), "limit": text()}))),
        ("Outcome", outcome()),
        // A run where it was only asked to be begun, and ended while that was waited for.
        ("Called", json!({"anyOf": [of("Outcome"), of("Run")]})),
        ("Receipt", receipt()),
        ("Limits", limits()),
        ("Grants", grants()),
        ("Log", object(&["stdout", "stderr"], json!({"stdout": text(), "stderr": text()}))),
        ("Run", run()),
        ("Runs", object(&["runs"], json!({"runs": list("Run")}))),
        ("AgentOutcome", agent_outcome()),
        ("Function", function()),
        ("Tool", tool()),
        ("Tools", object(&["tools"], json!({"tools": list("Tool")}))),
        ("Agents", object(&["agents"], json!({"agents": texts()}))),
        ("Event", event()),
        ("Page", page()),
        ("Alive", object(&["alive"], json!({"alive": {"type": "boolean"}}))),
        ("Ready", ready()),
        ("Text", text()),
        ("Document", json!({"type": "object"})),
    ];
    shapes.into_iter().map(|(name, shape)| (name.to_owned(), shape)).collect()
}

fn text() -> Value {
    json!({"type": "string"})
}

fn texts() -> Value {
    json!({"type": "array", "items": text()})
}

fn truth() -> Value {
    json!({"type": "boolean"})
}

/// Milliseconds, with their parts.
fn millis() -> Value {
    json!({"type": "number", "minimum": 0})
}

fn count() -> Value {
    json!({"type": "integer", "minimum": 0})
}

fn of(shape: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{shape}")})
}

fn list(shape: &str) -> Value {
    json!({"type": "array", "items": of(shape)})
}

fn object(needed: &[&str], properties: Value) -> Value {
    json!({"type": "object", "required": needed, "properties": properties})
}

/// An object whose keys are all always there.
fn whole(properties: Value) -> Value {
    let needed: Vec<&String> = properties.as_object().into_iter().flat_map(Map::keys).collect();
    json!({"type": "object", "required": needed, "properties": properties})
}

fn problem() -> Value {
    let mut shape = super::schema::<ProblemShape>();
    if let Some(Value::Object(keys)) = shape.get_mut("properties") {
        // What is described here already.
        let parts = [("receipt", "Receipt"), ("log", "Log"), ("reached", "Reached")];
        keys.extend(parts.map(|(key, shape)| (key.to_owned(), of(shape))));
    }
    shape
}

fn failure() -> Value {
    object(
        &["outcome", "code", "what", "why", "docs"],
        json!({
            "outcome": text(), "code": text(), "what": text(), "why": text(), "fix": text(), "docs": text(),
            "retry_after_ms": count(), "reached": of("Reached"),
        }),
    )
}

fn outcome() -> Value {
    object(
        &["call", "target", "outcome", "receipt", "log"],
        json!({
            "call": text(),
            "target": text(),
            "outcome": {"type": "string", "description": "`ok`, or how it ended instead: `failed` is the tool's own error"},
            "value": {"description": "the tool's answer"},
            "error": of("Failure"),
            "receipt": of("Receipt"),
            "log": of("Log"),
        }),
    )
}

fn receipt() -> Value {
    let stream = || whole(json!({"kept": count(), "dropped": count()}));
    let denial = object(&["capability", "asked"], json!({"capability": text(), "asked": text()}));
    whole(json!({
        "digest": {"type": ["string", "null"]}, "source": {"enum": ["cell", "cache", "flight"]}, "attempts": count(),
        "fuel_before": count(), "fuel": count(), "fuel_exact": truth(), "memory_peak": count(),
        "queue_ms": millis(), "instantiate_ms": millis(), "run_ms": millis(), "busy_ms": millis(),
        "input": count(), "output": count(), "stdout": stream(), "stderr": stream(), "disk": count(), "random": count(),
        "requests": count(), "writes": count(), "sent": count(), "received": count(),
        "denials": {"type": "array", "items": denial}, "denials_dropped": count(), "decisions_dropped": count(),
        "effects": texts(), "pure": truth(), "shared_cell": truth(), "limits": of("Limits"), "grants": of("Grants"),
    }))
}

fn limits() -> Value {
    whole(json!({
        "fuel": count(), "timeout_ms": count(), "memory": count(), "input": count(), "output": count(), "log": count(),
        "handles": count(), "instances": count(), "random": count(), "host_data": count(), "disk": count(),
        "entries": count(), "requests": count(), "sent": count(), "received": count(),
    }))
}

fn grants() -> Value {
    let folder = object(
        &["guest", "host", "access"],
        json!({"guest": text(), "host": text(), "part": text(), "access": {"enum": ["read", "write"]}}),
    );
    let secret = whole(json!({"name": text(), "to": text(), "header": text(), "format": text()}));
    let seeded = whole(json!({"seeded": count()}));
    whole(json!({
        "folders": {"type": "array", "items": folder}, "env": texts(), "env_withheld": texts(), "net": texts(),
        "secrets": {"type": "array", "items": secret}, "clock": {"enum": ["virtual", "real", "withheld"]},
        "random": {"anyOf": [{"enum": ["system", "withheld"]}, seeded]},
    }))
}

fn run() -> Value {
    object(
        &["run", "state", "began_ms"],
        json!({
            "run": text(), "call": text(), "agent": text(), "state": {"enum": ["running", "ended"]}, "began_ms": count(),
            "ended_ms": count(), "outcome": text(), "result": {"anyOf": [of("Outcome"), of("AgentOutcome")]},
            "error": of("Failure"),
        }),
    )
}

fn agent_outcome() -> Value {
    let step = object(
        &["step", "state", "calls", "failed_calls"],
        json!({
            "step": text(), "state": {"enum": ["done", "failed", "skipped"]}, "because": text(), "calls": count(),
            "failed_calls": count(), "first_failure": of("Failure"),
        }),
    );
    let action = object(
        &["action", "target", "outcome", "elapsed_ms"],
        json!({
            "action": text(), "call": text(), "run": text(), "target": text(), "outcome": text(), "elapsed_ms": millis(),
        }),
    );
    let spent = object(
        &["turns", "tokens"],
        json!({"turns": count(), "tokens": {"type": "object"}, "estimated": count(), "cost": {}}),
    );
    let task = object(&["task"], json!({"task": count(), "answer": text(), "failure": of("Failure")}));
    object(
        &["run", "agent", "steps", "spent", "files", "out", "calls", "failed_calls", "fuel", "elapsed_ms"],
        json!({
            "run": text(), "agent": text(), "failure": of("Failure"), "answer": text(),
            "steps": {"type": "array", "items": step}, "actions": {"type": "array", "items": action},
            "tasks": {"type": "array", "items": task}, "spent": spent, "files": texts(), "out": text(),
            "calls": count(), "failed_calls": count(), "fuel": count(), "elapsed_ms": millis(),
        }),
    )
}

fn function() -> Value {
    object(
        &["name", "description", "effect", "input"],
        json!({
            "name": text(), "description": text(), "effect": {"enum": ["pure", "read", "idempotent", "write"]},
            "input": {"type": ["object", "boolean"]}, "output": {"type": ["object", "boolean"]},
        }),
    )
}

fn tool() -> Value {
    object(
        &["name", "functions"],
        json!({"name": text(), "description": text(), "functions": list("Function"), "error": of("Failure")}),
    )
}

/// One thing that happened: beside its number, its time and its word it has the keys of that word alone.
fn event() -> Value {
    const TEXTS: &[&str] = &[
        "event",
        "tenant",
        "call",
        "run",
        "target",
        "outcome",
        "code",
        "message",
        "digest",
        "capability",
        "asked",
        "rule",
        "tool",
        "state",
        "agent",
        "pattern",
        "parent",
        "from",
        "to",
        "text",
        "answer",
        "model",
        "action",
        "input",
        "shown",
        "what",
        "used",
        "most",
        "step",
    ];
    const COUNTS: &[&str] = &[
        "seq",
        "at_ms",
        "attempt",
        "done",
        "fuel",
        "decisions_dropped",
        "waiting",
        "steps",
        "tokens",
        "size",
        "calls",
    ];
    const TIMES: &[&str] = &["queue_ms", "wait_ms", "run_ms", "took_ms"];
    let others = json!({
        "by": {"enum": ["cell", "cache", "flight"]},
        "total": {"type": ["integer", "null"]},
        "allowed": truth(),
        "secrets": texts(),
        "effects": texts(),
        "high": truth(),
        "task": {"type": ["string", "integer"]},
        "uses": texts(),
        "agreed": truth(),
    });
    let alike = [(TEXTS, text()), (COUNTS, count()), (TIMES, millis())].into_iter();
    let alike = alike.flat_map(|(names, shape)| names.iter().map(move |name| ((*name).to_owned(), shape.clone())));
    let keys: Map<String, Value> = others.as_object().cloned().into_iter().flatten().chain(alike).collect();
    object(&["seq", "at_ms", "event"], Value::Object(keys))
}

fn page() -> Value {
    whole(json!({"code": text(), "outcome": text(), "title": text(), "meaning": text(), "remedy": text()}))
}

fn ready() -> Value {
    whole(json!({
        "ready": truth(), "calls": count(), "waiting": count(), "running": count(), "runs": count(),
        "connections": count(), "up_ms": count(),
    }))
}
