//! How a result is put before a model: as data, with where it comes from, and no more of it than there is room for.

use hotcell_call::{AgentName, ByteSize, Digest, Failure};
use serde::Serialize;
use serde_json::value::RawValue;

/// Where a result comes from.
#[derive(Clone, Copy)]
pub(super) enum Origin<'a> {
    /// A function of a component.
    Tool { target: &'a str, digest: Option<Digest> },
    /// Another agent.
    Agent(&'a AgentName),
    /// Nowhere: nothing was made.
    None,
}

/// A result as a model sees it.
pub(super) struct Envelope {
    pub(super) text: String,
    pub(super) is_error: bool,
    /// Of the whole result.
    pub(super) size: ByteSize,
}

#[derive(Serialize)]
struct Parts<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    tool: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    digest: Option<Digest>,
    #[serde(skip_serializing_if = "Option::is_none")]
    agent: Option<&'a AgentName>,
    /// Nobody vouches for what stands in it.
    untrusted: bool,
    outcome: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<&'a RawValue>,
    /// The beginning of a result that is too long, as text.
    #[serde(skip_serializing_if = "Option::is_none")]
    beginning: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cut: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    what: Option<&'a str>,
    #[serde(skip_serializing_if = "str::is_empty")]
    why: &'a str,
    /// What the operator can do: the model can only say it.
    #[serde(skip_serializing_if = "Option::is_none")]
    fix: Option<&'a str>,
}

impl Envelope {
    pub(super) fn new(origin: Origin<'_>, given: Result<&str, &Failure>, most: ByteSize) -> Self {
        let (tool, digest, agent) = match origin {
            Origin::Tool { target, digest } => (Some(target), digest, None),
            Origin::Agent(agent) => (None, None, Some(agent)),
            Origin::None => (None, None, None),
        };
        let size = ByteSize::of(given.map_or(0, str::len));
        let mut parts = Parts {
            tool,
            digest,
            agent,
            untrusted: !matches!(origin, Origin::None),
            outcome: given.err().map_or_else(|| "ok".to_owned(), |failure| failure.kind().to_string()),
            result: None,
            beginning: None,
            cut: None,
            what: None,
            why: "",
            fix: None,
        };
        match given {
            Ok(text) if size <= most => parts.result = serde_json::from_str(text).ok(),
            Ok(text) => {
                let end = text.floor_char_boundary(most.as_usize());
                parts.beginning = text.get(..end);
                parts.cut = Some(format!("{most} of {size} are shown"));
            }
            Err(failure) => {
                (parts.what, parts.why, parts.fix) = (Some(failure.what()), failure.reason(), failure.remedy());
            }
        }
        // Nothing in it can fail to be written.
        let text = serde_json::to_string(&parts).unwrap_or_default();
        Self { text, is_error: given.is_err(), size }
    }
}

#[cfg(test)]
mod tests {
    use hotcell_call::Code;
    use serde_json::{Value, json};

    use super::*;

    fn seen(given: Result<&str, &Failure>, most: u64) -> Value {
        let origin = Origin::Tool { target: "calc.eval", digest: None };
        let envelope = Envelope::new(origin, given, ByteSize::bytes(most));
        assert_eq!(envelope.is_error, given.is_err());
        serde_json::from_str(&envelope.text).unwrap()
    }

    #[test]
    fn a_result_is_data_with_its_origin() {
        assert_eq!(
            seen(Ok("[1]"), 100),
            json!({"tool": "calc.eval", "untrusted": true, "outcome": "ok", "result": [1]})
        );
        let long = format!("\"{}ä\"", "x".repeat(20));
        let cut = seen(Ok(&long), 22);
        assert_eq!(
            (&cut["beginning"], &cut["cut"]),
            (&json!(format!("\"{}", "x".repeat(20))), &json!("22B of 24B are shown"))
        );
        let failure = Failure::new(Code::Fuel, "it was stopped").why("10 of 10").fix("more fuel");
        let told = seen(Err(&failure), 100);
        assert_eq!(
            (&told["outcome"], &told["what"], &told["fix"]),
            (&json!("exhausted(fuel)"), &json!("it was stopped"), &json!("more fuel"))
        );
    }
}
