//! Calls that share a cell: the one exception to a cell for each, where the operator allows it.
//!
//! Each call comes down the path by itself, with its own place in the queue and its own permit, and waits here for company: others of
//! the same tool and tenant, under the same limits and grants. What the sandbox promises of a cell that is shared stands in
//! [`Tool::invoke_batch`]. Only functions whose effect is `pure` come here, and none whose answer would be kept: what was
//! worked out in company is nobody else's answer.
//!
//! What a batch has in common ends there: each caller has its answer as soon as its own call ends, and not when the batch does.

use std::hash::{Hash, Hasher};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hotcell_call::{Clock, Code, Failure, Limits, Log, Priority, TenantId};
use hotcell_flow::batch::{Batcher, Error, Settings, Urgency};
use hotcell_sandbox::{Attempt, Invocation, OpenGrants, Tool};
use tokio::sync::oneshot;
use tokio_util::task::AbortOnDropHandle;

use crate::config::BatchConfig;
use crate::intake::Ready;
use crate::timer::{TokioTimer, until};

/// The batches of one tool.
pub(crate) struct Batches {
    settings: Settings,
    tool: Tool,
    running: Mutex<Option<Running>>,
}

/// A batcher, and its loop, which ends with it.
struct Running {
    batcher: Calls,
    service: AbortOnDropHandle<()>,
}

type Calls = Batcher<Company, Waiting, (), Failure>;

/// A call in company, and who waits for its end.
struct Waiting {
    function: Arc<str>,
    invocation: Invocation,
    answer: oneshot::Sender<Box<Attempt>>,
}

/// Those who may share a cell.
#[derive(Clone)]
struct Company {
    tenant: TenantId,
    limits: Arc<Limits>,
    grants: Arc<OpenGrants>,
}

/// How long a call that is cancelled in company is waited for: its guest stops at the next tick, and tells what it used.
const GRACE: Duration = Duration::from_millis(50);

impl Batches {
    pub(crate) fn new(config: BatchConfig, tool: Tool) -> Self {
        let size = usize::try_from(config.max).unwrap_or(usize::MAX);
        let usual = Settings::default();
        // A batch keeps one core busy; more of them than cores would only wait for each other.
        let in_flight = std::thread::available_parallelism().map_or(usual.in_flight, usize::from);
        // Who waits here holds a permit: that is what bounds them.
        let settings = Settings { size, linger: config.wait, in_flight, waiting: usize::MAX, ..usual };
        Self { settings, tool, running: Mutex::default() }
    }

    /// Runs a call in company.
    pub(crate) async fn run(&self, ready: &Ready, invocation: Invocation) -> Box<Attempt> {
        let company = Company {
            tenant: invocation.tenant.clone(),
            limits: Arc::clone(&invocation.limits),
            grants: Arc::clone(&invocation.grants),
        };
        // Who goes first was decided in the queue, tenant by tenant: here only age counts.
        let urgency = Urgency { priority: Priority::Normal, deadline: ready.deadline() };
        let began = TokioTimer.now();
        let batcher = match self.batcher() {
            Ok(batcher) => batcher,
            Err(failure) => return alone(ready, failure),
        };
        let (answer, mut answered) = oneshot::channel();
        let waiting = Waiting { function: ready.function_name(), invocation, answer };
        let submitted = batcher.submit(company, waiting, urgency);
        let mut ended = std::pin::pin!(async {
            tokio::select! {
                biased;
                Ok(attempt) = &mut answered => return Ok(attempt),
                // The batch has ended: then the answer is there, unless it never came so far.
                ended = submitted => ended?,
            }
            answered.try_recv().map_err(|lost| Error::Batch(Failure::new(Code::Fault, "a batch broke").caused_by(lost)))
        });
        let ended = tokio::select! {
            biased;
            ended = &mut ended => Some(ended),
            () = ready.cancel().cancelled() => tokio::time::timeout(GRACE, ended).await.ok(),
            // Its own run ends by its deadline. One that waits for its turn in the batch is skipped when that comes; it need not be
            // waited for.
            () = until(ready.deadline().and_then(|deadline| deadline.checked_add(GRACE))) => None,
        };
        match ended {
            Some(Ok(attempt)) => attempt,
            Some(Err(error)) => alone(ready, Failure::from(error).of(ready.target())),
            None => {
                let failure = if ready.cancel().is_cancelled() { ready.cancelled() } else { late(ready) };
                let mut attempt = alone(ready, failure);
                // What it used is not known: it is charged for all the time.
                attempt.receipt.run = TokioTimer.now().saturating_duration_since(began);
                (attempt.receipt.busy, attempt.receipt.fuel_exact) = (attempt.receipt.run, false);
                attempt
            }
        }
    }

    /// The batcher; a new one, if the runtime in which the last one ran is gone.
    fn batcher(&self) -> Result<Calls, Failure> {
        let mut running: MutexGuard<'_, Option<Running>> = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(running) = running.as_ref().filter(|running| !running.service.is_finished()) {
            return Ok(running.batcher.clone());
        }
        let tool = self.tool.clone();
        let work = move |_: Company, waiting: Vec<Waiting>| {
            let tool = tool.clone();
            async move {
                // A task of its own, so that batches of one tool use all cores; it ends with this future.
                let batch = AbortOnDropHandle::new(tokio::spawn(together(tool, waiting)));
                batch.await.map_err(|error| Failure::new(Code::Fault, "a batch broke").caused_by(error))
            }
        };
        let made = Batcher::new(self.settings, Arc::new(TokioTimer), work);
        let (batcher, service) = made.map_err(|error| {
            Failure::new(Code::File, "`batch` can't be kept").why(error.to_string()).caused_by(error)
        })?;
        let service = AbortOnDropHandle::new(tokio::spawn(service.run()));
        Ok(running.insert(Running { batcher, service }).batcher.clone())
    }
}

/// Runs calls in one cell, and hands each its end as it comes.
async fn together(tool: Tool, waiting: Vec<Waiting>) -> Vec<Result<(), Failure>> {
    let ended = waiting.iter().map(|_| Ok(())).collect();
    let split = |waiting: Waiting| ((waiting.function, waiting.invocation), waiting.answer);
    let (calls, answers): (Vec<_>, Vec<_>) = waiting.into_iter().map(split).unzip();
    let mut answers = answers.into_iter();
    let hand_out = |attempt| {
        // Who has gone away meanwhile needs none.
        let _gone = answers.next().map(|answer| answer.send(attempt));
    };
    tool.invoke_batch(calls, hand_out).await;
    ended
}

fn late(ready: &Ready) -> Failure {
    Failure::new(Code::Timeout, format!("{} ran out of time", ready.target()))
        .why("its deadline passed while it shared a cell with others")
        .fix("a later deadline, or a smaller `batch.max`")
}

/// The end of a call that had no cell.
fn alone(ready: &Ready, failure: Failure) -> Box<Attempt> {
    Box::new(Attempt { result: Err(failure), receipt: ready.receipt(), log: Log::default() })
}

impl PartialEq for Company {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.grants, &other.grants) && self.tenant == other.tenant && self.limits == other.limits
    }
}

impl Eq for Company {}

impl Hash for Company {
    fn hash<H: Hasher>(&self, state: &mut H) {
        // The grants are held, so nothing else can come to lie where they are.
        Arc::as_ptr(&self.grants).hash(state);
        self.tenant.hash(state);
    }
}
