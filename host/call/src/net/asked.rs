//! A request in the form in which it is judged and sent.

use std::fmt;

use super::host::NetHost;
use super::methods::is_method;
use super::path::NetPath;
use super::rule::{NetRule, Scheme};
use crate::shortened;

/// What a guest asks for, in one form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    pub(super) method: String,
    pub(super) scheme: Scheme,
    pub(super) host: NetHost,
    pub(super) port: u16,
    pub(super) path: NetPath,
    query: Option<String>,
}

/// A request that no rule can allow.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{why}")]
pub struct AskedError {
    why: &'static str,
}

impl Asked {
    /// Brings a request into its form: method, scheme, authority, and path with query.
    ///
    /// # Errors
    ///
    /// [`AskedError`] where a part can't be read, could be read in two ways, or is one that no request has: user information, an
    /// address in another spelling, a tunnel.
    pub fn new(method: &str, scheme: &str, authority: &str, path_and_query: &str) -> Result<Self, AskedError> {
        Self::read(method, scheme, authority, path_and_query).map_err(|why| AskedError { why })
    }

    fn read(method: &str, scheme: &str, authority: &str, path_and_query: &str) -> Result<Self, &'static str> {
        if !is_method(method) {
            return Err("its method is none that is ever sent");
        }
        let scheme = Scheme::read(scheme).ok_or("there are http and https")?;
        let (host, port) = split(authority, scheme)?;
        let host = NetHost::read(host)?;
        let (path, query) = match path_and_query.split_once('?') {
            Some((path, query)) => (path, Some(query.to_owned())),
            None => (path_and_query, None),
        };
        if query.as_ref().is_some_and(|query| query.bytes().any(|byte| byte.is_ascii_control() || byte == b'#')) {
            return Err("there is a character in its query that has no place there");
        }
        let path = NetPath::read(path)?;
        Ok(Self { method: method.to_owned(), scheme, host, port, path, query })
    }

    /// The host.
    #[must_use]
    pub fn host(&self) -> &NetHost {
        &self.host
    }

    /// The scheme.
    #[must_use]
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The port, that of the scheme if none was named.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The method.
    #[must_use]
    pub fn method(&self) -> &str {
        &self.method
    }

    /// Whether it is meant to change nothing.
    #[must_use]
    pub fn only_reads(&self) -> bool {
        matches!(self.method.as_str(), "GET" | "HEAD")
    }

    /// Host and port as the `Host` header has them: the port only where it is not the scheme's.
    #[must_use]
    pub fn authority(&self) -> String {
        if self.port == self.scheme.port() { self.host.to_string() } else { format!("{}:{}", self.host, self.port) }
    }

    /// Path and query as they are sent.
    #[must_use]
    pub fn path_and_query(&self) -> String {
        match &self.query {
            Some(query) => format!("{}?{query}", self.path.sent),
            None => self.path.sent.clone(),
        }
    }

    /// The rule that allows this and no more, its query apart.
    #[must_use]
    pub fn rule(&self) -> NetRule {
        NetRule::exactly(self)
    }
}

impl fmt::Display for Asked {
    /// Without the query: it may hold what is not for everybody's eyes, and no rule speaks of it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}://{}{}", self.method, self.scheme, self.authority(), shortened(&self.path.sent, 160))
    }
}

/// Host and port of an authority.
pub(super) fn split(authority: &str, scheme: Scheme) -> Result<(&str, u16), &'static str> {
    if authority.contains('@') {
        return Err("a user's name or password has no place in it");
    }
    let after_brackets = authority.rfind(']').map_or(0, |end| end + 1);
    let (host, port) = match authority.get(after_brackets..).and_then(|rest| rest.split_once(':')) {
        Some((between, port)) => (authority.get(..after_brackets + between.len()).unwrap_or_default(), Some(port)),
        None => (authority, None),
    };
    let Some(port) = port else { return Ok((host, scheme.port())) };
    let plain = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()) && !port.starts_with('0');
    match port.parse::<u16>() {
        Ok(port) if plain => Ok((host, port)),
        _ => Err("a port is a number from 1 to 65535"),
    }
}
