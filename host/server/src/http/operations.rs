//! Every path that there is, with what it takes and gives: the router is made of this table, and so is the document.

use std::sync::Arc;

use axum::routing::{MethodRouter, delete, get, post};
use http::Method;
use serde_json::{Value, json};

use super::events::LAST_EVENT_ID;
use super::forms::{self, Form};
use super::headers::IDEMPOTENCY_KEY;
use super::{agents, errors, events, health, metrics, openapi, runs, tools};
use crate::serve::Shared;
use crate::terms::{DEADLINE, FUEL, MEMORY, PRIORITY, RETRIES, TIMEOUT};

/// One thing that can be asked for.
pub(super) struct Operation {
    pub(super) method: Method,
    pub(super) path: &'static str,
    /// By which programs know it.
    pub(super) id: &'static str,
    pub(super) summary: &'static str,
    pub(super) takes: Vec<Parameter>,
    /// The schema of its body.
    pub(super) body: Option<Value>,
    pub(super) gives: Vec<Answer>,
    pub(super) handler: MethodRouter<Arc<Shared>>,
}

/// Something in a path or a header.
pub(super) struct Parameter {
    pub(super) name: &'static str,
    pub(super) place: &'static str,
    pub(super) what: &'static str,
    pub(super) form: Form,
}

/// An answer, by its status.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) what: &'static str,
    pub(super) media: &'static str,
    /// The name of a schema in the document's components.
    pub(super) schema: &'static str,
}

const JSON: &str = "application/json";
const TEXT: &str = "text/plain";
const STREAM: &str = "text/event-stream";

/// All of them.
pub(super) fn all() -> Vec<Operation> {
    vec![
        op(Method::GET, "/v1/tools", "listTools", "The tools that the caller may call", get(tools::list))
            .gives(200, "Tools"),
        op(
            Method::GET,
            "/v1/tools/{tool}",
            "showTool",
            "One tool, with the schemas of its functions",
            get(tools::show),
        )
        .takes(TOOL)
        .gives(200, "Tool"),
        call(op(Method::POST, "/v1/tools/{tool}/call", "callTool", "Calls a function of a tool", post(tools::call)))
            .takes(FUNCTION)
            .body(json!({"description": "The arguments: an object by name, or a list by position"})),
        op(Method::GET, "/v1/agents", "listAgents", "The agents that the caller may run", get(agents::list))
            .gives(200, "Agents"),
        op(Method::POST, "/v1/agents/{agent}/runs", "runAgent", "Begins a run of an agent", post(agents::run))
            .takes(Parameter { name: "agent", place: "path", what: "the agent's name", form: forms::text })
            .takes(WAIT)
            .takes(KEY)
            .takes(PARENT)
            .body(super::schema::<agents::Task>())
            .gives(200, "Run")
            .gives(202, "Run"),
        op(Method::GET, "/v1/runs", "listRuns", "The runs that the caller began, the newest first", get(runs::list))
            .gives(200, "Runs"),
        op(Method::GET, "/v1/runs/{run}", "showRun", "A run, and how it ended", get(runs::show))
            .takes(RUN)
            .takes(WAIT)
            .gives(200, "Run"),
        op(Method::DELETE, "/v1/runs/{run}", "cancelRun", "Ends a run, and waits for its end", delete(runs::cancel))
            .takes(RUN)
            .gives(200, "Run"),
        op(Method::GET, "/v1/runs/{run}/events", "followRun", "What happens in a run, to its end", get(events::of_run))
            .takes(RUN)
            .takes(LAST)
            .streams(),
        op(Method::GET, "/v1/events", "follow", "What happens on the caller's behalf", get(events::all))
            .takes(LAST)
            .streams(),
        op(Method::GET, "/errors/{code}", "explain", "What a code means", get(errors::page))
            .takes(Parameter { name: "code", place: "path", what: "such as E0401", form: forms::text })
            .gives(200, "Page"),
        op(Method::GET, "/healthz", "alive", "Whether the server answers at all", get(health::alive))
            .gives(200, "Alive"),
        op(Method::GET, "/readyz", "ready", "Whether it takes requests", get(health::ready)).gives(200, "Ready"),
        op(Method::GET, "/metrics", "metrics", "What is counted, in the text format of Prometheus", get(metrics::show))
            .text(),
        op(Method::GET, "/openapi.json", "document", "This document", get(openapi::document)).gives(200, "Document"),
    ]
}

/// What every call takes and gives, whichever the function.
pub(super) fn call(operation: Operation) -> Operation {
    let header = |name, form: Form, what| Parameter { name, place: "header", what, form };
    operation
        .takes(header(
            "prefer",
            forms::preference,
            "`respond-async`: answer at once, with a run; `wait=10`: then wait so many seconds for its end, at most 300",
        ))
        .takes(KEY)
        .takes(header(
            DEADLINE,
            forms::duration,
            "when the caller stops waiting, the time in the queue included: `250ms`, `5s`",
        ))
        .takes(header(
            PRIORITY,
            forms::priority,
            "the class in the queue: critical, high, normal, low or background",
        ))
        .takes(header(
            RETRIES,
            forms::retries,
            "how often it may be made again when it failed in a way that may pass",
        ))
        .takes(header(FUEL, forms::count, "a lower limit for this call: `50M`"))
        .takes(header(MEMORY, forms::size, "a lower limit for this call: `16MiB`"))
        .takes(header(TIMEOUT, forms::duration, "a lower limit for this call: `2s`"))
        .takes(PARENT)
        .gives(200, "Called")
        .gives(202, "Run")
}

const TOOL: Parameter = Parameter { name: "tool", place: "path", what: "the tool's name: `calc`", form: forms::text };
const FUNCTION: Parameter = Parameter {
    name: "tool",
    place: "path",
    what: "the function: `calc.eval`, or the tool alone where it has just one",
    form: forms::text,
};
const RUN: Parameter = Parameter { name: "run", place: "path", what: "the run's id", form: forms::text };
const KEY: Parameter = Parameter {
    name: IDEMPOTENCY_KEY,
    place: "header",
    what: "1 to 200 printable characters: the same request with the same key is done once, and answered alike",
    form: forms::key,
};
const WAIT: Parameter = Parameter {
    name: "prefer",
    place: "header",
    what: "`wait=10`: wait so many seconds for the end, at most 300",
    form: forms::preference,
};
const LAST: Parameter = Parameter {
    name: LAST_EVENT_ID,
    place: "header",
    what: "the number of the event that was seen last: what came after it is told",
    form: forms::event,
};
const PARENT: Parameter = Parameter {
    name: "traceparent",
    place: "header",
    what: "the trace that it belongs to (W3C Trace Context); what is none is left out",
    form: forms::parent,
};

/// One of no path, for what all calls have in common.
pub(super) fn bare() -> Operation {
    op(Method::POST, "", "", "", MethodRouter::new())
}

fn op(
    method: Method,
    path: &'static str,
    id: &'static str,
    summary: &'static str,
    handler: MethodRouter<Arc<Shared>>,
) -> Operation {
    Operation { method, path, id, summary, takes: Vec::new(), body: None, gives: Vec::new(), handler }
}

impl Operation {
    fn takes(mut self, parameter: Parameter) -> Self {
        self.takes.push(parameter);
        self
    }

    fn body(mut self, schema: Value) -> Self {
        self.body = Some(schema);
        self
    }

    fn gives(mut self, status: u16, schema: &'static str) -> Self {
        let what = match status {
            202 => "it was begun",
            _ => "the answer",
        };
        self.gives.push(Answer { status, what, media: JSON, schema });
        self
    }

    fn text(mut self) -> Self {
        self.gives.push(Answer { status: 200, what: "lines of text", media: TEXT, schema: "Text" });
        self
    }

    fn streams(mut self) -> Self {
        self.gives.push(Answer { status: 200, what: "server-sent events", media: STREAM, schema: "Event" });
        self
    }
}
