//! The fourth stage: who is next, and how many at a time.
//!
//! The order is that of [`hotcell_flow::fair`]: class, tenant, deadline; the bound on what runs is that of its permits; a tool that
//! runs as often as it may is passed over. One [`Scheduler`] keeps both, so a [`Ticket`] comes back with its place in a cell: a
//! [`Permit`]. It belongs to one attempt. A call that is to be made again gives it back and keeps its place in the order.

use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use futures::future::select;
use hotcell_call::{CallId, Clock, Code, Failure, Happening, Kind, Limits, Receipt, TenantId, possible_fuel};
use hotcell_flow::breaker::{Guard, State, Verdict};
use hotcell_flow::fair::{self, Caps, Share, Shares};
use hotcell_flow::limit::Ended;
use hotcell_flow::permit::{self, Permits};
use hotcell_flow::pressure::Pressure;
use hotcell_flow::schedule::{self, Closing, End, Report, Scheduler, Started, Status, SubmitError, Task};
use hotcell_flow::shed::Shedder;
use hotcell_sandbox::Attempt;

use crate::admission::resting;
use crate::config::{Config, Schedule, ShareBy};
use crate::events::{About, Events};
use crate::intake::Ready;
use crate::journey::Journey;
use crate::terms::{Book, micros};
use crate::timer::TokioTimer;

/// The queue of all calls.
pub(crate) struct Queue {
    scheduler: Scheduler<CallId, TenantId>,
    permits: Permits,
    shedder: Option<Mutex<Shedder>>,
    share_by: ShareBy,
    /// Runs the scheduler's loop: it belongs to the host, and not to whichever runtime makes the first call.
    owner: Option<JoinHandle<()>>,
}

/// A place in the queue.
pub(crate) struct Ticket<'q> {
    queue: &'q Queue,
    inner: Option<schedule::Ticket<CallId, TenantId>>,
}

/// What comes of entering the queue.
type Entered = Result<schedule::Ticket<CallId, TenantId>, SubmitError<CallId>>;

/// Leave for one attempt: a place among those that run, and the way through the tool's breaker.
///
/// Dropped without an end, the attempt was cut off: it is charged for as long as it ran.
pub(crate) struct Permit<'q> {
    queue: &'q Queue,
    started: Option<Started<CallId, TenantId>>,
    pass: Option<Guard<TenantId>>,
    since: Instant,
    limits: Arc<Limits>,
}

/// Whoever waits for longer than so many times the target is the interval over which waits are judged.
const SHED_INTERVAL: u32 = 10;

/// So many may stand at the door, or as many as may wait inside if that is more: each holds its input, and nothing else.
const LEAST_AT_DOOR: usize = 4_096;

/// A tenant may have so many times as many calls waiting as there are places left: alone it gets seven eighths of the queue.
const ROOM_FOR_OTHERS: u32 = 7;

impl Queue {
    /// One that takes the place of another takes its permits over: the cells are the engine's, so what the other still has in
    /// them counts, and who comes waits for it.
    pub(crate) fn new(
        config: &Config,
        book: &Book,
        events: &Arc<Events>,
        before: Option<&Self>,
    ) -> Result<Self, Failure> {
        let Schedule { queue, age_step, patience, .. } = config.schedule;
        // With tenants beside `local`, none may fill the queue for all: see `fair`.
        let factor = (!config.tenants.is_empty()).then_some(ROOM_FOR_OTHERS);
        let door = Some(queue.max(LEAST_AT_DOOR));
        let order = fair::Settings { age_step, patience, items: queue, factor, door, ..fair::Settings::default() };
        let settings = schedule::Settings { fair: order, remembered: 0, ..schedule::Settings::default() };
        let permits = before.map_or_else(|| config.schedule.in_flight.permits(), |before| before.permits.clone());
        let (scheduler, service) = Scheduler::new(settings, shares(config)?, permits.clone(), Arc::new(TokioTimer))
            .map_err(|error| unfit(&error))?;
        scheduler.set_caps(caps(config, book)?);
        let broken = |error: std::io::Error| {
            Failure::new(Code::Fault, "the queue can't be set up").why("no thread could be started").caused_by(error)
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().map_err(broken)?;
        let told = told(scheduler.clone(), Arc::clone(events));
        let both = async move {
            // The loop ends when the queue is closed and empty; there is nothing more to tell then.
            select(pin!(service.run()), pin!(told)).await;
        };
        let owner = std::thread::Builder::new().name("hotcell-queue".to_owned());
        let owner = owner.spawn(move || runtime.block_on(both)).map_err(broken)?;
        let shedder =
            config.schedule.shed_after.map(|target| Shedder::new(target, target.saturating_mul(SHED_INTERVAL)));
        let shedder = shedder.transpose().map_err(|error| unfit(&error))?;
        let share_by = config.schedule.share_by;
        Ok(Self { scheduler, permits, shedder: shedder.map(Mutex::new), share_by, owner: Some(owner) })
    }

    /// Takes a place. When all are taken, waits at the door for one until the call's deadline; a call without one is refused.
    pub(crate) async fn enter(&self, ready: &Ready, journey: &mut Journey) -> Result<Ticket<'_>, Failure> {
        journey.queued(ready.call().start_at);
        let entered = match self.scheduler.submit(self.task(ready)) {
            // Boxed: what is needed only when all places are taken would otherwise be carried, and moved, in the future of every call.
            Err(SubmitError::Full(_)) if ready.deadline().is_some() => Box::pin(self.at_door(ready)).await?,
            entered => entered,
        };
        let inner = entered.map_err(|error| Failure::from(error).of(ready.target()))?;
        Ok(Ticket { queue: self, inner: Some(inner) })
    }

    /// Waits for a place until the deadline.
    async fn at_door(&self, ready: &Ready) -> Result<Entered, Failure> {
        let entered = self.scheduler.enter(self.task(ready), ready.deadline());
        ready.cancel().run_until_cancelled(entered).await.ok_or_else(|| ready.cancelled())
    }

    fn task(&self, ready: &Ready) -> Task<CallId, TenantId> {
        let call = ready.call();
        let mut task = Task::new(call.id, call.tenant.clone());
        task = task.priority(call.priority).compartment(ready.terms().compartment);
        if let Some(deadline) = call.deadline {
            task = task.deadline(deadline);
        }
        if let Some(at) = call.start_at {
            task = task.start_at(at);
        }
        let usual = match self.share_by {
            ShareBy::Time => ready.terms().usual_micros(),
            ShareBy::Fuel => kilo(ready.terms().usual_fuel()),
        };
        if usual > 0 { task.estimate(usual) } else { task }
    }

    /// Whether a call that waited so long must make way.
    fn shed(&self, ready: &Ready, now: Instant, waited: Duration) -> Result<(), Failure> {
        let Some(shedder) = &self.shedder else { return Ok(()) };
        let mut shedder: MutexGuard<'_, Shedder> = shedder.lock().unwrap_or_else(PoisonError::into_inner);
        let judged = shedder.judge(now, ready.call().priority, waited);
        judged.map_err(|shed| Failure::from(shed).of(ready.target()))
    }

    /// What an attempt cost, as shares are measured. At least one: what costs nothing could go on for ever.
    fn cost(&self, fuel: u64, ran: Duration) -> u64 {
        match self.share_by {
            ShareBy::Time => micros(ran).max(1),
            ShareBy::Fuel => kilo(fuel),
        }
    }

    /// Whether it is so full that callers should slow down.
    pub(crate) fn is_pressed(&self) -> bool {
        self.scheduler.gauge().reading().pressure == Pressure::High
    }

    /// How many are where.
    pub(crate) fn status(&self) -> Status {
        self.scheduler.status()
    }

    /// How many may run now.
    pub(crate) fn limit(&self) -> usize {
        self.permits.limit()
    }

    /// What a tenant has here.
    pub(crate) fn usage(&self, tenant: &TenantId) -> fair::Usage {
        self.scheduler.usage(tenant)
    }

    /// Lets nothing in any more. What was let in goes on.
    pub(crate) fn close(&self) {
        self.scheduler.close(Closing::Drain);
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        self.scheduler.close(Closing::Stop);
        if let Some(owner) = self.owner.take() {
            // It ends at once, and a loop that broke has nothing more to say.
            let _ended = owner.join();
        }
    }
}

impl<'q> Ticket<'q> {
    /// Waits for its turn and a permit, until the call's deadline.
    pub(crate) async fn permit(self, ready: &Ready, journey: &mut Journey) -> Result<Permit<'q>, Failure> {
        let gone = || Failure::new(Code::Fault, format!("{} has lost its place in the queue", ready.target()));
        let turn = ready.cancel().run_until_cancelled(self.inner.ok_or_else(gone)?);
        let turn = turn.await.ok_or_else(|| ready.cancelled())?;
        let started = turn.map_err(|end| unstarted(end, ready))?;
        journey.waited(started.waited());
        let now = TokioTimer.now();
        if let Err(shed) = self.queue.shed(ready, now, started.waited()) {
            started.decline();
            return Err(shed);
        }
        let pass = match ready.breakers().map(|breakers| breakers.pass(now, ready.tenant())) {
            Some(Err(open)) => {
                started.decline();
                return Err(resting(open.into(), ready));
            }
            Some(Ok(pass)) => Some(pass),
            None => None,
        };
        if pass.as_ref().is_some_and(Guard::is_probe) {
            journey.breaker(ready, "half-open");
        }
        journey.started(now);
        Ok(Permit { queue: self.queue, started: Some(started), pass, since: now, limits: Arc::clone(ready.limits()) })
    }
}

impl<'q> Permit<'q> {
    /// When it was given.
    pub(crate) fn since(&self) -> Instant {
        self.since
    }

    /// The attempt has ended, and the call with it.
    pub(crate) fn settle(mut self, ready: &Ready, journey: &Journey, attempt: &Attempt) {
        self.judge(ready, journey, attempt);
        let report = self.report(attempt);
        if let Some(started) = self.started.take() {
            started.finish_with(report, |permit| give_back(permit, ready, attempt));
        }
    }

    /// The attempt has ended, and is to be made again not before `start`: what it holds is free until then.
    pub(crate) fn again(mut self, ready: &Ready, journey: &Journey, attempt: &Attempt, start: Instant) -> Ticket<'q> {
        self.judge(ready, journey, attempt);
        let report = self.report(attempt);
        let again =
            |started: Started<_, _>| started.again_with(start, report, |permit| give_back(permit, ready, attempt));
        Ticket { queue: self.queue, inner: self.started.take().map(again) }
    }

    fn report(&self, attempt: &Attempt) -> Report {
        let report = if attempt.result.is_ok() { Report::done() } else { Report::failed() };
        report.cost(self.queue.cost(attempt.receipt.fuel_charged(), attempt.receipt.run))
    }

    fn judge(&mut self, ready: &Ready, journey: &Journey, attempt: &Attempt) {
        let Some(pass) = self.pass.take() else { return };
        if let Some(verdict) = verdict(ready, attempt)
            && let Some(state) = pass.settle(TokioTimer.now(), verdict)
        {
            journey.breaker(ready, State::as_str(&state));
        }
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        if let Some(started) = self.started.take() {
            let ran = TokioTimer.now().saturating_duration_since(self.since);
            let cost = self.queue.cost(possible_fuel(ran, &self.limits), ran);
            started.finish(Report::failed().cost(cost));
        }
    }
}

/// Tells of each turn of the pressure, for as long as the host lives.
async fn told(scheduler: Scheduler<CallId, TenantId>, events: Arc<Events>) {
    let mut gauge = scheduler.gauge();
    while let Some(pressure) = gauge.turn().await {
        let waiting = scheduler.status().waiting;
        events.tell(About::default(), || Happening::Pressure { high: pressure == Pressure::High, waiting });
    }
    std::future::pending::<()>().await;
}

/// What an attempt says of what is behind its tool; nothing if it only says something of the call.
fn verdict(ready: &Ready, attempt: &Attempt) -> Option<Verdict> {
    let Err(failure) = &attempt.result else { return Some(Verdict::Well) };
    match (failure.kind(), failure.code()) {
        (_, Code::ToolUnavailable) | (Kind::Trapped(_), _) => Some(Verdict::Failed),
        // That a caller had less patience than the operator says nothing of the tool.
        (Kind::TimedOut, _) if attempt.receipt.run < ready.longest() => None,
        (Kind::TimedOut, _) => Some(Verdict::Failed),
        (Kind::Failed, _) => Some(Verdict::Well),
        _ => None,
    }
}

/// Tells the limit how it went, if that says something of the load.
fn give_back(permit: permit::Permit, ready: &Ready, attempt: &Attempt) {
    let receipt: &Receipt = &attempt.receipt;
    match attempt.result.as_ref().map_err(Failure::kind) {
        Ok(_) | Err(Kind::Failed) => permit.settle(receipt.run, Ended::Well),
        // As for the breaker: a caller's impatience is no sign of load.
        Err(Kind::TimedOut) if receipt.run < ready.longest() => drop(permit),
        Err(Kind::TimedOut) => permit.settle(receipt.run, Ended::Overloaded),
        // Nor is that it was late, or that its component needs more than there is for such: those are its own.
        Err(_) => drop(permit),
    }
}

/// Why a call's turn never came.
fn unstarted(end: End<CallId>, ready: &Ready) -> Failure {
    match end {
        End::Late | End::TimedOut => {
            Failure::new(Code::Late, format!("the deadline of {} passed before it could start", ready.target()))
                .why("while it waited for its turn")
                .fix("a later deadline, a higher priority, or fewer calls at once")
        }
        End::Stopped => Failure::from(hotcell_flow::Refused::Closed),
        _ => ready.cancelled(),
    }
}

/// Fuel by the thousand: of the order of microseconds, so that turns are as long either way.
fn kilo(fuel: u64) -> u64 {
    (fuel / 1_000).max(1)
}

fn shares(config: &Config) -> Result<Shares<TenantId>, Failure> {
    let count = |number: Option<u32>| number.and_then(|number| usize::try_from(number).ok()).unwrap_or(usize::MAX);
    let mut shares = Shares::default();
    for (tenant, terms) in &config.tenants {
        let share = Share { weight: terms.weight, running: count(terms.max_concurrent), waiting: count(terms.queue) };
        shares = shares.with(tenant.clone(), share).map_err(|error| unfit(&error))?;
    }
    Ok(shares)
}

fn caps(config: &Config, book: &Book) -> Result<Caps, Failure> {
    let others = usize::try_from(config.schedule.per_tool()).unwrap_or(usize::MAX);
    let mut caps = Caps::equal(others).map_err(|error| unfit(&error))?;
    for (compartment, most) in book.caps() {
        caps = caps.with(compartment, most).map_err(|error| unfit(&error))?;
    }
    Ok(caps)
}

/// The file is checked when it is read; a host that is set up by hand may have been given anything.
fn unfit(error: &dyn std::error::Error) -> Failure {
    Failure::new(Code::File, "`[schedule]` or `[tenants]` can't be kept").why(error.to_string())
}
