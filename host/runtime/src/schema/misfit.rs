//! What does not fit, where, and in words.

use hotcell_call::shortened;
use serde_json::Value;

/// A rule that a value breaks.
#[derive(Debug)]
pub(super) enum Rule<'v> {
    /// One of these types.
    Type(Vec<&'v str>),
    /// One of these values.
    Enum(&'v [Value]),
    /// A field that must be there.
    Missing(&'v str),
    /// A field that may not be there.
    Unexpected(&'v str),
    /// A field whose name does not fit.
    Name(&'v str),
    /// A keyword with its bound.
    Bound(&'v str, &'v Value),
    /// Items that all differ.
    Unique,
    /// Items of a certain form, so many of them.
    Contains,
    /// One of so many forms.
    Forms(usize),
    /// One form only.
    Several,
    /// Anything else.
    Not,
    /// Nothing fits here.
    Never,
}

/// One part of the way to a place in a value.
#[derive(Debug)]
pub(super) enum Step<'v> {
    Name(&'v str),
    Place(usize),
}

/// A value that breaks a rule.
#[derive(Debug)]
pub(super) struct Misfit<'v> {
    pub(super) rule: Rule<'v>,
    got: &'v Value,
    /// The way to it, from within.
    way: Vec<Step<'v>>,
}

/// Options that are told.
const TOLD: usize = 12;

impl<'v> Misfit<'v> {
    pub(super) fn new(rule: Rule<'v>, got: &'v Value) -> Self {
        Self { rule, got, way: Vec::new() }
    }

    pub(super) fn within(&mut self, step: Step<'v>) {
        self.way.push(step);
    }

    /// Of two forms that do not fit, what is wrong with the one that was meant: types are told together, and what is wrong deep
    /// within says that the rest did fit.
    pub(super) fn nearest(known: Option<Box<Self>>, mut other: Box<Self>) -> Box<Self> {
        let Some(mut known) = known else { return other };
        if !known.way.is_empty() || !other.way.is_empty() {
            return if other.way.len() > known.way.len() { other } else { known };
        }
        match (&mut known.rule, &mut other.rule) {
            (Rule::Type(types), Rule::Type(more)) => {
                more.retain(|one| !types.contains(one));
                types.append(more);
                known
            }
            // What has the right type is nearer than what has not.
            (Rule::Type(_), _) => other,
            _ => known,
        }
    }

    /// Whether it helps to know this, and not only that no form fits.
    pub(super) fn tells_more_than_a_form(&self) -> bool {
        !self.way.is_empty()
            || matches!(self.rule, Rule::Type(_) | Rule::Enum(_) | Rule::Unexpected(_) | Rule::Missing(_))
    }

    /// Where it is: `$.a[0].b`.
    pub(super) fn place(&self) -> String {
        let place = self.way.iter().rev().fold("$".to_owned(), |place, step| match step {
            Step::Place(index) => format!("{place}[{index}]"),
            Step::Name(name) => format!("{place}.{}", shortened(name, 60)),
        });
        match self.rule {
            Rule::Missing(name) | Rule::Unexpected(name) | Rule::Name(name) => {
                format!("{place}.{}", shortened(name, 60))
            }
            _ => place,
        }
    }

    /// What was wanted, and what was given.
    pub(super) fn words(&self) -> String {
        let got = shown(self.got);
        match &self.rule {
            Rule::Type(types) => format!("wanted {}, got {got}", types.join(" or ")),
            Rule::Enum([one]) => format!("wanted {}, got {got}", short(one)),
            Rule::Enum(options) => format!("wanted one of {}, got {got}", listed(options)),
            Rule::Missing(_) => "wanted a value, got none".to_owned(),
            Rule::Unexpected(_) => "wanted no such argument".to_owned(),
            Rule::Name(_) => "wanted another name".to_owned(),
            Rule::Bound(keyword, bound) => format!("{}, got {got}", limit(keyword, bound)),
            Rule::Unique => format!("wanted items that all differ, got {got}"),
            Rule::Contains => format!("wanted other items, or another number of them, got {got}"),
            Rule::Forms(forms) => format!("wanted one of {forms} forms, got {got}"),
            Rule::Several => format!("wanted a value that fits one form, got one that fits several: {got}"),
            Rule::Not => format!("wanted another value, got {got}"),
            Rule::Never => format!("wanted nothing here, got {got}"),
        }
    }
}

fn limit(keyword: &str, bound: &Value) -> String {
    let bound = short(bound);
    match keyword {
        "minimum" => format!("wanted at least {bound}"),
        "maximum" => format!("wanted at most {bound}"),
        "exclusiveMinimum" => format!("wanted more than {bound}"),
        "exclusiveMaximum" => format!("wanted less than {bound}"),
        "multipleOf" => format!("wanted a multiple of {bound}"),
        "minLength" => format!("wanted at least {bound} characters"),
        "maxLength" => format!("wanted at most {bound} characters"),
        "pattern" => format!("wanted a text that matches {bound}"),
        "minItems" => format!("wanted at least {bound} items"),
        "maxItems" => format!("wanted at most {bound} items"),
        "minProperties" => format!("wanted at least {bound} fields"),
        "maxProperties" => format!("wanted at most {bound} fields"),
        _ => format!("wanted {} {bound}", shortened(keyword, 60)),
    }
}

fn listed(options: &[Value]) -> String {
    let mut told: Vec<String> = options.iter().take(TOLD).map(short).collect();
    if let Some(more) = options.len().checked_sub(TOLD).filter(|more| *more > 0) {
        told.push(format!("{more} more"));
    }
    told.join(", ")
}

/// A value in a few words: its type, and its text if that is short.
fn shown(value: &Value) -> String {
    let kind = match value {
        Value::Null => return "null".to_owned(),
        Value::Bool(_) => "the boolean",
        Value::Number(_) => "the number",
        Value::String(_) => "the string",
        Value::Array(_) => "the list",
        Value::Object(_) => "the object",
    };
    format!("{kind} {}", short(value))
}

fn short(value: &Value) -> String {
    shortened(&value.to_string(), 60)
}
