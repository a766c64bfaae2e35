//! `[server]`: where the host is served, under which names, and how much of it at a time.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use hotcell_agent::document::{Item, Section};
use hotcell_call::{ByteSize, shortened};

use super::bounds::{self, Bounds};

/// How a host is served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerConfig {
    /// The address on which it listens; beyond this machine only for callers with tokens.
    pub listen: SocketAddr,
    /// Names by which clients may address it, besides those of this machine and its own address: `tools.example.com`.
    pub hosts: Vec<String>,
    /// Pages that may call it from a browser: `https://app.example.com`.
    pub origins: Vec<String>,
    /// Connections at a time. When one more comes, the one that has been idle longest is closed.
    pub connections: u32,
    /// The largest body of a request.
    pub body: ByteSize,
    /// Runs of which is known how they ended, and those under way; the oldest that has ended makes room.
    pub runs: u32,
    /// How long calls may go on when the server is to end.
    pub drain: Duration,
}

/// The port that no other well-known program claims, on this machine alone.
const LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 7070);
/// Each holds a descriptor, of which a process has 1 024 unless it is given more.
const MOST_CONNECTIONS: u32 = 65_536;
const MOST_RUNS: u32 = 100_000;
/// More than the names of one service.
const MOST_NAMES: usize = 64;

const BODIES: Bounds<ByteSize> = Bounds {
    least: ByteSize::kib(1),
    most: ByteSize::mib(1_024),
    because: "each connection may hold one, and the input of a call has a limit of its own",
};
const DRAINS: Bounds<Duration> = Bounds {
    least: Duration::ZERO,
    most: Duration::from_secs(3_600),
    because: "whoever stops the server waits for it",
};

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            listen: LISTEN,
            hosts: Vec::new(),
            origins: Vec::new(),
            connections: 1_024,
            body: ByteSize::mib(8),
            runs: 1_000,
            drain: Duration::from_secs(10),
        }
    }
}

impl ServerConfig {
    /// Its settings by their keys, for people.
    pub(super) fn settings(&self) -> [(&'static str, String); 7] {
        let list = |names: &[String]| if names.is_empty() { "none".to_owned() } else { names.join(", ") };
        [
            ("listen", self.listen.to_string()),
            ("hosts", list(&self.hosts)),
            ("origins", list(&self.origins)),
            ("connections", self.connections.to_string()),
            ("body", self.body.to_string()),
            ("runs", self.runs.to_string()),
            ("drain", hotcell_call::format_duration(self.drain)),
        ]
    }
}

pub(super) fn read(root: &Section<'_>) -> ServerConfig {
    let usual = ServerConfig::default();
    let Some(section) = root.section("server") else {
        return usual;
    };
    let names = |key, fits: fn(&str) -> bool, example| {
        section.get(key).and_then(|item| names(&item, fits, example)).unwrap_or_default()
    };
    ServerConfig {
        listen: section.get("listen").and_then(|item| address(&item)).unwrap_or(usual.listen),
        hosts: names("hosts", is_host, "tools.example.com"),
        origins: names("origins", is_origin, "https://app.example.com"),
        connections: section
            .get("connections")
            .and_then(|item| item.number(1, MOST_CONNECTIONS))
            .unwrap_or(usual.connections),
        body: section.get("body").and_then(|item| bounds::size(&item, &BODIES)).unwrap_or(usual.body),
        runs: section.get("runs").and_then(|item| item.number(1, MOST_RUNS)).unwrap_or(usual.runs),
        drain: section.get("drain").and_then(|item| bounds::duration(&item, &DRAINS)).unwrap_or(usual.drain),
    }
}

fn address(item: &Item<'_>) -> Option<SocketAddr> {
    let text = item.string()?.value;
    let address = text.parse().ok();
    if address.is_none() {
        let message = format!("`{}` is no address with a port", shortened(text, 60));
        item.report(
            item.wrong(message, "").hint("an IP address and a port, such as \"127.0.0.1:7070\" or \"[::]:7070\""),
        );
    }
    address
}

fn names(item: &Item<'_>, fits: fn(&str) -> bool, example: &str) -> Option<Vec<String>> {
    let items = item.list()?;
    if items.len() > MOST_NAMES {
        item.report(
            item.wrong(format!("{} names are too many", items.len()), "").hint(format!("at most {MOST_NAMES}")),
        );
        return None;
    }
    let name = |item: &Item<'_>| {
        let text = item.string()?.value.to_ascii_lowercase();
        let is_fit = fits(&text);
        if !is_fit {
            item.report(
                item.wrong(format!("`{}` is none", shortened(&text, 60)), "").hint(format!("such as \"{example}\"")),
            );
        }
        is_fit.then_some(text)
    };
    items.iter().map(name).collect()
}

/// A name or an address, with or without a port: what a `Host` header has.
fn is_host(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b':' | b'[' | b']');
    !text.is_empty() && text.len() <= 255 && text.bytes().all(fits)
}

/// A scheme and a host, with or without a port: what an `Origin` header has.
fn is_origin(text: &str) -> bool {
    text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")).is_some_and(is_host)
}
