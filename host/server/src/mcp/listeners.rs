//! Who is told that there are other tools: clients with a session by themselves, others by the stream that they asked for.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::StreamExt as _;
use hotcell_call::TenantId;
use rmcp::service::{Peer, RoleServer};
use tokio::sync::watch;

/// All who listen, by tenant.
#[derive(Debug, Default)]
pub(super) struct Listeners(Mutex<HashMap<TenantId, Told>>);

/// What those of one tenant were told last.
#[derive(Debug)]
struct Told {
    /// What they know of what they are offered.
    mark: watch::Sender<u64>,
    /// Clients with a session.
    peers: Vec<Peer<RoleServer>>,
}

/// In which a client must have taken a word.
const TAKEN_IN: Duration = Duration::from_secs(1);
/// Clients that are told at the same time.
const AT_ONCE: usize = 64;

impl Listeners {
    /// Adds a client with a session, which knows `mark` as far as it has asked; those that are gone make room.
    pub(super) fn add(&self, tenant: &TenantId, mark: u64, peer: Peer<RoleServer>) {
        let mut all = self.lock();
        let told = Told::of(&mut all, tenant, mark);
        told.peers.retain(|peer| !peer.is_transport_closed());
        told.peers.push(peer);
    }

    /// What wakes a stream of a client without a session.
    pub(super) fn stream(&self, tenant: &TenantId, mark: u64) -> watch::Receiver<u64> {
        Told::of(&mut self.lock(), tenant, mark).mark.subscribe()
    }

    /// The tenants of whom somebody listens.
    pub(super) fn tenants(&self) -> Vec<TenantId> {
        let mut all = self.lock();
        all.values_mut().for_each(|told| told.peers.retain(|peer| !peer.is_transport_closed()));
        let listens = |told: &Told| !told.peers.is_empty() || told.mark.receiver_count() > 0;
        // What was told to those who are gone tells nothing of what the next know.
        all.retain(|_, told| listens(told));
        all.keys().cloned().collect()
    }

    /// Tells those of a tenant, if they do not know `mark`.
    pub(super) async fn tell(&self, tenant: &TenantId, mark: u64) {
        let peers = match self.lock().get(tenant) {
            Some(told) if *told.mark.borrow() != mark => {
                told.mark.send_replace(mark);
                told.peers.clone()
            }
            _ => return,
        };
        let tell = async |peer: Peer<RoleServer>| {
            // One that takes nothing is asked to look again by the next change.
            let _ = tokio::time::timeout(TAKEN_IN, peer.notify_tool_list_changed()).await;
        };
        futures::stream::iter(peers).for_each_concurrent(AT_ONCE, tell).await;
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<TenantId, Told>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Told {
    /// Those of a tenant; the first of them knows `mark`.
    fn of<'a>(all: &'a mut HashMap<TenantId, Self>, tenant: &TenantId, mark: u64) -> &'a mut Self {
        let first = || Self { mark: watch::Sender::new(mark), peers: Vec::new() };
        all.entry(tenant.clone()).or_insert_with(first)
    }
}
