//! `fetch`: requests over HTTP, as far as the operator's rules allow them.
//!
//! The tool has no rules of its own: it asks, the host decides, and a refusal comes back as an error that names the rule. It follows
//! no redirect either. Where an answer leads elsewhere, `headers` has the `location`, and going there is another request, for
//! whoever called to decide.
//!
//! It has no `tool.toml`: what it wants is what the operator gives, and there is no rule that says less and is of use to all.

mod answer;
#[cfg(not(target_arch = "wasm32"))]
#[path = "nowhere.rs"]
mod host;
#[cfg(target_arch = "wasm32")]
mod host;
mod url;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

use hotcell::Error;
use hotcell::serde_json::Value;

pub use crate::answer::{Answer, Downloaded, Encoding};
use crate::url::Url;

/// A request that is to be sent.
struct Request<'a> {
    method: &'static str,
    url: &'a Url,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

/// What came back, but for its body.
struct Head {
    status: u16,
    headers: BTreeMap<String, String>,
}

/// Gets what a URL names.
///
/// The answer holds text where the bytes are text. Any status is an answer, also 404; only where there is none at all the call fails.
#[hotcell::tool(effect = "read")]
fn get(
    /// `https://host/path?query`.
    url: String,
    /// Headers to send, by their names.
    headers: Option<BTreeMap<String, String>>,
    /// Largest number of bytes to read, up to 2097152; `truncated` says whether there were more.
    #[hotcell(default = 1_048_576)]
    max_bytes: u64,
    /// How to give the bytes back: `text`, or `base64` for exact bytes.
    #[hotcell(default = Encoding::Text)]
    encoding: Encoding,
) -> Result<Answer, Error> {
    let request = Request { method: "GET", url: &Url::read(&url)?, headers: list(headers), body: Vec::new() };
    answered(&request, max_bytes, encoding)
}

/// Posts a JSON value to a URL.
#[hotcell::tool(name = "post-json", effect = "write")]
fn post_json(
    /// `https://host/path?query`.
    url: String,
    /// What to send, as JSON.
    value: Value,
    /// Further headers to send, by their names.
    headers: Option<BTreeMap<String, String>>,
    /// Largest number of bytes to read of the answer, up to 2097152.
    #[hotcell(default = 1_048_576)]
    max_bytes: u64,
) -> Result<Answer, Error> {
    let mut headers = list(headers);
    if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type")) {
        headers.push(("content-type".to_owned(), "application/json".to_owned()));
    }
    let request = Request { method: "POST", url: &Url::read(&url)?, headers, body: value.to_string().into_bytes() };
    answered(&request, max_bytes, Encoding::Text)
}

/// Gets what a URL names and writes it to a file in a granted folder, if the status is 200 to 299.
///
/// The folders above it are made if they are missing, and the file is replaced if it is there. One that was broken off is taken away.
#[hotcell::tool(effect = "idempotent")]
fn download(
    /// `https://host/path?query`.
    url: String,
    /// File to write.
    path: String,
    /// Headers to send, by their names.
    headers: Option<BTreeMap<String, String>>,
) -> Result<Downloaded, Error> {
    let request = Request { method: "GET", url: &Url::read(&url)?, headers: list(headers), body: Vec::new() };
    let failed = |error: std::io::Error| Error::failed(format!("failed to write `{path}`: {error}"));
    let mut file = None;
    let mut bytes = 0_u64;
    let head = host::exchange(&request, |head, piece| {
        if !(200..300).contains(&head.status) {
            return Ok(false);
        }
        let file = match &mut file {
            Some(file) => file,
            None => file.insert(create(&path).map_err(failed)?),
        };
        bytes += piece.len() as u64;
        file.write_all(piece).map_err(failed).map(|()| true)
    });
    let head = head.inspect_err(|_| {
        // Half a file is none; if it can't be removed, the error of the exchange still says that it is broken.
        let _ = file.is_some().then(|| fs::remove_file(&path));
    })?;
    if !(200..300).contains(&head.status) {
        return Err(Error::failed(format!("{url} answered with status {}; nothing was written", head.status)));
    }
    if file.is_none() {
        create(&path).map_err(failed)?;
    }
    Ok(Downloaded { status: head.status, path, bytes, media_type: head.headers.get("content-type").cloned() })
}

fn create(path: &str) -> std::io::Result<File> {
    if let Some(folder) = Path::new(path).parent().filter(|folder| !folder.as_os_str().is_empty()) {
        fs::create_dir_all(folder)?;
    }
    File::create(path)
}

fn answered(request: &Request<'_>, max_bytes: u64, encoding: Encoding) -> Result<Answer, Error> {
    let most = answer::most(max_bytes)?;
    let mut body = Vec::new();
    let head = host::exchange(request, |_, piece| {
        body.extend_from_slice(piece);
        Ok(body.len() <= most)
    })?;
    Ok(Answer::new(head, body, most, encoding))
}

fn list(headers: Option<BTreeMap<String, String>>) -> Vec<(String, String)> {
    headers.unwrap_or_default().into_iter().collect()
}
