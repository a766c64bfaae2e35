//! HTTP: honest requests, and every way to send one where none may go.

use wasip2::http::outgoing_handler;
use wasip2::http::types::{
    ErrorCode, Fields, IncomingBody, IncomingResponse, Method, OutgoingBody, OutgoingRequest, RequestOptions, Scheme,
};
use wasip2::io::streams::StreamError;

use hotcell_test_guests::Probe;

/// What came back.
#[hotcell::output]
struct Answer {
    status: u16,
    headers: Vec<String>,
    body: String,
}

/// Sends a request, and reads what comes back to its end.
#[hotcell::tool]
fn send(
    method: String,
    url: String,
    /// Each as `name: value`.
    headers: Option<Vec<String>>,
    body: Option<String>,
) -> Result<Answer, String> {
    exchange(&method, &url, &headers.unwrap_or_default(), body.as_deref().map(str::as_bytes), None)
}

/// Sends GET requests one after the other.
#[hotcell::tool]
fn repeat(url: String, times: u32) -> Result<u32, String> {
    for _ in 0..times {
        exchange("GET", &url, &[], None, None)?;
    }
    Ok(times)
}

/// Sends GET requests all at once, and waits for the responses.
#[hotcell::tool]
fn crowd(url: String, requests: u32) -> Result<u32, String> {
    let mut sent = Vec::new();
    for _ in 0..requests {
        sent.push(outgoing_handler::handle(request("GET", &url, Fields::new())?, None).map_err(shown)?);
    }
    sent.iter().for_each(|response| response.subscribe().block());
    Ok(requests)
}

/// Tries to GET each of these.
#[hotcell::tool]
fn probe(urls: Vec<String>) -> Vec<Probe> {
    let tried = urls.into_iter().map(|url| {
        let answer = exchange("GET", &url, &[], None, None).map(|answer| answer.status);
        Probe::of(url, answer)
    });
    tried.collect()
}

/// Tries to set each of these headers, as `name: value`, and sends what it could set.
#[hotcell::tool]
fn headers(url: String, headers: Vec<String>) -> Result<Vec<Probe>, String> {
    let fields = Fields::new();
    let mut probes = Vec::new();
    for header in headers {
        let (name, value) = header.split_once(": ").ok_or("no header")?;
        probes.push(Probe::of(header.clone(), fields.append(name, value.as_bytes())));
    }
    let request = request("GET", &url, fields)?;
    let response = respond(request, None)?;
    read(response)?;
    Ok(probes)
}

/// Makes so many sets of so many headers, of 1 KiB each, and sends nothing.
#[hotcell::tool]
fn header_bomb(sets: usize, headers: usize) -> Result<usize, String> {
    let mut made = Vec::new();
    for _ in 0..sets {
        let fields = Fields::new();
        for _ in 0..headers {
            fields.append("x", &[b'x'; 1 << 10]).map_err(|error| format!("{error:?}"))?;
        }
        made.push(fields);
    }
    Ok(made.len())
}

/// Sends a body of so many pieces, each of so many bytes.
#[hotcell::tool]
fn upload(url: String, pieces: u64, bytes: usize) -> Result<u16, String> {
    let request = request("POST", &url, Fields::new())?;
    let body = request.body().map_err(|()| "no body")?;
    let response = outgoing_handler::handle(request, None).map_err(shown)?;
    {
        let stream = body.write().map_err(|()| "no stream")?;
        let piece = vec![b'x'; bytes];
        for _ in 0..pieces {
            stream.subscribe().block();
            stream.check_write().map_err(|error| format!("stopped: {error:?}"))?;
            stream.write(&piece).map_err(|error| format!("stopped: {error:?}"))?;
        }
    }
    OutgoingBody::finish(body, None).map_err(shown)?;
    response.subscribe().block();
    let response = response.get().ok_or("nothing came")?.map_err(|()| "taken already")?.map_err(shown)?;
    Ok(response.status())
}

/// Announces a length, and sends another.
#[hotcell::tool]
fn lie(url: String, announced: u64, sent: usize) -> Result<u16, String> {
    let fields = Fields::new();
    fields.append("content-length", announced.to_string().as_bytes()).map_err(|error| format!("{error:?}"))?;
    let request = request("POST", &url, fields)?;
    let body = request.body().map_err(|()| "no body")?;
    let response = outgoing_handler::handle(request, None).map_err(shown)?;
    let stream = body.write().map_err(|()| "no stream")?;
    let written = stream.blocking_write_and_flush(&vec![b'x'; sent]);
    drop(stream);
    let finished = OutgoingBody::finish(body, None);
    response.subscribe().block();
    let response = response.get().ok_or("nothing came")?.map_err(|()| "taken already")?;
    match (written, finished, response) {
        (Ok(()), Ok(()), Ok(response)) => Ok(response.status()),
        (written, finished, response) => {
            Err(format!("{written:?}, {finished:?}, {:?}", response.map(|response| response.status())))
        }
    }
}

/// Sends a request with all timeouts set to so many nanoseconds.
#[hotcell::tool]
fn hurry(url: String, nanos: u64) -> Result<u16, String> {
    let options = RequestOptions::new();
    for set in [
        RequestOptions::set_connect_timeout,
        RequestOptions::set_first_byte_timeout,
        RequestOptions::set_between_bytes_timeout,
    ] {
        set(&options, Some(nanos)).map_err(|()| "not taken")?;
    }
    exchange("GET", &url, &[], None, Some(options)).map(|answer| answer.status)
}

/// Says that it only reads, sends a request of whatever method, and then that it is not available.
#[hotcell::tool(effect = "read")]
fn pretend(method: String, url: String) -> Result<(), hotcell::Error> {
    exchange(&method, &url, &[], None, None).map_err(hotcell::Error::failed)?;
    Err(hotcell::Error::unavailable("not now", None))
}

/// Follows where it is sent, as a library of the guest would.
#[hotcell::tool]
fn follow(url: String) -> Result<Answer, String> {
    let answer = exchange("GET", &url, &[], None, None)?;
    let next = answer.headers.iter().find_map(|header| header.strip_prefix("location: "));
    match next {
        Some(next) => exchange("GET", next, &[], None, None),
        None => Ok(answer),
    }
}

/// Fetches a text, or takes one, and lets it out by one of the ways that there are.
#[expect(clippy::print_stdout, clippy::print_stderr, clippy::panic, reason = "these are ways for it to come out")]
#[hotcell::tool]
fn leak(
    url: String,
    /// result | error | log | progress | panic | url
    way: String,
    /// In place of what would be fetched.
    text: Option<String>,
) -> Result<String, String> {
    let told = match text {
        Some(text) => text,
        None => {
            let answer = exchange("GET", &url, &[], None, None)?;
            format!("{}\n{}", answer.headers.join("\n"), answer.body)
        }
    };
    match way.as_str() {
        "result" => Ok(told),
        "error" => Err(told),
        "log" => {
            println!("{told}");
            eprintln!("{told}");
            Ok(String::new())
        }
        "progress" => {
            hotcell::progress(1, 2, &told);
            Ok(String::new())
        }
        "panic" => panic!("{told}"),
        "url" => exchange("GET", &format!("http://127.0.0.1:1/{}", told.replace([' ', '\n'], "_")), &[], None, None)
            .map(|answer| answer.body),
        _ => Err("no such way".to_owned()),
    }
}

fn exchange(
    method: &str,
    url: &str,
    headers: &[String],
    body: Option<&[u8]>,
    options: Option<RequestOptions>,
) -> Result<Answer, String> {
    let fields = Fields::new();
    for header in headers {
        let (name, value) = header.split_once(": ").ok_or("no header")?;
        fields.append(name, value.as_bytes()).map_err(|error| format!("{header}: {error:?}"))?;
    }
    let request = request(method, url, fields)?;
    if let Some(bytes) = body {
        let body = request.body().map_err(|()| "no body")?;
        {
            let stream = body.write().map_err(|()| "no stream")?;
            stream.blocking_write_and_flush(bytes).map_err(|error| format!("{error:?}"))?;
        }
        OutgoingBody::finish(body, None).map_err(shown)?;
    }
    read(respond(request, options)?)
}

fn request(method: &str, url: &str, fields: Fields) -> Result<OutgoingRequest, String> {
    let (scheme, rest) = url.split_once("://").ok_or("no scheme")?;
    let slash = rest.find('/').unwrap_or(rest.len());
    let (authority, path) = rest.split_at(slash);
    let request = OutgoingRequest::new(fields);
    let method = match method {
        "GET" => Method::Get,
        "POST" => Method::Post,
        other => Method::Other(other.to_owned()),
    };
    let scheme = match scheme {
        "http" => Scheme::Http,
        "https" => Scheme::Https,
        other => Scheme::Other(other.to_owned()),
    };
    request.set_method(&method).map_err(|()| "not a method")?;
    request.set_scheme(Some(&scheme)).map_err(|()| "not a scheme")?;
    request.set_authority(Some(authority)).map_err(|()| "not an authority")?;
    request.set_path_with_query(Some(path)).map_err(|()| "not a path")?;
    Ok(request)
}

fn respond(request: OutgoingRequest, options: Option<RequestOptions>) -> Result<IncomingResponse, String> {
    let response = outgoing_handler::handle(request, options).map_err(shown)?;
    response.subscribe().block();
    response.get().ok_or("nothing came")?.map_err(|()| "taken already")?.map_err(shown)
}

fn read(response: IncomingResponse) -> Result<Answer, String> {
    let headers = response.headers().entries();
    let headers = headers.iter().map(|(name, value)| format!("{name}: {}", String::from_utf8_lossy(value))).collect();
    let status = response.status();
    let body = response.consume().map_err(|()| "consumed already")?;
    let mut bytes = Vec::new();
    {
        let stream = body.stream().map_err(|()| "no stream")?;
        loop {
            match stream.blocking_read(64 << 10) {
                Ok(more) => bytes.extend(more),
                Err(StreamError::Closed) => break,
                Err(StreamError::LastOperationFailed(error)) => {
                    return Err(format!("broken off after {} bytes: {}", bytes.len(), error.to_debug_string()));
                }
            }
        }
    }
    drop(IncomingBody::finish(body));
    Ok(Answer { status, headers, body: String::from_utf8_lossy(&bytes).into_owned() })
}

fn shown(error: ErrorCode) -> String {
    format!("{error:?}")
}
