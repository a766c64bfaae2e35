//! One request by way of `wasi:http`.

use hotcell::Error;
use wasip2::http::outgoing_handler;
use wasip2::http::types::{
    ErrorCode, Fields, IncomingBody, IncomingResponse, Method, OutgoingBody, OutgoingRequest, Scheme,
};
use wasip2::io::streams::StreamError;

use crate::{Head, Request};

/// Bytes in one piece of a body.
const PIECE: u64 = 64 << 10;
/// The most that one blocking write takes.
const WRITE: usize = 4 << 10;

/// Sends a request and hands on what comes back, piece by piece, until it ends or `take` has enough.
pub(crate) fn exchange(
    request: &Request<'_>,
    mut take: impl FnMut(&Head, &[u8]) -> Result<bool, Error>,
) -> Result<Head, Error> {
    let response = send(request)?;
    let mut head = Head { status: response.status(), headers: std::collections::BTreeMap::new() };
    for (name, value) in response.headers().entries() {
        let value = String::from_utf8_lossy(&value).into_owned();
        let known = head.headers.entry(name.to_ascii_lowercase()).or_default();
        *known = if known.is_empty() { value } else { format!("{known}, {value}") };
    }
    let body = response.consume().map_err(|()| Error::failed("the response has no body"))?;
    {
        let stream = body.stream().map_err(|()| Error::failed("the response's body is taken"))?;
        loop {
            match stream.blocking_read(PIECE) {
                Ok(piece) => {
                    if !take(&head, &piece)? {
                        break;
                    }
                }
                Err(StreamError::Closed) => break,
                Err(StreamError::LastOperationFailed(error)) => {
                    return Err(Error::failed(format!("the response was broken off: {}", error.to_debug_string())));
                }
            }
        }
    }
    drop(IncomingBody::finish(body));
    Ok(head)
}

fn send(request: &Request<'_>) -> Result<IncomingResponse, Error> {
    let fields = Fields::new();
    for (name, value) in &request.headers {
        fields.append(name, value.as_bytes()).map_err(|error| {
            Error::invalid_input("$.headers", format!("`{name}` can't be set: {}", error.to_string().to_lowercase()))
        })?;
    }
    if !request.body.is_empty() {
        let length = request.body.len().to_string();
        fields.set("content-length", &[length.into_bytes()]).map_err(|error| Error::failed(error.to_string()))?;
    }
    let url = |what: &str| Error::invalid_input("$.url", format!("{what} is none that can be sent"));
    let outgoing = OutgoingRequest::new(fields);
    let method = if request.method == "GET" { Method::Get } else { Method::Post };
    let scheme = if request.url.secure { Scheme::Https } else { Scheme::Http };
    outgoing.set_method(&method).map_err(|()| url("the method"))?;
    outgoing.set_scheme(Some(&scheme)).map_err(|()| url("the scheme"))?;
    outgoing.set_authority(Some(&request.url.authority)).map_err(|()| url("the host"))?;
    outgoing.set_path_with_query(Some(&request.url.path)).map_err(|()| url("the path"))?;

    // A body, be it empty, would be announced.
    let body = (!request.body.is_empty()).then(|| outgoing.body()).transpose();
    let body = body.map_err(|()| Error::failed("the request has no body"))?;
    let response = outgoing_handler::handle(outgoing, None).map_err(|error| failed(&error))?;
    if let Some(body) = body {
        // A server may answer before it has heard all, and what went wrong otherwise is told by the response.
        let _ = write(body, &request.body);
    }
    response.subscribe().block();
    let response = response.get().and_then(Result::ok).ok_or_else(|| Error::failed("nothing came back"))?;
    response.map_err(|error| failed(&error))
}

fn write(body: OutgoingBody, bytes: &[u8]) -> Result<(), ErrorCode> {
    let broken = |_| ErrorCode::ConnectionTerminated;
    {
        let stream = body.write().map_err(|()| ErrorCode::ConnectionTerminated)?;
        for piece in bytes.chunks(WRITE) {
            stream.blocking_write_and_flush(piece).map_err(broken)?;
        }
    }
    OutgoingBody::finish(body, None)
}

/// What the host said, and whether it is worth another try.
fn failed(error: &ErrorCode) -> Error {
    let text = format!("the request failed: {error:?}");
    match error {
        ErrorCode::HttpRequestDenied | ErrorCode::DestinationIpProhibited | ErrorCode::HttpRequestUriInvalid => {
            Error::failed("the request is not granted")
        }
        ErrorCode::DnsTimeout
        | ErrorCode::ConnectionRefused
        | ErrorCode::ConnectionTerminated
        | ErrorCode::ConnectionTimeout
        | ErrorCode::ConnectionReadTimeout
        | ErrorCode::DestinationUnavailable => Error::unavailable(text, None),
        _ => Error::failed(text),
    }
}
