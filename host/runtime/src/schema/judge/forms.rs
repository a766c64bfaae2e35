//! Schemas made of schemas: references, choices, conditions.

use serde_json::{Map, Value};

use super::{Judge, Judged, Verdict, length, misfit};
use crate::schema::misfit::{Misfit, Rule};

impl<'r> Judge<'r> {
    pub(super) fn reference<'v>(&mut self, wanted: &'v Value, value: &'v Value) -> Judged<'v>
    where
        'r: 'v,
    {
        let name = wanted.as_str().unwrap_or_default();
        self.take(length(name.len() / 8))?;
        let rules = self.rules;
        match rules.resolve(name) {
            Some(schema) => self.judge(schema, value),
            None => Ok(Verdict::Unsure),
        }
    }

    pub(super) fn several<'v>(&mut self, keyword: &str, wanted: &'v Value, value: &'v Value) -> Judged<'v>
    where
        'r: 'v,
    {
        let Value::Array(schemas) = wanted else { return Ok(Verdict::Unsure) };
        match keyword {
            "allOf" => self.all_of(schemas, value),
            "anyOf" => self.any_of(schemas, value),
            _ => self.exactly_one_of(schemas, value),
        }
    }

    fn all_of<'v>(&mut self, schemas: &'v [Value], value: &'v Value) -> Judged<'v>
    where
        'r: 'v,
    {
        let mut all = Verdict::Fits;
        for schema in schemas {
            match self.judge(schema, value)? {
                Verdict::Fits => {}
                Verdict::Unsure => all = Verdict::Unsure,
                misfit @ Verdict::Misfits(_) => return Ok(misfit),
            }
        }
        Ok(all)
    }

    fn any_of<'v>(&mut self, schemas: &'v [Value], value: &'v Value) -> Judged<'v>
    where
        'r: 'v,
    {
        let (mut unsure, mut nearest) = (false, None);
        for schema in schemas {
            match self.judge(schema, value)? {
                Verdict::Fits => return Ok(Verdict::Fits),
                Verdict::Unsure => unsure = true,
                Verdict::Misfits(misfit) => nearest = Some(Misfit::nearest(nearest, misfit)),
            }
        }
        Ok(if unsure { Verdict::Unsure } else { none_of(schemas, nearest, value) })
    }

    fn exactly_one_of<'v>(&mut self, schemas: &'v [Value], value: &'v Value) -> Judged<'v>
    where
        'r: 'v,
    {
        let (mut fitting, mut unsure, mut nearest) = (0_usize, false, None);
        for schema in schemas {
            match self.judge(schema, value)? {
                Verdict::Fits => fitting += 1,
                Verdict::Unsure => unsure = true,
                Verdict::Misfits(misfit) => nearest = Some(Misfit::nearest(nearest, misfit)),
            }
            if fitting > 1 {
                return misfit(Rule::Several, value);
            }
        }
        Ok(match (unsure, fitting) {
            (true, _) => Verdict::Unsure,
            (false, 0) => none_of(schemas, nearest, value),
            (false, _) => Verdict::Fits,
        })
    }

    pub(super) fn not<'v>(&mut self, wanted: &'v Value, value: &'v Value) -> Judged<'v>
    where
        'r: 'v,
    {
        match self.judge(wanted, value)? {
            Verdict::Fits => misfit(Rule::Not, value),
            Verdict::Unsure => Ok(Verdict::Unsure),
            Verdict::Misfits(_) => Ok(Verdict::Fits),
        }
    }

    /// `if`, with the `then` and `else` that stand beside it.
    pub(super) fn condition<'v>(
        &mut self,
        wanted: &'v Value,
        beside: &'v Map<String, Value>,
        value: &'v Value,
    ) -> Judged<'v>
    where
        'r: 'v,
    {
        let branch = match self.judge(wanted, value)? {
            Verdict::Fits => beside.get("then"),
            Verdict::Misfits(_) => beside.get("else"),
            Verdict::Unsure => return Ok(Verdict::Unsure),
        };
        branch.map_or(Ok(Verdict::Fits), |schema| self.judge(schema, value))
    }
}

/// The verdict when no form fits: what is wrong with the one that comes nearest, if one does.
fn none_of<'v>(schemas: &[Value], nearest: Option<Box<Misfit<'v>>>, value: &'v Value) -> Verdict<'v> {
    let told = nearest.filter(|misfit| schemas.len() == 1 || misfit.tells_more_than_a_form());
    Verdict::Misfits(told.unwrap_or_else(|| Box::new(Misfit::new(Rule::Forms(schemas.len()), value))))
}
