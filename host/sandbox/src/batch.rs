//! A batch: several calls of a tool, one after the other, in one cell.
//!
//! Making a cell is most of what a small call costs, so calls that may share one pay it once. They give up what a fresh cell is
//! for: a call can see what those before it left in the guest's memory. Who allows that is the operator, for functions that are
//! pure; here it is kept as narrow as it can be.
//!
//! | | |
//! |---|---|
//! | whose calls share a cell | one tenant's, with the same grants and the same limits on memory, handles and instances. A call that differs begins a new cell: a mistake of the caller costs time, and no tenant meets another |
//! | what each call has for itself | fuel, wall clock and deadline, log, random bytes, host data, files written, clock, seed, receipt |
//! | what they have in common | the memory, with one limit for the sum, of which each finds half at the least; so `memory_peak` is the cell's so far, and one that needs more than half may fail where it would not alone |
//! | what ends the cell | everything but an answer of the tool (its own error is one): a trap, a limit, the clock, a cancellation, a bug of the host. Also an answer after which the cell is not as it was found: a handle is still open (that of a guest that prints is), something effectful was used, something was refused, or memory is half full |
//! | what the others see of that | nothing: the next of them begins a new cell |
//!
//! Since it is used again only after a call without effects, no effect of one call can reach the answer of another. What its
//! guest computed can, and so the receipt of each says that the cell was shared, and none says that it was pure.
//!
//! What is *not* done here: nothing runs at the same time, nothing is run twice, and nothing is put together. That is for `flow`.

use std::sync::Arc;
use std::time::{Duration, Instant};

use hotcell_call::{Code, Failure};

use crate::invoke::{Attempt, Invocation};
use crate::ticker::SLICE;
use crate::tool::{Admitted, Tool, not_started};

impl Tool {
    /// Runs calls one after the other, in one cell as far as they can share it. `begins` is asked when the turn of a call has come:
    /// whether it is still to be run here. `ended` is handed the attempt of each that was, as soon as it ends. Both are told its
    /// place.
    ///
    /// Each is a function's name and its invocation, as for [`invoke`](Self::invoke), and keeps its own limits, counted from its
    /// own start. While it waits for its turn its deadline and its cancellation hold too: then it is skipped, as
    /// [`Code::Late`] or [`Code::Cancelled`]. Dropping the future ends the call that runs, and all that wait.
    ///
    /// A batch of one is a call like any other.
    pub async fn invoke_batch(
        &self,
        calls: Vec<(Arc<str>, Invocation)>,
        mut begins: impl FnMut(usize) -> bool,
        mut ended: impl FnMut(usize, Box<Attempt>),
    ) {
        let mut place = None;
        let mut held = Duration::ZERO;
        for (number, (function, invocation)) in calls.iter().enumerate() {
            if !begins(number) {
                continue;
            }
            let mut attempt = self.turn(&mut place, function, invocation).await;
            attempt.receipt.digest = Some(self.digest());
            // What never ran shared nothing.
            if calls.len() > 1 && !attempt.receipt.run.is_zero() {
                (attempt.receipt.shared_cell, attempt.receipt.pure) = (true, false);
            }
            held += attempt.receipt.busy;
            ended(number, attempt);
            // Each begins with a free slice of its own; together they would keep a core from others for much longer.
            if held >= SLICE {
                held = Duration::ZERO;
                tokio::task::yield_now().await;
            }
        }
    }

    /// Runs one call of a batch, and leaves at `place` the cell for the next.
    async fn turn<'a>(
        &'a self,
        place: &mut Option<Occupied<'a>>,
        function: &str,
        invocation: &'a Invocation,
    ) -> Box<Attempt> {
        if let Err(failure) = due(invocation) {
            return not_started(invocation, failure);
        }
        let standing = place.take().filter(|cell| alike(cell.made_for, invocation));
        let mut cell = match standing {
            Some(cell) => cell,
            None => match self.admit(invocation).await {
                Ok(admitted) => Occupied { admitted, made_for: invocation },
                Err(failure) => return not_started(invocation, failure),
            },
        };
        let attempt = cell.admitted.call(function, invocation).await;
        *place = Some(cell).filter(|cell| cell.admitted.stands());
        attempt
    }
}

/// A cell, and the call whose bounds it was made with.
struct Occupied<'a> {
    admitted: Admitted<'a>,
    made_for: &'a Invocation,
}

/// Whether a call whose turn has come is still to be made.
fn due(invocation: &Invocation) -> Result<(), Failure> {
    let target = &invocation.target;
    if invocation.cancel.is_cancelled() {
        return Err(
            Failure::new(Code::Cancelled, format!("{target} was cancelled")).why("before its turn in its batch")
        );
    }
    if invocation.deadline.is_some_and(|deadline| deadline <= Instant::now()) {
        return Err(Failure::new(Code::Late, format!("{target} was not started"))
            .why("its deadline passed before its turn in its batch")
            .fix("give it a later deadline, or make smaller batches"));
    }
    Ok(())
}

/// Whether a cell that was made for one call may serve the other: what is set once for a cell is the same for both.
pub(crate) fn alike(one: &Invocation, other: &Invocation) -> bool {
    let set_once = |invocation: &Invocation| {
        let limits = &invocation.limits;
        (limits.memory, limits.handles, limits.instances)
    };
    // Folders of the same path may have been opened at different times, and be different ones.
    let grants = Arc::ptr_eq(&one.grants, &other.grants)
        || (one.grants.folders().is_empty() && one.grants.set() == other.grants.set());
    one.tenant == other.tenant && set_once(one) == set_once(other) && grants
}
