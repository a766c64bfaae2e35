//! A value of the file, read as what it should be.

use std::fmt::Display;
use std::str::FromStr;
use std::time::Duration;

use hotcell_call::{ByteSize, Count, UnitError, nearest, parse_duration, shortened};
use serde_json::{Map, Number, Value};
use toml::de::{DeInteger, DeValue};

use super::{Problems, Section, Span, Spanned};
use crate::Diagnostic;

/// The value of a key, or an element of a list.
///
/// Each reader gives none after it has reported what does not fit.
pub struct Item<'d> {
    name: String,
    key: Span,
    value: &'d toml::Spanned<DeValue<'d>>,
    problems: &'d Problems,
}

impl<'d> Item<'d> {
    pub(super) fn new(name: String, key: Span, value: &'d toml::Spanned<DeValue<'d>>, problems: &'d Problems) -> Self {
        Self { name, key, value, problems }
    }

    /// Where the value stands.
    #[must_use]
    pub fn span(&self) -> Span {
        self.value.span()
    }

    /// Where its key stands; for an element of a list, the list's.
    #[must_use]
    pub fn key(&self) -> Span {
        self.key.clone()
    }

    /// The path of its key: `tools.calc.limits.fuel`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// A diagnostic about it, to be given a hint and [reported](Self::report).
    #[must_use]
    pub fn wrong(&self, message: impl AsRef<str>, label: impl AsRef<str>) -> Diagnostic {
        self.problems.at(self.span(), message, label)
    }

    /// As [`wrong`](Self::wrong), at another place of the file.
    #[must_use]
    pub fn wrong_at(&self, span: Span, message: impl AsRef<str>, label: impl AsRef<str>) -> Diagnostic {
        self.problems.at(span, message, label)
    }

    /// Where `part` stands within the value as it was written, at `from` or behind it; none where escapes hide it.
    #[must_use]
    pub fn find(&self, part: &str, from: usize) -> Option<Span> {
        let span = from..self.span().end;
        let at = from + self.problems.source().text().get(span)?.find(part)?;
        Some(at..at + part.len())
    }

    /// Takes in a diagnostic.
    pub fn report(&self, diagnostic: Diagnostic) {
        self.problems.push(diagnostic);
    }

    /// A string.
    pub fn string(&self) -> Option<Spanned<&'d str>> {
        match self.value.get_ref() {
            DeValue::String(text) => Some(Spanned::new(&**text, self.span())),
            _ => self.not_a("a string"),
        }
    }

    /// Whether it is a string; says nothing if not.
    #[must_use]
    pub fn is_string(&self) -> bool {
        self.value.get_ref().is_str()
    }

    /// Whether it is a table; says nothing if not.
    #[must_use]
    pub fn is_table(&self) -> bool {
        self.value.get_ref().is_table()
    }

    /// Whether it is a list; says nothing if not.
    #[must_use]
    pub fn is_list(&self) -> bool {
        self.value.get_ref().is_array()
    }

    /// `true` or `false`.
    pub fn boolean(&self) -> Option<bool> {
        match self.value.get_ref() {
            DeValue::Boolean(value) => Some(*value),
            _ => self.not_a("true or false"),
        }
    }

    /// A whole number from `least` to `most`.
    pub fn number(&self, least: u32, most: u32) -> Option<u32> {
        let wanted = || format!("a whole number from {least} to {most}");
        let DeValue::Integer(number) = self.value.get_ref() else {
            return self.not_a(&wanted());
        };
        let number = whole(number).and_then(|number| u32::try_from(number).ok());
        match number.filter(|number| (least..=most).contains(number)) {
            Some(number) => Some(number),
            None => self.unfit(&wanted()),
        }
    }

    /// A number from `least` to `most`, whole or not.
    pub fn real(&self, least: f64, most: f64) -> Option<f64> {
        let wanted = || format!("a number from {least} to {most}");
        let number = match self.value.get_ref() {
            DeValue::Float(number) => number.as_str().parse().ok(),
            DeValue::Integer(number) => whole(number).map(|number| number as f64),
            _ => return self.not_a(&wanted()),
        };
        match number.filter(|number| (least..=most).contains(number)) {
            Some(number) => Some(number),
            None => self.unfit(&wanted()),
        }
    }

    /// The elements of a list.
    pub fn list(&self) -> Option<Vec<Item<'d>>> {
        let DeValue::Array(list) = self.value.get_ref() else {
            return self.not_a("a list");
        };
        let item = |value| Item::new(self.name.clone(), self.key(), value, self.problems);
        Some(list.iter().map(item).collect())
    }

    /// A list of strings.
    pub fn strings(&self) -> Option<Vec<Spanned<&'d str>>> {
        if !self.value.get_ref().is_array() {
            return self.not_a("a list of strings");
        }
        self.list()?.iter().map(Item::string).collect()
    }

    /// A table.
    pub fn section(&self) -> Option<Section<'d>> {
        match self.value.get_ref() {
            DeValue::Table(table) => {
                let name = self.name.clone();
                Some(Section::new(name, table, self.span(), self.problems))
            }
            _ => self.not_a("a table"),
        }
    }

    /// A string in the form of `T`, whose error says what would fit.
    pub fn parsed<T: FromStr<Err: Display>>(&self) -> Option<Spanned<T>> {
        let text = self.string()?;
        match text.value.parse() {
            Ok(value) => Some(Spanned::new(value, text.span)),
            Err(error) => {
                self.report(self.wrong(error.to_string(), ""));
                None
            }
        }
    }

    /// One of a few words.
    pub fn word<T: Copy>(&self, words: &[(&'static str, T)]) -> Option<T> {
        let text = self.string()?.value;
        let found = words.iter().find(|(word, _)| *word == text);
        if found.is_none() {
            let names: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
            let message = format!("`{}` is not a `{}`", shortened(text, 60), self.last());
            let near = nearest(text, names.iter().copied());
            let hint = match near {
                Some(near) => format!("did you mean \"{near}\"?"),
                None => format!("one of: {}", names.join(", ")),
            };
            self.report(self.wrong(message, "").hint(hint));
        }
        found.map(|(_, value)| *value)
    }

    /// A size with its unit.
    pub fn size(&self) -> Option<ByteSize> {
        self.unit("a size such as \"64MiB\"", str::parse)
    }

    /// A duration with its unit.
    pub fn duration(&self) -> Option<Duration> {
        self.unit("a duration such as \"250ms\", \"2s\" or \"5m\"", parse_duration)
    }

    /// A count: a string such as "50M", or a whole number.
    pub fn count(&self) -> Option<Count> {
        let wanted = "a count such as \"50M\" or 50_000_000";
        if let DeValue::Integer(number) = self.value.get_ref() {
            let number = whole(number).and_then(|number| u64::try_from(number).ok());
            return match number {
                Some(number) => Some(Count::new(number)),
                None => self.unfit(wanted),
            };
        }
        self.unit(wanted, str::parse)
    }

    /// Any value, as JSON. Dates become strings; numbers that JSON can't say are errors.
    pub fn json(&self) -> Option<Value> {
        match self.value.get_ref() {
            DeValue::String(text) => Some(Value::from(&**text)),
            DeValue::Boolean(value) => Some(Value::from(*value)),
            DeValue::Datetime(date) => Some(Value::from(date.to_string())),
            DeValue::Integer(number) => match whole(number) {
                Some(number) => Number::from_i128(number).map(Value::from),
                None => self.unfit("a number of 64 bits"),
            },
            DeValue::Float(number) => {
                let number = number.as_str().parse().ok().and_then(Number::from_f64);
                match number {
                    Some(number) => Some(Value::from(number)),
                    None => self.unfit("a number that JSON can say"),
                }
            }
            DeValue::Array(_) => {
                let items = self.list()?;
                items.iter().map(Item::json).collect::<Option<_>>()
            }
            DeValue::Table(_) => {
                let entries = self.section()?.others();
                let entry = |(key, item): &(Spanned<&str>, Item<'_>)| Some((key.value.to_owned(), item.json()?));
                let map: Option<Map<_, _>> = entries.iter().map(entry).collect();
                map.map(Value::from)
            }
        }
    }

    /// The last part of the key's path.
    pub(crate) fn last(&self) -> &str {
        self.name.rsplit('.').next().unwrap_or_default()
    }

    fn unit<T>(&self, wanted: &str, parse: impl Fn(&str) -> Result<T, UnitError>) -> Option<T> {
        let DeValue::String(text) = self.value.get_ref() else {
            return self.not_a(wanted);
        };
        match parse(text) {
            Ok(value) => Some(value),
            Err(error) => {
                self.report(self.wrong(error.to_string(), ""));
                None
            }
        }
    }

    /// Reports that the value is of another type.
    pub(crate) fn not_a<T>(&self, wanted: &str) -> Option<T> {
        let got = match self.value.get_ref().type_str() {
            "array" => "a list",
            "integer" => "a whole number",
            "float" => "a number",
            "boolean" => "true or false",
            "datetime" => "a date",
            "table" => "a table",
            _ => "a string",
        };
        let message = format!("`{}` wants {wanted}", self.last());
        self.report(self.wrong(message, format!("this is {got}")));
        None
    }

    /// Reports that the value is of the right type, but out of bounds.
    pub(crate) fn unfit<T>(&self, wanted: &str) -> Option<T> {
        let message = format!("`{}` wants {wanted}", self.last());
        self.report(self.wrong(message, ""));
        None
    }
}

/// The value, unless it is larger than anything that reads it could hold.
fn whole(number: &DeInteger<'_>) -> Option<i128> {
    let value = i128::from_str_radix(number.as_str(), number.radix()).ok()?;
    let range = i128::from(i64::MIN)..=i128::from(u64::MAX);
    range.contains(&value).then_some(value)
}
