//! What a caller says of a call beside its input, each with the meaning of the flag of the same name.

use std::borrow::Cow;
use std::fmt::Display;
use std::str::FromStr;
use std::time::{Duration, Instant};

use hotcell_call::{ByteSize, Code, Count, Failure, LimitKeys, Priority, ToolCall, parse_duration, shortened};

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

/// Where a caller says things: each under the name of a header, or under one that is made of it.
pub(crate) trait Said {
    /// All that stands under a name.
    fn texts(&self, name: &'static str) -> impl Iterator<Item = Cow<'_, str>>;

    /// What that place is called.
    fn place(name: &'static str) -> String;
}

/// What is said of a call.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Terms {
    pub(crate) deadline: Option<Duration>,
    priority: Priority,
    retries: Option<u32>,
    limits: LimitKeys,
}

impl Terms {
    /// # Errors
    ///
    /// [`Code::Request`] naming what can't be read.
    pub(crate) fn read(said: &impl Said) -> Result<Self, Failure> {
        Ok(Self {
            deadline: value(said, DEADLINE, "a duration such as 250ms or 5s", |text| parse_duration(text).ok())?,
            priority: parsed(said, PRIORITY, "critical, high, normal, low or background")?.unwrap_or_default(),
            retries: parsed(said, RETRIES, "a number such as 0")?,
            limits: LimitKeys {
                fuel: parsed::<Count>(said, FUEL, "a count such as 50M")?,
                memory: parsed::<ByteSize>(said, MEMORY, "a size such as 64MiB")?,
                timeout: value(said, TIMEOUT, "a duration such as 2s", |text| parse_duration(text).ok())?,
                ..LimitKeys::default()
            },
        })
    }

    /// Says it of a call; its deadline counts from now.
    pub(crate) fn hold_for(&self, call: &mut ToolCall) {
        call.deadline = self.deadline.and_then(|wait| Instant::now().checked_add(wait));
        call.priority = self.priority;
        call.retries = self.retries;
        call.limits = self.limits.clone();
    }
}

fn parsed<T: FromStr>(said: &impl Said, name: &'static str, wanted: impl Display) -> Result<Option<T>, Failure> {
    value(said, name, wanted, |text| text.parse().ok())
}

/// What stands under a name, once.
///
/// # Errors
///
/// [`Code::Request`] if it can't be read, or stands there several times.
pub(crate) fn value<S: Said, T>(
    said: &S,
    name: &'static str,
    wanted: impl Display,
    read: impl Fn(&str) -> Option<T>,
) -> Result<Option<T>, Failure> {
    let mut texts = said.texts(name);
    let (Some(text), more) = (texts.next(), texts.next()) else { return Ok(None) };
    match read(text.trim()).filter(|_| more.is_none()) {
        Some(value) => Ok(Some(value)),
        None => Err(Failure::new(Code::Request, format!("{} can't be read", S::place(name)))
            .why(format!("`{}` is not {wanted}", shortened(&text, 60)))),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use http::{HeaderMap, HeaderValue};

    use super::*;

    pub(crate) fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
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
}
