//! Which traces are kept: the operator's part of them, and of those that others began no more than that.
//!
//! Who sends a `traceparent` with a request chooses the id, and may say that the trace is not wanted. That it is wanted is the
//! operator's to say: else every caller could have all its calls recorded.

use opentelemetry::trace::{Link, SpanKind, TraceContextExt as _, TraceId};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace::{Sampler, SamplingDecision, SamplingResult, ShouldSample};

/// Decides once for each trace, by its id; what is within a trace follows it.
#[derive(Debug, Clone)]
pub(super) struct Narrowing(Sampler);

impl Narrowing {
    pub(super) fn new(ratio: f64) -> Self {
        Self(Sampler::TraceIdRatioBased(ratio))
    }
}

impl ShouldSample for Narrowing {
    fn should_sample(
        &self,
        parent: Option<&Context>,
        trace: TraceId,
        name: &str,
        kind: &SpanKind,
        attributes: &[KeyValue],
        links: &[Link],
    ) -> SamplingResult {
        let above = parent.map(|parent| parent.span().span_context().clone()).filter(|above| above.is_valid());
        match above {
            Some(above) if !above.is_remote() && above.is_sampled() => SamplingResult {
                decision: SamplingDecision::RecordAndSample,
                attributes: Vec::new(),
                trace_state: above.trace_state().clone(),
            },
            Some(above) if !above.is_sampled() => SamplingResult {
                decision: SamplingDecision::Drop,
                attributes: Vec::new(),
                trace_state: above.trace_state().clone(),
            },
            _ => self.0.should_sample(parent, trace, name, kind, attributes, links),
        }
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry::trace::{SpanContext, SpanId, TraceFlags, TraceState};

    use super::*;

    #[test]
    fn a_caller_can_narrow_and_never_widen() {
        for (ratio, parent, kept) in [
            (1.0, None, true),
            (0.0, None, false),
            (1.0, Some((true, true)), true),
            (1.0, Some((true, false)), false),
            (0.0, Some((true, true)), false),
            (0.0, Some((false, true)), true),
            (1.0, Some((false, false)), false),
        ] {
            let context = parent.map(|(remote, sampled)| {
                let flags = if sampled { TraceFlags::SAMPLED } else { TraceFlags::default() };
                let (trace, span) = (TraceId::from(7_u128), SpanId::from(7_u64));
                let context = SpanContext::new(trace, span, flags, remote, TraceState::NONE);
                Context::new().with_remote_span_context(context)
            });
            let decided = Narrowing::new(ratio).should_sample(
                context.as_ref(),
                TraceId::from(7_u128),
                "call",
                &SpanKind::Internal,
                &[],
                &[],
            );
            let is_kept = decided.decision == SamplingDecision::RecordAndSample;
            assert_eq!(is_kept, kept, "{ratio} {parent:?}");
        }
    }
}
