//! A schema, made ready to be judged by.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use hotcell_call::shortened;
use regex::{Regex, RegexBuilder};
use serde_json::Value;

/// A schema with its patterns.
pub(super) struct Rules {
    /// The function whose input it is.
    name: Arc<str>,
    schema: Value,
    /// Made when it is first judged by.
    prepared: OnceLock<Prepared>,
}

#[derive(Default)]
struct Prepared {
    /// None: the pattern is not one that is judged here.
    patterns: HashMap<String, Option<Pattern>>,
    /// A part has a name of its own, which changes what references mean.
    bundled: bool,
}

/// A pattern that is found in linear time.
pub(super) struct Pattern {
    regex: Regex,
    /// Steps for each byte of a text.
    weight: u64,
}

/// Patterns of one schema that are used: each takes memory for as long as the tool is open.
const MOST_PATTERNS: usize = 128;

/// The size of a pattern's program, and what each byte of a text then costs at worst: all its states are looked at.
const SIZES: [(usize, u64); 2] = [(4 << 10, 8), (32 << 10, 64)];

/// What a pattern may remember of the texts that it has seen.
const MOST_REMEMBERED: usize = 64 << 10;

impl Rules {
    pub(super) fn new(name: Arc<str>, schema: Value) -> Self {
        Self { name, schema, prepared: OnceLock::new() }
    }

    pub(super) fn schema(&self) -> &Value {
        &self.schema
    }

    pub(super) fn pattern(&self, pattern: &str) -> Option<&Pattern> {
        self.prepared().patterns.get(pattern)?.as_ref()
    }

    /// The part that a reference means; none: it leads elsewhere or nowhere.
    pub(super) fn resolve(&self, reference: &str) -> Option<&Value> {
        let pointer = reference.strip_prefix('#').filter(|pointer| !pointer.contains('%'))?;
        if self.prepared().bundled { None } else { self.schema.pointer(pointer) }
    }

    fn prepared(&self) -> &Prepared {
        self.prepared.get_or_init(|| {
            let mut prepared = Prepared::default();
            prepared.look(&self.schema, true);
            let unused = prepared.patterns.iter().find(|(_, pattern)| pattern.is_none());
            if let Some((pattern, _)) = unused {
                let pattern = shortened(pattern, 200);
                tracing::warn!(function = %self.name, pattern, "texts are not checked against a pattern that can't be used");
            }
            prepared
        })
    }
}

impl Prepared {
    fn look(&mut self, schema: &Value, is_root: bool) {
        match schema {
            Value::Array(parts) => parts.iter().for_each(|part| self.look(part, false)),
            Value::Object(parts) => {
                for (key, part) in parts {
                    match (key.as_str(), part) {
                        ("pattern", Value::String(pattern)) => self.add(pattern),
                        ("patternProperties", Value::Object(schemas)) => {
                            schemas.keys().for_each(|pattern| self.add(pattern));
                        }
                        ("$id", Value::String(_)) => self.bundled |= !is_root,
                        _ => {}
                    }
                    self.look(part, false);
                }
            }
            _ => {}
        }
    }

    fn add(&mut self, pattern: &str) {
        if !self.patterns.contains_key(pattern) {
            let fits = self.patterns.len() < MOST_PATTERNS;
            self.patterns.insert(pattern.to_owned(), if fits { Pattern::new(pattern) } else { None });
        }
    }
}

impl Pattern {
    fn new(pattern: &str) -> Option<Self> {
        // Written for another engine: what the two read differently is translated, and what only the other can do is refused.
        let translated = jsonschema_regex::to_rust_regex(pattern).ok()?;
        SIZES.into_iter().find_map(|(size, weight)| {
            let made = RegexBuilder::new(&translated).size_limit(size).dfa_size_limit(MOST_REMEMBERED).build();
            made.ok().map(|regex| Self { regex, weight })
        })
    }

    pub(super) fn steps(&self, text: &str) -> u64 {
        u64::try_from(text.len()).unwrap_or(u64::MAX).saturating_mul(self.weight)
    }

    pub(super) fn matches(&self, text: &str) -> bool {
        self.regex.is_match(text)
    }
}
