//! `base_url`: where a provider is.

use std::fmt;
use std::str::FromStr;

use hotcell_call::{Asked, NetHost, Place, Scheme, shortened};

/// An address below which requests go: `https://api.openai.com/v1`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Base(Asked);

/// A text that is no such address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{url}` is no address of a provider: {why}")]
pub struct BaseError {
    url: String,
    why: String,
}

impl Base {
    /// The host.
    #[must_use]
    pub fn host(&self) -> &NetHost {
        self.0.host()
    }

    /// The port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.0.port()
    }

    /// `https`, or `http` where the operator wrote so.
    #[must_use]
    pub fn scheme(&self) -> Scheme {
        self.0.scheme()
    }

    /// Host and port as the `host` field has them.
    #[must_use]
    pub fn authority(&self) -> String {
        self.0.authority()
    }

    /// The path of a request below it.
    #[must_use]
    pub fn path(&self, below: &str) -> String {
        format!("{}/{below}", self.0.path_and_query().trim_end_matches('/'))
    }

    /// Whether what is sent there never crosses a network in the clear.
    #[must_use]
    pub fn is_confidential(&self) -> bool {
        self.scheme() == Scheme::Https || self.host().place() == Some(Place::Loopback)
    }
}

impl FromStr for Base {
    type Err = BaseError;

    fn from_str(text: &str) -> Result<Self, BaseError> {
        let wrong = |why: &str| BaseError { url: without_user(text), why: why.to_owned() };
        let (scheme, rest) = text.split_once("://").ok_or_else(|| wrong("such as \"https://api.example.com/v1\""))?;
        let (authority, path) = rest.find('/').and_then(|at| rest.split_at_checked(at)).unwrap_or((rest, "/"));
        if path.contains(['?', '#']) {
            return Err(wrong("it has no query"));
        }
        Asked::new("POST", scheme, authority, path).map(Self).map_err(|error| wrong(&error.to_string()))
    }
}

impl fmt::Display for Base {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.0.path_and_query();
        write!(f, "{}://{}{}", self.scheme(), self.authority(), path.trim_end_matches('/'))
    }
}

/// The text as it is shown: who writes a name and a password into it does so by mistake.
fn without_user(text: &str) -> String {
    let kept = text.rsplit_once('@').map_or(text, |(_, host)| host);
    shortened(kept, 100)
}
