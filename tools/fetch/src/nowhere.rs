//! Natively there is no host, and so nobody who sends anything: for the tool's own tests.

use hotcell::Error;

use crate::{Head, Request};

pub(crate) fn exchange(
    request: &Request<'_>,
    _take: impl FnMut(&Head, &[u8]) -> Result<bool, Error>,
) -> Result<Head, Error> {
    let Request { method, url, headers, body } = request;
    let scheme = if url.secure { "https" } else { "http" };
    let what = format!("{method} {scheme}://{}{}", url.authority, url.path);
    Err(Error::failed(format!("no host to send {what}, with {} headers and {} bytes", headers.len(), body.len())))
}
