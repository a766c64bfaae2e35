//! Objects.

use serde_json::{Map, Value};

use super::{Judge, Judged, Spent, Verdict, at, bound, count, length, misfit};
use crate::schema::misfit::{Rule, Step};

type Fields = Map<String, Value>;

impl<'r> Judge<'r> {
    pub(super) fn fields<'v>(
        &mut self,
        keyword: &'v str,
        wanted: &'v Value,
        beside: &'v Fields,
        fields: &'v Fields,
        value: &'v Value,
    ) -> Judged<'v>
    where
        'r: 'v,
    {
        let many = length(fields.len());
        match (keyword, wanted) {
            ("minProperties", _) => bound(count(wanted).map(|least| many >= least), keyword, wanted, value),
            ("maxProperties", _) => bound(count(wanted).map(|most| many <= most), keyword, wanted, value),
            ("required", Value::Array(names)) => self.required(names, fields, value),
            ("properties", Value::Object(schemas)) => self.properties(schemas, fields),
            ("patternProperties", Value::Object(schemas)) => self.by_pattern(schemas, fields),
            ("additionalProperties", _) => self.further(wanted, beside, fields, value),
            ("propertyNames", _) => self.names(wanted, fields, value),
            ("dependentRequired", Value::Object(names)) => self.dependent_names(names, fields, value),
            ("dependentSchemas", Value::Object(schemas)) => self.dependent(schemas, fields, value),
            ("required" | "properties" | "patternProperties" | "dependentRequired" | "dependentSchemas", _) => {
                Ok(Verdict::Unsure)
            }
            _ => Ok(Verdict::Fits),
        }
    }

    fn required<'v>(&mut self, names: &'v [Value], fields: &Fields, value: &'v Value) -> Judged<'v> {
        for name in names {
            self.take(1)?;
            match name.as_str() {
                Some(name) if !fields.contains_key(name) => return misfit(Rule::Missing(name), value),
                Some(_) => {}
                None => return Ok(Verdict::Unsure),
            }
        }
        Ok(Verdict::Fits)
    }

    /// Goes through the shorter of the two: either may be long.
    fn properties<'v>(&mut self, schemas: &'v Fields, fields: &'v Fields) -> Judged<'v>
    where
        'r: 'v,
    {
        if schemas.len() <= fields.len() {
            let both = schemas.iter().map(|(name, schema)| (name, Some(schema), fields.get(name)));
            self.each_field(both)
        } else {
            let both = fields.iter().map(|(name, field)| (name, schemas.get(name), Some(field)));
            self.each_field(both)
        }
    }

    fn each_field<'v>(
        &mut self,
        both: impl Iterator<Item = (&'v String, Option<&'v Value>, Option<&'v Value>)>,
    ) -> Judged<'v>
    where
        'r: 'v,
    {
        let mut all = Verdict::Fits;
        for (name, schema, field) in both {
            self.take(1)?;
            let (Some(schema), Some(field)) = (schema, field) else { continue };
            match self.judge(schema, field)? {
                Verdict::Fits => {}
                Verdict::Unsure => all = Verdict::Unsure,
                misfit @ Verdict::Misfits(_) => return Ok(at(Step::Name(name), misfit)),
            }
        }
        Ok(all)
    }

    fn by_pattern<'v>(&mut self, schemas: &'v Fields, fields: &'v Fields) -> Judged<'v>
    where
        'r: 'v,
    {
        let mut all = Verdict::Fits;
        for (pattern, schema) in schemas {
            for (name, field) in fields {
                let verdict = match self.matches(pattern, name)? {
                    Some(true) => self.judge(schema, field)?,
                    Some(false) => Verdict::Fits,
                    None => Verdict::Unsure,
                };
                match verdict {
                    Verdict::Fits => {}
                    Verdict::Unsure => all = Verdict::Unsure,
                    misfit @ Verdict::Misfits(_) => return Ok(at(Step::Name(name), misfit)),
                }
            }
        }
        Ok(all)
    }

    fn matches(&mut self, pattern: &str, name: &str) -> Result<Option<bool>, Spent> {
        self.take(1)?;
        let Some(pattern) = self.rules.pattern(pattern) else { return Ok(None) };
        self.take(pattern.steps(name))?;
        Ok(Some(pattern.matches(name)))
    }

    /// `additionalProperties`: those that neither `properties` nor `patternProperties` beside it name.
    fn further<'v>(&mut self, wanted: &'v Value, beside: &'v Fields, fields: &'v Fields, value: &'v Value) -> Judged<'v>
    where
        'r: 'v,
    {
        let known = beside.get("properties").and_then(Value::as_object);
        let patterns = beside.get("patternProperties").and_then(Value::as_object);
        let mut all = Verdict::Fits;
        'fields: for (name, field) in fields {
            self.take(1)?;
            if known.is_some_and(|known| known.contains_key(name)) {
                continue;
            }
            for pattern in patterns.into_iter().flat_map(Map::keys) {
                match self.matches(pattern, name)? {
                    Some(true) => continue 'fields,
                    Some(false) => {}
                    None => return Ok(Verdict::Unsure),
                }
            }
            if *wanted == Value::Bool(false) {
                return misfit(Rule::Unexpected(name), value);
            }
            match self.judge(wanted, field)? {
                Verdict::Fits => {}
                Verdict::Unsure => all = Verdict::Unsure,
                misfit @ Verdict::Misfits(_) => return Ok(at(Step::Name(name), misfit)),
            }
        }
        Ok(all)
    }

    fn names<'v>(&mut self, wanted: &'v Value, fields: &'v Fields, value: &'v Value) -> Judged<'v>
    where
        'r: 'v,
    {
        let mut all = Verdict::Fits;
        for name in fields.keys() {
            self.take(1 + length(name.len() / 16))?;
            let text = Value::String(name.clone());
            match self.judge(wanted, &text)? {
                Verdict::Fits => {}
                Verdict::Unsure => all = Verdict::Unsure,
                Verdict::Misfits(_) => return misfit(Rule::Name(name), value),
            }
        }
        Ok(all)
    }

    fn dependent_names<'v>(&mut self, names: &'v Fields, fields: &Fields, value: &'v Value) -> Judged<'v> {
        for (name, others) in names {
            self.take(1)?;
            if !fields.contains_key(name) {
                continue;
            }
            let Value::Array(others) = others else { return Ok(Verdict::Unsure) };
            match self.required(others, fields, value)? {
                Verdict::Fits => {}
                other => return Ok(other),
            }
        }
        Ok(Verdict::Fits)
    }

    fn dependent<'v>(&mut self, schemas: &'v Fields, fields: &Fields, value: &'v Value) -> Judged<'v>
    where
        'r: 'v,
    {
        let mut all = Verdict::Fits;
        for (name, schema) in schemas {
            self.take(1)?;
            if !fields.contains_key(name) {
                continue;
            }
            match self.judge(schema, value)? {
                Verdict::Fits => {}
                Verdict::Unsure => all = Verdict::Unsure,
                misfit @ Verdict::Misfits(_) => return Ok(misfit),
            }
        }
        Ok(all)
    }
}
