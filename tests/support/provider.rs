//! A provider of models on this machine that answers as a test says, and remembers what it was asked.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio_util::task::AbortOnDropHandle;

/// The provider; it ends with the test.
pub(crate) struct Provider {
    port: u16,
    shared: Arc<Shared>,
    _serving: AbortOnDropHandle<()>,
}

#[derive(Default)]
struct Shared {
    answers: Mutex<VecDeque<Answer>>,
    requests: Mutex<Vec<Request>>,
    connections: Mutex<usize>,
    arrived: Notify,
    left: Notify,
}

/// A request as it came.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) head: String,
    pub(crate) body: Value,
}

/// What one request gets.
#[derive(Clone)]
pub(crate) enum Answer {
    /// This, and the connection stays.
    Whole(Vec<u8>),
    /// This, and the connection goes.
    Then(Vec<u8>),
    /// This, and then nothing.
    Silence(Vec<u8>),
    /// The first, and then the second again and again, with so long between.
    Endless(Vec<u8>, Vec<u8>, Duration),
    /// An error in which stands what it was asked with.
    Echo,
}

const STREAM: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n";

impl Answer {
    /// A whole stream of these events.
    pub(crate) fn events(events: &[Value]) -> Self {
        let body = events_text(events);
        Self::Whole(
            format!("{STREAM}transfer-encoding: chunked\r\n\r\n{:x}\r\n{body}\r\n0\r\n\r\n", body.len()).into_bytes(),
        )
    }

    /// A whole stream of chunks, its ordinary end with it.
    pub(crate) fn chunks(chunks: &[Value]) -> Self {
        let mut all = chunks.to_vec();
        let stop = json!({ "choices": [{ "index": 0, "delta": {}, "finish_reason": "stop" }] });
        all.extend([stop, json!("[DONE]")]);
        Self::events(&all)
    }

    /// A reply of nothing but text.
    pub(crate) fn text(text: &str) -> Self {
        Self::chunks(&[delta(json!({ "content": text }))])
    }

    /// A status with a body.
    pub(crate) fn status(status: &str, fields: &str, body: &str) -> Self {
        Self::Whole(format!("HTTP/1.1 {status}\r\n{fields}content-length: {}\r\n\r\n{body}", body.len()).into_bytes())
    }
}

/// A piece of a reply.
pub(crate) fn delta(delta: Value) -> Value {
    json!({ "choices": [{ "index": 0, "delta": delta, "finish_reason": null }] })
}

/// The beginning of a stream without an end: as much as is sent until the connection goes.
pub(crate) fn opened(text: &str) -> Vec<u8> {
    format!("{STREAM}connection: close\r\n\r\n{text}").into_bytes()
}

pub(crate) fn events_text(events: &[Value]) -> String {
    let data = |event: &Value| event.as_str().map_or_else(|| event.to_string(), str::to_owned);
    events.iter().map(|event| format!("data: {}\n\n", data(event))).collect()
}

impl Provider {
    /// Gives these answers in their order, and the last one again.
    pub(crate) async fn start(answers: Vec<Answer>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a listener");
        let port = listener.local_addr().expect("an address").port();
        let shared = Arc::new(Shared { answers: Mutex::new(answers.into()), ..Shared::default() });
        let serving = tokio::spawn({
            let shared = Arc::clone(&shared);
            async move {
                let mut connections = JoinSet::new();
                while let Ok((stream, _)) = listener.accept().await {
                    *shared.connections.lock().expect("a count") += 1;
                    let shared = Arc::clone(&shared);
                    // Whoever goes away ends it.
                    connections.spawn(async move { drop(serve(stream, &shared).await) });
                }
            }
        });
        Self { port, shared, _serving: AbortOnDropHandle::new(serving) }
    }

    /// A section of `hotcell.toml` for it, with more keys.
    pub(crate) fn section(&self, name: &str, kind: &str, more: &str) -> String {
        format!("[providers.{name}]\nkind = \"{kind}\"\nbase_url = \"http://127.0.0.1:{}/v1\"\n{more}\n", self.port)
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn requests(&self) -> Vec<Request> {
        self.shared.requests.lock().expect("requests").clone()
    }

    /// Waits for a request.
    pub(crate) async fn arrived(&self) {
        self.shared.arrived.notified().await;
    }

    /// Waits until whoever was met with silence has gone.
    pub(crate) async fn left(&self) {
        self.shared.left.notified().await;
    }

    pub(crate) fn connections(&self) -> usize {
        *self.shared.connections.lock().expect("a count")
    }
}

async fn serve(mut stream: TcpStream, shared: &Shared) -> std::io::Result<()> {
    let mut read = Vec::new();
    loop {
        let Some(request) = request(&mut stream, &mut read).await? else { return Ok(()) };
        shared.requests.lock().expect("requests").push(request.clone());
        shared.arrived.notify_one();
        let answer = {
            let mut answers = shared.answers.lock().expect("answers");
            if answers.len() > 1 { answers.pop_front() } else { answers.front().cloned() }
        };
        match answer.expect("an answer") {
            Answer::Whole(bytes) => stream.write_all(&bytes).await?,
            Answer::Then(bytes) => return stream.write_all(&bytes).await,
            Answer::Silence(bytes) => {
                stream.write_all(&bytes).await?;
                // Until the other side goes.
                while stream.read(&mut [0]).await.is_ok_and(|more| more > 0) {}
                shared.left.notify_one();
                return Ok(());
            }
            Answer::Endless(bytes, again, between) => {
                stream.write_all(&bytes).await?;
                loop {
                    stream.write_all(&again).await?;
                    tokio::time::sleep(between).await;
                }
            }
            Answer::Echo => {
                let body = json!({ "error": { "message": format!("you sent {}", request.head) } }).to_string();
                let text = format!("HTTP/1.1 401 Unauthorized\r\ncontent-length: {}\r\n\r\n{body}", body.len());
                stream.write_all(text.as_bytes()).await?;
            }
        }
    }
}

async fn request(stream: &mut TcpStream, read: &mut Vec<u8>) -> std::io::Result<Option<Request>> {
    let mut buffer = vec![0; 64 << 10];
    loop {
        // A greeting of TLS, which is not spoken here.
        if read.first() == Some(&0x16) {
            return Ok(None);
        }
        let end = read.windows(4).position(|part| part == b"\r\n\r\n");
        if let Some(end) = end {
            let head = String::from_utf8_lossy(&read[..end]).to_ascii_lowercase();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse::<usize>().ok());
            let whole = end + 4 + length.unwrap_or(0);
            if read.len() >= whole {
                // Values keep their letters.
                let head = String::from_utf8_lossy(&read[..end]).into_owned();
                let body = serde_json::from_slice(&read[end + 4..whole]).unwrap_or_default();
                read.drain(..whole);
                return Ok(Some(Request { head, body }));
            }
        }
        match stream.read(&mut buffer).await? {
            0 => return Ok(None),
            more => read.extend_from_slice(&buffer[..more]),
        }
    }
}
