//! The sessions of clients that still have one, each of the tenant that opened it.
//!
//! To all others it is not there. Their number is bounded: when one more is opened, the one that has been used least lately makes
//! room, of the tenant that has most of them. A client whose session has ended is told so (404) and opens another.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::Stream;
use hotcell_call::TenantId;
use rmcp::model::{ClientJsonRpcMessage, ServerJsonRpcMessage};
use rmcp::transport::common::server_side_http::ServerSseMessage;
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use rmcp::transport::streamable_http_server::session::{SessionId, SessionManager};

/// All that are open.
#[derive(Debug)]
pub(super) struct Sessions {
    inner: LocalSessionManager,
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    /// Counts uses, so that what was used before has the lower number.
    clock: u64,
    sessions: HashMap<SessionId, Session>,
}

#[derive(Debug)]
struct Session {
    tenant: TenantId,
    used: u64,
}

/// Sessions at a time.
pub(super) const MOST_SESSIONS: usize = 1_024;
/// A session in which nothing happens for so long ends.
const IDLE: Duration = Duration::from_secs(30 * 60);
/// In which a client must have introduced itself.
const BEGUN_IN: Duration = Duration::from_secs(10);

impl Sessions {
    pub(super) fn new() -> Arc<Self> {
        let mut inner = LocalSessionManager::default();
        inner.session_config.keep_alive = Some(IDLE);
        inner.session_config.init_timeout = Some(BEGUN_IN);
        Arc::new(Self { inner, kept: Mutex::default() })
    }

    /// A session was opened by a tenant.
    pub(super) fn opened(&self, id: &str, tenant: &TenantId) {
        let mut kept = self.lock();
        kept.clock += 1;
        let session = Session { tenant: tenant.clone(), used: kept.clock };
        kept.sessions.insert(id.into(), session);
    }

    /// Whether a session is a tenant's; it is used then.
    pub(super) fn is_of(&self, id: &str, tenant: &TenantId) -> bool {
        let mut kept = self.lock();
        kept.clock += 1;
        let now = kept.clock;
        let session = kept.sessions.get_mut(id).filter(|session| session.tenant == *tenant);
        session.map(|session| session.used = now).is_some()
    }

    /// Makes room for one more.
    pub(super) async fn make_room(&self) {
        while self.inner.sessions.read().await.len() >= MOST_SESSIONS {
            let Some(id) = self.lock().least_used() else { return };
            // One that has just ended has made room, too.
            let _ = self.close_session(&id).await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    /// The one that was used least lately, of the tenant that has most.
    fn least_used(&self) -> Option<SessionId> {
        let mut tenants: HashMap<&TenantId, (usize, u64, &SessionId)> = HashMap::new();
        for (id, session) in &self.sessions {
            let (count, used, least) = tenants.entry(&session.tenant).or_insert((0, session.used, id));
            *count += 1;
            if session.used < *used {
                (*used, *least) = (session.used, id);
            }
        }
        tenants
            .into_values()
            .max_by_key(|(count, used, _)| (*count, std::cmp::Reverse(*used)))
            .map(|(_, _, id)| id.clone())
    }
}

impl SessionManager for Sessions {
    type Error = <LocalSessionManager as SessionManager>::Error;
    type Transport = <LocalSessionManager as SessionManager>::Transport;

    async fn create_session(&self) -> Result<(SessionId, Self::Transport), Self::Error> {
        self.inner.create_session().await
    }

    async fn initialize_session(
        &self,
        id: &SessionId,
        message: ClientJsonRpcMessage,
    ) -> Result<ServerJsonRpcMessage, Self::Error> {
        self.inner.initialize_session(id, message).await
    }

    async fn has_session(&self, id: &SessionId) -> Result<bool, Self::Error> {
        self.inner.has_session(id).await
    }

    async fn close_session(&self, id: &SessionId) -> Result<(), Self::Error> {
        self.lock().sessions.remove(id);
        self.inner.close_session(id).await
    }

    async fn create_stream(
        &self,
        id: &SessionId,
        message: ClientJsonRpcMessage,
    ) -> Result<impl Stream<Item = ServerSseMessage> + Send + Sync + 'static, Self::Error> {
        self.inner.create_stream(id, message).await
    }

    async fn accept_message(&self, id: &SessionId, message: ClientJsonRpcMessage) -> Result<(), Self::Error> {
        self.inner.accept_message(id, message).await
    }

    async fn create_standalone_stream(
        &self,
        id: &SessionId,
    ) -> Result<impl Stream<Item = ServerSseMessage> + Send + Sync + 'static, Self::Error> {
        self.inner.create_standalone_stream(id).await
    }

    async fn resume(
        &self,
        id: &SessionId,
        last_event_id: String,
    ) -> Result<impl Stream<Item = ServerSseMessage> + Send + Sync + 'static, Self::Error> {
        self.inner.resume(id, last_event_id).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // H86: what one tenant opened is not there for another.
    #[tokio::test]
    async fn a_session_is_its_tenants_and_the_one_used_least_lately_makes_room() {
        let sessions = Sessions::new();
        let [acme, bolt]: [TenantId; 2] = ["acme", "bolt"].map(|name| name.parse().unwrap());
        for (id, tenant) in [("a1", &acme), ("a2", &acme), ("b1", &bolt)] {
            sessions.opened(id, tenant);
        }
        assert!(sessions.is_of("a1", &acme) && sessions.is_of("b1", &bolt));
        assert!(!sessions.is_of("a1", &bolt) && !sessions.is_of("none", &acme));
        assert_eq!(sessions.lock().least_used().as_deref(), Some("a2"));
        sessions.close_session(&"a2".into()).await.unwrap();
        assert!(!sessions.is_of("a2", &acme));
        assert_eq!(sessions.lock().least_used().as_deref(), Some("a1"), "of as many, the oldest use");
    }

    #[tokio::test]
    async fn there_are_so_many_and_no_more() {
        let sessions = Sessions::new();
        let tenant = TenantId::default();
        for _ in 0..MOST_SESSIONS + 3 {
            sessions.make_room().await;
            let (id, _transport) = sessions.create_session().await.unwrap();
            sessions.opened(&id, &tenant);
        }
        assert_eq!(sessions.inner.sessions.read().await.len(), MOST_SESSIONS);
    }
}
