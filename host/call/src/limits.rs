//! What one call may use.
//!
//! Every field is enforced by the sandbox and reported in the receipt: a limit without a mechanism does not exist. The
//! defaults are those of `docs/limits.md`. The operator's files set the limits of a tool ([`Limits::with`]); whoever comes
//! after (the tool's own file, an agent, a caller) can only lower them ([`Limits::tighten`]).

use std::time::Duration;

use serde::Serialize;

use crate::{ByteSize, Count};

/// The limits of one call, all of them.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct Limits {
    /// Work: units of fuel, about one for each instruction of the guest.
    pub fuel: Count,
    /// Wall clock around instantiation, call and clean-up, the host's own time included.
    #[serde(rename = "timeout_ms", serialize_with = "crate::serialize_millis")]
    pub timeout: Duration,
    /// The sum over all memories and tables of the call.
    pub memory: ByteSize,
    /// The arguments, as JSON text.
    pub input: ByteSize,
    /// The result, as JSON text.
    pub output: ByteSize,
    /// What is kept of each of stdout and stderr; the rest is counted and dropped.
    pub log: ByteSize,
    /// Open files, streams, pollables and other host objects at one time.
    pub handles: u32,
    /// Core instances that the component is made of.
    pub instances: u32,
    /// Random bytes, summed over the call.
    pub random: ByteSize,
    /// What the guest hands to the host in one host call.
    pub host_data: ByteSize,
    /// Bytes written to granted folders.
    pub disk: ByteSize,
    /// Files and folders made in granted folders.
    pub entries: u32,
    /// Requests that are sent.
    pub requests: u32,
    /// Bytes of all requests, their heads included.
    pub sent: ByteSize,
    /// Bytes of all responses, their heads included.
    pub received: ByteSize,
}

/// Limits that a file or a flag names; what is absent is left as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "each field is the one of `Limits` with the same name")]
pub struct LimitKeys {
    pub fuel: Option<Count>,
    pub timeout: Option<Duration>,
    pub memory: Option<ByteSize>,
    pub input: Option<ByteSize>,
    pub output: Option<ByteSize>,
    pub log: Option<ByteSize>,
    pub handles: Option<u32>,
    pub instances: Option<u32>,
    pub random: Option<ByteSize>,
    pub host_data: Option<ByteSize>,
    pub disk: Option<ByteSize>,
    pub entries: Option<u32>,
    pub requests: Option<u32>,
    pub sent: Option<ByteSize>,
    pub received: Option<ByteSize>,
}

/// A limit that was asked to be wider than its ceiling.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{key} = {asked} is over the ceiling of {ceiling}")]
pub struct Wider {
    /// The key, as in `[limits]`.
    pub key: &'static str,
    /// The value that was asked for.
    pub asked: String,
    /// The most that can be had.
    pub ceiling: String,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            fuel: Count::new(10_000_000_000),
            timeout: Duration::from_secs(10),
            memory: ByteSize::mib(64),
            input: ByteSize::mib(4),
            output: ByteSize::mib(4),
            log: ByteSize::kib(256),
            handles: 1_024,
            instances: 32,
            random: ByteSize::mib(1),
            host_data: ByteSize::mib(8),
            disk: ByteSize::mib(64),
            entries: 1_024,
            requests: 64,
            sent: ByteSize::mib(8),
            received: ByteSize::mib(8),
        }
    }
}

/// Applies one expression to every limit: the one list of all fields.
macro_rules! each {
    ($apply:ident) => {
        $apply!(
            fuel, timeout, memory, input, output, log, handles, instances, random, host_data, disk, entries, requests,
            sent, received
        )
    };
}

impl Limits {
    /// Sets what `keys` name: the operator's right.
    #[must_use]
    pub fn with(&self, keys: &LimitKeys) -> Self {
        macro_rules! set {
            ($($key:ident),*) => { Self { $($key: keys.$key.unwrap_or(self.$key)),* } };
        }
        each!(set)
    }

    /// Lowers what `keys` name; what they would raise stays.
    #[must_use]
    pub fn tighten(&self, keys: &LimitKeys) -> Self {
        macro_rules! lower {
            ($($key:ident),*) => { Self { $($key: keys.$key.map_or(self.$key, |asked| asked.min(self.$key))),* } };
        }
        each!(lower)
    }

    /// The value of one limit, as messages have it; none if there is no limit of that name.
    #[must_use]
    pub fn shown(&self, key: &str) -> Option<String> {
        macro_rules! show {
            ($($key:ident),*) => {
                match key {
                    $(stringify!($key) => Some(shown(&self.$key)),)*
                    _ => None,
                }
            };
        }
        each!(show)
    }

    /// The names of the limits that are others in `other`.
    #[must_use]
    pub fn differing(&self, other: &Self) -> Vec<&'static str> {
        let mut differing = Vec::new();
        macro_rules! compare {
            ($($key:ident),*) => { $(if self.$key != other.$key { differing.push(stringify!($key)); })* };
        }
        each!(compare);
        differing
    }

    /// Lists what `keys` would raise.
    #[must_use]
    pub fn wider(&self, keys: &LimitKeys) -> Vec<Wider> {
        let mut wider = Vec::new();
        macro_rules! compare {
            ($($key:ident),*) => { $(
                if let Some(asked) = keys.$key && asked > self.$key {
                    wider.push(Wider {
                        key: stringify!($key),
                        asked: shown(&asked),
                        ceiling: shown(&self.$key),
                    });
                }
            )* };
        }
        each!(compare);
        wider
    }
}

impl LimitKeys {
    /// The names of all keys, as written in `[limits]`.
    pub const NAMES: &'static [&'static str] = {
        macro_rules! names {
            ($($key:ident),*) => { &[$(stringify!($key)),*] };
        }
        each!(names)
    };

    /// The lower of both, where both are set; else the one that is.
    #[must_use]
    pub fn within(&self, around: &Self) -> Self {
        macro_rules! lower {
            ($($key:ident),*) => { Self { $($key: self.$key.into_iter().chain(around.$key).min()),* } };
        }
        each!(lower)
    }

    /// These keys where they are set, else those of `under`.
    #[must_use]
    pub fn over(&self, under: &Self) -> Self {
        macro_rules! choose {
            ($($key:ident),*) => { Self { $($key: self.$key.or(under.$key)),* } };
        }
        each!(choose)
    }
}

/// How a limit's value is written in messages.
trait Shown {
    fn text(&self) -> String;
}

macro_rules! shown_as_display {
    ($($type:ty),*) => { $(impl Shown for $type { fn text(&self) -> String { self.to_string() } })* };
}

shown_as_display!(Count, ByteSize, u32);

impl Shown for Duration {
    fn text(&self) -> String {
        crate::format_duration(*self)
    }
}

fn shown(value: &impl Shown) -> String {
    value.text()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tightening_lowers_and_never_raises() {
        let keys = LimitKeys {
            memory: Some(ByteSize::mib(1)),
            timeout: Some(Duration::from_secs(60)),
            ..LimitKeys::default()
        };
        let tight = Limits::default().tighten(&keys);
        assert_eq!(tight.memory, ByteSize::mib(1));
        assert_eq!(tight.timeout, Duration::from_secs(10));
        assert_eq!(Limits::default().with(&keys).timeout, Duration::from_secs(60));
    }

    #[test]
    fn what_is_too_wide_is_named_with_both_numbers() {
        let keys = LimitKeys { fuel: Some(Count::new(20_000_000_000)), handles: Some(5), ..LimitKeys::default() };
        let wider = Limits::default().wider(&keys);
        assert_eq!(wider.len(), 1);
        assert_eq!(wider[0].to_string(), "fuel = 20G is over the ceiling of 10G");
    }

    #[test]
    fn what_differs_is_named_and_each_is_shown_as_a_person_writes_it() {
        let (usual, other) =
            (Limits::default(), Limits { fuel: Count::new(1), log: ByteSize::kib(1), ..Limits::default() });
        assert_eq!(usual.differing(&other), ["fuel", "log"]);
        assert_eq!(usual.differing(&usual), Vec::<&str>::new());
        let shown = ["fuel", "timeout", "memory", "handles"].map(|key| usual.shown(key).unwrap());
        assert_eq!(shown, ["10G", "10s", "64MiB", "1024"]);
        assert!(LimitKeys::NAMES.iter().all(|key| usual.shown(key).is_some()));
        assert_eq!(usual.shown("gas"), None);
    }

    #[test]
    fn the_list_of_keys_is_whole() {
        let fields = serde_json::to_value(Limits::default()).unwrap();
        assert_eq!(fields.as_object().unwrap().len(), LimitKeys::NAMES.len());
    }

    proptest::proptest! {
        #[test]
        fn tightening_twice_is_tightening_once_and_order_is_nothing(a: u64, b: u64, c: u32, d: u32) {
            let keys = |fuel, handles| LimitKeys {
                fuel: Some(Count::new(fuel)), handles: Some(handles), ..LimitKeys::default()
            };
            let (one, two) = (keys(a, c), keys(b, d));
            let start = Limits::default();
            let both = start.tighten(&one).tighten(&two);
            proptest::prop_assert_eq!(&both, &start.tighten(&two).tighten(&one));
            proptest::prop_assert_eq!(&both, &both.tighten(&one));
            proptest::prop_assert!(both.fuel <= start.fuel && both.handles <= start.handles);
        }
    }
}
