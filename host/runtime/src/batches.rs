//! Calls that share a cell: the one exception to a cell for each, where the operator allows it.
//!
//! Each call comes down the path by itself, with its own place in the queue and its own permit, and waits here for company: others of
//! the same tool and tenant, under the same limits and grants. What the sandbox promises of a cell that is shared stands in
//! [`Tool::invoke_batch`]. Only functions whose effect is `pure` come here, and none whose answer would be kept: what was
//! worked out in company is nobody else's answer.
//!
//! What a batch has in common ends there. Each caller has its answer as soon as its own call ends, and not when the batch does; and
//! a call that takes long holds up nobody: those behind it go on alone.

use std::hash::{Hash, Hasher};
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

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

/// A call in company.
struct Waiting {
    function: Arc<str>,
    invocation: Invocation,
    seat: Seat,
}

/// Where a call in company is begun and answered. Whoever waits for it holds no part of the second: if it is lost, that is noticed.
struct Seat {
    began: Began,
    answer: Mutex<Option<oneshot::Sender<Box<Attempt>>>>,
}

/// When a call began to run.
type Began = Arc<OnceLock<Instant>>;

/// Those who may share a cell.
#[derive(Clone)]
struct Company {
    tenant: TenantId,
    limits: Arc<Limits>,
    grants: Arc<OpenGrants>,
}

/// How long a call that is cancelled in company is waited for: its guest stops at the next tick, and tells what it used.
const GRACE: Duration = Duration::from_millis(50);

/// How long calls wait for each other in one cell: many times what cells of their own would cost them. When it is over, those that
/// have not begun go on alone, with the permits that they hold, and the next batch may begin.
const TOGETHER: Duration = Duration::from_millis(10);

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
        let came = TokioTimer.now();
        let batcher = match self.batcher() {
            Ok(batcher) => batcher,
            Err(failure) => return alone(ready, failure),
        };
        let (answer, mut answered) = oneshot::channel();
        let began = Began::default();
        let seat = Seat { began: Arc::clone(&began), answer: Mutex::new(Some(answer)) };
        let waiting = Waiting { function: ready.function_name(), invocation, seat };
        let submitted = pin!(batcher.submit(company, waiting, urgency));
        let mut ended = pin!(seated(submitted, &mut answered));
        let ended = tokio::select! {
            biased;
            ended = &mut ended => Some(ended),
            () = ready.cancel().cancelled() => tokio::time::timeout(GRACE, ended).await.ok(),
            // Its own run ends by its deadline. One that waits for its turn in the batch is skipped when that comes; it need not be
            // waited for.
            () = until(ready.deadline().and_then(|deadline| deadline.checked_add(GRACE))) => None,
        };
        let now = TokioTimer.now();
        let mut attempt = match ended {
            Some(Ok(attempt)) => attempt,
            Some(Err(error)) => alone(ready, Failure::from(error).of(ready.target())),
            None => match began.get() {
                Some(began) => cut_off(ready, now.saturating_duration_since(*began)),
                None if ready.cancel().is_cancelled() => alone(ready, ready.cancelled()),
                None => alone(ready, late(ready)),
            },
        };
        // The wait for company is a wait like the one before it.
        attempt.receipt.queue = now.saturating_duration_since(came).saturating_sub(attempt.receipt.run);
        attempt
    }

    /// The batcher; a new one, if the runtime in which the last one ran is gone.
    fn batcher(&self) -> Result<Calls, Failure> {
        let mut running: MutexGuard<'_, Option<Running>> = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(running) = running.as_ref().filter(|running| !running.service.is_finished()) {
            return Ok(running.batcher.clone());
        }
        let tool = self.tool.clone();
        let work = move |_: Company, waiting| together(tool.clone(), waiting);
        let made = Batcher::new(self.settings, Arc::new(TokioTimer), work);
        let (batcher, service) = made.map_err(|error| {
            Failure::new(Code::File, "`batch` can't be kept").why(error.to_string()).caused_by(error)
        })?;
        let service = AbortOnDropHandle::new(tokio::spawn(service.run()));
        Ok(running.insert(Running { batcher, service }).batcher.clone())
    }
}

/// Waits for the answer to a call that has a seat, or for the reason why it has none.
async fn seated(
    mut submitted: Pin<&mut impl Future<Output = Result<(), Error<Failure>>>>,
    answered: &mut oneshot::Receiver<Box<Attempt>>,
) -> Result<Box<Attempt>, Error<Failure>> {
    let lost = |gone| Error::Batch(Failure::new(Code::Fault, "a batch broke").caused_by(gone));
    tokio::select! {
        biased;
        answer = &mut *answered => match answer {
            Ok(attempt) => return Ok(attempt),
            // The seat was given up: why, is what the batch says next.
            Err(gone) => return submitted.await.and(Err(lost(gone))),
        },
        // The batch has let it go on, unless it never came so far.
        seated = &mut submitted => seated?,
    }
    answered.await.map_err(lost)
}

/// Runs calls in one cell for as long as that is quick, and lets each of the others begin in a cell of its own. What has begun when
/// this ends goes on in a task of its own, which its caller ends.
async fn together(tool: Tool, waiting: Vec<Waiting>) -> Result<Vec<Result<(), Failure>>, Failure> {
    let seated = waiting.iter().map(|_| Ok(())).collect();
    let waiting: Arc<[Waiting]> = waiting.into();
    // A task of its own, so that batches of one tool use all cores.
    let shared = tokio::spawn(in_one_cell(tool.clone(), Arc::clone(&waiting)));
    if tokio::time::timeout(TOGETHER, shared).await.is_err() {
        for place in 0..waiting.len() {
            let (tool, waiting) = (tool.clone(), Arc::clone(&waiting));
            tokio::spawn(async move {
                let Some(call) = waiting.get(place).filter(|call| call.seat.begins()) else { return };
                call.seat.answers(tool.invoke(&call.function, call.invocation.clone()).await);
            });
        }
    }
    Ok(seated)
}

async fn in_one_cell(tool: Tool, waiting: Arc<[Waiting]>) {
    let calls = waiting.iter().map(|call| (Arc::clone(&call.function), call.invocation.clone())).collect();
    let seat = |place: usize| waiting.get(place).map(|call| &call.seat);
    let begins = |place| seat(place).is_some_and(Seat::begins);
    let ended = |place, attempt| {
        if let Some(seat) = seat(place) {
            seat.answers(attempt);
        }
    };
    tool.invoke_batch(calls, begins, ended).await;
}

impl Seat {
    /// Whether it is to be run by whoever asks: the first to ask runs it.
    fn begins(&self) -> bool {
        self.began.set(TokioTimer.now()).is_ok()
    }

    fn answers(&self, attempt: Box<Attempt>) {
        // Who has gone away meanwhile needs none.
        let answer = self.answer.lock().unwrap_or_else(PoisonError::into_inner).take();
        let _gone = answer.map(|answer| answer.send(attempt));
    }
}

/// The end of a call that was left in the middle: what it used is not known, and it is charged for all the time.
fn cut_off(ready: &Ready, ran: Duration) -> Box<Attempt> {
    let failure = if ready.cancel().is_cancelled() {
        ready.cancelled()
    } else {
        Failure::new(Code::Timeout, format!("{} ran out of time", ready.target()))
            .why("its deadline passed while it ran")
            .fix("a later deadline")
    };
    let mut attempt = alone(ready, failure);
    (attempt.receipt.run, attempt.receipt.busy, attempt.receipt.fuel_exact) = (ran, ran, false);
    attempt
}

fn late(ready: &Ready) -> Failure {
    Failure::new(Code::Late, format!("{} was not started", ready.target()))
        .why("its deadline passed while it waited for its turn to share a cell")
        .fix("a later deadline, or no `batch` for its tool")
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
