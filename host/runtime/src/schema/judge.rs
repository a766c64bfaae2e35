//! Judges a value by a schema, within a budget.
//!
//! A schema comes from a guest, and a few lines of it can ask for more work than there is time: sixty definitions, each of which
//! refers twice to the next, are judged 2^60 times. So every look at a keyword, a name or a piece of text is a step, steps are
//! counted, and when they are used up there is no verdict. Nothing is remembered between the looks: what is not counted is not
//! done.
//!
//! The vocabulary is that of draft 2020-12. What a verdict would need and is not judged here (`unevaluatedProperties`, dynamic
//! references, patterns that look around) makes it unsure, and is carried through `not` and `oneOf` as that: a value is
//! refused only for what is certain.

use serde_json::{Map, Value};

use super::misfit::{Misfit, Rule, Step};
use super::rules::Rules;

mod arrays;
mod equal;
mod forms;
mod objects;
mod scalars;

/// How a value stands to a schema.
pub(super) enum Verdict<'v> {
    /// It fits.
    Fits,
    /// What would decide it is not judged here.
    Unsure,
    /// It does not fit, whatever else the schema says.
    Misfits(Box<Misfit<'v>>), // boxed: verdicts stand on the stack, level upon level
}

/// The steps are used up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Spent;

type Judged<'v> = Result<Verdict<'v>, Spent>;

/// Schemas within schemas that are followed. An input nests 127 levels at most, and each takes some five: references, a
/// form, a property. It is the stack that is saved here; time is the budget's matter.
const MOST_NESTED: u32 = 640;

/// One judgement.
pub(super) struct Judge<'r> {
    rules: &'r Rules,
    left: u64,
    nested: u32,
}

impl<'r> Judge<'r> {
    pub(super) fn new(rules: &'r Rules, steps: u64) -> Self {
        Self { rules, left: steps, nested: 0 }
    }

    fn take(&mut self, steps: u64) -> Result<(), Spent> {
        self.left = self.left.checked_sub(steps).ok_or(Spent)?;
        Ok(())
    }

    /// Judges `value` by `schema`, a part of the rules.
    pub(super) fn judge<'v>(&mut self, schema: &'v Value, value: &'v Value) -> Judged<'v>
    where
        'r: 'v,
    {
        self.take(1)?;
        let keywords = match schema {
            Value::Bool(true) => return Ok(Verdict::Fits),
            Value::Bool(false) => return misfit(Rule::Never, value),
            Value::Object(keywords) => keywords,
            _ => return Ok(Verdict::Unsure),
        };
        if self.nested >= MOST_NESTED {
            return Ok(Verdict::Unsure);
        }
        self.nested += 1;
        let verdict = self.keywords(keywords, value);
        self.nested -= 1;
        verdict
    }

    fn keywords<'v>(&mut self, keywords: &'v Map<String, Value>, value: &'v Value) -> Judged<'v>
    where
        'r: 'v,
    {
        let mut all = Verdict::Fits;
        for (keyword, wanted) in keywords {
            self.take(1)?;
            match self.keyword(keyword, wanted, keywords, value)? {
                Verdict::Fits => {}
                Verdict::Unsure => all = Verdict::Unsure,
                misfit @ Verdict::Misfits(_) => return Ok(misfit),
            }
        }
        Ok(all)
    }

    /// Judges by one keyword; those that are known to no one say nothing.
    fn keyword<'v>(
        &mut self,
        keyword: &'v str,
        wanted: &'v Value,
        beside: &'v Map<String, Value>,
        value: &'v Value,
    ) -> Judged<'v>
    where
        'r: 'v,
    {
        match keyword {
            "$ref" => self.reference(wanted, value),
            "allOf" | "anyOf" | "oneOf" => self.several(keyword, wanted, value),
            "not" => self.not(wanted, value),
            "if" => self.condition(wanted, beside, value),
            "$dynamicRef" | "$recursiveRef" => Ok(Verdict::Unsure),
            "unevaluatedProperties" | "unevaluatedItems" if *wanted != Value::Bool(true) => Ok(Verdict::Unsure),
            "type" => scalars::kind(wanted, value),
            "enum" => self.one_of(wanted, value),
            "const" => self.constant(wanted, value),
            _ => match value {
                Value::Number(number) => scalars::number(keyword, wanted, number, value),
                Value::String(text) => self.text(keyword, wanted, text, value),
                Value::Array(items) => self.items(keyword, wanted, beside, items, value),
                Value::Object(fields) => self.fields(keyword, wanted, beside, fields, value),
                Value::Null | Value::Bool(_) => Ok(Verdict::Fits),
            },
        }
    }
}

fn misfit<'v>(rule: Rule<'v>, got: &'v Value) -> Judged<'v> {
    Ok(Verdict::Misfits(Box::new(Misfit::new(rule, got))))
}

/// The verdict for a part, seen from the whole.
fn at<'v>(step: Step<'v>, verdict: Verdict<'v>) -> Verdict<'v> {
    match verdict {
        Verdict::Misfits(mut misfit) => {
            misfit.within(step);
            Verdict::Misfits(misfit)
        }
        other => other,
    }
}

/// The verdict for a bound that is or is not kept; none: the schema makes no sense of it.
fn bound<'v>(kept: Option<bool>, keyword: &'v str, wanted: &'v Value, got: &'v Value) -> Judged<'v> {
    match kept {
        Some(true) => Ok(Verdict::Fits),
        Some(false) => misfit(Rule::Bound(keyword, wanted), got),
        None => Ok(Verdict::Unsure),
    }
}

/// A count as schemas write it: `2`, and `2.0` too.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a whole number below 2^53 is the same as both"
)]
fn count(wanted: &Value) -> Option<u64> {
    let whole = |number: &f64| number.fract() == 0.0 && (0.0..=9e15).contains(number);
    wanted.as_u64().or_else(|| wanted.as_f64().filter(whole).map(|number| number as u64))
}

fn length(of: usize) -> u64 {
    u64::try_from(of).unwrap_or(u64::MAX)
}
