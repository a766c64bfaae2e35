//! `[breaker]`: when a tool that fails is given a rest; for every tool, or for one.

use std::time::Duration;

use hotcell_agent::document::Section;
use hotcell_call::format_duration;
use hotcell_flow::breaker::Policy;

use super::bounds::{self, Bounds};

/// What `[breaker]` names; what is absent is left as it is.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct BreakerKeys {
    /// Whether there is one.
    pub on: Option<bool>,
    /// The part of the calls that fail when it opens.
    pub ratio: Option<f64>,
    /// The calls that it has seen at least.
    pub calls: Option<u32>,
    /// The time over which they are counted.
    pub window: Option<Duration>,
    /// The first rest; it doubles for each probe that fails, up to ten times as long.
    pub rest: Option<Duration>,
}

const TIME: Bounds<Duration> = Bounds {
    least: Duration::from_millis(10),
    most: Duration::from_secs(86_400),
    because: "a breaker judges over seconds up to hours",
};
const MODES: &[(&str, bool)] = &[("on", true), ("off", false)];

/// The part of the calls that fail, and the calls that there are, where nobody says otherwise.
const RATIO: f64 = 0.5;
const CALLS: u32 = 5;
/// A rest grows up to so many times the first.
const LONGEST: u32 = 10;

impl BreakerKeys {
    pub(super) fn read(parent: &Section<'_>) -> Self {
        let Some(section) = parent.section("breaker") else {
            return Self::default();
        };
        let time = |key| bounds::duration(&section.get(key)?, &TIME);
        Self {
            on: section.get("mode").and_then(|item| item.word(MODES)),
            ratio: section.get("ratio").and_then(|item| item.real(0.01, 1.0)),
            calls: section.get("calls").and_then(|item| item.number(1, 1_000_000)),
            window: time("window"),
            rest: time("rest"),
        }
    }

    /// These, over those of `under`.
    #[must_use]
    pub fn over(&self, under: &Self) -> Self {
        Self {
            on: self.on.or(under.on),
            ratio: self.ratio.or(under.ratio),
            calls: self.calls.or(under.calls),
            window: self.window.or(under.window),
            rest: self.rest.or(under.rest),
        }
    }

    /// Each key as it holds for a tool of which nothing else is said.
    pub(super) fn shown(&self) -> [(&'static str, String); 5] {
        let usual = Policy::default();
        [
            ("breaker.mode", if self.on == Some(false) { "off" } else { "on" }.to_owned()),
            ("breaker.ratio", self.ratio.unwrap_or(RATIO).to_string()),
            ("breaker.calls", self.calls.unwrap_or(CALLS).to_string()),
            ("breaker.window", format_duration(self.window.unwrap_or(usual.window()))),
            ("breaker.rest", format_duration(self.rest.unwrap_or(usual.cool_down()))),
        ]
    }

    /// The policy; none if it is off.
    pub(crate) fn policy(&self) -> Option<Policy> {
        if self.on == Some(false) {
            return None;
        }
        let usual = Policy::default();
        let window = self.window.unwrap_or(usual.window());
        let opening = usual.opening(self.ratio.unwrap_or(RATIO), self.calls.unwrap_or(CALLS), window).unwrap_or(usual);
        let rest = self.rest.unwrap_or(usual.cool_down());
        Some(opening.resting(rest, 2.0, rest.saturating_mul(LONGEST)).unwrap_or(opening))
    }
}
