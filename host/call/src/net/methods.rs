//! The methods that a rule allows.

use std::fmt;

/// Some methods, or all that an ordinary request can have.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Methods {
    /// Written `*`.
    Any,
    /// In order, without repetition, never empty.
    These(Vec<String>),
}

/// The most letters of a method.
const MOST: usize = 20;
/// What no request is: a tunnel to somewhere else, and an echo of all headers, the host's own among them.
const NEVER: [&str; 2] = ["CONNECT", "TRACE"];

/// Whether a request can have this method at all. Methods are compared letter by letter, so one in small letters is another one.
pub(super) fn is_method(method: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_uppercase() || byte == b'-';
    !method.is_empty() && method.len() <= MOST && method.bytes().all(fits) && !NEVER.contains(&method)
}

impl Methods {
    /// Reads `GET,HEAD` or `*`; gives the first word that is no method.
    pub(super) fn read(text: &str) -> Result<Self, &str> {
        if text == "*" {
            return Ok(Self::Any);
        }
        let mut methods = Vec::new();
        for method in text.split(',') {
            if !is_method(method) {
                return Err(method);
            }
            methods.push(method.to_owned());
        }
        methods.sort();
        methods.dedup();
        Ok(Self::These(methods))
    }

    pub(super) fn has(&self, method: &str) -> bool {
        match self {
            Self::Any => is_method(method),
            Self::These(methods) => methods.iter().any(|known| known == method),
        }
    }

    /// Whether none of them can change anything.
    pub(super) fn only_read(&self) -> bool {
        match self {
            Self::Any => false,
            Self::These(methods) => methods.iter().all(|method| matches!(method.as_str(), "GET" | "HEAD")),
        }
    }

    /// What both allow, if that is anything.
    pub(super) fn both(&self, other: &Self) -> Option<Self> {
        match (self, other) {
            (Self::Any, methods) | (methods, Self::Any) => Some(methods.clone()),
            (Self::These(methods), other) => {
                let both: Vec<String> = methods.iter().filter(|method| other.has(method)).cloned().collect();
                (!both.is_empty()).then_some(Self::These(both))
            }
        }
    }
}

impl fmt::Display for Methods {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("*"),
            Self::These(methods) => f.write_str(&methods.join(",")),
        }
    }
}
