//! The path of one tool call.
//!
//! A call enters by a surface as a [`ToolCall`] and leaves as an [`Outcome`]. Between, it meets the stages below, in this order and
//! in no other. There is one path: agents and surfaces all send their calls down here.
//!
//! ```text
//! surface → ToolCall
//!   intake    known tool, opened and compiled at its first use, input that fits its schema, limits and grants only narrowed
//!   queue     bounded: full means refused, or waited for until the deadline
//!   permit    so many calls in flight, no more
//!   sandbox   fresh store → limits → instantiate → call → drop
//! → Outcome + exactly one terminal event
//! ```
//!
//! It is a plain function and not a stack of layers: the order is ours and fixed, and the reading is worth more.

use std::time::Instant;

use hotcell_call::{Code, Failure, Outcome, Target, ToolCall};
use hotcell_sandbox::Attempt;

use crate::host::Host;
use crate::journey::Journey;

impl Host {
    /// Runs one call to its end.
    ///
    /// It always ends, within its deadline and its tool's timeout, and is told by exactly one terminal event. Dropping the
    /// future cancels the call and stops the guest.
    pub async fn call(&self, call: ToolCall) -> Outcome {
        let mut journey = Journey::begin(&self.0.events, &self.0.under_way, &call); // from here, exactly one terminal event
        let ended = self.travel(call, &mut journey).await;
        journey.finish(ended)
    }

    async fn travel(&self, call: ToolCall, journey: &mut Journey) -> Result<Attempt, Failure> {
        let target = call.target.clone();
        let cancel = journey.cancel().clone();
        let gone = || Failure::new(Code::Cancelled, format!("{target} was cancelled")).why("before it was started");

        let intake = until(call.deadline, self.intake(call));
        let late = || late(&target);
        let ready = cancel.run_until_cancelled(intake).await.ok_or_else(gone)?.ok_or_else(late)??;

        journey.queued();
        let waited = async {
            let ticket = self.0.queue.enter(ready.deadline()).await?;
            ticket.permit(&self.0.permits).await
        };
        let permit = cancel.run_until_cancelled(waited).await.ok_or_else(gone)??;

        journey.started();
        let attempt = ready.run(cancel, journey.progress()).await;
        drop(permit);
        Ok(attempt)
    }
}

/// What a stage gives, unless the deadline comes before its end.
async fn until<T>(deadline: Option<Instant>, stage: impl Future<Output = T>) -> Option<T> {
    let Some(deadline) = deadline else {
        return Some(stage.await);
    };
    let ended = tokio::time::timeout_at(deadline.into(), stage).await.ok();
    // A stage that never waited is not interrupted, and may be late all the same.
    ended.filter(|_| Instant::now() < deadline)
}

fn late(target: &Target) -> Failure {
    Failure::new(Code::Late, format!("the deadline of {target} passed before it could start"))
        .why("while its tool was opened and its input checked; at its first use a tool is compiled, once")
        .fix("a later deadline for the first call of a tool")
}
