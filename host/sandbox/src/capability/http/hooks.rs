//! What a guest's request has to pass before anything is done for it.

use std::sync::Arc;
use std::time::Instant;

use hotcell_call::{Asked, shortened};
use http::header::{self, HeaderName};
use http::{HeaderValue, Request, Response, Uri};
use tokio::sync::Semaphore;
use wasmtime_wasi_http::p2::bindings::http::types::ErrorCode;
use wasmtime_wasi_http::{
    DEFAULT_FORBIDDEN_HEADERS, Error, ForbiddenHeaderFilter, RequestOptions, WasiBody, WasiHttpHooks,
};

use super::Outlet;
use super::account::Account;
use super::body::Outgoing;
use super::exchange::{Exchange, Times};
use crate::capability::OpenGrants;

type Io = Box<dyn Future<Output = Result<(), Error>> + Send>;
type Sent = Result<(Response<WasiBody>, Io), Error>;

/// One call's way out.
pub(super) struct Hooks {
    grants: Arc<OpenGrants>,
    outlet: Option<Outlet>,
    account: Account,
    deadline: Instant,
    /// Exchanges that are open at one time.
    slots: Arc<Semaphore>,
}

/// Exchanges of one call that are open at one time; further ones wait.
const MOST_OPEN: usize = 16;
/// The most bytes of one write to a request's body, and how many such are kept for the network to take them.
const CHUNK: usize = 16 << 10;

/// Besides what the stock host takes for itself: what frames a message or is about one connection is the host's to say.
const FORBIDDEN: [HeaderName; 3] = [header::TE, header::TRAILER, header::EXPECT];

fn is_forbidden(name: &HeaderName) -> bool {
    DEFAULT_FORBIDDEN_HEADERS.contains(name) || FORBIDDEN.contains(name)
}

impl Hooks {
    pub(super) fn new(grants: Arc<OpenGrants>, outlet: Option<Outlet>, account: Account, deadline: Instant) -> Self {
        Self { grants, outlet, account, deadline, slots: Arc::new(Semaphore::new(MOST_OPEN)) }
    }

    pub(super) fn account(&self) -> &Account {
        &self.account
    }

    /// Judges a request, and makes of it what will be sent.
    fn judge(&self, request: Request<WasiBody>) -> Result<(Outlet, Asked, Request<Outgoing>), Error> {
        let (parts, body) = request.into_parts();
        let asked = self.asked(parts.method.as_str(), &parts.uri)?;
        let rule = self.grants.set().net.iter().find(|rule| rule.allows(&asked));
        let (Some(outlet), Some(rule)) = (&self.outlet, rule) else {
            self.account.deny(asked.rule().to_string());
            return Err(Error::HttpRequestDenied);
        };
        let secrets = self.grants.secrets();
        let names = secrets.map(|secrets| secrets.names_for(&asked)).unwrap_or_default();
        self.account.allow(&asked.rule().to_string(), rule, names);
        self.account.begin(asked.only_reads()).map_err(|_| Error::ConnectionLimitReached)?;

        let mut ours = Request::new(Outgoing::new(body, self.account.clone()));
        *ours.method_mut() = parts.method;
        let path = asked.path_and_query();
        *ours.uri_mut() = Uri::try_from(path.as_str()).map_err(|_| Error::HttpRequestUriInvalid)?;
        *ours.headers_mut() = parts.headers;
        let headers = ours.headers_mut();
        for name in DEFAULT_FORBIDDEN_HEADERS.iter().chain(&FORBIDDEN) {
            headers.remove(name);
        }
        // The stock host has looked at it already; what frames a request is worth a second look.
        if headers.get_all(header::CONTENT_LENGTH).iter().count() > 1 {
            return Err(Error::HttpProtocolError);
        }
        let host = HeaderValue::try_from(asked.authority()).map_err(|_| Error::HttpRequestUriInvalid)?;
        headers.insert(header::HOST, host);
        if let Some(secrets) = secrets {
            secrets.put_on(&asked, headers);
        }
        let fields: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum();
        let size = asked.method().len() + path.len() + fields + 14;
        self.account.send(size).map_err(|full| Error::HttpRequestBodySize(Some(full.limit)))?;
        Ok((outlet.clone(), asked, ours))
    }

    fn asked(&self, method: &str, uri: &Uri) -> Result<Asked, Error> {
        let scheme = uri.scheme_str().unwrap_or_default();
        let authority = uri.authority().map(http::uri::Authority::as_str).unwrap_or_default();
        let path = uri.path_and_query().map(http::uri::PathAndQuery::as_str).unwrap_or_default();
        Asked::new(method, scheme, authority, path).map_err(|error| {
            let path = path.split('?').next().unwrap_or_default();
            let text = format!("{} {scheme}://{authority}{}", shortened(method, 20), shortened(path, 60));
            self.account.deny(format!("{}, because {error}", shortened(&text, 140)));
            Error::HttpRequestUriInvalid
        })
    }
}

impl WasiHttpHooks for Hooks {
    fn forbidden_header_filter(&mut self) -> ForbiddenHeaderFilter {
        Arc::new(is_forbidden)
    }

    /// The host says where a request goes, by the form in which that was judged.
    fn set_host_header(&mut self) -> bool {
        false
    }

    fn send_request(
        &mut self,
        request: Request<WasiBody>,
        options: Option<RequestOptions>,
        _processed: Io,
    ) -> Box<dyn Future<Output = Sent> + Send> {
        let judged = self.judge(request);
        let times = Times::new(options.unwrap_or_default(), self.deadline);
        let (account, slots) = (self.account.clone(), Arc::clone(&self.slots));
        let secrets = self.grants.secrets().cloned();
        Box::new(async move {
            let (outlet, asked, request) = judged?;
            let response = Exchange { outlet, asked, times, account, slots, secrets }.run(request).await?;
            let done: Io = Box::new(async { Ok(()) });
            Ok((response, done))
        })
    }

    fn p2_outgoing_body_chunk_size(&mut self) -> usize {
        CHUNK
    }

    fn p2_error_from_hyper(&mut self, _error: &hyper::Error) -> ErrorCode {
        ErrorCode::HttpProtocolError
    }

    fn p2_error_from_connect(&mut self, _error: &std::io::Error) -> ErrorCode {
        ErrorCode::ConnectionRefused
    }

    fn p2_error_from_tls(&mut self, _error: &std::io::Error) -> ErrorCode {
        ErrorCode::TlsProtocolError
    }
}
