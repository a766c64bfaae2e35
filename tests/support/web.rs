//! A server on this machine that behaves as badly as a test asks for, and remembers what reached it.
//!
//! It is bounded in all that it does: in connections, in what it reads of a request, and in time.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// The server; it ends with the test.
pub(crate) struct Web {
    address: SocketAddr,
    shared: Arc<Shared>,
    accepting: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    stop: AtomicBool,
    connections: AtomicUsize,
    open: AtomicUsize,
    heads: Mutex<Vec<String>>,
}

const MOST_CONNECTIONS: usize = 1_000;
const MOST_REQUEST: usize = 64 << 20;
/// Longer than an honest exchange takes on the busiest machine; a server that is dropped stops at once.
const MOST_TIME: Duration = Duration::from_secs(300);

impl Web {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a listener");
        let address = listener.local_addr().expect("an address");
        let shared = Arc::new(Shared::default());
        let accepting = thread::spawn({
            let shared = Arc::clone(&shared);
            move || accept(&listener, &shared)
        });
        Self { address, shared, accepting: Some(accepting) }
    }

    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// The heads of all requests that came, as they were.
    pub(crate) fn heads(&self) -> Vec<String> {
        self.shared.heads.lock().expect("heads").clone()
    }

    /// The first lines of all requests that came.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.heads().iter().filter_map(|head| head.lines().next().map(str::to_owned)).collect()
    }

    /// How many connections were made.
    pub(crate) fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::SeqCst)
    }

    /// How many of them are still open.
    pub(crate) fn open(&self) -> usize {
        self.shared.open.load(Ordering::SeqCst)
    }
}

impl Drop for Web {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::SeqCst);
        // Wakes whoever accepts.
        drop(TcpStream::connect(self.address));
        if let Some(accepting) = self.accepting.take() {
            drop(accepting.join());
        }
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    let mut serving = Vec::new();
    while let Ok((stream, _)) = listener.accept() {
        if shared.stop.load(Ordering::SeqCst) || serving.len() >= MOST_CONNECTIONS {
            break;
        }
        shared.connections.fetch_add(1, Ordering::SeqCst);
        shared.open.fetch_add(1, Ordering::SeqCst);
        let shared = Arc::clone(shared);
        serving.push(thread::spawn(move || {
            // Whoever goes away ends it.
            let _ = serve(stream, &shared);
            shared.open.fetch_sub(1, Ordering::SeqCst);
        }));
    }
    for one in serving {
        drop(one.join());
    }
}

fn serve(mut stream: TcpStream, shared: &Shared) -> std::io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_millis(20)))?;
    stream.set_write_timeout(Some(Duration::from_secs(1)))?;
    stream.set_nodelay(true)?;
    let began = Instant::now();
    let goes_on = || !shared.stop.load(Ordering::SeqCst) && began.elapsed() < MOST_TIME;
    let mut read = Vec::new();
    loop {
        // A greeting of TLS: answered by one who doesn't know any.
        if fill(&mut stream, &mut read, goes_on, |read| read.first().map(|_| 1))?.is_some()
            && read.first() == Some(&0x16)
        {
            stream.write_all(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n")?;
            return Ok(());
        }
        let until = |bytes: &[u8], end: &[u8]| bytes.windows(end.len()).position(|part| part == end);
        let Some(end) = fill(&mut stream, &mut read, goes_on, |read| until(read, b"\r\n\r\n").map(|end| end + 4))?
        else {
            return Ok(());
        };
        let head = String::from_utf8_lossy(&read[..end]).into_owned();
        read.drain(..end);
        shared.heads.lock().expect("heads").push(head.clone());
        let small = head.to_ascii_lowercase();
        let length = small.lines().find_map(|line| line.strip_prefix("content-length: ")?.trim().parse::<usize>().ok());
        if let Some(length) = length {
            let whole = |read: &[u8]| (read.len() >= length).then_some(length);
            let Some(end) = fill(&mut stream, &mut read, goes_on, whole)? else { return Ok(()) };
            read.drain(..end);
        } else if small.contains("transfer-encoding: chunked") {
            let whole = |read: &[u8]| {
                if read.starts_with(b"0\r\n\r\n") { Some(5) } else { until(read, b"\r\n0\r\n\r\n").map(|end| end + 7) }
            };
            let Some(end) = fill(&mut stream, &mut read, goes_on, whole)? else { return Ok(()) };
            read.drain(..end);
        }
        let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
        if !answer(&mut stream, &path, &head, goes_on)? {
            return Ok(());
        }
    }
}

/// Reads until `whole` tells the end of a part; none if the other side ends first.
fn fill(
    stream: &mut TcpStream,
    read: &mut Vec<u8>,
    goes_on: impl Fn() -> bool,
    whole: impl Fn(&[u8]) -> Option<usize>,
) -> std::io::Result<Option<usize>> {
    let mut buffer = vec![0; 64 << 10];
    loop {
        if let Some(end) = whole(read) {
            return Ok(Some(end));
        }
        if !goes_on() || read.len() > MOST_REQUEST {
            return Ok(None);
        }
        match stream.read(&mut buffer) {
            Ok(0) => return Ok(None),
            Ok(more) => read.extend_from_slice(&buffer[..more]),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            Err(error) => return Err(error),
        }
    }
}

/// Answers; says whether the connection stays.
fn answer(stream: &mut TcpStream, path: &str, head: &str, goes_on: impl Fn() -> bool) -> std::io::Result<bool> {
    let whole = |status: &str, more: &str, body: &[u8]| {
        let mut text = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n{more}\r\n", body.len()).into_bytes();
        text.extend_from_slice(body);
        text
    };
    let name = path.split(['?', '/']).nth(1).unwrap_or_default();
    match name {
        // What was asked, as it came.
        "echo" => stream.write_all(&whole("200 OK", "", head.as_bytes()))?,
        "mirror" => {
            let given = head.lines().find_map(|line| line.strip_prefix("authorization: ")).unwrap_or("nothing");
            if path.ends_with("/pieces") {
                stream.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")?;
                for byte in given.bytes() {
                    stream.write_all(&[b'1', b'\r', b'\n', byte, b'\r', b'\n'])?;
                    thread::sleep(Duration::from_millis(2));
                }
                stream.write_all(b"0\r\n\r\n")?;
                return Ok(true);
            }
            stream.write_all(&whole("200 OK", &format!("x-given: {given}\r\n"), given.as_bytes()))?;
        }
        "redirect" => stream.write_all(&whole("302 Found", "location: http://127.0.0.1:9/elsewhere\r\n", b""))?,
        "inwards" => {
            let target = path.split_once('?').map_or("", |(_, target)| target);
            stream.write_all(&whole("307 Temporary Redirect", &format!("location: {target}\r\n"), b""))?;
        }
        "large" => {
            let bytes = path.rsplit('/').next().and_then(|bytes| bytes.parse().ok()).unwrap_or(0);
            stream.write_all(&whole("200 OK", "", &vec![b'x'; bytes]))?;
        }
        "short" => {
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\ntoo little")?;
            return Ok(false);
        }
        // More than was announced: what would be the next response.
        "long" => stream.write_all(
            b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nokayHTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nforged",
        )?,
        "lengths" => stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\ncontent-length: 9\r\n\r\nokay12345")?,
        "gzip" => stream.write_all(&whole("200 OK", "content-encoding: gzip\r\n", b"\x1f\x8b not unpacked"))?,
        "heads" => {
            let mut text = "HTTP/1.1 200 OK\r\n".to_owned();
            for number in 0..90 {
                text.push_str(&format!("x-{number}: {}\r\n", "y".repeat(4_096)));
            }
            text.push_str("content-length: 0\r\n\r\n");
            stream.write_all(text.as_bytes())?;
        }
        "informs" => {
            while goes_on() {
                stream.write_all(b"HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n")?;
            }
            return Ok(false);
        }
        "silent" => {
            while goes_on() && still_there(stream) {}
            return Ok(false);
        }
        "slowhead" | "drip" => {
            if name == "drip" {
                stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n")?;
            }
            for byte in b"HTTP/1.1 200 OK\r\nx: y".iter().cycle() {
                stream.write_all(&[*byte])?;
                thread::sleep(Duration::from_millis(30));
                if !goes_on() {
                    return Ok(false);
                }
            }
        }
        "endless" => {
            stream.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")?;
            let piece = format!("4000\r\n{}\r\n", "z".repeat(0x4000));
            while goes_on() {
                stream.write_all(piece.as_bytes())?;
            }
            return Ok(false);
        }
        "bye" => {
            stream.write_all(&whole("200 OK", "connection: close\r\n", b"bye"))?;
            return Ok(false);
        }
        // Says that it stays, and goes.
        "ghost" => {
            stream.write_all(&whole("200 OK", "", b"boo"))?;
            return Ok(false);
        }
        _ => stream.write_all(&whole("200 OK", "", b"hello"))?,
    }
    Ok(true)
}

fn still_there(stream: &mut TcpStream) -> bool {
    !matches!(stream.read(&mut [0]), Ok(0))
}
