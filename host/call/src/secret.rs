//! Secrets that the host puts on requests, and that no guest sees.

use std::path::PathBuf;

use serde::Serialize;

use crate::{NetRule, NetRuleError, shortened};

/// A header that the host sets on requests that a rule allows. Its value is read when the tool is opened, and is not in here.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct SecretGrant {
    /// What it is called, in messages and where its value was taken out.
    pub name: String,
    /// The requests on which it is set.
    pub to: NetRule,
    /// The header, in small letters.
    pub header: String,
    /// What the header says, with `{}` for the value.
    pub format: String,
    /// Where the value is.
    #[serde(skip)]
    pub from: SecretSource,
}

/// Where the value of a secret is: never in a file of settings itself.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum SecretSource {
    /// In a variable of the operator's environment.
    Env(String),
    /// In a file, the line break at its end apart.
    File(PathBuf),
}

/// A secret that can't be granted like this.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "each says it in its text")]
pub enum SecretError {
    #[error("`{0}` is no place of a secret: `env:NAME` or `file:PATH`")]
    Source(String),
    #[error(transparent)]
    Rule(#[from] NetRuleError),
    #[error("`{0}` would be sent in the clear: a secret goes over https, or to this machine")]
    Clear(String),
    #[error("`{0}` is no header that can be set")]
    Header(String),
    #[error("a format holds `{{}}` once, for the value, and nothing but letters that are seen")]
    Format,
    #[error("`{0}` is no name of a secret: A-Z, 0-9 and _, at most 64")]
    Name(String),
}

/// Headers that are the host's, or the connection's.
const NOT_THESE: [&str; 14] = [
    "connection",
    "content-length",
    "expect",
    "host",
    "http2-settings",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "content-encoding",
];

impl SecretGrant {
    /// Puts one together; `from` is `env:NAME` or `file:PATH`.
    ///
    /// # Errors
    ///
    /// [`SecretError`] with what does not fit.
    pub fn new(name: &str, from: &str, to: &str, header: &str, format: &str) -> Result<Self, SecretError> {
        let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        if name.is_empty() || name.len() > 64 || !name.bytes().all(word) {
            return Err(SecretError::Name(shortened(name, 60)));
        }
        let to: NetRule = to.parse()?;
        if !to.is_confidential() {
            return Err(SecretError::Clear(to.to_string()));
        }
        let header = header.to_ascii_lowercase();
        let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        if header.is_empty() || header.len() > 100 || !header.bytes().all(token) || NOT_THESE.contains(&header.as_str())
        {
            return Err(SecretError::Header(shortened(&header, 60)));
        }
        let seen = |byte: u8| byte.is_ascii_graphic() || byte == b' ';
        if format.matches("{}").count() != 1 || format.len() > 200 || !format.bytes().all(seen) {
            return Err(SecretError::Format);
        }
        Ok(Self { name: name.to_owned(), to, header, format: format.to_owned(), from: from.parse()? })
    }
}

impl std::str::FromStr for SecretSource {
    type Err = SecretError;

    fn from_str(text: &str) -> Result<Self, SecretError> {
        let wrong = || SecretError::Source(shortened(text, 12));
        match text.split_once(':').filter(|(_, place)| !place.is_empty() && !place.contains('\0')) {
            Some(("env", name)) if !name.contains('=') => Ok(Self::Env(name.to_owned())),
            Some(("file", path)) => Ok(Self::File(PathBuf::from(path))),
            _ => Err(wrong()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_bound_to_a_rule_and_a_header() {
        let make = |from, to, header, format| {
            SecretGrant::new("KEY", from, to, header, format).map_err(|error| error.to_string())
        };
        let rule = "GET https://api.example.com/v1/*";
        let good = make("env:KEY", rule, "Authorization", "Bearer {}").unwrap();
        assert_eq!((good.header.as_str(), &good.from), ("authorization", &SecretSource::Env("KEY".to_owned())));
        assert!(make("file:key.txt", "* http://127.0.0.1:8080/*", "x-key", "{}").is_ok());
        for (from, to, header, format) in [
            ("sk-literal-key", rule, "x-key", "{}"),
            ("env:", rule, "x-key", "{}"),
            ("env:KEY", "GET http://api.example.com/*", "x-key", "{}"),
            ("env:KEY", "GET http://10.0.0.1/*", "x-key", "{}"),
            ("env:KEY", "https://api.example.com/*", "x-key", "{}"),
            ("env:KEY", rule, "Host", "{}"),
            ("env:KEY", rule, "x key", "{}"),
            ("env:KEY", rule, "x-key", "Bearer"),
            ("env:KEY", rule, "x-key", "{}{}"),
            ("env:KEY", rule, "x-key", "{}\r\nhost: evil"),
        ] {
            let error = make(from, to, header, format).unwrap_err();
            assert!(!error.contains("sk-literal-key"), "a value by mistake is not shown: {error}");
        }
    }
}
