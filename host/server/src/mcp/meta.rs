//! What a client says of a request in its `_meta`: terms of a call, and the trace that it belongs to.

use std::borrow::Cow;

use hotcell_runtime::trace::Parent;
use http::request::Parts;
use rmcp::ErrorData;
use rmcp::model::{Extensions, RequestMetaObject};
use serde_json::Value;

use crate::terms::{Said, Terms};
use crate::trace;

/// The name of a header with its first line as a stroke: `hotcell/deadline`.
fn key(header: &str) -> String {
    header.replacen('-', "/", 1)
}

impl Said for RequestMetaObject {
    fn texts(&self, name: &'static str) -> impl Iterator<Item = Cow<'_, str>> {
        self.get(&key(name)).into_iter().map(|value| match value {
            Value::String(text) => Cow::Borrowed(text.as_str()),
            other => Cow::Owned(other.to_string()),
        })
    }

    fn place(name: &'static str) -> String {
        format!("`{}` in _meta", key(name))
    }
}

/// The terms of a call.
///
/// # Errors
///
/// Invalid parameters, with the failure: no model wrote them, so none is told how to mend them.
pub(super) fn terms(meta: &RequestMetaObject) -> Result<Terms, ErrorData> {
    Terms::read(meta).map_err(|failure| {
        let why = format!("{}: {}", failure.what(), failure.reason());
        ErrorData::invalid_params(why, serde_json::to_value(&failure).ok())
    })
}

/// The trace that a request belongs to: as its `_meta` says, else as the fields of the HTTP request say that it came in.
///
/// Source: MCP's SEP-414.
pub(super) fn parent(meta: &RequestMetaObject, extensions: &Extensions) -> Option<Parent> {
    match meta.get_traceparent() {
        Some(parent) => Parent::read(parent, meta.get_tracestate()),
        None => extensions.get::<Parts>().and_then(|parts| trace::parent(&parts.headers)),
    }
}

#[cfg(test)]
mod tests {
    use hotcell_call::{CallId, Payload, Priority, ToolCall};
    use serde_json::json;

    use super::*;

    fn meta(value: Value) -> RequestMetaObject {
        value.as_object().cloned().unwrap_or_default().into()
    }

    #[test]
    fn a_client_says_of_a_call_what_headers_say() {
        let terms = terms(&meta(json!({
            "hotcell/priority": "high", "hotcell/retries": 3, "hotcell/fuel": "5M", "progressToken": 1,
        })));
        let mut call = ToolCall::new(CallId::from_bits(1), "calc.eval".parse().unwrap(), Payload::default());
        terms.unwrap().hold_for(&mut call);
        assert_eq!((call.priority, call.retries), (Priority::High, Some(3)));
        assert_eq!(call.limits.fuel.map(|fuel| fuel.to_string()).as_deref(), Some("5M"));
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        for value in [json!("soon"), json!(-1), json!(null), json!([1]), json!({})] {
            let error = terms(&meta(json!({ "hotcell/deadline": value }))).unwrap_err();
            assert!(error.message.starts_with("`hotcell/deadline` in _meta can't be read"), "{}", error.message);
        }
    }

    #[test]
    fn the_trace_in_the_message_comes_before_the_one_of_its_request() {
        let of = |trace: &str| format!("00-{trace}-00f067aa0ba902b7-01");
        let (inner, outer) = ("4bf92f3577b34da6a3ce929d0e0e4736", "1bf92f3577b34da6a3ce929d0e0e4736");
        let (parts, ()) = http::Request::get("/mcp").header("traceparent", of(outer)).body(()).unwrap().into_parts();
        let mut extensions = Extensions::new();
        extensions.insert(parts);
        let trace =
            |meta: RequestMetaObject, extensions: &Extensions| parent(&meta, extensions).map(|parent| parent.trace());
        let said = || meta(json!({ "traceparent": of(inner) }));
        assert_eq!(trace(said(), &extensions).as_deref(), Some(inner));
        assert_eq!(trace(meta(json!({})), &extensions).as_deref(), Some(outer));
        assert_eq!(trace(meta(json!({})), &Extensions::new()), None);
        assert_eq!(trace(meta(json!({ "traceparent": "none" })), &Extensions::new()), None);
    }
}
