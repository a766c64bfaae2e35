//! What a caller says of a call beside its input: in headers, each with the meaning of the flag of the same name.

use std::fmt::Display;
use std::str::FromStr;
use std::time::{Duration, Instant};

use hotcell_call::{ByteSize, Code, Count, Failure, LimitKeys, Priority, ToolCall, parse_duration, shortened};
use http::HeaderMap;

/// When the caller stops waiting: `250ms`, `5s`.
pub(crate) const DEADLINE: &str = "hotcell-deadline";
/// The class in the queue: `high`.
pub(crate) const PRIORITY: &str = "hotcell-priority";
/// How often it may be made again: `0`.
pub(crate) const RETRIES: &str = "hotcell-retries";
/// Lower limits for this call.
pub(crate) const FUEL: &str = "hotcell-fuel";
pub(crate) const MEMORY: &str = "hotcell-memory";
pub(crate) const TIMEOUT: &str = "hotcell-timeout";
/// By which the same request is known when it comes again.
pub(crate) const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// The longest key.
pub(super) const MOST_KEY: usize = 200;
/// The longest time that a request may be left to wait for an answer.
pub(super) const MOST_WAIT: Duration = Duration::from_secs(300);

/// What the headers of a call say.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Terms {
    pub(crate) deadline: Option<Duration>,
    priority: Priority,
    retries: Option<u32>,
    limits: LimitKeys,
}

/// How the answer is wanted (`Prefer`, RFC 7240).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Preference {
    /// Whether to be told at once that it was begun.
    pub(crate) respond_async: bool,
    /// How long to wait for its end.
    pub(crate) wait: Option<Duration>,
}

impl Terms {
    /// # Errors
    ///
    /// [`Code::Request`] naming the header that can't be read.
    pub(crate) fn read(headers: &HeaderMap) -> Result<Self, Failure> {
        Ok(Self {
            deadline: value(headers, DEADLINE, "a duration such as 250ms or 5s", |text| parse_duration(text).ok())?,
            priority: parsed(headers, PRIORITY, "critical, high, normal, low or background")?.unwrap_or_default(),
            retries: parsed(headers, RETRIES, "a number such as 0")?,
            limits: LimitKeys {
                fuel: parsed::<Count>(headers, FUEL, "a count such as 50M")?,
                memory: parsed::<ByteSize>(headers, MEMORY, "a size such as 64MiB")?,
                timeout: value(headers, TIMEOUT, "a duration such as 2s", |text| parse_duration(text).ok())?,
                ..LimitKeys::default()
            },
        })
    }

    /// Says it of a call; its deadline counts from now.
    pub(crate) fn of(&self, call: &mut ToolCall) {
        call.deadline = self.deadline.and_then(|wait| Instant::now().checked_add(wait));
        call.priority = self.priority;
        call.retries = self.retries;
        call.limits = self.limits.clone();
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

fn parsed<T: FromStr>(headers: &HeaderMap, name: &'static str, wanted: impl Display) -> Result<Option<T>, Failure> {
    value(headers, name, wanted, |text| text.parse().ok())
}

pub(crate) fn value<T>(
    headers: &HeaderMap,
    name: &'static str,
    wanted: impl Display,
    read: impl Fn(&str) -> Option<T>,
) -> Result<Option<T>, Failure> {
    let mut values = headers.get_all(name).iter();
    let (Some(value), more) = (values.next(), values.next()) else { return Ok(None) };
    let text = String::from_utf8_lossy(value.as_bytes());
    match read(text.trim()).filter(|_| more.is_none()) {
        Some(value) => Ok(Some(value)),
        None => Err(Failure::new(Code::Request, format!("the header {name} can't be read"))
            .why(format!("`{}` is not {wanted}", shortened(&text, 60)))),
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, HeaderValue::from_static(value));
        }
        headers
    }

    #[test]
    fn each_header_says_what_its_flag_says() {
        let all =
            [(DEADLINE, "250ms"), (PRIORITY, "high"), (RETRIES, "3"), (FUEL, "5M"), (MEMORY, "16MiB"), (TIMEOUT, "2s")];
        let terms = Terms::read(&headers(&all)).unwrap();
        let limits = LimitKeys {
            fuel: Some(Count::new(5_000_000)),
            memory: Some(ByteSize::mib(16)),
            timeout: Some(Duration::from_secs(2)),
            ..LimitKeys::default()
        };
        let deadline = Some(Duration::from_millis(250));
        assert_eq!(terms, Terms { deadline, priority: Priority::High, retries: Some(3), limits });
        assert_eq!(Terms::read(&HeaderMap::new()).unwrap(), Terms::default());
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        for (name, value) in [
            (DEADLINE, "soon"),
            (PRIORITY, "urgent"),
            (RETRIES, "-1"),
            (FUEL, "lots"),
            (MEMORY, "64 parsecs"),
            (TIMEOUT, ""),
        ] {
            let failure = Terms::read(&headers(&[(name, value)])).unwrap_err();
            assert!(failure.code() == Code::Request && failure.what().contains(name), "{failure}");
        }
        assert!(Terms::read(&headers(&[(FUEL, "1M"), (FUEL, "2M")])).is_err(), "said twice");
    }

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
