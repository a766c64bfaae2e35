//! Names and ids, parsed once and never bare strings after.
//!
//! A name that reaches a path, a log or another tenant's lookup has passed its grammar here, so nothing behind this module
//! needs to fear `../`, a newline or a megabyte of text.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Serialize, Serializer};

/// The text does not fit the grammar of the id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no {what}: {grammar}")]
pub struct IdError {
    text: String,
    what: &'static str,
    grammar: &'static str,
}

impl IdError {
    fn new(text: &str, what: &'static str, grammar: &'static str) -> Self {
        Self { text: crate::shortened(text, 60), what, grammar }
    }

    /// What would have fitted, for a message's *fix*.
    #[must_use]
    pub fn grammar(&self) -> &'static str {
        self.grammar
    }
}

const NAME: &str = "1 to 64 characters, of a-z 0-9 _ -, the first a letter or digit";

fn is_name(text: &str) -> bool {
    let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_' || b == b'-';
    text.len() <= 64
        && text.bytes().all(fits)
        && text.bytes().next().is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// The name as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                if is_name(text) { Ok(Self(text.into())) } else { Err(IdError::new(text, $what, NAME)) }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }
    };
}

name!(
    /// The name of a tool: its file's name, or `[tool] name`. No dots: a dot parts tool and function.
    ToolName, "tool name"
);
name!(
    /// Who a call is for. Fair share, quotas and isolation are between tenants.
    TenantId, "tenant name"
);
name!(
    /// The name of an agent.
    AgentName, "agent name"
);
name!(
    /// The name of a step in an agent's plan.
    StepId, "step id"
);

impl Default for TenantId {
    /// The tenant of whoever works on the machine itself.
    fn default() -> Self {
        Self("local".into())
    }
}

/// What a call asks for: a tool, and one of its functions unless it has just one.
///
/// Written `calc.eval`, `calc`, or `adder.math.add` for a function of an interface.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Target {
    /// The tool.
    pub tool: ToolName,
    /// The function within the tool; none means its only one.
    pub function: Option<Arc<str>>,
}

const FUNCTION: &str = "tool, or tool.function, of a-z A-Z 0-9 _ - . and at most 200 characters";

impl Target {
    /// Joins a tool's name and a function's.
    #[must_use]
    pub fn new(tool: ToolName, function: impl Into<Arc<str>>) -> Self {
        Self { tool, function: Some(function.into()) }
    }
}

impl FromStr for Target {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let error = || IdError::new(text, "tool to call", FUNCTION);
        if text.len() > 200 {
            return Err(error());
        }
        let (tool, function) = match text.split_once('.') {
            Some((tool, function)) => (tool, Some(function)),
            None => (text, None),
        };
        let fits = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.');
        if function.is_some_and(|name| name.is_empty() || !name.bytes().all(fits)) {
            return Err(error());
        }
        Ok(Self { tool: tool.parse().map_err(|_| error())?, function: function.map(Arc::from) })
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.function {
            Some(function) => write!(f, "{}.{function}", self.tool),
            None => write!(f, "{}", self.tool),
        }
    }
}

impl Serialize for Target {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Crockford's base 32, as ULIDs write it: no I, L, O, U.
const BASE32: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

macro_rules! ulid {
    ($(#[$doc:meta])* $name:ident, $what:literal) => {
        $(#[$doc])*
        ///
        /// A ULID: 48 bits of time and 80 random ones, written in 26 characters (<https://github.com/ulid/spec>). Whoever
        /// makes one brings both: this crate has neither clock nor chance.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(u128);

        impl $name {
            /// Takes over the 128 bits of a ULID.
            #[must_use]
            pub const fn from_bits(bits: u128) -> Self {
                Self(bits)
            }

            /// The 128 bits.
            #[must_use]
            pub const fn bits(self) -> u128 {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                for place in (0..26).rev() {
                    let digit = (self.0 >> (5 * place)) & 31;
                    let letter = usize::try_from(digit).ok().and_then(|digit| BASE32.get(digit)).unwrap_or(&b'0');
                    write!(f, "{}", char::from(*letter))?;
                }
                Ok(())
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                let error = || IdError::new(text, $what, "26 characters of Crockford's base 32");
                if text.len() != 26 || text.as_bytes().first().is_none_or(|first| *first > b'7') {
                    return Err(error());
                }
                text.bytes().try_fold(0_u128, |bits, letter| {
                    let digit = BASE32.iter().position(|b| *b == letter.to_ascii_uppercase());
                    Ok(bits << 5 | digit.ok_or_else(error)? as u128)
                }).map(Self)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
    };
}

ulid!(
    /// The id of one call: what a person quotes when something went wrong.
    CallId, "call id"
);
ulid!(
    /// The id of one run of an agent: the parent of its calls.
    RunId, "run id"
);

/// The SHA-256 of a component's bytes: which code a name means.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; 32]);

impl Digest {
    /// Takes over a finished SHA-256.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// 64 hexadecimal digits, fit for a file name.
    #[must_use]
    pub fn hex(&self) -> String {
        self.0.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha256:{}", self.hex())
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_keep_to_their_grammar() {
        for good in ["calc", "a", "0", "my-tool_2"] {
            assert_eq!(good.parse::<ToolName>().map(|n| n.to_string()), Ok(good.to_owned()));
        }
        let long = "x".repeat(65);
        for bad in ["", "Calc", "../run", "run\n", "-x", ".x", "a.b", "ä", "a b", long.as_str()] {
            assert!(bad.parse::<ToolName>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_target_is_a_tool_and_maybe_a_function() {
        let target: Target = "adder.math.add-all".parse().unwrap();
        assert_eq!((target.tool.as_str(), target.function.as_deref()), ("adder", Some("math.add-all")));
        assert_eq!("calc".parse::<Target>().unwrap().function, None);
        for bad in ["", ".", "calc.", ".eval", "calc.ev al", "../x.y", "calc.\u{1b}"] {
            assert!(bad.parse::<Target>().is_err(), "{bad}");
        }
        let huge = "a".repeat(1_000_000);
        let message = huge.parse::<Target>().unwrap_err().to_string();
        assert!(message.len() < 300, "{}", message.len());
    }

    proptest::proptest! {
        #[test]
        fn ids_read_as_the_ulid_crate_writes_them(bits: u128) {
            let reference = ulid::Ulid(bits).to_string();
            let id = CallId::from_bits(bits);
            proptest::prop_assert_eq!(id.to_string(), reference.clone());
            proptest::prop_assert_eq!(reference.parse::<CallId>(), Ok(id));
        }

        #[test]
        fn any_text_is_an_id_or_an_error(text in ".{0,30}") {
            let _ = text.parse::<CallId>();
            let _ = text.parse::<Target>();
        }
    }
}
