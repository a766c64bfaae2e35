//! What is not as it should be.

use hotcell_call::Failure;
use serde::Serialize;

/// Something that is wrong, or could be better.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Finding {
    /// Whether it makes calls fail.
    #[serde(skip)]
    pub(super) weight: Weight,
    pub(super) what: String,
    pub(super) why: String,
    pub(super) fix: Option<String>,
}

/// How much it matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Weight {
    /// Calls fail by it.
    Problem,
    /// Calls work, but not as well or as safely as they could.
    Warning,
}

impl Finding {
    pub(super) fn warning(what: impl Into<String>, why: impl Into<String>, fix: &str) -> Self {
        Self { weight: Weight::Warning, what: what.into(), why: why.into(), fix: Some(fix.to_owned()) }
    }

    /// A failure that every call would end with.
    pub(super) fn problem(failure: &Failure) -> Self {
        Self {
            weight: Weight::Problem,
            what: failure.what().to_owned(),
            why: failure.reason().to_owned(),
            fix: failure.remedy().map(str::to_owned),
        }
    }
}
