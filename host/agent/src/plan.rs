//! Steps to graph: who waits for whom.
//!
//! A step waits for those that it names in `needs` and for those that it refers to; nobody writes the second kind down.

use std::collections::{BTreeMap, BTreeSet};

use hotcell_call::{StepId, nearest};
use hotcell_flow::dag::{Dag, DagError};

use crate::document::{Problems, Span, Spanned};
use crate::manifest::StepDraft;

/// The steps that `step` waits for, with the place that says so, and how it names them.
fn needs(step: &StepDraft) -> impl Iterator<Item = (&StepId, Span)> {
    let written = step.needs.iter().map(|need| (&need.value, need.span.clone()));
    let implied = step.uses.iter().filter_map(|used| {
        let id = used.reference.step()?;
        Some((id, used.span.clone()))
    });
    written.chain(implied)
}

/// All steps that `step` waits for.
pub(crate) fn needed(step: &StepDraft) -> BTreeSet<StepId> {
    needs(step).map(|(id, _)| id.clone()).collect()
}

/// The graph of all steps; none after reporting what is in its way.
pub(crate) fn graph(steps: &[StepDraft], problems: &Problems) -> Option<Dag<StepId>> {
    let unique = report_doubles(steps, problems);
    let known = report_dangling(steps, problems);
    if !unique || !known {
        return None;
    }
    let named = || steps.iter().filter_map(|step| Some((&step.id.as_ref()?.value, step)));
    let edges = named().flat_map(|(id, step)| {
        let before = needs(step).map(|(before, _)| before.clone());
        before.map(move |before| (before, id.clone()))
    });
    match Dag::new(named().map(|(id, _)| id.clone()), edges) {
        Ok(dag) => Some(dag),
        Err(DagError::Cycle(path)) => {
            report_cycle(&path, steps, problems);
            None
        }
        // Names are unique and known by now.
        Err(other) => {
            problems.push(crate::Diagnostic::new(problems.source(), other.to_string()));
            None
        }
    }
}

fn report_doubles(steps: &[StepDraft], problems: &Problems) -> bool {
    let mut known: BTreeMap<&StepId, &Spanned<StepId>> = BTreeMap::new();
    let mut unique = true;
    for id in steps.iter().filter_map(|step| step.id.as_ref()) {
        let Some(first) = known.get(&id.value) else {
            known.insert(&id.value, id);
            continue;
        };
        unique = false;
        let message = format!("two steps have the id `{}`", id.value);
        let wrong = problems.at(id.span.clone(), message, "here again");
        problems.push(wrong.at(first.span.clone(), "first here"));
    }
    unique
}

fn report_dangling(steps: &[StepDraft], problems: &Problems) -> bool {
    let ids: Vec<&str> = steps.iter().filter_map(|step| Some(step.id.as_ref()?.value.as_str())).collect();
    let mut known = true;
    for (id, span) in steps.iter().flat_map(needs) {
        if ids.contains(&id.as_str()) {
            continue;
        }
        known = false;
        if problems.is_full() {
            break;
        }
        let wrong = problems.at(span, format!("there is no step `{id}`"), "");
        let hint = match nearest(id.as_str(), ids.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("the steps are: {}", ids.join(", ")),
        };
        problems.push(wrong.hint(hint));
    }
    known
}

/// Reports a cycle at the places that close it.
fn report_cycle(path: &[StepId], steps: &[StepDraft], problems: &Problems) {
    let names: Vec<&str> = path.iter().map(StepId::as_str).collect();
    let message = format!("steps wait for each other: {}", names.join(" → "));
    let mut wrong = crate::Diagnostic::new(problems.source(), message);
    for pair in path.windows(2) {
        let [before, after] = pair else { continue };
        let step = steps.iter().find(|step| step.id.as_ref().is_some_and(|id| id.value == *after));
        let place = step.and_then(|step| needs(step).find(|(id, _)| *id == before));
        if let Some((_, span)) = place {
            wrong = wrong.at(span, format!("`{after}` needs `{before}`"));
        }
    }
    problems.push(wrong.hint("take one of these away"));
}
