//! The protocol of model clients (MCP): what a host can do, as tools that Claude, Cursor, VS Code and their like can list and call.
//!
//! A [`Handler`](handler::Handler) serves one client, whichever of the two eras of the protocol it speaks: with a handshake and a session (up to
//! 2025-11-25), or with everything in each request (2026-07-28). It reads the [list](offer) that is kept for the client's tenant, and
//! makes of each call a `ToolCall` that goes down the host's one path. [`Stdio`] puts it on this process's pipes, [`http`] on the
//! server's port.
//!
//! Whatever a model can act on is a result that says so (`isError`), with the object that tells a failure everywhere; errors of
//! JSON-RPC are for tools that are not there and for frames that are none.

mod handler;
pub(crate) mod http;
mod listeners;
mod meta;
mod offer;
mod page;
mod pipe;
mod progress;
mod result;
mod sessions;
mod shape;
mod stdio;

use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use hotcell_call::TenantId;
use hotcell_runtime::{Changes, Host};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use self::listeners::Listeners;
use self::offer::{Offer, Offers};
pub use self::stdio::Stdio;
use crate::tenant::TenantHost;

/// What all clients of a process share.
#[derive(Debug)]
pub(crate) struct Mcp {
    host: RwLock<Host>,
    offers: Offers,
    listeners: Listeners,
    /// Another host took the place of the one before.
    replaced: Notify,
    /// No call is taken any more.
    pub(crate) leaving: CancellationToken,
    /// Streams end, and nobody is told of anything any more.
    pub(crate) end: CancellationToken,
}

/// After so long without another change, one is told: a file that is being copied changes many times.
const QUIET: Duration = Duration::from_millis(100);
/// But not later than this.
const LATEST: Duration = Duration::from_secs(1);

impl Mcp {
    pub(crate) fn new(host: Host) -> Arc<Self> {
        Arc::new(Self {
            host: RwLock::new(host),
            offers: Offers::default(),
            listeners: Listeners::default(),
            replaced: Notify::new(),
            leaving: CancellationToken::new(),
            end: CancellationToken::new(),
        })
    }

    pub(crate) fn host(&self) -> Host {
        self.host.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Serves another host from now on.
    pub(crate) fn replace(&self, host: Host) {
        *self.host.write().unwrap_or_else(PoisonError::into_inner) = host;
        self.offers.forget();
        self.replaced.notify_one();
    }

    /// What a tenant has of the host that is served now.
    fn host_of(&self, tenant: &TenantId) -> TenantHost {
        TenantHost::new(self.host(), tenant.clone())
    }

    /// What a tenant is offered now.
    async fn offer(&self, tenant: &TenantId) -> Arc<Offer> {
        let seen = self.offers.seen();
        self.offers.of(&self.host_of(tenant), seen).await
    }

    /// Tells those who listen whenever they are offered other things than before; never ends.
    pub(crate) async fn watch(self: Arc<Self>) {
        loop {
            let mut changes = self.host().changes();
            loop {
                // Neither is lost by not being waited for: both leave a mark behind.
                tokio::select! {
                    () = changes.next() => settled(&mut changes).await,
                    () = self.replaced.notified() => break,
                }
                self.offers.forget();
                self.tell().await;
            }
            self.tell().await;
        }
    }

    async fn tell(&self) {
        for tenant in self.listeners.tenants() {
            let mark = self.offer(&tenant).await.mark;
            self.listeners.tell(&tenant, mark).await;
        }
    }
}

/// Waits until no more changes come.
async fn settled(changes: &mut Changes) {
    let began = Instant::now();
    while began.elapsed() < LATEST && tokio::time::timeout(QUIET, changes.next()).await.is_ok() {}
}
