//! `[retry]`: how often a call that failed in a way which passes is made again; for every tool, or for one.

use std::time::Duration;

use hotcell_agent::document::{Item, Section};
use hotcell_call::{format_duration, parse_duration};
use hotcell_flow::retry::{Jitter, Policy};

/// What `[retry]` names; what is absent is left as it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RetryKeys {
    /// How often it is made again.
    pub max: Option<u32>,
    /// The longest first wait, and the longest at all.
    pub backoff: Option<(Duration, Duration)>,
}

/// How often a call is made again, unless its caller or the operator says otherwise.
pub(crate) const USUAL: u32 = 2;
/// Beyond, it is no failure that passes.
pub(crate) const MOST: u32 = 10;

const EXAMPLE: &str = "backoff = \"100ms..10s\": the longest first wait, and the longest at all";

impl RetryKeys {
    pub(super) fn read(parent: &Section<'_>) -> Self {
        let Some(section) = parent.section("retry") else {
            return Self::default();
        };
        Self {
            max: section.get("max").and_then(|item| item.number(0, MOST)),
            backoff: section.get("backoff").and_then(|item| backoff(&item)),
        }
    }

    /// These, over those of `under`.
    #[must_use]
    pub fn over(&self, under: &Self) -> Self {
        Self { max: self.max.or(under.max), backoff: self.backoff.or(under.backoff) }
    }

    /// Each key as it holds for a tool of which nothing else is said.
    pub(super) fn shown(&self) -> [(&'static str, String); 2] {
        let waits = self.policy().with_jitter(Jitter::None);
        let first = waits.wait(1, 0.0).unwrap_or_default();
        let backoff = self.backoff.unwrap_or((first, waits.longest()));
        [
            ("retry.max", self.max.unwrap_or(USUAL).to_string()),
            ("retry.backoff", format!("{}..{}", format_duration(backoff.0), format_duration(backoff.1))),
        ]
    }

    /// The waits.
    pub(crate) fn policy(&self) -> Policy {
        let usual = Policy::default();
        let waits = self.backoff.and_then(|(first, longest)| usual.waiting(first, 2.0, longest).ok());
        waits.unwrap_or(usual)
    }
}

fn backoff(item: &Item<'_>) -> Option<(Duration, Duration)> {
    let text = item.string()?.value;
    let Some((first, longest)) = text.split_once("..") else {
        item.report(item.wrong(format!("`{}` wants two times", item.name()), "").hint(EXAMPLE));
        return None;
    };
    match (parse_duration(first.trim()), parse_duration(longest.trim())) {
        (Ok(first), Ok(longest)) if first <= longest => Some((first, longest)),
        (Ok(_), Ok(_)) => {
            item.report(item.wrong("the first wait is longer than the longest", "").hint(EXAMPLE));
            None
        }
        (Err(error), _) | (_, Err(error)) => {
            item.report(item.wrong(error.to_string(), "").hint(EXAMPLE));
            None
        }
    }
}
