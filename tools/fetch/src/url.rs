//! URLs, taken apart as far as a request needs it. Whether one may be reached is the host's to say, and so is what it means.

use hotcell::Error;

/// A URL in its parts.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Url {
    pub(crate) secure: bool,
    pub(crate) authority: String,
    pub(crate) path: String,
}

impl Url {
    /// Reads `http://…` or `https://…`; what stands behind a `#` is not sent.
    pub(crate) fn read(text: &str) -> Result<Self, Error> {
        let wrong = |what: &str| Error::invalid_input("$.url", format!("{what}, as in https://example.com/path"));
        let (scheme, rest) = text.split_once("://").ok_or_else(|| wrong("wanted a whole URL"))?;
        let secure = match scheme.to_ascii_lowercase().as_str() {
            "https" => true,
            "http" => false,
            _ => return Err(wrong("there are http and https")),
        };
        let rest = rest.split('#').next().unwrap_or_default();
        let end = rest.find(['/', '?', '\\']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        if authority.is_empty() {
            return Err(wrong("wanted a host"));
        }
        let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
        Ok(Self { secure, authority: authority.to_owned(), path })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_taken_apart() {
        for (text, secure, authority, path) in [
            ("https://example.com", true, "example.com", "/"),
            ("HTTP://example.com:8080/a/b?c=d#e", false, "example.com:8080", "/a/b?c=d"),
            ("https://example.com?q", true, "example.com", "/?q"),
            ("https://[::1]/", true, "[::1]", "/"),
        ] {
            let url = Url { secure, authority: authority.to_owned(), path: path.to_owned() };
            assert_eq!(Url::read(text).unwrap(), url, "{text}");
        }
        for text in ["", "example.com", "ftp://example.com/", "https://", "https:///x"] {
            assert!(Url::read(text).is_err(), "{text}");
        }
    }
}
