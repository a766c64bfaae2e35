//! One call in one cell: fresh store → limits → instantiate → call → drop.
//!
//! The wall clock runs around all of it. A guest that computes is stopped by its own epoch callback, which reads the clock at each
//! tick; one that waits for the host is stopped by the timer beside it; either way the store is dropped, and what the receipt
//! needs is read from it before.
//!
//! A batch is the one exception to the fresh store: a cell that a call left as it had found it may serve the next, with every
//! bound set anew. Both go the same way here; what differs is whether a cell stands already, and whether it is used again.

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::FutureExt;
use hotcell_call::{
    ByteSize, CallId, Code, Count, Failure, Limits, Log, LogBytes, Payload, Receipt, Resource, Source, Target, TenantId,
};
use tokio_util::sync::CancellationToken;
use wasmtime::component::{Instance, InstancePre};
use wasmtime::{Store, UpdateDeadline};

use crate::capability::{OpenGrants, Outlet};
use crate::cell::Cell;
use crate::observer::Observer;
use crate::sandbox::Shared;
use crate::stop::{Spent, Stop};
use crate::ticker::Ticking;
use crate::trap::Facts;

/// What is to be run, and under which bounds.
#[derive(Clone)]
pub struct Invocation {
    /// The call's id.
    pub call: CallId,
    /// The tool and its function, as messages name them.
    pub target: Target,
    /// Whose share of the cores it uses.
    pub tenant: TenantId,
    /// How large that share is beside those of others.
    pub weight: u32,
    /// The arguments.
    pub input: Payload,
    /// Its limits.
    pub limits: Arc<Limits>,
    /// What it may reach.
    pub grants: Arc<OpenGrants>,
    /// When the caller stops waiting; none: the tool's own timeout alone counts.
    pub deadline: Option<Instant>,
    /// Ends the call from outside.
    pub cancel: CancellationToken,
    /// Hears what the guest does while it does it.
    pub observer: Option<Arc<dyn Observer>>,
}

/// How one run in a cell ended. It is large, and handed on through every stage on its way back: so it goes in a box.
#[derive(Debug, Clone)]
pub struct Attempt {
    /// The answer, or why there is none.
    pub result: Result<Payload, Failure>,
    /// What it cost; the queue is not known here.
    pub receipt: Receipt,
    /// What the guest printed.
    pub log: Log,
}

/// What a guest's own code answers.
pub(crate) enum Answer {
    /// A result.
    Value(Payload),
    /// The tool's own error, and the size of its texts.
    Error(Failure, usize),
    /// A result that can't be taken: already a failure.
    Broken(Failure),
}

/// How the run ended, before it is told in words.
enum End {
    Answered(Answer),
    Stopped(wasmtime::Error),
    Late,
    Cancelled,
    Panicked(Box<dyn Any + Send>),
}

/// The end of a run.
struct Ended {
    how: End,
    at: Instant,
    /// How long it held a core.
    busy: Duration,
}

/// What the cells of a tool are made from.
#[derive(Clone, Copy)]
pub(crate) struct Blueprint<'a> {
    pub(crate) shared: &'a Shared,
    pub(crate) pre: &'a InstancePre<Cell>,
    /// The functions of the component that give room for arguments.
    pub(crate) allocators: &'a [u32],
}

/// A cell that stands: its store, and its instance once that is made.
pub(crate) struct Standing {
    store: Store<Cell>,
    instance: Option<Instance>,
    /// Without it nothing would interrupt the guest.
    _ticking: Ticking,
    /// What its store had when it was filled.
    fuel: u64,
}

/// The time of one run.
struct Window {
    started: Instant,
    /// When the tool's own time is up.
    timeout: Instant,
    /// When the run has to end: then, or before, because its caller waits no longer.
    deadline: Instant,
}

/// Runs `body` within the bounds of `invocation`: in the cell that stands at `place`, or else in a fresh one.
///
/// Afterwards a cell stands there if it may serve another call of the same batch.
pub(crate) async fn invoke<F>(
    from: Blueprint<'_>,
    place: &mut Option<Standing>,
    invocation: &Invocation,
    body: F,
) -> Box<Attempt>
where
    F: for<'a> AsyncFnOnce(Instance, &'a mut Store<Cell>) -> wasmtime::Result<Answer>,
{
    let window = Window::begin(invocation);
    let bounded = match place.take() {
        Some(cell) => cell.renew(invocation, &window),
        None => Standing::furnish(from.shared, invocation, &window),
    };
    let mut cell = match bounded {
        Ok(cell) => cell,
        Err(error) => return unfurnished(invocation, error),
    };
    let ended = cell.run(from, invocation, &window, body).await;
    let attempt = cell.settle(from, invocation, &window, ended);
    if cell.may_serve_again(&attempt) {
        *place = Some(cell);
    }
    attempt
}

// === impl Window ===

impl Window {
    fn begin(invocation: &Invocation) -> Self {
        let started = Instant::now();
        let timeout = started + invocation.limits.timeout;
        let deadline = invocation.deadline.map_or(timeout, |deadline| deadline.min(timeout));
        Self { started, timeout, deadline }
    }
}

// === impl Standing ===

impl Standing {
    /// A store with every limit of the call set on it.
    fn furnish(shared: &Shared, invocation: &Invocation, window: &Window) -> wasmtime::Result<Self> {
        let Invocation { limits, grants, observer, .. } = invocation;
        // Without a folder there is nothing to open, and most calls have none.
        let share = (!grants.folders().is_empty()).then(|| shared.descriptors.share());
        // As few send requests.
        let outlet = (!grants.set().net.is_empty())
            .then(|| Outlet { net: Arc::clone(&shared.net), tenant: invocation.tenant.clone() });
        let cell = Cell::new(limits, Arc::clone(grants), window.deadline, observer.clone(), share, outlet);
        let mut store = Store::try_new(&shared.engine, cell)?;
        store.limiter(|cell| &mut cell.limiter);
        // Beyond what a guest can hold: the bounds that users know are checked where they can be told by type.
        store.set_max_component_handles(usize::try_from(limits.handles).unwrap_or(usize::MAX).saturating_mul(2));
        store.epoch_deadline_callback(|store| {
            if Instant::now() >= store.data().deadline {
                return Err(Stop::Late.into());
            }
            Ok(UpdateDeadline::Yield(1))
        });
        let mut cell = Self { store, instance: None, _ticking: shared.ticker.tick(), fuel: 0 };
        cell.bound(limits)?;
        Ok(cell)
    }

    /// The same cell with every limit of its next call set on it.
    fn renew(mut self, invocation: &Invocation, window: &Window) -> wasmtime::Result<Self> {
        let Invocation { limits, observer, .. } = invocation;
        self.store.data_mut().renew(limits, window.deadline, observer.clone());
        self.bound(limits)?;
        Ok(self)
    }

    /// Sets what the engine itself counts down.
    fn bound(&mut self, limits: &Limits) -> wasmtime::Result<()> {
        self.store.set_fuel(limits.fuel.as_u64())?;
        self.fuel = self.store.get_fuel()?;
        // Beyond what a guest can hold, as its handles are.
        self.store.set_hostcall_fuel(host_call_fuel(limits));
        // Two ticks: a call that needs less than a slice never gives way at all.
        self.store.set_epoch_deadline(2);
        Ok(())
    }

    /// Runs `body` until its end or that of its time.
    async fn run<F>(&mut self, from: Blueprint<'_>, invocation: &Invocation, window: &Window, body: F) -> Ended
    where
        F: for<'a> AsyncFnOnce(Instance, &'a mut Store<Cell>) -> wasmtime::Result<Answer>,
    {
        let guest = pin!(async {
            let instance = self.instance(from.pre).await?;
            body(instance, &mut self.store).await
        });
        let mut sliced =
            from.shared.lane.run(&invocation.tenant, invocation.weight, AssertUnwindSafe(guest).catch_unwind());
        let end = tokio::select! {
            biased;
            ended = &mut sliced => match ended {
                Ok(Ok(answer)) => End::Answered(answer),
                Ok(Err(error)) => End::Stopped(error),
                Err(panic) => End::Panicked(panic),
            },
            // Both may be dropped at any point: a guest that was left in the middle is never entered again. And both begin when
            // they are first polled: a call that never waits has no timer.
            () = async { tokio::time::sleep_until(window.deadline.into()).await } => End::Late,
            () = async { invocation.cancel.cancelled().await } => End::Cancelled,
        };
        // A guest that came to an end did so when it last left the core; what stopped it from outside did so now.
        let ended = matches!(end, End::Answered(_) | End::Stopped(_) | End::Panicked(_));
        let at = sliced.left().filter(|_| ended).unwrap_or_else(Instant::now);
        let busy = sliced.busy();
        // An answer in time is one; what came of it after the limit is none, however far it got.
        let how = if at >= window.deadline && matches!(end, End::Answered(_)) { End::Late } else { end };
        Ended { how, at, busy }
    }

    async fn instance(&mut self, pre: &InstancePre<Cell>) -> wasmtime::Result<Instance> {
        if let Some(instance) = self.instance {
            return Ok(instance);
        }
        // Boxed: it is large, and would be moved in the future of every call of a batch.
        let instance = Box::pin(pre.instantiate_async(&mut self.store)).await?;
        self.store.data_mut().instantiated = Some(Instant::now());
        self.instance = Some(instance);
        Ok(instance)
    }

    /// The limits that stand on the store: what it says itself, and not what it was told.
    fn limits(&self, asked: &Arc<Limits>, window: &Window) -> Arc<Limits> {
        let limits = Limits {
            fuel: Count::new(self.fuel),
            timeout: window.timeout.saturating_duration_since(window.started),
            ..self.store.data().limits(asked)
        };
        if limits == **asked { Arc::clone(asked) } else { Arc::new(limits) }
    }

    /// Puts together what came of a run.
    fn settle(&mut self, from: Blueprint<'_>, invocation: &Invocation, window: &Window, ended: Ended) -> Box<Attempt> {
        self.store.data_mut().note_http();
        let mut receipt = receipt(&self.store, invocation, window.started, &ended);
        receipt.limits = self.limits(&invocation.limits, window);
        let cell = self.store.data();
        let facts = Facts {
            target: &invocation.target,
            limits: &invocation.limits,
            ran: receipt.run,
            deadline: window.deadline < window.timeout,
            fuel: receipt.fuel,
            cell,
            allocators: from.allocators,
        };
        let result = told(ended.how, &facts);
        let secrets = cell.grants.secrets();
        let result = match secrets {
            Some(secrets) => result.map_or_else(
                |failure| Err(secrets.failure(failure)),
                |answer| secrets.answer(answer, &invocation.target),
            ),
            None => result,
        };
        receipt.fuel_exact &= !matches!(&result, Err(failure) if failure.code() == Code::Timeout);
        receipt.output = result.as_ref().map(Payload::size).unwrap_or_default();
        let (stdout, counted) = cell.stdout.take();
        receipt.stdout = counted;
        let (stderr, counted) = cell.stderr.take();
        receipt.stderr = counted;
        let mut log = Log { stdout, stderr };
        if let Some(secrets) = secrets {
            secrets.log(&mut log);
            for denial in &mut receipt.denials {
                if let Some(clean) = secrets.text(&denial.asked) {
                    denial.asked = clean;
                }
            }
        }
        Box::new(Attempt { result, receipt, log })
    }

    /// Whether another call may follow in this cell.
    ///
    /// Only after the tool's own answer, be it an error: whatever else ends a guest may leave it in the middle of something, and
    /// the engine as well.
    fn may_serve_again(&self, attempt: &Attempt) -> bool {
        let answered = match &attempt.result {
            Ok(_) => true,
            Err(failure) => {
                matches!(failure.code(), Code::ToolFailed | Code::ToolInvalidInput | Code::ToolUnavailable)
            }
        };
        answered && self.store.data().is_as_found()
    }
}

/// What the engine takes of a guest in one call of a host function: all that the guest has.
pub(crate) fn host_call_fuel(limits: &Limits) -> usize {
    limits.memory.as_usize().saturating_add(64 << 10)
}

/// The engine had no memory left for a store.
fn unfurnished(invocation: &Invocation, error: wasmtime::Error) -> Box<Attempt> {
    let failure = Failure::new(Code::Overloaded, format!("{} was not started", invocation.target))
        .why("the host has no memory left for another cell")
        .caused_by(error);
    Box::new(Attempt { result: Err(failure), receipt: Receipt::default(), log: Log::default() })
}

/// Puts the end into words.
fn told(end: End, facts: &Facts<'_>) -> Result<Payload, Failure> {
    let too_large = |size: ByteSize| {
        let limit = facts.limits.output;
        facts.exhausted(Resource::Output, Spent { wanted: size.as_u64(), limit: limit.as_u64() })
    };
    match end {
        End::Answered(Answer::Value(value)) if value.size() > facts.limits.output => Err(too_large(value.size())),
        End::Answered(Answer::Value(value)) => Ok(value),
        End::Answered(Answer::Error(_, size)) if ByteSize::of(size) > facts.limits.output => {
            Err(too_large(ByteSize::of(size)))
        }
        // What the tool found wrong with its input stays the caller's to mend; any other error after a refusal is its result.
        End::Answered(Answer::Error(failure, _)) if failure.code() == Code::ToolInvalidInput => Err(failure),
        End::Answered(Answer::Error(failure, _)) => Err(match facts.after_refusal() {
            Some(cause) => {
                let why = format!("{}; the tool said: {}", cause.reason(), failure.reason());
                cause.why(why)
            }
            None => failure,
        }),
        End::Answered(Answer::Broken(failure)) => Err(failure),
        End::Stopped(error) => Err(facts.failure(error)),
        End::Late => Err(facts.late()),
        End::Cancelled => Err(Failure::new(Code::Cancelled, format!("{} was cancelled", facts.target))
            .why("its caller gave up or went away")),
        End::Panicked(panic) => {
            let said = panic.downcast_ref::<&str>().map(|said| (*said).to_owned());
            let said = said.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
            Err(Failure::new(Code::Fault, format!("a host function broke while {} ran", facts.target)).why(said))
        }
    }
}

/// Reads what was used.
fn receipt(store: &Store<Cell>, invocation: &Invocation, started: Instant, ended: &Ended) -> Receipt {
    let cell = store.data();
    let run = ended.at.saturating_duration_since(started);
    let net = cell.http_used();
    let left = store.get_fuel().unwrap_or_default();
    // Every field by name: what is not known here yet is not worked out twice.
    Receipt {
        digest: None,
        source: Source::Cell,
        attempts: 1,
        fuel_before: 0,
        queue: Duration::ZERO,
        output: ByteSize::default(),
        stdout: LogBytes::default(),
        stderr: LogBytes::default(),
        shared_cell: false,
        fuel: invocation.limits.fuel.as_u64().saturating_sub(left),
        fuel_exact: matches!(ended.how, End::Answered(_) | End::Stopped(_)),
        memory_peak: cell.limiter.peak(),
        instantiate: cell.instantiated.map_or(run, |at| at.saturating_duration_since(started)),
        run,
        busy: ended.busy,
        input: invocation.input.size(),
        disk: cell.files.written(),
        random: cell.random.given(),
        requests: net.requests,
        writes: net.writes,
        sent: net.sent,
        received: net.received,
        denials: cell.notes.denials.clone(),
        denials_dropped: cell.notes.denials_dropped,
        decisions_dropped: cell.decisions_dropped(),
        effects: cell.notes.effects,
        pure: cell.notes.effects.is_empty() && !cell.was_refused() && !cell.limiter.is_starved(),
        limits: Arc::clone(&invocation.limits),
        grants: Arc::clone(cell.grants.set()),
    }
}
