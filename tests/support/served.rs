//! `hotcell serve`, started for one test, and a client that says exactly what it is told to.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

/// A server that runs as long as this lives.
pub(crate) struct Served {
    child: Child,
    pub(crate) address: SocketAddr,
    told: Arc<Mutex<String>>,
}

/// An answer, whole.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

/// Longer than any answer takes, however busy the machine.
const PATIENCE: Duration = Duration::from_secs(60);
const LISTENS: &str = "hotcell is listening on http://";

impl Served {
    /// Starts it; the command is `hotcell serve …` without an address.
    pub(crate) fn start(mut command: Command) -> Self {
        command.args(["--listen", "127.0.0.1:0"]).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("it starts");
        let mut lines = BufReader::new(child.stderr.take().expect("a pipe")).lines();
        let told = Arc::new(Mutex::new(String::new()));
        let mut before = Vec::new();
        let address = loop {
            let Some(line) = lines.next() else { panic!("it ended: {before:?}") };
            let line = line.expect("UTF-8");
            if let Some(address) = line.strip_prefix(LISTENS) {
                break address.parse().expect("an address");
            }
            before.push(line);
        };
        let rest = Arc::clone(&told);
        thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                let mut told = rest.lock().expect("nobody breaks holding it");
                told.push_str(&line);
                told.push('\n');
            }
        });
        Self { child, address, told }
    }

    /// What it has told on stderr since it listens.
    pub(crate) fn told(&self) -> String {
        self.told.lock().expect("nobody breaks holding it").clone()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).expect("a signal");
    }

    /// Waits for its end.
    pub(crate) fn ends(&mut self) -> ExitStatus {
        self.child.wait().expect("it ends")
    }

    /// The most memory that it has held, in bytes.
    pub(crate) fn peak(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("its state");
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<u64>().ok());
        kib.expect("a number") * 1_024
    }

    /// How often a thread of it has waited.
    pub(crate) fn switches(&self, thread: &str) -> u64 {
        let tasks = std::fs::read_dir(format!("/proc/{}/task", self.child.id())).expect("its threads");
        let task = tasks
            .flatten()
            .map(|task| task.path())
            .find(|task| std::fs::read_to_string(task.join("comm")).is_ok_and(|name| name.trim() == thread));
        let status = std::fs::read_to_string(task.expect("the thread").join("status")).expect("its state");
        let line = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
        line.and_then(|count| count.trim().parse().ok()).expect("a number")
    }

    pub(crate) fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).expect("it listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        stream
    }

    /// Sends these bytes and reads what comes until the other side closes.
    pub(crate) fn raw(&self, bytes: &[u8]) -> String {
        let mut stream = self.connect();
        // It may have been refused before all of it was sent.
        let _ = stream.write_all(bytes);
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        String::from_utf8_lossy(&answer).into_owned()
    }

    /// One request on a connection of its own; headers as `name: value`.
    pub(crate) fn ask(&self, request: &str, headers: &[&str], body: &str) -> Reply {
        Reply::read(&self.raw(self.request(request, headers, body).as_bytes()))
    }

    /// The text of a request; a Host is put in unless there is one.
    pub(crate) fn request(&self, request: &str, headers: &[&str], body: &str) -> String {
        let mut text = format!("{request} HTTP/1.1\r\nconnection: close\r\ncontent-length: {}\r\n", body.len());
        if !headers.iter().any(|header| header.to_lowercase().starts_with("host:")) {
            text.push_str(&format!("host: {}\r\n", self.address));
        }
        for header in headers {
            text.push_str(&format!("{header}\r\n"));
        }
        text + "\r\n" + body
    }

    pub(crate) fn get(&self, path: &str) -> Reply {
        self.ask(&format!("GET {path}"), &[], "")
    }

    pub(crate) fn post(&self, path: &str, body: &str) -> Reply {
        self.ask(&format!("POST {path}"), &[], body)
    }

    /// Follows a stream of events: what is given reads one `data` after the other.
    pub(crate) fn follow(&self, path: &str, headers: &[&str]) -> impl Iterator<Item = (Option<u64>, Value)> + use<> {
        let mut stream = self.connect();
        stream.write_all(self.request(&format!("GET {path}"), headers, "").as_bytes()).expect("it takes it");
        let mut id = None;
        BufReader::new(stream).lines().map_while(Result::ok).filter_map(move |line| {
            if let Some(number) = line.strip_prefix("id: ") {
                id = number.parse().ok();
            }
            let data = serde_json::from_str(line.strip_prefix("data: ")?).expect("JSON");
            Some((id.take(), data))
        })
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = (self.child.kill(), self.child.wait());
    }
}

impl Reply {
    #[track_caller]
    fn read(text: &str) -> Self {
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {text:?}"));
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
        Self { status: status.unwrap_or_else(|| panic!("{head}")), head: head.to_lowercase(), body: body.to_owned() }
    }

    #[track_caller]
    pub(crate) fn is(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}\n{}", self.head, self.body);
        self
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    /// A header of the answer.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| line.strip_prefix(&format!("{name}: ")))
    }
}
