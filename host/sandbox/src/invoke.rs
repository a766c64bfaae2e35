//! One call in one cell: fresh store → limits → instantiate → call → drop.
//!
//! The wall clock runs around all of it. A guest that computes is stopped by its own epoch callback, which reads the clock at each
//! tick; one that waits for the host is stopped by the timer beside it; either way the store is dropped, and what the receipt
//! needs is read from it before.

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Instant;

use futures::FutureExt;
use hotcell_call::{ByteSize, CallId, Code, Failure, Limits, Log, Payload, Receipt, Resource, Target, TenantId};
use tokio_util::sync::CancellationToken;
use wasmtime::component::{Instance, InstancePre};
use wasmtime::{Store, UpdateDeadline};

use crate::capability::OpenGrants;
use crate::cell::{Cell, ProgressSink};
use crate::sandbox::Shared;
use crate::stop::{Spent, Stop};
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
    /// The arguments.
    pub input: Payload,
    /// Its limits.
    pub limits: Limits,
    /// What it may reach.
    pub grants: Arc<OpenGrants>,
    /// When the caller stops waiting; none: the tool's own timeout alone counts.
    pub deadline: Option<Instant>,
    /// Ends the call from outside.
    pub cancel: CancellationToken,
    /// Hears of the guest's progress.
    pub progress: Option<ProgressSink>,
}

/// How one run in a cell ended.
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

/// Runs `body` on a fresh instance of `pre` within the bounds of `invocation`.
///
/// `allocators` are the functions of the component that give room for arguments.
pub(crate) async fn invoke<F>(
    shared: &Shared,
    pre: &InstancePre<Cell>,
    allocators: &[u32],
    invocation: &Invocation,
    body: F,
) -> Attempt
where
    F: for<'a> AsyncFnOnce(Instance, &'a mut Store<Cell>) -> wasmtime::Result<Answer>,
{
    let started = Instant::now();
    let timeout = started + invocation.limits.timeout;
    let deadline = invocation.deadline.map_or(timeout, |deadline| deadline.min(timeout));
    let mut store = match furnish(shared, invocation, deadline) {
        Ok(store) => store,
        Err(error) => return unfurnished(invocation, error),
    };
    let guest = async {
        let instance = pre.instantiate_async(&mut store).await?;
        store.data_mut().instantiated = Some(Instant::now());
        body(instance, &mut store).await
    };
    let mut sliced = shared.lane.run(&invocation.tenant, AssertUnwindSafe(guest).catch_unwind());
    let end = tokio::select! {
        biased;
        // An answer in time is one; what came of it after the limit is none, however far it got.
        ended = &mut sliced => match ended {
            Ok(Ok(_)) if Instant::now() >= deadline => End::Late,
            Ok(Ok(answer)) => End::Answered(answer),
            Ok(Err(error)) => End::Stopped(error),
            Err(panic) => End::Panicked(panic),
        },
        // Both may be dropped at any point: the store goes with the guest's future.
        () = tokio::time::sleep_until(deadline.into()) => End::Late,
        () = invocation.cancel.cancelled() => End::Cancelled,
    };
    let busy = sliced.busy();
    drop(sliced);
    let exact = matches!(end, End::Answered(_) | End::Stopped(_));
    let mut receipt = receipt(&store, invocation, started);
    (receipt.busy, receipt.fuel_exact) = (busy, exact);
    let facts = Facts {
        target: &invocation.target,
        limits: &invocation.limits,
        ran: receipt.run,
        deadline: deadline < timeout,
        fuel: receipt.fuel,
        cell: store.data(),
        allocators,
    };
    let result = told(end, &facts);
    receipt.fuel_exact &= !matches!(&result, Err(failure) if failure.code() == Code::Timeout);
    receipt.output = result.as_ref().map(Payload::size).unwrap_or_default();
    let (stdout, counted) = store.data().stdout.take();
    receipt.stdout = counted;
    let (stderr, counted) = store.data().stderr.take();
    receipt.stderr = counted;
    Attempt { result, receipt, log: Log { stdout, stderr } }
}

/// A store with every limit of the call set on it.
fn furnish(shared: &Shared, invocation: &Invocation, deadline: Instant) -> wasmtime::Result<Store<Cell>> {
    let limits = &invocation.limits;
    let (grants, progress) = (Arc::clone(&invocation.grants), invocation.progress.clone());
    // Without a folder there is nothing to open, and most calls have none.
    let share = (!grants.folders().is_empty()).then(|| shared.descriptors.share());
    let cell = Cell::new(limits, grants, deadline, progress, share);
    let mut store = Store::try_new(&shared.engine, cell)?;
    store.limiter(|cell| &mut cell.limiter);
    store.set_fuel(limits.fuel.as_u64())?;
    // Beyond what a guest can hold: the bounds that users know are checked where they can be told by type.
    store.set_hostcall_fuel(host_call_fuel(limits));
    store.set_max_component_handles(usize::try_from(limits.handles).unwrap_or(usize::MAX).saturating_mul(2));
    // Two ticks: a call that needs less than a slice never gives way at all.
    store.set_epoch_deadline(2);
    store.epoch_deadline_callback(|store| {
        if Instant::now() >= store.data().deadline {
            return Err(Stop::Late.into());
        }
        Ok(UpdateDeadline::Yield(1))
    });
    Ok(store)
}

/// What the engine takes of a guest in one call of a host function: all that the guest has.
pub(crate) fn host_call_fuel(limits: &Limits) -> usize {
    limits.memory.as_usize().saturating_add(64 << 10)
}

/// The engine had no memory left for a store.
fn unfurnished(invocation: &Invocation, error: wasmtime::Error) -> Attempt {
    let failure = Failure::new(Code::Overloaded, format!("{} was not started", invocation.target))
        .why("the host has no memory left for another cell")
        .caused_by(error);
    Attempt { result: Err(failure), receipt: Receipt::default(), log: Log::default() }
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
fn receipt(store: &Store<Cell>, invocation: &Invocation, started: Instant) -> Receipt {
    let cell = store.data();
    let run = started.elapsed();
    let left = store.get_fuel().unwrap_or_default();
    Receipt {
        fuel: invocation.limits.fuel.as_u64().saturating_sub(left),
        memory_peak: cell.limiter.peak(),
        instantiate: cell.instantiated.map_or(run, |at| at.saturating_duration_since(started)),
        run,
        input: invocation.input.size(),
        disk: cell.files.written(),
        random: cell.random.given(),
        denials: cell.notes.denials.clone(),
        denials_dropped: cell.notes.denials_dropped,
        pure: !cell.notes.effects,
        limits: invocation.limits.clone(),
        grants: cell.grants.set().clone(),
        ..Receipt::default()
    }
}
