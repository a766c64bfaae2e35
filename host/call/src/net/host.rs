//! Hosts, in the one spelling that is taken for each.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::address::{Place, place_of};

/// A host that a request goes to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NetHost {
    /// A name in small letters.
    Name(String),
    /// An address, written as such.
    Address(IpAddr),
}

/// The hosts that a rule names.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Hosts {
    /// One.
    Exact(NetHost),
    /// All below a name, not the name itself: `*.example.com`.
    Below(String),
}

impl NetHost {
    /// Reads a host as it stands in a URL: a name of ASCII letters, an address in its usual form, or one in brackets.
    ///
    /// # Errors
    ///
    /// Why it is not taken: among others, addresses in other spellings (`0x7f.1`, `2130706433`), which some libraries read.
    pub(super) fn read(text: &str) -> Result<Self, &'static str> {
        if let Some(inner) = text.strip_prefix('[') {
            let inner = inner.strip_suffix(']').ok_or("a bracket is not closed")?;
            let address: Ipv6Addr = inner.parse().map_err(|_| "what is in brackets is no IPv6 address")?;
            return Ok(Self::Address(address.into()));
        }
        let name = text.to_ascii_lowercase();
        let last = name.rsplit('.').next().unwrap_or_default();
        let numeric = last.bytes().all(|byte| byte.is_ascii_digit()) || last.starts_with("0x");
        if numeric && !last.is_empty() {
            let address: Ipv4Addr = name.parse().map_err(|_| "an address is written as four plain numbers")?;
            return Ok(Self::Address(address.into()));
        }
        is_name(&name).map(|()| Self::Name(name))
    }

    /// The kind of place, as far as the spelling alone tells: an address, or this machine's own name.
    #[must_use]
    pub fn place(&self) -> Option<Place> {
        match self {
            Self::Address(address) => Some(place_of(*address)),
            Self::Name(name) if name == "localhost" => Some(Place::Loopback),
            Self::Name(_) => None,
        }
    }
}

/// The grammar of names: labels of `a-z 0-9 - _`, and no dot at the end.
fn is_name(name: &str) -> Result<(), &'static str> {
    if name.is_empty() {
        return Err("there is no host");
    }
    if !name.is_ascii() {
        return Err("a name in other than ASCII letters is written in its `xn--` form");
    }
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_');
    let label = |label: &str| !label.is_empty() && label.len() <= 63 && label.bytes().all(fits);
    if name.len() <= 253 && name.split('.').all(label) {
        Ok(())
    } else {
        Err("a name is made of a-z, 0-9, `-` and `_`, with single dots between")
    }
}

impl Hosts {
    pub(super) fn read(text: &str) -> Result<Self, &'static str> {
        let Some(below) = text.strip_prefix("*.") else {
            if text.contains('*') {
                return Err("a `*` stands for all hosts below a name, as in `*.example.com`, and for nothing else");
            }
            let host = NetHost::read(text)?;
            return match host.place() {
                Some(Place::Never(_)) => Err("this address is never reached: see docs/security.md"),
                _ => Ok(Self::Exact(host)),
            };
        };
        match NetHost::read(below)? {
            NetHost::Name(name) if name.contains('.') => Ok(Self::Below(name)),
            NetHost::Name(_) => Err("this would be half of the world: name at least `*.example.com`"),
            NetHost::Address(_) => Err("there is nothing below an address"),
        }
    }

    pub(super) fn has(&self, host: &NetHost) -> bool {
        match (self, host) {
            (Self::Exact(known), host) => known == host,
            (Self::Below(name), NetHost::Name(host)) => is_below(host, name),
            (Self::Below(_), NetHost::Address(_)) => false,
        }
    }

    pub(super) fn both(&self, other: &Self) -> Option<Self> {
        match (self, other) {
            (Self::Exact(host), other) | (other, Self::Exact(host)) => {
                other.has(host).then(|| Self::Exact(host.clone()))
            }
            (Self::Below(one), Self::Below(two)) if one == two || is_below(one, two) => Some(Self::Below(one.clone())),
            (Self::Below(one), Self::Below(two)) if is_below(two, one) => Some(Self::Below(two.clone())),
            (Self::Below(_), Self::Below(_)) => None,
        }
    }
}

fn is_below(host: &str, name: &str) -> bool {
    host.strip_suffix(name).and_then(|rest| rest.strip_suffix('.')).is_some_and(|rest| !rest.is_empty())
}

impl fmt::Display for NetHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Address(IpAddr::V4(address)) => address.fmt(f),
            Self::Address(IpAddr::V6(address)) => write!(f, "[{address}]"),
        }
    }
}

impl fmt::Display for Hosts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(host) => host.fmt(f),
            Self::Below(name) => write!(f, "*.{name}"),
        }
    }
}
