//! What a call does to the world outside its cell: what its tool says of itself, and what the host saw.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

/// What a tool says that its calls do; ordered from harmless to careful.
///
/// A declaration, not a permission: what a call may do is its [`GrantSet`](crate::GrantSet), and what it did stands in the
/// receipt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Default)]
#[serde(rename_all = "lowercase")]
pub enum Effect {
    /// The answer depends on the input alone.
    Pure,
    /// Reads what may change: files, time.
    Read,
    /// Changes something; twice is the same as once.
    Idempotent,
    /// Changes something each time. What is not known is this.
    #[default]
    Write,
}

impl Effect {
    /// The word in files, schemas and messages.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pure => "pure",
            Self::Read => "read",
            Self::Idempotent => "idempotent",
            Self::Write => "write",
        }
    }

    /// Whether a call whose end is not known may simply be made again.
    #[must_use]
    pub const fn repeatable(self) -> bool {
        !matches!(self, Self::Write)
    }
}

impl fmt::Display for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Effect {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        [Self::Pure, Self::Read, Self::Idempotent, Self::Write].into_iter().find(|e| e.as_str() == text).ok_or(())
    }
}

/// Something of the world that a call used, as the host functions saw it that lead there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Used {
    /// A granted folder was looked into.
    Read,
    /// Something in a granted folder was changed, or may have been.
    Write,
    /// The machine's clocks were read.
    Clock,
    /// The system's randomness was drawn.
    Random,
    /// It was asked how much time is left.
    TimeLeft,
    /// A request was let out.
    Net,
    /// One by a method that may change something: not GET or HEAD.
    NetWrite,
}

/// All that a call used of the world. Empty: it had its input, its memory, its log, a virtual clock and seeded randomness, and so its
/// answer depends on nothing else.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Effects(u8);

// === impl Used, Effects ===

impl Used {
    const ALL: [Self; 7] =
        [Self::Read, Self::Write, Self::Clock, Self::Random, Self::TimeLeft, Self::Net, Self::NetWrite];

    /// The word in receipts and events.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Clock => "clock",
            Self::Random => "random",
            Self::TimeLeft => "time-left",
            Self::Net => "net",
            Self::NetWrite => "net-write",
        }
    }

    const fn bit(self) -> u8 {
        1 << self as u8
    }
}

impl Effects {
    /// Adds one; whether it is new.
    pub const fn insert(&mut self, used: Used) -> bool {
        let before = self.0;
        self.0 |= used.bit();
        before != self.0
    }

    /// Those of both.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether it is among them.
    #[must_use]
    pub const fn contains(self, used: Used) -> bool {
        self.0 & used.bit() != 0
    }

    /// Whether nothing was used.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether something outside was changed, or may have been: what must not happen twice unasked.
    #[must_use]
    pub const fn change(self) -> bool {
        self.contains(Used::Write) || self.contains(Used::NetWrite)
    }

    /// Each that was used.
    pub fn iter(self) -> impl Iterator<Item = Used> {
        Used::ALL.into_iter().filter(move |used| self.contains(*used))
    }
}

impl fmt::Display for Effects {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words: Vec<&str> = self.iter().map(Used::as_str).collect();
        if words.is_empty() { f.write_str("none") } else { f.write_str(&words.join(", ")) }
    }
}

impl fmt::Debug for Effects {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

impl Serialize for Effects {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter().map(Used::as_str))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_effect_is_told_once_and_by_its_own_word() {
        let mut effects = Effects::default();
        assert_eq!((effects.to_string().as_str(), effects.is_empty(), effects.change()), ("none", true, false));
        for used in Used::ALL {
            assert!(!effects.contains(used) && effects.insert(used) && !effects.insert(used), "{used:?}");
            assert!(effects.contains(used), "{used:?}");
        }
        assert_eq!(effects.to_string(), "read, write, clock, random, time-left, net, net-write");
        let alone = |used| {
            let mut effects = Effects::default();
            effects.insert(used);
            effects.change()
        };
        assert_eq!(Used::ALL.map(alone), [false, true, false, false, false, false, true]);
    }
}
