//! The protocol over HTTP, at `/mcp`.
//!
//! Who asks, by which name and for which page is settled before a request gets here; so is how large its body is and how long that
//! takes to come. What the headers say of a message and the message itself are held against each other by the library.

use std::sync::Arc;

use axum::Extension;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use hotcell_call::{Code, Failure, shortened};
use http::{HeaderMap, HeaderName, Method};
use http_body_util::Full;
use rmcp::transport::{StreamableHttpServerConfig, StreamableHttpService};
use tokio_util::sync::CancellationToken;

use super::Mcp;
use super::handler::{Handler, Whose};
use super::sessions::Sessions;
use crate::http::{Problem, read_body};
use crate::serve::{Caller, Shared};

/// What all requests share.
pub(crate) struct Endpoint {
    pub(crate) mcp: Arc<Mcp>,
    sessions: Arc<Sessions>,
    service: StreamableHttpService<Handler, Sessions>,
}

/// By which a request names its session.
const SESSION: HeaderName = HeaderName::from_static("mcp-session-id");

impl Endpoint {
    pub(crate) fn new(mcp: Arc<Mcp>) -> Self {
        let sessions = Sessions::new();
        let config = StreamableHttpServerConfig::default()
            .disable_allowed_hosts()
            .disable_allowed_origins()
            .with_json_response(true)
            .with_cancellation_token(mcp.end.clone())
            // It is bounded where it is read.
            .with_max_request_body_bytes(usize::MAX);
        let of = Arc::clone(&mcp);
        // Whoever goes away is seen by the request; a session outlives its connections.
        let handler = move || Ok(Handler::new(Arc::clone(&of), Whose::ByRequest, CancellationToken::new()));
        let service = StreamableHttpService::new(handler, Arc::clone(&sessions), config);
        Self { mcp, sessions, service }
    }
}

impl std::fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Endpoint").field("sessions", &self.sessions).finish_non_exhaustive()
    }
}

/// One request, of either era.
pub(crate) async fn serve(
    State(shared): State<Arc<Shared>>,
    Extension(caller): Extension<Caller>,
    request: Request,
) -> Result<Response, Problem> {
    let Endpoint { sessions, service, .. } = &shared.mcp;
    let named = session(request.headers())?;
    if let Some(id) = &named
        && !sessions.is_of(id, &caller.tenant)
    {
        return Err(Failure::new(Code::UnknownPath, format!("there is no session {}", shortened(id, 60)))
            .why("it has ended, or never was")
            .fix("initialize, which opens another")
            .into());
    }
    if named.is_none() && request.method() == Method::POST {
        sessions.make_room().await;
    }
    let (parts, body) = request.into_parts();
    let body = read_body(body, shared.host().config().server.body).await?;
    let response = service.handle(Request::from_parts(parts, Full::new(body))).await;
    if named.is_none()
        && let Ok(Some(id)) = session(response.headers())
    {
        sessions.opened(&id, &caller.tenant);
    }
    Ok(response.map(Body::new))
}

/// The session that headers name.
fn session(headers: &HeaderMap) -> Result<Option<String>, Failure> {
    let mut named = headers.get_all(SESSION).iter();
    match (named.next(), named.next()) {
        (None, _) => Ok(None),
        (Some(id), None) if id.to_str().is_ok() => Ok(id.to_str().ok().map(str::to_owned)),
        _ => Err(Failure::new(Code::Request, format!("the header {SESSION} can't be read"))),
    }
}
