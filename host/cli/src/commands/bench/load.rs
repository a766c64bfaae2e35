//! Makes the calls: so many, so many at a time.

use std::time::{Duration, Instant};

use hotcell_call::{CallId, Code, Failure, Log, Outcome, Payload, Receipt, Target, ToolCall};
use hotcell_runtime::Host;
use tokio::sync::watch;
use tokio::task::{JoinError, JoinSet};

use crate::args::ScheduleArgs;

/// One call, again and again.
pub(super) struct Load {
    host: Host,
    target: Target,
    input: Payload,
    schedule: ScheduleArgs,
    stopped: watch::Receiver<bool>,
}

impl Load {
    pub(super) fn new(
        host: Host,
        target: Target,
        input: Payload,
        schedule: ScheduleArgs,
        stopped: watch::Receiver<bool>,
    ) -> Self {
        Self { host, target, input, schedule, stopped }
    }

    /// Makes `count` calls, `most` at a time, and tells `each` how one ended and how long its caller waited.
    ///
    /// When it is stopped it makes no further ones and cancels those under way, whose ends are told as well. Dropped, it ends
    /// them at once.
    pub(super) async fn run(&mut self, count: u64, most: usize, mut each: impl FnMut(&Outcome, Duration)) {
        let mut calls = JoinSet::new();
        let mut made = 0;
        loop {
            let stopped = *self.stopped.borrow_and_update();
            while made < count && calls.len() < most && !stopped {
                calls.spawn(timed(self.host.clone(), self.call(), Instant::now(), self.stopped.clone()));
                made += 1;
            }
            // Neither loses anything by not being waited for: an end stays in the set, and a stop is seen above.
            tokio::select! {
                ended = calls.join_next() => {
                    let Some(ended) = ended else { return };
                    let (outcome, total) = ended.unwrap_or_else(|error| (self.lost(error), Duration::ZERO));
                    each(&outcome, total);
                }
                Ok(()) = self.stopped.changed(), if !stopped => {}
            }
        }
    }

    /// The next call; its deadline counts from now.
    fn call(&self) -> ToolCall {
        let mut call = self.host.next_call(self.target.clone(), self.input.clone());
        call.deadline = self.schedule.deadline.and_then(|wait| Instant::now().checked_add(wait));
        self.schedule.schedule(&mut call);
        call
    }

    /// The end of a call whose task broke: which one is not known any more.
    fn lost(&self, error: JoinError) -> Outcome {
        Outcome {
            call: CallId::from_bits(0),
            target: self.target.clone(),
            result: Err(Failure::new(Code::Fault, "the task of a call was lost").caused_by(error)),
            receipt: Receipt::default(),
            log: Log::default(),
            note: None,
        }
    }
}

/// One call, and how long its caller waited for its end since it `asked`: also for a worker thread that had time for it, or more calls
/// at a time would seem to cost nothing. When the load is stopped it is cancelled.
async fn timed(host: Host, call: ToolCall, asked: Instant, mut stopped: watch::Receiver<bool>) -> (Outcome, Duration) {
    // Where nobody is left who could stop it, it is not stopped.
    let stop = async {
        if stopped.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    let outcome = host.call_until(call, stop).await;
    (outcome, asked.elapsed())
}
