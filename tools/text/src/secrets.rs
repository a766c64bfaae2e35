//! `secrets`: what looks like a key that shouldn't be in a text.
//!
//! Two ways to tell. [`rules`] knows how the keys of well-known services, private keys and assignments such as
//! `password = "…"` are written. [`random`] finds long tokens that nobody typed. Both would rather miss a secret than cry
//! wolf over every lock file: a list of false alarms is read once. So digests, placeholders, identifiers and data are
//! left out, and a text with no finding is not proven clean.
//!
//! The answer never holds a secret, or it would carry it on to wherever the answer goes: see [`Finding::preview`].

mod random;
mod rules;

use std::collections::BTreeMap;
use std::ops::Range;

use crate::lines::Places;

/// What was found.
#[hotcell::output]
#[derive(Debug, PartialEq)]
pub struct Secrets {
    /// How many there are in the whole text, listed or not.
    pub count: usize,
    /// The first of them.
    pub findings: Vec<Finding>,
}

/// One thing that looks like a secret.
#[hotcell::output]
#[derive(Debug, PartialEq)]
pub struct Finding {
    /// The line on which it starts, from 1.
    pub line: usize,
    /// What it looks like: `private key`, `AWS access key`, `assigned secret`, `random token`, …
    pub kind: &'static str,
    /// What comes before the secret part, and its length: `ghp_… (36 characters)`.
    pub preview: String,
}

/// A part of the text that a rule took for a secret.
struct Suspect {
    /// All of it, with what tells the kind.
    span: Range<usize>,
    /// The part that is masked.
    secret: Range<usize>,
    kind: &'static str,
    /// What may be shown: the same for all secrets of that kind, or a name from the text.
    shown: String,
}

/// Finds what looks like a secret: private keys, keys of well-known services, passwords in assignments and in addresses,
/// long random tokens. Shows where, never what.
#[hotcell::tool(effect = "pure")]
pub fn secrets(
    /// The text to look through.
    text: String,
    /// Largest number of findings to list.
    #[hotcell(default = 50)]
    limit: u32,
) -> Secrets {
    let mut suspects = rules::search(&text);
    random::search(&text, &mut suspects);
    let suspects = without_overlaps(suspects);
    let mut places = Places::of(&text);
    let findings = suspects.iter().take(limit as usize).map(|suspect| {
        let (line, _) = places.at(suspect.span.start);
        Finding { line, kind: suspect.kind, preview: preview(suspect, &text) }
    });
    Secrets { findings: findings.collect(), count: suspects.len() }
}

/// Keeps, of those that share a part of the text, the one that was suspected first: the rules go from sure to unsure.
/// Gives them in the order of the text.
fn without_overlaps(suspects: Vec<Suspect>) -> Vec<Suspect> {
    let mut kept: BTreeMap<usize, Suspect> = BTreeMap::new();
    for suspect in suspects {
        // Those that are kept don't overlap, so only the last one that starts before this one's end can reach into it.
        let before = kept.range(..suspect.span.end).next_back();
        if before.is_none_or(|(_, before)| before.span.end <= suspect.span.start) {
            kept.insert(suspect.span.start, suspect);
        }
    }
    kept.into_values().collect()
}

fn preview(suspect: &Suspect, text: &str) -> String {
    let secret = text.get(suspect.secret.clone()).unwrap_or_default();
    let mut shown = suspect.shown.split_whitespace().collect::<Vec<_>>().join(" ");
    if shown.ends_with(['=', ':', '>']) {
        shown.push(' ');
    }
    format!("{shown}… ({} characters)", secret.chars().count())
}

#[cfg(test)]
mod tests;
