//! One rule: `METHODS scheme://host[:port]/path*`.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

use super::address::Place;
use super::asked::{Asked, split};
use super::host::Hosts;
use super::methods::Methods;
use super::path::NetPath;
use crate::shortened;

/// The protocol of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scheme {
    /// In the clear.
    Http,
    /// Over TLS.
    Https,
}

/// Requests that may be sent.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NetRule {
    methods: Methods,
    scheme: Scheme,
    hosts: Hosts,
    port: u16,
    path: NetPath,
    /// Whether everything is meant that begins with the path.
    and_beyond: bool,
}

/// A text that is no rule: what it is, why, and one that would do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{written}` is no rule for the network: {why}")]
pub struct NetRuleError {
    written: String,
    why: String,
    fix: String,
}

/// What a rule looks like.
const EXAMPLE: &str = "GET https://api.example.com/v1/*";

impl NetRule {
    /// Whether it allows a request, whichever way its path is read.
    #[must_use]
    pub fn allows(&self, asked: &Asked) -> bool {
        self.methods.has(&asked.method)
            && self.scheme == asked.scheme
            && self.port == asked.port
            && self.hosts.has(&asked.host)
            && self.has_path(&asked.path)
    }

    fn has_path(&self, path: &NetPath) -> bool {
        if self.and_beyond { path.begins(&self.path) } else { *path == self.path }
    }

    /// What both allow; none if that is nothing.
    #[must_use]
    pub fn both(&self, other: &Self) -> Option<Self> {
        if (self.scheme, self.port) != (other.scheme, other.port) {
            return None;
        }
        let narrower = if other.has_path(&self.path) {
            self
        } else if self.has_path(&other.path) {
            other
        } else {
            return None;
        };
        Some(Self {
            methods: self.methods.both(&other.methods)?,
            scheme: self.scheme,
            hosts: self.hosts.both(&other.hosts)?,
            port: self.port,
            path: narrower.path.clone(),
            and_beyond: self.and_beyond && other.and_beyond,
        })
    }

    /// What some rule of the one list and some rule of the other both allow, without repetition.
    #[must_use]
    pub fn common(one: &[Self], other: &[Self]) -> Vec<Self> {
        let mut common: Vec<Self> = Vec::new();
        for rule in one.iter().flat_map(|rule| other.iter().filter_map(|other| rule.both(other))) {
            if !common.contains(&rule) {
                common.push(rule);
            }
        }
        common
    }

    /// Whether it allows nothing but GET and HEAD.
    #[must_use]
    pub fn only_reads(&self) -> bool {
        self.methods.only_read()
    }

    /// Whether what it allows never crosses a network in the clear: over TLS, or on this machine.
    #[must_use]
    pub fn is_confidential(&self) -> bool {
        let here = matches!(&self.hosts, Hosts::Exact(host) if host.place() == Some(Place::Loopback));
        self.scheme == Scheme::Https || here
    }

    pub(super) fn exactly(asked: &Asked) -> Self {
        Self {
            methods: Methods::These(vec![asked.method.clone()]),
            scheme: asked.scheme,
            hosts: Hosts::Exact(asked.host.clone()),
            port: asked.port,
            path: asked.path.clone(),
            and_beyond: false,
        }
    }

    fn read(text: &str) -> Result<Self, (String, String)> {
        let because = |why: &str| (why.to_owned(), EXAMPLE.to_owned());
        let (methods, url) = match text.split_once(' ') {
            Some((methods, url)) if !url.is_empty() => (methods, url.trim_start_matches(' ')),
            _ if text.contains("://") => {
                return Err(("it names no method".to_owned(), format!("GET {text}, or * for every method")));
            }
            _ => return Err(because("it is a method, a space and a URL")),
        };
        let methods = Methods::read(methods).map_err(|word| {
            let word = shortened(word, 20);
            let capital = word.to_ascii_uppercase();
            (
                format!("`{word}` is no method that can be granted"),
                format!("such as GET, POST or `{capital}`, with commas between"),
            )
        })?;
        let (scheme, rest) = url.split_once("://").ok_or_else(|| because("its URL has no scheme"))?;
        let scheme = Scheme::read(scheme).ok_or_else(|| because("its scheme is neither http nor https"))?;
        if rest.contains(['?', '#']) {
            let until = rest.split(['?', '#']).next().unwrap_or_default();
            let fix = format!("{methods} {scheme}://{until}: any query is part of what it allows");
            return Err(("a rule speaks of the path alone, whatever the query".to_owned(), fix));
        }
        let Some(slash) = rest.find(['/', '\\']) else {
            return Err(("it has no path".to_owned(), format!("{methods} {scheme}://{rest}/* for all of them")));
        };
        let (authority, path) = rest.split_at(slash);
        let (host, port) = split(authority, scheme).map_err(because)?;
        let hosts = Hosts::read(host).map_err(because)?;
        let (start, and_beyond) = path.strip_suffix('*').map_or((path, false), |start| (start, true));
        if start.contains('*') {
            return Err(because("a `*` in a path stands at its end alone; the letter itself is written %2A"));
        }
        let path = NetPath::read(start).map_err(because)?;
        if path.sent != start {
            let end = if and_beyond { "*" } else { "" };
            let fix = format!("{methods} {scheme}://{authority}{}{end}", path.sent);
            return Err(("its path is not written as it is sent".to_owned(), fix));
        }
        Ok(Self { methods, scheme, hosts, port, path, and_beyond })
    }
}

impl NetRuleError {
    /// What would do instead.
    #[must_use]
    pub fn fix(&self) -> &str {
        &self.fix
    }
}

impl FromStr for NetRule {
    type Err = NetRuleError;

    fn from_str(text: &str) -> Result<Self, NetRuleError> {
        Self::read(text).map_err(|(why, fix)| NetRuleError {
            written: shortened(text, 120),
            why,
            fix: shortened(&fix, 200),
        })
    }
}

impl fmt::Display for NetRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}://{}", self.methods, self.scheme, self.hosts)?;
        if self.port != self.scheme.port() {
            write!(f, ":{}", self.port)?;
        }
        f.write_str(&self.path.sent)?;
        f.write_str(if self.and_beyond { "*" } else { "" })
    }
}

impl Serialize for NetRule {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

// === impl Scheme ===

impl Scheme {
    pub(super) fn read(text: &str) -> Option<Self> {
        match text {
            "http" => Some(Self::Http),
            "https" => Some(Self::Https),
            _ => None,
        }
    }

    /// The port where none is named.
    #[must_use]
    pub const fn port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Http => "http",
            Self::Https => "https",
        })
    }
}
