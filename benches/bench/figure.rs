//! The figures, as a table for people and as JSON for whoever compares runs.

use std::fmt;
use std::path::Path;

use anyhow::{Context, Result};
use serde::Serialize;

use crate::compare::Compared;
use crate::original;

/// One figure.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Figure {
    name: &'static str,
    value: f64,
    unit: &'static str,
    /// To the figure beside it; none where there is nothing to compare with.
    ratio: Option<f64>,
    /// What the original made of it, in the same unit, where it had such a figure.
    #[serde(skip_serializing_if = "Option::is_none")]
    original: Option<f64>,
    /// What is aimed at, in words; not part of the JSON, because it is no figure.
    #[serde(skip)]
    aim: &'static str,
}

/// The figures of a run.
pub(crate) struct Figures {
    wanted: Vec<String>,
    taken: Vec<Figure>,
}

impl Figures {
    /// None yet; those are wanted whose names begin as one of `wanted`, or all.
    pub(crate) fn new(wanted: Vec<String>) -> Self {
        Self { wanted, taken: Vec::new() }
    }

    /// Whether one of these is wanted.
    pub(crate) fn want(&self, names: &[&str]) -> bool {
        let wanted = |name: &&str| self.wanted.iter().any(|start| name.starts_with(start.as_str()));
        self.wanted.is_empty() || names.iter().any(wanted)
    }

    /// Takes one in.
    pub(crate) fn take(
        &mut self,
        name: &'static str,
        value: f64,
        unit: &'static str,
        ratio: Option<f64>,
        aim: &'static str,
    ) {
        let (value, ratio, original) = (rounded(value), ratio.map(rounded), original::figure(name));
        self.taken.push(Figure { name, value, unit, ratio, original, aim });
    }

    /// Takes in what was compared, with its own time as the value.
    pub(crate) fn compared(&mut self, name: &'static str, compared: Compared, unit: Unit, aim: &'static str) {
        let (scale, unit) = match unit {
            Unit::Micros => (1e6, "us"),
            Unit::Millis => (1e3, "ms"),
        };
        self.take(name, compared.ours * scale, unit, Some(compared.ratio), aim);
    }

    /// Writes them as JSON.
    pub(crate) fn write(&self, path: &Path) -> Result<()> {
        let json = serde_json::to_string_pretty(&self.taken)?;
        std::fs::write(path, json).with_context(|| format!("write {}", path.display()))
    }
}

/// The unit in which a time is told.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Unit {
    Micros,
    Millis,
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (ratio, original) = ("ratio", "original");
        writeln!(f, "{:<38} {:>12} {:<10} {ratio:>7} {original:>10}  aim", "figure", "value", "unit")?;
        for figure in &self.taken {
            let shown = |number: Option<f64>| number.map_or_else(String::new, |number| format!("{number:.2}"));
            let (ratio, original) = (shown(figure.ratio), shown(figure.original));
            let Figure { name, value, unit, aim, .. } = figure;
            writeln!(f, "{name:<38} {value:>12.2} {unit:<10} {ratio:>7} {original:>10}  {aim}")?;
        }
        Ok(())
    }
}

/// To thousandths: more is noise.
fn rounded(value: f64) -> f64 {
    (value * 1e3).round() / 1e3
}
