//! The path of one tool call.
//!
//! A call enters by a surface as a [`ToolCall`] and leaves as an [`Outcome`]. Between, it meets the stages below, in this order and
//! in no other. Refusals come first because they are cheap. There is one path: agents and surfaces all send their calls down here.
//!
//! ```text
//! surface → ToolCall
//!   intake      the tenant's rate; known tenant and tool, opened and compiled at its first use, input that fits its schema,
//!               limits and grants only narrowed
//!   admission   an open breaker, quotas, the tool's rate: refused at once, with the time to try again
//!   flight      is the answer there, or on its way? only where it is sound
//!   queue       bounded: full means refused, or waited for until the deadline; then class, fair share by tenant, deadline
//!   retry {     again where that may help and does no harm, after a wait that holds nothing
//!     permit    so many calls in flight, so many of one tool; a breaker that rests what fails; what waited too long makes way
//!     sandbox   fresh store → limits → instantiate → call → drop
//!   }
//! → Outcome + exactly one terminal event
//! ```
//!
//! It is a plain function and not a stack of layers: the order is ours and fixed, and the reading is worth more. What that order
//! means: an answer that is kept still counts for the rate; those who follow another's flight hold no permit and keep their own
//! deadline; a further attempt is charged to the rates and takes a new permit, but keeps its place in the order.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use hotcell_call::{Code, Failure, Outcome, Target, ToolCall};
use hotcell_flow::Refused;
use hotcell_sandbox::Attempt;

use crate::admission::Admitted;
use crate::host::Host;
use crate::intake::Ready;
use crate::journey::Journey;
use crate::retry::Tries;
use crate::trace::Stage;

impl Host {
    /// Runs one call to its end.
    ///
    /// It always ends, within its deadline and its tool's timeout, and is told by exactly one terminal event. Dropping the
    /// future cancels the call and stops the guest.
    pub async fn call(&self, call: ToolCall) -> Outcome {
        // Shared: every stage and the end itself look at it, and it is large.
        let call = Arc::new(call);
        let mut journey = self.begin(&call); // from here, exactly one terminal event
        let ended = self.travel(call, &mut journey).await;
        journey.finish(ended)
    }

    async fn travel(&self, call: Arc<ToolCall>, journey: &mut Journey) -> Result<Box<Attempt>, Failure> {
        if self.0.closed.load(Ordering::SeqCst) {
            return Err(Refused::Closed.into());
        }
        self.0.admission.arrives(&call)?;
        journey.enters(Stage::Intake);
        let ready = self.ready(call, journey).await?;
        journey.enters(Stage::Admission);
        let mut admitted = self.0.admission.admit(&ready)?;
        journey.enters(Stage::Flight);
        self.0.flight.run(&ready, || self.attempts(&ready, journey, &mut admitted)).await
    }

    /// From the queue to the cell, as often as it takes.
    async fn attempts(
        &self,
        ready: &Ready,
        journey: &mut Journey,
        admitted: &mut Admitted,
    ) -> Result<Box<Attempt>, Failure> {
        let mut ticket = self.0.queue.enter(ready, journey).await?;
        let mut tries = Tries::new(ready);
        loop {
            let permit = match ticket.permit(ready, journey).await {
                Ok(permit) => permit,
                Err(refused) => return tries.refused(refused),
            };
            admitted.starts(permit.since(), ready.limits());
            let attempt = ready.run(journey.observer(ready)).await;
            admitted.spend(&attempt.receipt);
            let Some(start) = tries.again(ready, &self.0.admission, &attempt) else {
                permit.settle(ready, journey, &attempt);
                return Ok(tries.finish(attempt));
            };
            journey.retrying(&attempt, start);
            ticket = permit.again(ready, journey, &attempt, start);
            tries.keep(attempt);
        }
    }

    /// The first stage, within the deadline.
    async fn ready(&self, call: Arc<ToolCall>, journey: &Journey) -> Result<Ready, Failure> {
        let cancel = journey.cancel();
        // Pinned where they are: to hand a future on is to move it.
        let intake = pin!(self.intake(Arc::clone(&call), cancel.clone()));
        let intake = pin!(until(call.deadline, intake));
        let target = &call.target;
        let gone = || Failure::new(Code::Cancelled, format!("{target} was cancelled")).why("before it was started");
        cancel.run_until_cancelled(intake).await.ok_or_else(gone)?.ok_or_else(|| late(target))?
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
