//! What a file says, value by value, and where: for whoever wants to know who set something.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::{Source, Span};

/// A value that stands in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// Its key from the root of the file on: `limits.fuel`.
    pub key: String,
    /// Its line, from 1.
    pub line: usize,
    /// As it was written.
    pub text: String,
}

/// All values of a file in its order, the tables that hold them left out; none if the file is not TOML.
#[must_use]
pub fn written(source: &Source) -> Vec<Written> {
    let Ok(root) = DeTable::parse(source.text()) else { return Vec::new() };
    let mut values = Vec::new();
    gather(&mut values, "", root.get_ref());
    values.sort_by_key(|(_, span)| span.start);
    let told = |(key, span): (String, Span)| {
        let text = source.text().get(span.clone()).unwrap_or_default().to_owned();
        Written { key, line: source.position(span.start).0, text }
    };
    values.into_iter().map(told).collect()
}

/// The parser bounds how deep tables are nested.
fn gather(into: &mut Vec<(String, Span)>, above: &str, table: &DeTable<'_>) {
    for (name, value) in table {
        let name: &Spanned<_> = name;
        let key = if above.is_empty() { name.get_ref().to_string() } else { format!("{above}.{}", name.get_ref()) };
        match value.get_ref() {
            DeValue::Table(table) => gather(into, &key, table),
            _ => into.push((key, value.span())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_value_is_told_with_its_whole_key_and_its_line() {
        let text = "[limits]\nfuel = \"1G\"\n\n[tools.a]\nlimits.timeout = \"2s\"\nenv = { set = { B = \"c\" } }\n";
        let written = written(&Source::new("x", text));
        let told: Vec<_> = written.iter().map(|value| (value.key.as_str(), value.line, value.text.as_str())).collect();
        assert_eq!(
            told,
            [("limits.fuel", 2, "\"1G\""), ("tools.a.limits.timeout", 5, "\"2s\""), ("tools.a.env.set.B", 6, "\"c\"")]
        );
        assert_eq!(super::written(&Source::new("x", "[")), []);
    }
}
