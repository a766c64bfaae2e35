//! What the headers of a request say.

use std::borrow::Cow;
use std::time::Duration;

use hotcell_call::Failure;
use http::HeaderMap;

use crate::terms::{Said, value};

/// By which the same request is known when it comes again.
pub(crate) const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// The longest key.
pub(super) const MOST_KEY: usize = 200;
/// The longest time that a request may be left to wait for an answer.
pub(super) const MOST_WAIT: Duration = Duration::from_secs(300);

/// How the answer is wanted (`Prefer`, RFC 7240).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Preference {
    /// Whether to be told at once that it was begun.
    pub(crate) respond_async: bool,
    /// How long to wait for its end.
    pub(crate) wait: Option<Duration>,
}

impl Said for HeaderMap {
    fn texts(&self, name: &'static str) -> impl Iterator<Item = Cow<'_, str>> {
        self.get_all(name).iter().map(|value| String::from_utf8_lossy(value.as_bytes()))
    }

    fn place(name: &'static str) -> String {
        format!("the header {name}")
    }
}

impl Preference {
    /// What is not known of it is left out, as the RFC says.
    pub(crate) fn read(headers: &HeaderMap) -> Self {
        let mut preference = Self::default();
        let values = headers.get_all("prefer").iter().filter_map(|value| value.to_str().ok());
        for part in values.flat_map(|value| value.split([',', ';'])).map(str::trim) {
            match part.split_once('=') {
                None if part.eq_ignore_ascii_case("respond-async") => preference.respond_async = true,
                Some((name, seconds)) if name.trim().eq_ignore_ascii_case("wait") => {
                    let seconds = seconds.trim().trim_matches('"').parse().ok();
                    preference.wait = seconds.map(|seconds| Duration::from_secs(seconds).min(MOST_WAIT));
                }
                _ => {}
            }
        }
        preference
    }
}

/// The key of a request that may come again.
///
/// # Errors
///
/// [`Code::Request`] if it is empty, too long, or not of printable ASCII.
pub(crate) fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, Failure> {
    let fits = |text: &str| {
        let text = text.trim_matches('"');
        let is_one = !text.is_empty() && text.len() <= MOST_KEY && text.bytes().all(|byte| byte.is_ascii_graphic());
        is_one.then(|| text.to_owned())
    };
    value(headers, IDEMPOTENCY_KEY, format!("1 to {MOST_KEY} printable characters"), fits)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::terms::tests::headers;

    #[test]
    fn preferences_that_are_not_known_are_none() {
        for (value, respond_async, wait) in [
            ("respond-async", true, None),
            ("Respond-Async, wait=10", true, Some(10)),
            ("wait=\"5\"; foo", false, Some(5)),
            ("wait=100000", false, Some(300)),
            ("wait=soon, return=minimal", false, None),
        ] {
            let wanted = Preference { respond_async, wait: wait.map(Duration::from_secs) };
            assert_eq!(Preference::read(&headers(&[("prefer", value)])), wanted, "{value}");
        }
    }

    #[test]
    fn keys_are_short_and_printable() {
        let key = |value| idempotency_key(&headers(&[(IDEMPOTENCY_KEY, value)]));
        assert_eq!(key("\"8e03978e\"").unwrap().as_deref(), Some("8e03978e"));
        assert!(key("").is_err() && key("a b").is_err());
        assert_eq!(idempotency_key(&HeaderMap::new()).unwrap(), None);
    }
}
