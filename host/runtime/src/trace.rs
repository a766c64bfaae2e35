//! Spans: where the time of a call goes, for whoever listens.
//!
//! A call is one span, and each stage of its path one below it: they follow one another, so that together they last as long as the
//! call. They are made where the stages begin and end, in the [`Journey`](crate::journey), and hold what the host knows of a call: its
//! id, its tenant, its target, how it ended and what that cost. What a guest, a model or a caller *wrote* is in none of them: no input,
//! no answer, no message of a failure.
//!
//! Nobody listens to [`TARGET`] unless the operator says so in `[telemetry]`. Then a call makes no span, and each stage costs one look
//! at whether there is one.
//!
//! Which trace a call belongs to comes and goes as W3C Trace Context says: [`Parent`] is what came with a request, [`here`] what goes
//! along with one. Whoever sends a parent chooses an id, and nothing else: it raises no level, and whether a trace is kept is the
//! operator's to say.

use hotcell_call::{AgentName, Failure, Receipt, RunId, TenantId, ToolCall};
use opentelemetry::Context;
use opentelemetry::trace::{
    FutureExt as _, SpanContext, SpanId, TraceContextExt as _, TraceFlags, TraceId, TraceState,
};
use tracing::{Span, field};

/// What all spans are filed under: a subscriber that takes them asks for it.
pub const TARGET: &str = "hotcell::trace";

/// Version, trace, span and flags, in small hexadecimal digits with lines between.
const TRACEPARENT: usize = 55;
/// What a `tracestate` may have at most; a longer one is left out.
const TRACESTATE: usize = 512;

/// A `traceparent` that [`Parent::read`] takes, as a regular expression. That neither of its ids is nothing but zeros is not in it.
pub const PATTERN: &str = "^((0[1-9a-f]|[1-9a-e][0-9a-f]|f[0-9a-e])-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}(-.*)?|00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2})$";

/// What a request says of the trace that it belongs to, checked.
#[derive(Debug, Clone, PartialEq)]
pub struct Parent(SpanContext);

impl Parent {
    /// Reads the two fields of W3C Trace Context. A `traceparent` that is none is as if there were none, as the standard says; so is a
    /// `tracestate`, which changes nothing of the other.
    #[must_use]
    pub fn read(traceparent: &str, tracestate: Option<&str>) -> Option<Self> {
        let bytes = traceparent.as_bytes();
        let fits = |byte: &u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f' | b'-');
        // A later version may have more after a line; what is known of it comes first.
        let is_whole = bytes.len() == TRACEPARENT || bytes.get(TRACEPARENT) == Some(&b'-');
        if !is_whole || bytes.len() > TRACESTATE || !bytes.iter().take(TRACEPARENT).all(fits) {
            return None;
        }
        let mut parts = traceparent.split('-');
        let (version, trace, span, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let lengths = (version.len(), trace.len(), span.len(), flags.len());
        if lengths != (2, 32, 16, 2) || version == "ff" || (version == "00" && parts.next().is_some()) {
            return None;
        }
        let flags = TraceFlags::new(u8::from_str_radix(flags, 16).ok()?) & TraceFlags::SAMPLED;
        let state = tracestate
            .filter(|state| state.len() <= TRACESTATE && is_printable(state))
            .and_then(|state| state.parse().ok());
        let (trace, span) = (TraceId::from_hex(trace).ok()?, SpanId::from_hex(span).ok()?);
        let context = SpanContext::new(trace, span, flags, true, state.unwrap_or(TraceState::NONE));
        context.is_valid().then_some(Self(context))
    }

    /// Which trace it is.
    #[must_use]
    pub fn trace(&self) -> String {
        self.0.trace_id().to_string()
    }
}

/// ASCII without controls, as the standard wants a state to be.
fn is_printable(state: &str) -> bool {
    state.bytes().all(|byte| matches!(byte, b' '..=b'~'))
}

/// Whether anybody listens.
#[must_use]
pub fn is_on() -> bool {
    tracing::span_enabled!(target: TARGET, tracing::Level::INFO)
}

/// Does something as a part of a trace: the calls and runs in it are children of `parent`.
pub async fn within<T>(parent: Option<Parent>, work: impl Future<Output = T>) -> T {
    match parent.filter(|_| is_on()) {
        Some(Parent(parent)) => work.with_context(Context::new().with_remote_span_context(parent)).await,
        None => work.await,
    }
}

/// Takes the trace along into a task of its own.
pub fn along<F: Future>(work: F) -> impl Future<Output = F::Output> {
    work.with_current_context()
}

/// The `traceparent` of the span in which this is; none where nobody listens.
pub(crate) fn here() -> Option<String> {
    let context = Context::current();
    let span = context.span();
    let context = span.span_context();
    // One that came from outside is not ours to hand on: it is there without a span of ours only where nothing is recorded.
    let is_ours = context.is_valid() && !context.is_remote();
    is_ours.then(|| format!("00-{}-{}-{:02x}", context.trace_id(), context.span_id(), context.trace_flags()))
}

/// The span of a run.
pub(crate) fn run(agent: &AgentName, run: RunId, tenant: &TenantId) -> Span {
    tracing::info_span!(
        target: TARGET,
        "run",
        hotcell.run = %run,
        hotcell.agent = %agent,
        hotcell.tenant = %tenant,
        hotcell.outcome = field::Empty,
        hotcell.calls = field::Empty,
        otel.status_code = field::Empty,
    )
}

/// Tells how the run that this is in has ended.
pub(crate) fn ran(outcome: &str, calls: u64) {
    let span = Span::current();
    span.record("hotcell.outcome", outcome).record("hotcell.calls", calls);
    if outcome != "ok" {
        span.record("otel.status_code", "ERROR");
    }
}

/// The spans of one call, if anybody listens.
#[derive(Debug)]
pub(crate) struct Spans(Option<Box<Open>>);

#[derive(Debug)]
struct Open {
    call: Span,
    stage: Span,
}

/// A stage of the path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    Intake,
    Admission,
    Flight,
    Queue,
    /// In the cell, for the time of this number.
    Attempt(u32),
}

impl Spans {
    /// Begins the span of a call, below whatever it is a part of.
    pub(crate) fn begin(call: &ToolCall) -> Self {
        if !is_on() {
            return Self(None);
        }
        let span = tracing::info_span!(
            target: TARGET,
            "call",
            hotcell.call = %call.id,
            hotcell.tenant = %call.tenant,
            hotcell.target = %call.target,
            hotcell.priority = %call.priority,
            hotcell.run = call.run.map(field::display),
            hotcell.outcome = field::Empty,
            hotcell.code = field::Empty,
            hotcell.source = field::Empty,
            hotcell.fuel = field::Empty,
            hotcell.attempts = field::Empty,
            otel.status_code = field::Empty,
        );
        Self(Some(Box::new(Open { call: span, stage: Span::none() })))
    }

    /// The stage before has ended, and this one begins.
    pub(crate) fn enter(&mut self, stage: Stage) {
        if let Some(open) = &mut self.0 {
            open.enter(stage);
        }
    }

    /// The stage has ended, and none has begun.
    pub(crate) fn leave(&mut self) {
        if let Some(open) = &mut self.0 {
            open.stage = Span::none();
        }
    }

    /// An attempt has ended.
    pub(crate) fn attempted(&mut self, outcome: &str, fuel: u64) {
        if let Some(open) = &mut self.0 {
            told(&open.stage, outcome);
            open.stage.record("hotcell.fuel", fuel);
            open.stage = Span::none();
        }
    }

    /// The call has ended; an attempt that is under way ends with it.
    pub(crate) fn end(&mut self, failure: Option<&Failure>, receipt: &Receipt) {
        let Some(open) = self.0.take() else { return };
        let outcome = failure.map_or_else(|| "ok".to_owned(), |failure| failure.kind().to_string());
        let fuel = receipt.fuel;
        // Of stages that have no such field nothing is kept.
        told(&open.stage, &outcome);
        open.stage.record("hotcell.fuel", fuel);
        told(&open.call, &outcome);
        if let Some(failure) = failure {
            open.call.record("hotcell.code", failure.code().page().id);
        }
        let all = receipt.fuel_before.saturating_add(fuel);
        open.call.record("hotcell.source", source(receipt)).record("hotcell.fuel", all);
        open.call.record("hotcell.attempts", receipt.attempts);
    }
}

impl Open {
    fn enter(&mut self, stage: Stage) {
        let parent = &self.call;
        self.stage = match stage {
            Stage::Intake => tracing::info_span!(target: TARGET, parent: parent, "intake"),
            Stage::Admission => tracing::info_span!(target: TARGET, parent: parent, "admission"),
            Stage::Flight => tracing::info_span!(target: TARGET, parent: parent, "flight"),
            Stage::Queue => tracing::info_span!(target: TARGET, parent: parent, "queue"),
            Stage::Attempt(number) => tracing::info_span!(
                target: TARGET,
                parent: parent,
                "attempt",
                hotcell.attempt = number,
                hotcell.outcome = field::Empty,
                hotcell.fuel = field::Empty,
                otel.status_code = field::Empty,
            ),
        };
    }
}

/// Tells how something has ended. That a tool answers with its own error is no fault of ours, but one to whoever looks for it.
fn told(span: &Span, outcome: &str) {
    span.record("hotcell.outcome", outcome);
    if outcome != "ok" {
        span.record("otel.status_code", "ERROR");
    }
}

fn source(receipt: &Receipt) -> &'static str {
    match receipt.source {
        hotcell_call::Source::Cell => "cell",
        hotcell_call::Source::Cache => "cache",
        hotcell_call::Source::Flight => "flight",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn a_parent_is_what_the_standard_says_or_none() {
        let parent = Parent::read(GOOD, Some("vendor=1")).unwrap();
        assert_eq!(parent.trace(), "4bf92f3577b34da6a3ce929d0e0e4736");
        assert!(parent.0.is_sampled() && parent.0.is_remote());
        assert_eq!(parent.0.trace_state().get("vendor"), Some("1"));
        assert!(!Parent::read(&GOOD.replace("-01", "-00"), None).unwrap().0.is_sampled());
        // Flags that are not known mean nothing, and a later version may say more.
        assert!(Parent::read(&GOOD.replace("-01", "-03"), None).unwrap().0.is_sampled());
        assert!(Parent::read(&format!("{}-more", GOOD.replace("00-4", "01-4")), None).is_some());
        for bad in [
            "".to_owned(),
            GOOD.chars().take(54).collect(),
            format!("{GOOD}-more"),
            format!("{GOOD}0"),
            format!("{GOOD}{}", "-x".repeat(300)),
            GOOD.to_uppercase(),
            GOOD.replace("00-4", "ff-4"),
            GOOD.replace("4bf92f3577b34da6a3ce929d0e0e4736", &"0".repeat(32)),
            GOOD.replace("00f067aa0ba902b7", &"0".repeat(16)),
            GOOD.replace("-01", "-0g"),
            GOOD.replace("4736-00f0", "47360-0f0"),
            GOOD.replace('4', "\u{664}"),
        ] {
            assert_eq!(Parent::read(&bad, None), None, "{bad}");
        }
    }

    #[test]
    fn a_state_that_is_none_changes_nothing_of_the_parent() {
        for state in ["no equals sign", &format!("a={}", "x".repeat(600)), "a=\u{e9}"] {
            let parent = Parent::read(GOOD, Some(state)).unwrap();
            assert_eq!(parent.0.trace_state(), &TraceState::NONE, "{state}");
        }
    }

    #[test]
    fn nothing_is_handed_on_where_nobody_listens() {
        let parent = Parent::read(GOOD, None);
        let told = futures::executor::block_on(within(parent.clone(), async { (is_on(), here()) }));
        assert_eq!(told, (false, None));
        let Parent(remote) = parent.unwrap();
        let _attached = Context::new().with_remote_span_context(remote).attach();
        assert_eq!(here(), None, "what came from outside is not ours");
    }
}
