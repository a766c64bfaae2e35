//! What a call does to the world outside its cell.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;

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
