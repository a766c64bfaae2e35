//! Connections, and those that are kept for the next request.
//!
//! A connection is known by the tenant for whom it was made: what one tenant's requests left in it (a server that takes a connection
//! for a session is not unheard of) no other tenant meets. While it is used it belongs to its exchange, and goes with it when the
//! call is dropped; only one whose exchange came to its end is kept, for a while.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::time::Duration;

use hotcell_call::{Asked, NetHost, Scheme, TenantId};
use hyper::client::conn::http1::{Builder, SendRequest};
use rustls::{ClientConfig, RootCertStore};
use tokio::sync::Semaphore;
use tokio_rustls::TlsConnector;
use tokio_util::task::AbortOnDropHandle;
use wasmtime_wasi_http::Error;
use wasmtime_wasi_http::io::TokioIo;

use super::body::Outgoing;
use super::connect::{Unconnected, connect, destinations};
use super::names::Names;
use super::room::{Place, Room};

/// Connections that are open at one time, of all calls; how many of them one tenant may have is the room's matter.
const MOST: usize = 512;
/// Of these, connections that are kept without being used, of all and of one key.
const MOST_IDLE: usize = 128;
const MOST_IDLE_OF_ONE: usize = 8;
/// How long an unused one is kept.
const IDLE: Duration = Duration::from_secs(30);
/// Names that are looked up at one time.
const MOST_LOOKUPS: usize = 16;
/// The most bytes of a response's head.
const MOST_HEAD: usize = 64 << 10;
/// The most fields in it.
const MOST_FIELDS: usize = 100;
/// How long a connection that was just given back may take to be ready again.
const SETTLING: Duration = Duration::from_millis(100);

/// All connections of a host.
pub(crate) struct Net {
    names: Names,
    lookups: Arc<Semaphore>,
    room: Room,
    tls: OnceLock<Result<TlsConnector, ()>>,
    idle: Arc<Idle>,
}

/// What tells connections apart.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Key {
    tenant: TenantId,
    scheme: Scheme,
    host: NetHost,
    port: u16,
}

/// A connection that is used.
pub(super) struct Connection {
    pub(super) sender: SendRequest<Outgoing>,
    key: Key,
    idle: Weak<Idle>,
    /// Drives it; ends with it.
    driver: AbortOnDropHandle<()>,
    _place: Place,
}

#[derive(Default)]
struct Idle(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    next: u64,
    of: HashMap<Key, Vec<Unused>>,
}

/// A connection that is not used.
struct Unused {
    number: u64,
    connection: Connection,
    /// Takes it away when its time is up; ends with it.
    _end: AbortOnDropHandle<()>,
}

impl Key {
    pub(super) fn new(tenant: TenantId, asked: &Asked) -> Self {
        Self { tenant, scheme: asked.scheme(), host: asked.host().clone(), port: asked.port() }
    }
}

// === impl Net ===

impl Net {
    pub(crate) fn new(names: Names) -> Self {
        Self {
            names,
            lookups: Arc::new(Semaphore::new(MOST_LOOKUPS)),
            room: Room::new(MOST),
            tls: OnceLock::new(),
            idle: Arc::default(),
        }
    }

    /// A connection for a request: one that was kept, or (always, if `fresh`) a new one.
    pub(super) async fn connection(&self, key: &Key, asked: &Asked, fresh: bool) -> Result<Connection, Unconnected> {
        while !fresh && let Some(mut kept) = self.idle.take(key) {
            if let Ok(Ok(())) = tokio::time::timeout(SETTLING, kept.sender.ready()).await {
                return Ok(kept);
            }
        }
        let addresses = destinations(asked.host(), &self.names, &self.lookups).await?;
        let place = self.place(&key.tenant).await?;
        let tls = self.tls.get_or_init(tls).as_ref().map_err(|()| Error::ConfigurationError)?;
        let stream = connect(asked, &addresses, tls).await?;
        let mut builder = Builder::new();
        builder.max_buf_size(MOST_HEAD).max_headers(MOST_FIELDS);
        let (sender, connection) =
            builder.handshake(TokioIo::new(stream)).await.map_err(|_| Error::HttpProtocolError)?;
        let driver = tokio::spawn(async move {
            // Who waits for a response hears of what went wrong.
            let _ = connection.await;
        });
        Ok(Connection {
            sender,
            key: key.clone(),
            idle: Arc::downgrade(&self.idle),
            driver: AbortOnDropHandle::new(driver),
            _place: place,
        })
    }

    /// A place for one more connection of a tenant. Nobody waits for it while there are some that are not used.
    async fn place(&self, tenant: &TenantId) -> Result<Place, Error> {
        let mut place = self.room.enter(tenant);
        loop {
            match place.try_recv() {
                Ok(place) => return Ok(place),
                Err(_) if self.idle.drop_one(tenant) => {}
                Err(_) => return place.await.map_err(|_| Error::ConnectionLimitReached),
            }
        }
    }
}

/// TLS with the roots that browsers trust; HTTP/1.1 alone is offered.
fn tls() -> Result<TlsConnector, ()> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.into() };
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().map_err(drop)?;
    let mut config = config.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    // What was agreed for one tenant is not resumed for another.
    config.resumption = rustls::client::Resumption::disabled();
    Ok(TlsConnector::from(Arc::new(config)))
}

// === impl Connection ===

impl Connection {
    /// Keeps it for the next request of its key.
    pub(super) fn keep(self) {
        if let Some(idle) = self.idle.upgrade()
            && !self.sender.is_closed()
            && !self.driver.is_finished()
        {
            idle.put(self);
        }
    }
}

// === impl Idle ===

impl Idle {
    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The one of that key that was used last: it is the least likely to have been closed.
    fn take(&self, key: &Key) -> Option<Connection> {
        let mut kept = self.lock();
        let of_key = kept.of.get_mut(key)?;
        let unused = of_key.pop();
        if of_key.is_empty() {
            kept.of.remove(key);
        }
        drop(kept);
        unused.map(|unused| unused.connection)
    }

    fn put(self: &Arc<Self>, connection: Connection) {
        // Outside of a runtime nothing could take it away in time.
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        let mut kept = self.lock();
        let all: usize = kept.of.values().map(Vec::len).sum();
        let of_key = kept.of.get(&connection.key).map_or(0, Vec::len);
        if all >= MOST_IDLE || of_key >= MOST_IDLE_OF_ONE {
            return;
        }
        kept.next += 1;
        let (number, key, idle) = (kept.next, connection.key.clone(), Arc::downgrade(self));
        let end = runtime.spawn({
            let key = key.clone();
            async move {
                tokio::time::sleep(IDLE).await;
                let removed = idle.upgrade().and_then(|idle| idle.remove(&key, number));
                drop(removed);
            }
        });
        kept.of.entry(key).or_default().push(Unused { number, connection, _end: AbortOnDropHandle::new(end) });
    }

    fn remove(&self, key: &Key, number: u64) -> Option<Unused> {
        let mut kept = self.lock();
        let of_key = kept.of.get_mut(key)?;
        let place = of_key.iter().position(|unused| unused.number == number)?;
        let unused = of_key.remove(place);
        if of_key.is_empty() {
            kept.of.remove(key);
        }
        Some(unused)
    }

    /// Makes room by closing one, of this tenant if it has any; whether there was one.
    fn drop_one(&self, tenant: &TenantId) -> bool {
        let kept = self.lock();
        let own = kept.of.keys().find(|key| key.tenant == *tenant);
        let key = own.or_else(|| kept.of.keys().next()).cloned();
        drop(kept);
        key.and_then(|key| self.take(&key)).is_some()
    }
}
