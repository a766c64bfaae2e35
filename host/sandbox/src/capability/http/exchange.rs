//! One request and its response.

use std::sync::Arc;
use std::time::{Duration, Instant};

use hotcell_call::Asked;
use http::{Request, Response, StatusCode};
use http_body_util::BodyExt;
use tokio::sync::Semaphore;
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody};

use super::Outlet;
use super::account::Account;
use super::body::{Incoming, Outgoing};
use super::connect::Unconnected;
use super::masked::Masked;
use super::pool::Key;
use crate::secrets::Secrets;

/// When what has to have happened: as the guest says, and never after the end of its call.
#[derive(Debug, Clone, Copy)]
pub(super) struct Times {
    connect: Duration,
    first_byte: Duration,
    between_bytes: Duration,
    deadline: Instant,
}

/// A request that was judged, on its way.
pub(super) struct Exchange {
    pub(super) outlet: Outlet,
    pub(super) asked: Asked,
    pub(super) times: Times,
    pub(super) account: Account,
    pub(super) slots: Arc<Semaphore>,
    /// What the guest must not see in the response.
    pub(super) secrets: Option<Arc<Secrets>>,
}

/// Longer than any call: what a guest means by no limit, and short enough to be added to any instant.
const LONGEST: Duration = Duration::from_secs(24 * 3_600);

impl Times {
    pub(super) fn new(options: RequestOptions, deadline: Instant) -> Self {
        let time = |asked: Option<Duration>| asked.unwrap_or(LONGEST).min(LONGEST);
        Self {
            connect: time(options.connect_timeout),
            first_byte: time(options.first_byte_timeout),
            between_bytes: time(options.between_bytes_timeout),
            deadline,
        }
    }

    fn until(self, time: Duration) -> tokio::time::Instant {
        (Instant::now() + time).min(self.deadline).into()
    }

    /// When the next byte of a body has to be there.
    pub(super) fn next_byte(self) -> tokio::time::Instant {
        self.until(self.between_bytes)
    }
}

impl Exchange {
    pub(super) async fn run(self, mut request: Request<Outgoing>) -> Result<Response<WasiBody>, Error> {
        let Self { outlet, asked, times, account, slots, secrets } = self;
        let slot = slots.acquire_owned().await.map_err(|_| Error::ConnectionLimitReached)?;
        let key = Key::new(outlet.tenant, &asked);
        let mut fresh = false;
        let (mut response, connection, whole) = loop {
            let connecting = outlet.net.connection(&key, &asked, fresh);
            let connection = tokio::time::timeout_at(times.until(times.connect), connecting).await;
            let mut connection = match connection.map_err(|_| Error::ConnectionTimeout)? {
                Ok(connection) => connection,
                Err(Unconnected::Failed(error)) => return Err(error),
                Err(Unconnected::Forbidden(what)) => {
                    account.deny(format!("{}, because it leads to {what}", asked.rule()));
                    return Err(Error::DestinationIpProhibited);
                }
            };
            let whole = request.body().whole();
            let sending = connection.sender.try_send_request(request);
            let sent = tokio::time::timeout_at(times.until(times.first_byte), sending).await;
            match sent.map_err(|_| Error::ConnectionReadTimeout)? {
                Ok(response) => break (response, connection, whole),
                Err(mut error) => match error.take_message() {
                    // Nothing of it was sent, because the other side had closed what was kept open: that is not the guest's business.
                    Some(unsent) if !fresh => {
                        request = unsent;
                        fresh = true;
                    }
                    _ => return Err(failed(error.error(), &account)),
                },
            }
        };
        if response.status() == StatusCode::SWITCHING_PROTOCOLS {
            return Err(Error::HttpUpgradeFailed);
        }
        let fields: usize = response.headers().iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum();
        account.receive(fields).map_err(|full| Error::HttpResponseBodySize(Some(full.limit)))?;
        if let Some(secrets) = &secrets {
            secrets.clean(response.headers_mut());
        }
        Ok(response.map(|body| {
            let body = Incoming::new(body, account, times, connection, whole, slot);
            match secrets {
                Some(secrets) => Masked::new(body, secrets).boxed_unsync(),
                None => body.boxed_unsync(),
            }
        }))
    }
}

/// What went wrong between two who speak HTTP, in the words of `wasi:http`.
pub(super) fn failed(error: &hyper::Error, account: &Account) -> Error {
    if error.is_parse_too_large() {
        Error::HttpResponseHeaderSectionSize(None)
    } else if error.is_incomplete_message() {
        Error::HttpResponseIncomplete
    } else if error.is_user() {
        // The body of the request ended it: because it is too long, or because the guest gave up.
        account.reached().map_or(Error::HttpProtocolError, |(_, spent)| Error::HttpRequestBodySize(Some(spent.limit)))
    } else if error.is_canceled() || error.is_closed() {
        Error::ConnectionTerminated
    } else {
        Error::HttpProtocolError
    }
}
