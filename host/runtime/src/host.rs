//! The host: everything that calls need, set up once.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use hotcell_call::{AgentName, CallId, Failure, Outcome, Payload, RunId, Target, TenantId, ToolCall};
use hotcell_sandbox::{EngineReport, Sandbox};

use crate::admission::Admission;
use crate::agents::Agents;
use crate::builder::HostBuilder;
use crate::catalog::Catalog;
use crate::config::{Config, TenantConfig};
use crate::entry::Opened;
use crate::events::{Events, Observed, RunHistory, Subscription};
use crate::flight::Flight;
use crate::journey::{Journey, UnderWay};
use crate::metrics::Metrics;
use crate::model::Models;
use crate::queue::Queue;
use crate::terms::Book;

/// Runs tool calls and agents; cheap to clone, and all clones are one host.
#[derive(Clone)]
pub struct Host(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) sandbox: Sandbox,
    pub(crate) catalog: Catalog,
    pub(crate) config: Arc<Config>,
    pub(crate) events: Arc<Events>,
    pub(crate) under_way: Arc<UnderWay>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) book: Book,
    pub(crate) admission: Admission,
    pub(crate) flight: Flight,
    pub(crate) queue: Queue,
    pub(crate) models: Models,
    pub(crate) agents: Agents,
    /// Whether nothing is taken any more.
    pub(crate) closed: AtomicBool,
}

/// How busy the host is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Load {
    /// Calls accepted and not ended.
    pub under_way: usize,
    /// Of those, calls that wait for their time, their turn, or a place in the queue.
    pub waiting: usize,
    /// Of those, calls in their cells.
    pub running: usize,
}

impl Host {
    /// Starts to set up a host.
    #[must_use]
    pub fn builder(config: Config) -> HostBuilder {
        HostBuilder::new(config)
    }

    /// The configuration in force.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.0.config
    }

    /// The agents that can be run by their names.
    #[must_use]
    pub fn agents(&self) -> &Agents {
        &self.0.agents
    }

    /// How the engine is set up.
    #[must_use]
    pub fn engine(&self) -> EngineReport {
        self.0.sandbox.engine()
    }

    /// A call with a fresh id, by the local tenant, at normal priority.
    #[must_use]
    pub fn next_call(&self, target: Target, input: Payload) -> ToolCall {
        ToolCall::new(CallId::from_bits(ulid()), target, input)
    }

    /// A fresh id for a run.
    #[must_use]
    pub fn next_run() -> RunId {
        RunId::from_bits(ulid())
    }

    /// Listens to what happens from now on.
    #[must_use]
    pub fn events(&self) -> Subscription {
        self.0.events.subscribe()
    }

    /// The number that the next event will have.
    #[must_use]
    pub fn next_event(&self) -> u64 {
        self.0.events.next()
    }

    /// What is kept of a run: its last events, also after its end. None if it is not known, or no longer.
    #[must_use]
    pub fn history(&self, run: RunId) -> Option<RunHistory> {
        self.0.events.history(run)
    }

    /// How many runs are under way.
    #[must_use]
    pub fn runs(&self) -> Observed<usize> {
        self.0.events.runs.observe()
    }

    /// Events that nobody was told, because [middleware](HostBuilder::middleware) panicked on them.
    #[must_use]
    pub fn broken_events(&self) -> u64 {
        self.0.events.broken()
    }

    /// Ends a call; false if there is none of that id under way.
    #[must_use]
    pub fn cancel(&self, call: CallId) -> bool {
        self.0.under_way.cancel(call)
    }

    /// Runs one call to its end, as [`call`](Self::call); when `cancel` ends before it, the call is told to end, and still is awaited.
    pub async fn call_until(&self, call: ToolCall, cancel: impl Future<Output = ()>) -> Outcome {
        let id = call.id;
        let mut work = pin!(self.call(call));
        tokio::select! {
            // The call comes first: what has not begun can't be cancelled, and `cancel` may have ended already.
            biased;
            outcome = &mut work => return outcome,
            () = cancel => {}
        }
        // One that has just ended need not be cancelled.
        let _ = self.cancel(id);
        work.await
    }

    /// Whether a tenant may call a function, or, where the target names a tool alone, any function of it.
    #[must_use]
    pub fn may_call(&self, tenant: &TenantId, target: &Target) -> bool {
        self.may(tenant, |tenant| match target.function {
            Some(_) => tenant.may_call(target),
            None => tenant.may_see(&target.tool),
        })
    }

    /// Whether a tenant may run an agent.
    #[must_use]
    pub fn may_run(&self, tenant: &TenantId, agent: &AgentName) -> bool {
        self.may(tenant, |tenant| tenant.may_run(agent))
    }

    /// Who is not known may nothing, once anybody is known.
    fn may(&self, tenant: &TenantId, may: impl FnOnce(&TenantConfig) -> bool) -> bool {
        let tenants = &self.0.config.tenants;
        tenants.get(tenant).map_or_else(|| tenants.is_empty() || *tenant == TenantId::default(), may)
    }

    /// How busy the host is now.
    #[must_use]
    pub fn load(&self) -> Load {
        let status = self.0.queue.status();
        let waiting = status.live().saturating_sub(status.running).saturating_add(status.door);
        Load { under_way: self.0.under_way.count(), waiting, running: status.running }
    }

    /// Accepts a call.
    pub(crate) fn begin(&self, call: &Arc<ToolCall>) -> Journey {
        Journey::begin(&self.0.events, &self.0.under_way, &self.0.metrics, call)
    }

    /// Takes no new calls, waits until those under way have ended, and after `grace` ends them.
    ///
    /// Calls that wait for a place in the queue end as refused; each accepted call still has its one end.
    pub async fn drain(&self, grace: Duration) {
        self.0.closed.store(true, Ordering::SeqCst);
        self.0.queue.close();
        if tokio::time::timeout(grace, self.0.under_way.gone()).await.is_err() {
            self.0.under_way.cancel_all();
            self.0.under_way.gone().await;
        }
    }

    /// The tool of that name, ready to be looked at.
    pub(crate) async fn opened(&self, target: &Target) -> Result<Arc<Opened>, Failure> {
        let entry = self.0.catalog.find(&target.tool).await?;
        entry.open(&self.0.sandbox, &self.0.config, &self.0.book).await
    }
}

impl std::fmt::Debug for Host {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Host").field("load", &self.load()).finish_non_exhaustive()
    }
}

/// 48 bits of time, 80 of chance.
fn ulid() -> u128 {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    (since_1970.as_millis() << 80) | (rand::random::<u128>() >> 48)
}
