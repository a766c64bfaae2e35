//! The server: one port for everything that a host offers.
//!
//! A request goes one way. Its connection has a [place](connections), its head came in time; then, before anything of its body is read,
//! it came by [our name](site) and from [somebody known](caller); then it is one of the [paths of HTTP](crate::http), or of the
//! protocol of [model clients](crate::mcp) at `/mcp`. Nothing here decides about a call: it becomes a `ToolCall` of the caller's
//! tenant and goes down the host's one path.

mod caller;
mod connections;
mod line;
mod share;
mod site;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, PoisonError, RwLock};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, HttpBody};
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use hotcell_call::{Code, Failure, shortened};
use hotcell_runtime::Host;
use hotcell_runtime::config::Config;
use hotcell_runtime::trace::{Parent, within};
use http::header::{CONNECTION, HeaderValue};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;
use tower_service::Service as _;
use tracing::field::display;

pub(crate) use self::caller::Caller;
use self::connections::{Busy, Connections, Held};
use self::line::Line;
use self::share::{Share, Shares};
use self::site::Site;
use crate::http::{self as paths, CALL, Problem, Requests};
use crate::mcp::Mcp;
use crate::mcp::http::Endpoint;
use crate::runs::Runs;
use crate::tape::Tape;
use crate::trace;

/// A host that is about to be served.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    shared: Arc<Shared>,
}

/// Changes a server that runs, and tells [what is measured](crate::measures) of it.
#[derive(Debug, Clone)]
pub struct Control(Arc<Shared>);

/// What all requests share.
#[derive(Debug)]
pub(crate) struct Shared {
    now: RwLock<Arc<Serving>>,
    listen: SocketAddr,
    pub(crate) runs: Runs,
    pub(crate) mcp: Endpoint,
    pub(crate) tape: Tape,
    pub(crate) connections: Arc<Connections>,
    pub(crate) requests: Requests,
    /// Requests that are not answered yet, streams that only tell what happens left out.
    pub(crate) open: TaskTracker,
    /// How many requests of each tenant are not answered yet.
    shares: Arc<Shares>,
    /// The end of the server has begun: what comes now is refused.
    pub(crate) draining: CancellationToken,
    pub(crate) started: Instant,
}

/// The host that is served now, with what follows from its configuration.
#[derive(Debug)]
pub(crate) struct Serving {
    pub(crate) host: Host,
    site: Site,
    /// Another has taken its place: whoever follows must show again who it is.
    pub(crate) over: CancellationToken,
}

/// In which the head of a request must have come, and the next one begin.
const HEAD_IN: Duration = Duration::from_secs(10);
/// Of the head of a request, its target included; it is looked at after each read, so one may be twice as long.
const MOST_HEAD: usize = 64 << 10;
const MOST_HEADERS: usize = 100;
/// What is left for answers to be sent, when all calls have ended.
const SENT_IN: Duration = Duration::from_secs(2);
/// Before it is tried again, when the system had no descriptor for a connection.
const REST: Duration = Duration::from_millis(100);

impl Server {
    /// Listens, but answers nobody yet.
    ///
    /// # Errors
    ///
    /// [`Code::Listen`] if the address can't be had, or may be reached from other machines while no tenant has a token.
    pub async fn bind(host: Host, listen: SocketAddr) -> Result<Self, Failure> {
        may_listen(listen, host.config())?;
        let refuse = |error: std::io::Error| {
            cannot_listen(listen, error.to_string())
                .fix("another address: --listen 127.0.0.1:0 takes any port that is free")
        };
        let listener = TcpListener::bind(listen).await.map_err(refuse)?;
        let address = listener.local_addr().map_err(refuse)?;
        let shared = Shared {
            mcp: Endpoint::new(Mcp::new(host.clone())),
            now: RwLock::new(Arc::new(Serving::new(host))),
            listen: address,
            runs: Runs::new(),
            tape: Tape::default(),
            connections: Arc::default(),
            requests: Requests::default(),
            open: TaskTracker::new(),
            shares: Arc::default(),
            draining: CancellationToken::new(),
            started: Instant::now(),
        };
        Ok(Self { listener, shared: Arc::new(shared) })
    }

    /// Where it listens, the port filled in.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.shared.listen
    }

    /// What changes it while it runs.
    #[must_use]
    pub fn control(&self) -> Control {
        Control(Arc::clone(&self.shared))
    }

    /// Serves until `stop` ends, and then what was accepted to its end.
    ///
    /// From `stop` on no connection and no request is taken; what is under way may go on for `[server] drain` of the configuration,
    /// and is then ended. Each call that was accepted is answered, by its result or by how it ended.
    pub async fn run(self, stop: impl Future<Output = ()>) {
        let router = paths::router(Arc::clone(&self.shared));
        let tasks = TaskTracker::new();
        let mcp = &self.shared.mcp.mcp;
        tasks.spawn(mcp.end.clone().run_until_cancelled_owned(Arc::clone(mcp).watch()));
        let shared = Arc::clone(&self.shared);
        let warm = async move {
            loop {
                let now = shared.now();
                let _ = now.over.run_until_cancelled(now.host.warm()).await;
                // Whatever takes its place may have other tools.
                now.over.cancelled().await;
            }
        };
        tasks.spawn(self.shared.draining.clone().run_until_cancelled_owned(warm));
        let mut stop = std::pin::pin!(stop);
        loop {
            let most = self.shared.now().host.config().server.connections;
            let most = usize::try_from(most).unwrap_or(usize::MAX);
            tokio::select! {
                () = &mut stop => break,
                accepted = accept(&self.listener, &self.shared.connections, most) => {
                    let (stream, held) = accepted;
                    tasks.spawn(connection(stream, held, router.clone(), Arc::clone(&self.shared)));
                }
            }
        }
        drop(self.listener);
        tasks.close();
        self.shared.draining.cancel();
        let host = self.shared.host();
        // First all that was accepted has its time: requests, and runs with the calls that they still make.
        self.shared.open.close();
        let accepted = async { tokio::join!(self.shared.open.wait(), self.shared.runs.gone()) };
        let _ = tokio::time::timeout(host.config().server.drain, accepted).await;
        // Then it is ended, and told so; those who take no answer are not waited for.
        self.shared.runs.cancel_all();
        let ended = async { tokio::join!(host.drain(Duration::ZERO), self.shared.open.wait()) };
        let _ = tokio::time::timeout(SENT_IN, ended).await;
        self.shared.mcp.mcp.end.cancel();
        let _ = tokio::time::timeout(SENT_IN, tasks.wait()).await;
    }
}

impl Control {
    /// Of the server whose requests share this.
    pub(crate) fn of(shared: Arc<Shared>) -> Self {
        Self(shared)
    }

    pub(crate) fn shared(&self) -> &Shared {
        &self.0
    }

    /// Serves another host from now on: the requests that come from here on. Those under way end on the one before.
    ///
    /// # Errors
    ///
    /// [`Code::Listen`] if it has no token any more while other machines may reach the server; [`Code::Restart`] if it has none any
    /// more at all, or names another address: a file that is just being written anew must not let everybody in.
    pub fn replace(&self, host: Host) -> Result<(), Failure> {
        may_listen(self.0.listen, host.config())?;
        if has_tokens(self.0.now().host.config()) && !has_tokens(host.config()) {
            return Err(Failure::new(Code::Restart, "the new configuration has no token any more")
                .why("from then on everybody on this machine would be let in")
                .fix("start the program anew, if that is meant"));
        }
        let (before, after) = (self.0.now().host.config().server.listen, host.config().server.listen);
        if before != after {
            return Err(Failure::new(Code::Restart, "the new configuration names another address")
                .why(format!("`[server] listen` was {before}, and is {after}"))
                .fix("take it back, or start the program anew"));
        }
        self.0.mcp.mcp.replace(host.clone());
        let mut now = self.0.now.write().unwrap_or_else(PoisonError::into_inner);
        let before = std::mem::replace(&mut *now, Arc::new(Serving::new(host)));
        drop(now);
        before.over.cancel();
        Ok(())
    }
}

impl Shared {
    /// What is served now.
    pub(crate) fn now(&self) -> Arc<Serving> {
        Arc::clone(&self.now.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn host(&self) -> Host {
        self.now().host.clone()
    }
}

impl Serving {
    fn new(host: Host) -> Self {
        Self { site: Site::new(&host.config().server), host, over: CancellationToken::new() }
    }
}

/// Whoever can reach the server is known, or is on this machine.
fn may_listen(listen: SocketAddr, config: &Config) -> Result<(), Failure> {
    if has_tokens(config) || listen.ip().is_loopback() {
        return Ok(());
    }
    Err(cannot_listen(listen, "other machines may reach it, and no tenant has a token".to_owned())
        .fix("hotcell token TENANT, and the line that it prints into hotcell.toml"))
}

fn has_tokens(config: &Config) -> bool {
    config.tenants.values().any(|tenant| !tenant.tokens.is_empty())
}

fn cannot_listen(listen: SocketAddr, why: String) -> Failure {
    Failure::new(Code::Listen, format!("the server can't listen on {listen}")).why(why)
}

/// The next connection, with a place for it.
async fn accept(listener: &TcpListener, connections: &Arc<Connections>, most: usize) -> (TcpStream, Held) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => return (stream, connections.place(most).await),
            // One that was gone before it was taken is nothing to wait for; no descriptor is.
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionAborted => {}
            Err(error) => {
                tracing::warn!(%error, "no connection can be taken");
                tokio::time::sleep(REST).await;
            }
        }
    }
}

/// One connection, to its end.
async fn connection(stream: TcpStream, held: Held, router: Router, shared: Arc<Shared>) {
    let Ok(local) = stream.local_addr() else { return };
    // Answers are small, and their callers wait for them.
    let _ = stream.set_nodelay(true);
    let (close, draining) = (held.close.clone(), shared.draining.clone());
    let line = Line::new(stream, Arc::clone(&held.unsent));
    let held = Arc::new(held);
    let service = service_fn(move |request| {
        let busy = held.busy();
        let answer = answer(Arc::clone(&shared), router.clone(), local, request);
        async move {
            let (answer, open) = answer.await;
            Ok::<_, Infallible>(answer.map(|body| Body::new(Sent { body, _busy: busy, _open: open })))
        }
    });
    let serving = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_IN)
        .max_buf_size(MOST_HEAD)
        .max_headers(MOST_HEADERS)
        .serve_connection(TokioIo::new(line), service);
    let mut serving = std::pin::pin!(serving);
    tokio::select! {
        ended = &mut serving => return told(ended),
        () = close.cancelled() => return,
        () = draining.cancelled() => serving.as_mut().graceful_shutdown(),
    }
    told(serving.await);
}

/// A connection that breaks is its client's matter.
fn told(ended: hyper::Result<()>) {
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection broke");
    }
}

/// The answer to one request.
async fn answer(
    shared: Arc<Shared>,
    mut router: Router,
    local: SocketAddr,
    request: hyper::Request<Incoming>,
) -> (Response, Open) {
    let began = Instant::now();
    let (mut parts, body) = request.into_parts();
    let (method, path) = (parts.method.clone(), shortened(parts.uri.path(), 200));
    let parent = trace::parent(&parts.headers);
    let trace = parent.as_ref().map(Parent::trace).map(display);
    let (tenant, mut response, open) = match admit(&shared, &parts, local) {
        Ok(Admitted { page, caller, open }) => {
            let tenant = caller.as_ref().map(|caller| caller.tenant.clone());
            let mut response = if page.is_some() && paths::is_preflight(&parts) {
                paths::preflight()
            } else {
                caller.map(|caller| parts.extensions.insert(caller));
                // A router is always ready, and has an answer to everything.
                let answer = router.call(Request::from_parts(parts, Body::new(body)));
                within(parent, answer).await.unwrap_or_else(|never| match never {})
            };
            paths::let_read(page, &mut response);
            (tenant, response, open)
        }
        Err((page, failure)) => {
            let mut response = Problem::from(failure).into_response();
            paths::let_read(page, &mut response);
            (None, response, Open::default())
        }
    };
    if shared.draining.is_cancelled() {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    shared.requests.count(tenant.as_ref(), &method, &response);
    let (status, bytes) = (response.status().as_u16(), response.body().size_hint().exact());
    let tenant = tenant.as_ref().map_or("-", |tenant| tenant.as_str());
    let call = response.headers().get(CALL).and_then(|call| call.to_str().ok()).map(display);
    // Of a stream it is not known how long it will be.
    tracing::info!(
        target: "hotcell::access",
        %method,
        path,
        status,
        tenant,
        took = ?began.elapsed(),
        bytes,
        call,
        trace,
        "answered"
    );
    (response, open)
}

/// A request that may be answered.
struct Admitted {
    /// The page for which a browser asks.
    page: Option<HeaderValue>,
    /// None where nobody needs to be known.
    caller: Option<Caller>,
    open: Open,
}

/// Lets a request in, or says why not, and to which page that may be shown.
fn admit(
    shared: &Shared,
    request: &http::request::Parts,
    local: SocketAddr,
) -> Result<Admitted, (Option<HeaderValue>, Failure)> {
    let serving = shared.now();
    let page = serving.site.admit(request, local).map_err(|failure| (None, failure))?;
    // A browser asks whether it may ask without showing who asks.
    if paths::is_open(request.uri.path()) || (page.is_some() && paths::is_preflight(request)) {
        return Ok(Admitted { page, caller: None, open: Open::default() });
    }
    match known(shared, &serving, request) {
        Ok((caller, open)) => Ok(Admitted { page, caller: Some(caller), open }),
        Err(failure) => Err((page, failure)),
    }
}

fn known(shared: &Shared, serving: &Serving, request: &http::request::Parts) -> Result<(Caller, Open), Failure> {
    // Counted before it is looked whether the end has begun: so that waits for it, or it is refused.
    let counted = (!paths::is_stream(request)).then(|| shared.open.token());
    if shared.draining.is_cancelled() {
        return Err(Failure::new(Code::Draining, "the server is about to end").retry_after(Duration::from_secs(1)));
    }
    let config = serving.host.config();
    let caller = Caller::of(request, config)?;
    let others = config.tenants.values().filter(|tenant| !tenant.tokens.is_empty()).count() > 1;
    let share = shared.shares.take(&caller.tenant, config.server.connections, others)?;
    Ok((caller, Open { _counted: counted, _share: Some(share) }))
}

/// The body of an answer; as long as it is being sent, its connection has a request under way.
struct Sent {
    body: Body,
    _busy: Busy,
    _open: Open,
}

/// A request that is not answered yet.
#[derive(Debug, Default)]
struct Open {
    /// Where the end of the server waits for it.
    _counted: Option<TaskTrackerToken>,
    /// Of its tenant's share.
    _share: Option<Share>,
}

impl HttpBody for Sent {
    type Data = bytes::Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<Self::Data>, Self::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> http_body::SizeHint {
        self.body.size_hint()
    }
}
