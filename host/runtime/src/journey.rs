//! The guard of one call: from its beginning on, exactly one terminal event.
//!
//! However a call ends (an answer, a refusal, its caller going away in the middle), the journey tells it once. It also is the
//! handle by which a call can be cancelled while it lasts.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use hotcell_call::{CallId, Clock, Code, Effects, Failure, Happening, Log, Outcome, Receipt, Source, ToolCall};
use hotcell_sandbox::Attempt;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::events::{About, Events};
use crate::intake::Ready;
use crate::metrics::Metrics;
use crate::timer::TokioTimer;
use crate::trace::{self, Spans};
use crate::witness::Witness;

/// The calls that are under way, in several maps so that cores which begin and end calls seldom meet at one lock.
#[derive(Debug, Default)]
pub(crate) struct UnderWay {
    calls: [Mutex<HashMap<CallId, CancellationToken>>; MAPS],
    ended: Notify,
}

/// More than there are cores on most machines; the ids' last digits are random.
const MAPS: usize = 16;

/// One call on its way.
pub(crate) struct Journey {
    events: Arc<Events>,
    under_way: Arc<UnderWay>,
    call: Arc<ToolCall>,
    metrics: Arc<Metrics>,
    cancel: CancellationToken,
    /// Time in the queue, and the part of it before the attempt under way.
    queue: Duration,
    waited: Duration,
    attempt: u32,
    stage: Stage,
    spans: Spans,
    /// Of the attempt under way, or the last.
    witness: Option<Arc<Witness>>,
    /// What those before it used of the world.
    effects: Effects,
    told: bool,
}

/// The stage of the path in which time is counted, and since when: however the call ends.
#[derive(Debug, Clone, Copy)]
enum Stage {
    /// Time in it is not.
    Other,
    Queue(Instant),
    Cell(Instant),
}

impl UnderWay {
    /// The map that a call is in.
    fn map(&self, call: CallId) -> MutexGuard<'_, HashMap<CallId, CancellationToken>> {
        let place = usize::try_from(call.bits() % MAPS as u128).unwrap_or_default();
        let [first, ..] = &self.calls;
        self.calls.get(place).unwrap_or(first).lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn maps(&self) -> impl Iterator<Item = MutexGuard<'_, HashMap<CallId, CancellationToken>>> {
        self.calls.iter().map(|calls| calls.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Ends a call; false if there is none of that id.
    pub(crate) fn cancel(&self, call: CallId) -> bool {
        self.map(call).get(&call).inspect(|cancel| cancel.cancel()).is_some()
    }

    /// Ends all calls.
    pub(crate) fn cancel_all(&self) {
        self.maps().for_each(|calls| calls.values().for_each(CancellationToken::cancel));
    }

    pub(crate) fn count(&self) -> usize {
        self.maps().map(|calls| calls.len()).sum()
    }

    /// Waits until no call is under way.
    pub(crate) async fn gone(&self) {
        loop {
            let ended = self.ended.notified();
            if self.count() == 0 {
                return;
            }
            ended.await;
        }
    }

    fn remove(&self, call: CallId) {
        self.map(call).remove(&call);
        self.ended.notify_waiters();
    }
}

impl Journey {
    /// Accepts the call.
    pub(crate) fn begin(
        events: &Arc<Events>,
        under_way: &Arc<UnderWay>,
        metrics: &Arc<Metrics>,
        call: &Arc<ToolCall>,
    ) -> Self {
        let cancel = CancellationToken::new();
        under_way.map(call.id).insert(call.id, cancel.clone());
        let accepted = || Happening::Accepted { target: call.target.clone() };
        events.tell(About::call(call), accepted);
        Self {
            events: Arc::clone(events),
            under_way: Arc::clone(under_way),
            call: Arc::clone(call),
            metrics: Arc::clone(metrics),
            cancel,
            queue: Duration::ZERO,
            waited: Duration::ZERO,
            attempt: 0,
            stage: Stage::Other,
            spans: Spans::begin(call),
            witness: None,
            effects: Effects::default(),
            told: false,
        }
    }

    pub(crate) fn cancel(&self) -> &CancellationToken {
        &self.cancel
    }

    /// A stage begins in which no time is counted.
    pub(crate) fn enters(&mut self, stage: trace::Stage) {
        self.spans.enter(stage);
    }

    /// It waits for its turn, from now on or from its time on.
    pub(crate) fn queued(&mut self, start_at: Option<Instant>) {
        self.spans.enter(trace::Stage::Queue);
        let now = TokioTimer.now();
        self.stage = Stage::Queue(start_at.map_or(now, |start| start.max(now)));
        self.tell(|| Happening::Queued);
    }

    /// Its turn has come, after so long.
    pub(crate) fn waited(&mut self, waited: Duration) {
        self.stage = Stage::Other;
        self.spans.leave();
        self.waited = waited;
        self.queue = self.queue.saturating_add(waited);
    }

    /// It has its permit.
    pub(crate) fn started(&mut self, now: Instant) {
        self.stage = Stage::Cell(now);
        self.attempt += 1;
        self.spans.enter(trace::Stage::Attempt(self.attempt));
        let (queue, attempt) = (self.waited, self.attempt);
        self.tell(|| Happening::Started { queue, attempt });
    }

    /// An attempt has failed, and there will be another.
    pub(crate) fn retrying(&mut self, attempt: &Attempt, start: Instant) {
        self.spans.attempted(&word(attempt.result.as_ref().err()), attempt.receipt.fuel);
        self.spans.enter(trace::Stage::Queue);
        // The wait until then is none in the queue.
        self.stage = Stage::Queue(start);
        self.tell(|| Happening::Retrying {
            attempt: self.attempt,
            outcome: word(attempt.result.as_ref().err()),
            wait: start.saturating_duration_since(TokioTimer.now()),
        });
    }

    /// The breaker of its tool has changed its state by it.
    pub(crate) fn breaker(&self, ready: &Ready, state: &'static str) {
        let tool = ready.terms().tool.clone();
        self.tell(|| Happening::Breaker { tool, state });
    }

    /// Hands on to the event stream what the guest of the next attempt does while it does it.
    pub(crate) fn observer(&mut self, ready: &Ready) -> Arc<Witness> {
        self.effects = self.used();
        let witness = Arc::new(Witness::new(Arc::clone(&self.events), Arc::clone(&self.call), ready));
        self.witness = Some(Arc::clone(&witness));
        witness
    }

    /// What was used of the world until now.
    fn used(&self) -> Effects {
        self.effects.and(self.witness.as_ref().map(|witness| witness.effects()).unwrap_or_default())
    }

    /// Its end.
    pub(crate) fn finish(mut self, ended: Result<Box<Attempt>, Failure>) -> Outcome {
        let (result, mut receipt, log) = match ended {
            Ok(attempt) => {
                let Attempt { result, receipt, log } = *attempt;
                (result, receipt, log)
            }
            Err(failure) => (Err(failure), Receipt::default(), Log::default()),
        };
        receipt.queue = self.in_queue().saturating_add(receipt.queue);
        if receipt.source != Source::Cell {
            self.tell(|| Happening::Answered { by: receipt.source });
        }
        self.end(result.as_ref().err(), &receipt);
        let call = &self.call;
        Outcome { call: call.id, target: call.target.clone(), result, receipt, log, note: call.note.clone() }
    }

    /// The time in the queue until now.
    fn in_queue(&self) -> Duration {
        match self.stage {
            Stage::Queue(since) => self.queue.saturating_add(TokioTimer.now().saturating_duration_since(since)),
            Stage::Other | Stage::Cell(_) => self.queue,
        }
    }

    fn tell(&self, happening: impl FnOnce() -> Happening) {
        self.events.tell(About::call(&self.call), happening);
    }

    fn end(&mut self, failure: Option<&Failure>, receipt: &Receipt) {
        self.told = true;
        self.spans.end(failure, receipt);
        self.metrics.count(&self.call.tenant, &self.call.target.tool, failure, receipt);
        self.tell(|| Happening::Finished {
            outcome: word(failure),
            code: failure.map(|failure| failure.code().page().id),
            queue: receipt.queue,
            run_time: receipt.run,
            fuel: receipt.fuel,
            effects: receipt.effects,
            decisions_dropped: receipt.decisions_dropped,
        });
        // Last: whoever waits until nothing is under way has heard all ends.
        self.under_way.remove(self.call.id);
    }
}

impl Drop for Journey {
    /// Its caller went away: the future of the call was dropped, and the guest with it.
    fn drop(&mut self) {
        if !self.told {
            // What others run for it, in a batch, stops too.
            self.cancel.cancel();
            let failure = Failure::new(Code::Cancelled, "the caller went away");
            let run = match self.stage {
                Stage::Cell(since) => TokioTimer.now().saturating_duration_since(since),
                Stage::Other | Stage::Queue(_) => Duration::ZERO,
            };
            let effects = self.used();
            let queue = self.in_queue();
            let receipt = Receipt { queue, run, attempts: self.attempt, effects, ..Receipt::default() };
            self.end(Some(&failure), &receipt);
        }
    }
}

fn word(failure: Option<&Failure>) -> String {
    failure.map_or_else(|| "ok".to_owned(), |failure| failure.kind().to_string())
}
