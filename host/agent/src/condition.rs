//! `when`: whether a step, or an item of its list, is worth a call.
//!
//! Small on purpose: a reference that is true or not, or that is compared with one value. What needs more is a call to a tool that
//! computes true or false.

use std::cmp::Ordering;
use std::str::FromStr;

use hotcell_call::{Code, Failure, shortened};
use serde_json::Value;

use crate::reference::{Reference, ReferenceError, Scope};

/// A test of one referenced value.
#[derive(Debug, Clone, PartialEq)]
pub struct Condition {
    reference: Reference,
    test: Test,
}

#[derive(Debug, Clone, PartialEq)]
enum Test {
    Holds,
    HoldsNot,
    Is(Value),
    IsNot(Value),
    Order { wanted: &'static [Ordering], other: Value },
}

/// The comparisons that ask for an order, the longer signs first.
const ORDERS: &[(&str, &[Ordering])] = &[
    ("<=", &[Ordering::Less, Ordering::Equal]),
    (">=", &[Ordering::Greater, Ordering::Equal]),
    ("<", &[Ordering::Less]),
    (">", &[Ordering::Greater]),
];

/// A text that is no condition.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConditionError {
    /// What is between the braces is no reference.
    #[error(transparent)]
    Reference(#[from] ReferenceError),
    /// It is not of one of the forms.
    #[error("this is not a condition")]
    Form,
}

impl ConditionError {
    /// What would fit.
    #[must_use]
    pub fn hint(&self) -> &str {
        let forms = "one of: `{{a}}`, `not {{a}}`, `{{a}} == \"text\"`, also with != < <= > >=";
        match self {
            Self::Reference(reference) => reference.hint().unwrap_or(forms),
            Self::Form => forms,
        }
    }
}

impl Condition {
    /// What it looks at.
    #[must_use]
    pub fn reference(&self) -> &Reference {
        &self.reference
    }

    /// Whether it is asked for each item of a list, not once for the step.
    #[must_use]
    pub fn is_per_item(&self) -> bool {
        self.reference.is_per_item()
    }

    /// Whether it holds. `false`, `null`, `0`, `""`, `[]` and `{}` don't; numbers are equal by value.
    ///
    /// # Errors
    ///
    /// [`Code::Reference`] when the reference leads nowhere, or to what has no order where one is asked for.
    pub fn holds(&self, scope: &Scope<'_>) -> Result<bool, Failure> {
        let value = self.reference.resolve(scope)?;
        Ok(match &self.test {
            Test::Holds => is_something(&value),
            Test::HoldsNot => !is_something(&value),
            Test::Is(other) => equal(&value, other),
            Test::IsNot(other) => !equal(&value, other),
            Test::Order { wanted, other } => {
                let order = order(&value, other).ok_or_else(|| self.no_order(&value, other))?;
                wanted.contains(&order)
            }
        })
    }
}

impl Condition {
    fn no_order(&self, value: &Value, other: &Value) -> Failure {
        let what = format!("`{{{{{}}}}}` can't be compared", self.reference);
        let value = shortened(&value.to_string(), 60);
        let why = format!("{value} and {other} have no order: both must be numbers, or texts");
        Failure::new(Code::Reference, what).why(why)
    }
}

fn is_something(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(value) => *value,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(list) => !list.is_empty(),
        Value::Object(map) => !map.is_empty(),
    }
}

/// 1 and 1.0 are different values to the JSON library, and the same to whoever wrote them.
fn equal(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => one == other || one.as_f64() == other.as_f64(),
        _ => one == other,
    }
}

/// Numbers by value, texts by their characters.
fn order(one: &Value, other: &Value) -> Option<Ordering> {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => one.as_f64()?.partial_cmp(&other.as_f64()?),
        (Value::String(one), Value::String(other)) => Some(one.cmp(other)),
        _ => None,
    }
}

impl FromStr for Condition {
    type Err = ConditionError;

    fn from_str(text: &str) -> Result<Self, ConditionError> {
        let text = text.trim();
        let (negated, text) = match text.strip_prefix("not ") {
            Some(rest) => (true, rest.trim_start()),
            None => (false, text),
        };
        let inside = text.strip_prefix("{{").ok_or(ConditionError::Form)?;
        let (inside, rest) = inside.split_once("}}").ok_or(ConditionError::Form)?;
        let reference = inside.parse()?;
        let value = |text: &str| serde_json::from_str(text).map_err(|_| ConditionError::Form);
        let rest = rest.trim();
        let ordered = || {
            let mut signs = ORDERS.iter();
            signs.find_map(|(sign, wanted)| Some((rest.strip_prefix(sign)?, *wanted)))
        };
        let test = if rest.is_empty() {
            if negated { Test::HoldsNot } else { Test::Holds }
        } else if negated {
            return Err(ConditionError::Form);
        } else if let Some(other) = rest.strip_prefix("==") {
            Test::Is(value(other)?)
        } else if let Some(other) = rest.strip_prefix("!=") {
            Test::IsNot(value(other)?)
        } else if let Some((other, wanted)) = ordered() {
            let other: Value = value(other)?;
            // Only what has an order can be asked for one.
            order(&other, &other).ok_or(ConditionError::Form)?;
            Test::Order { wanted, other }
        } else {
            return Err(ConditionError::Form);
        };
        Ok(Self { reference, test })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;

    use super::*;

    fn holds(condition: &str, input: &Value) -> bool {
        let scope = Scope { input, steps: &BTreeMap::new(), item: None };
        condition.parse::<Condition>().unwrap().holds(&scope).unwrap()
    }

    #[test]
    fn something_holds_and_nothing_does_not() {
        for (input, expected) in [
            (json!(null), false),
            (json!(false), false),
            (json!(0), false),
            (json!(-0.0), false),
            (json!(""), false),
            (json!([]), false),
            (json!({}), false),
            (json!(true), true),
            (json!(0.1), true),
            (json!("false"), true),
            (json!([null]), true),
            (json!({"a": null}), true),
        ] {
            assert_eq!(holds("{{input}}", &input), expected, "{input}");
            assert_eq!(holds("not {{ input }}", &input), !expected, "{input}");
        }
    }

    #[test]
    fn equality_is_by_value() {
        let input = json!({"kind": "file", "size": 1.0, "tags": ["a"]});
        for (condition, expected) in [
            ("{{input.kind}} == \"file\"", true),
            ("{{input.kind}}!=\"file\"", false),
            ("{{input.size}} == 1", true),
            ("{{input.size}} == \"1\"", false),
            ("{{input.tags}} == [\"a\"]", true),
            ("{{input.tags[0]}} != null", true),
        ] {
            assert_eq!(holds(condition, &input), expected, "{condition}");
        }
    }

    #[test]
    fn order_is_of_numbers_or_of_texts() {
        let input = json!({"size": 5, "name": "b"});
        for (condition, expected) in [
            ("{{input.size}} > 4.5", true),
            ("{{input.size}} < 5", false),
            ("{{input.size}} <= 5", true),
            ("{{input.size}}>=6", false),
            ("{{input.name}} > \"a\"", true),
        ] {
            assert_eq!(holds(condition, &input), expected, "{condition}");
        }
        let scope = Scope { input: &input, steps: &BTreeMap::new(), item: None };
        let condition: Condition = "{{input.name}} > 5".parse().unwrap();
        let failure = condition.holds(&scope).unwrap_err();
        assert_eq!(
            failure.to_string(),
            "invalid[E0208]: `{{input.name}}` can't be compared: \"b\" and 5 have no order: both must be numbers, or texts"
        );
    }

    #[test]
    fn anything_else_is_refused() {
        for text in [
            "",
            "true",
            "{{input}} and {{input}}",
            "{{input}} == file",
            "{{input}} > [1]",
            "{{input}} >> 1",
            "not {{input}} > 1",
            "not {{input}} == 1",
            "{{input",
            "not",
            "x {{input}}",
            "{{nothing}}",
        ] {
            assert!(text.parse::<Condition>().is_err(), "{text}");
        }
    }
}
