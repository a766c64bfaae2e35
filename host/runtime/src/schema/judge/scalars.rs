//! Types, numbers and texts.

use serde_json::{Number, Value};

use super::equal::{compare, whole};
use super::{Judge, Judged, Verdict, bound, count, length, misfit};
use crate::schema::misfit::Rule;

const TYPES: &[&str] = &["array", "boolean", "integer", "null", "number", "object", "string"];

pub(super) fn kind<'v>(wanted: &'v Value, value: &'v Value) -> Judged<'v> {
    let one = std::slice::from_ref(wanted);
    let kinds = wanted.as_array().map_or(one, Vec::as_slice);
    let names: Option<Vec<&str>> = kinds.iter().map(Value::as_str).collect();
    match names {
        Some(names) if names.iter().any(|name| is(name, value)) => Ok(Verdict::Fits),
        Some(names) if names.iter().all(|name| TYPES.contains(name)) => misfit(Rule::Type(names), value),
        Some(_) | None => Ok(Verdict::Unsure),
    }
}

fn is(kind: &str, value: &Value) -> bool {
    match value {
        Value::Null => kind == "null",
        Value::Bool(_) => kind == "boolean",
        Value::Number(number) => kind == "number" || (kind == "integer" && whole(number)),
        Value::String(_) => kind == "string",
        Value::Array(_) => kind == "array",
        Value::Object(_) => kind == "object",
    }
}

pub(super) fn number<'v>(keyword: &'v str, wanted: &'v Value, number: &Number, value: &'v Value) -> Judged<'v> {
    let compared = || compare(number, wanted.as_number()?);
    let kept = match keyword {
        "minimum" => compared().map(|order| order.is_ge()),
        "maximum" => compared().map(|order| order.is_le()),
        "exclusiveMinimum" => compared().map(|order| order.is_gt()),
        "exclusiveMaximum" => compared().map(|order| order.is_lt()),
        "multipleOf" => wanted.as_number().and_then(|of| is_multiple(number, of)),
        _ => return Ok(Verdict::Fits),
    };
    bound(kept, keyword, wanted, value)
}

/// Exact for integers; of fractions, which are not what they are written as, one that is nearly a multiple is one.
fn is_multiple(number: &Number, of: &Number) -> Option<bool> {
    if let (Some(number), Some(of)) = (number.as_i128(), of.as_i128()) {
        return number.checked_rem(of).map(|rest| rest == 0);
    }
    let (number, of) = (number.as_f64()?, of.as_f64().filter(|of| *of > 0.0)?);
    let times = number / of;
    times.is_finite().then(|| (times - times.round()).abs() <= 1e-9 * times.abs().max(1.0))
}

impl Judge<'_> {
    pub(super) fn text<'v>(&mut self, keyword: &'v str, wanted: &'v Value, text: &str, value: &'v Value) -> Judged<'v> {
        let kept = match keyword {
            "minLength" | "maxLength" => {
                self.take(length(text.len() / 16))?;
                let characters = length(text.chars().count());
                count(wanted)
                    .map(|wanted| if keyword == "minLength" { characters >= wanted } else { characters <= wanted })
            }
            "pattern" => match wanted.as_str().and_then(|pattern| self.rules.pattern(pattern)) {
                Some(pattern) => {
                    self.take(pattern.steps(text))?;
                    Some(pattern.matches(text))
                }
                None => None,
            },
            _ => return Ok(Verdict::Fits),
        };
        bound(kept, keyword, wanted, value)
    }
}
