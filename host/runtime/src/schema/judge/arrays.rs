//! Lists.

use serde_json::{Map, Value};

use super::{Judge, Judged, Verdict, at, bound, count, length, misfit};
use crate::schema::misfit::{Rule, Step};

impl<'r> Judge<'r> {
    pub(super) fn items<'v>(
        &mut self,
        keyword: &'v str,
        wanted: &'v Value,
        beside: &'v Map<String, Value>,
        items: &'v [Value],
        value: &'v Value,
    ) -> Judged<'v>
    where
        'r: 'v,
    {
        let many = length(items.len());
        match keyword {
            "minItems" => bound(count(wanted).map(|least| many >= least), keyword, wanted, value),
            "maxItems" => bound(count(wanted).map(|most| many <= most), keyword, wanted, value),
            "uniqueItems" if *wanted == Value::Bool(true) => match self.unique(items)? {
                true => Ok(Verdict::Fits),
                false => misfit(Rule::Unique, value),
            },
            "prefixItems" => match wanted {
                Value::Array(schemas) => self.each(schemas.iter().zip(items).enumerate()),
                _ => Ok(Verdict::Unsure),
            },
            "items" => {
                let first = beside.get("prefixItems").and_then(Value::as_array).map_or(0, Vec::len);
                let rest = items.iter().enumerate().skip(first);
                self.each(rest.map(|(place, item)| (place, (wanted, item))))
            }
            "contains" => self.contains(wanted, beside, items, value),
            _ => Ok(Verdict::Fits),
        }
    }

    fn each<'v>(&mut self, items: impl Iterator<Item = (usize, (&'v Value, &'v Value))>) -> Judged<'v>
    where
        'r: 'v,
    {
        let mut all = Verdict::Fits;
        for (place, (schema, item)) in items {
            match self.judge(schema, item)? {
                Verdict::Fits => {}
                Verdict::Unsure => all = Verdict::Unsure,
                misfit @ Verdict::Misfits(_) => return Ok(at(Step::Place(place), misfit)),
            }
        }
        Ok(all)
    }

    fn contains<'v>(
        &mut self,
        wanted: &'v Value,
        beside: &'v Map<String, Value>,
        items: &'v [Value],
        value: &'v Value,
    ) -> Judged<'v>
    where
        'r: 'v,
    {
        let least = beside.get("minContains").map_or(Some(1), count);
        let most = beside.get("maxContains").map_or(Some(u64::MAX), count);
        let (Some(least), Some(most)) = (least, most) else { return Ok(Verdict::Unsure) };
        let (mut sure, mut possible) = (0_u64, 0_u64);
        for item in items {
            match self.judge(wanted, item)? {
                Verdict::Fits => (sure, possible) = (sure + 1, possible + 1),
                Verdict::Unsure => possible += 1,
                Verdict::Misfits(_) => {}
            }
        }
        if possible < least || sure > most {
            return misfit(Rule::Contains, value);
        }
        Ok(if sure >= least && possible <= most { Verdict::Fits } else { Verdict::Unsure })
    }
}
