//! What a step calls: does it exist, is it allowed, do the arguments fit.

use hotcell_call::{Target, nearest, shortened};
use serde_json::{Map, Value};

use crate::document::{Problems, Span};
use crate::manifest::{Manifest, StepDraft};
use crate::template::Template;
use crate::{Diagnostic, Lookup, Tools};

/// How many names a hint lists.
const MOST_NAMES: usize = 12;

/// Reports patterns that name no tool or function.
pub(super) fn report_allow(manifest: &Manifest, tools: &dyn Tools, problems: &Problems) {
    for allow in &manifest.allow {
        let Some(target) = allow.value.names() else {
            continue;
        };
        let lookup = tools.function(&target);
        let several = matches!(lookup, Lookup::Several { .. });
        if target.function.is_none() && (several || matches!(lookup, Lookup::Found { .. })) {
            continue;
        }
        report(&target, &lookup, allow.span.clone(), tools, problems);
    }
}

/// The function that a step calls, its name in full; none after reporting what is wrong.
pub(super) fn target(step: &StepDraft, manifest: &Manifest, tools: &dyn Tools, problems: &Problems) -> Option<Target> {
    let call = step.call.as_ref()?;
    let lookup = tools.function(&call.value);
    let Lookup::Found { target, input } = lookup else {
        report(&call.value, &lookup, call.span.clone(), tools, problems);
        return None;
    };
    if !manifest.allow.iter().any(|allow| allow.value.fits(&target)) {
        let message = format!("the agent may not call `{target}`");
        let wrong = problems.at(call.span.clone(), message, "not in `[tools] allow`");
        let mut patterns: Vec<String> = manifest.allow.iter().map(|allow| format!("\"{}\"", allow.value)).collect();
        patterns.push(format!("\"{target}\""));
        problems.push(wrong.hint(format!("[tools]\nallow = [{}]", patterns.join(", "))));
    }
    arguments(step, &target, &input, problems);
    Some(target)
}

/// Reports what was looked up and not found.
fn report(target: &Target, lookup: &Lookup, span: Span, all: &dyn Tools, problems: &Problems) {
    let tool = &target.tool;
    let function = target.function.as_deref().unwrap_or_default();
    let wrong = |message: String| problems.at(span.clone(), message, "");
    let diagnostic = match lookup {
        Lookup::Found { .. } => return,
        Lookup::UnknownTool { tools } => {
            let wrong = wrong(format!("there is no tool `{tool}`"));
            named(wrong, tool.as_str(), tools, "the tools are", |near| match &target.function {
                Some(function) if !lacks(all, near, function) => format!("{near}.{function}"),
                _ => near.to_owned(),
            })
        }
        Lookup::UnknownFunction { functions } => {
            let wrong = wrong(format!("`{tool}` has no function `{}`", shortened(function, 60)));
            named(wrong, function, functions, "it has", |near| format!("{tool}.{near}"))
        }
        Lookup::Several { functions } => {
            let wrong = wrong(format!("`{tool}` has several functions, and none is named"));
            named(wrong, "", functions, "it has", |near| format!("{tool}.{near}"))
        }
        Lookup::Unusable { why } => {
            wrong(format!("`{target}` can't be called: {why}")).hint(format!("hotcell inspect {tool}"))
        }
    };
    problems.push(diagnostic);
}

/// Whether it is known that the tool has no such function. Of one that was not opened it is not.
fn lacks(tools: &dyn Tools, tool: &str, function: &str) -> bool {
    let target = tool.parse().map(|tool| Target::new(tool, function));
    target.is_ok_and(|target| matches!(tools.function(&target), Lookup::UnknownFunction { .. }))
}

/// Adds the nearest of the names as a hint, or the first of them.
fn named(wrong: Diagnostic, name: &str, names: &[String], all: &str, full: impl Fn(&str) -> String) -> Diagnostic {
    let near = (!name.is_empty()).then(|| nearest(name, names.iter().map(String::as_str)));
    if let Some(near) = near.flatten() {
        return wrong.hint(format!("did you mean `{}`?", full(near)));
    }
    let some: Vec<&str> = names.iter().take(MOST_NAMES).map(String::as_str).collect();
    let more = if names.len() > MOST_NAMES { ", …" } else { "" };
    match some.as_slice() {
        [] => wrong,
        some => wrong.hint(format!("{all}: {}{more}", some.join(", "))),
    }
}

/// Compares `with` with the schema, as far as both say: names, what is missing, and the types of what is written out. The
/// whole input is checked when the call is made.
fn arguments(step: &StepDraft, target: &Target, schema: &Value, problems: &Problems) {
    let empty = Map::new();
    let parameters = schema.get("properties").and_then(Value::as_object);
    let closed = schema.get("additionalProperties") == Some(&Value::Bool(false));
    let parameters = parameters.unwrap_or(&empty);
    let fields = match &step.with {
        Some(with) => match with.value.fields() {
            Some(fields) => fields,
            None => return,
        },
        None if step.has_with => return,
        None => &[],
    };
    for argument in &step.arguments {
        let Some(parameter) = parameters.get(&argument.value) else {
            if closed {
                unknown(&argument.value, argument.span.clone(), target, parameters, problems);
            }
            continue;
        };
        let given = fields.iter().find(|(name, _)| *name == argument.value);
        if let Some((name, given)) = given {
            mismatch(name, given, parameter, argument.span.clone(), problems);
        }
    }
    let required = schema.get("required").and_then(Value::as_array);
    let required = required.into_iter().flatten().filter_map(Value::as_str);
    let missing: Vec<&str> = required.filter(|name| !fields.iter().any(|(field, _)| field == name)).collect();
    if !missing.is_empty() {
        let place = step.with.as_ref().map(|with| with.span.clone());
        let place = place.or_else(|| step.call.as_ref().map(|call| call.span.clone()));
        let message = format!("`{target}` needs {}", quoted(&missing));
        let wrong = problems.at(place.unwrap_or_else(|| step.span.clone()), message, "");
        let example: Vec<String> = missing.iter().map(|name| format!("{name} = …")).collect();
        problems.push(wrong.hint(format!("with = {{ {} }}", example.join(", "))));
    }
}

fn unknown(name: &str, span: Span, target: &Target, parameters: &Map<String, Value>, problems: &Problems) {
    let message = format!("`{target}` takes no `{}`", shortened(name, 60));
    let names: Vec<String> = parameters.keys().cloned().collect();
    let wrong = problems.at(span, message, "");
    let wrong = if names.is_empty() {
        wrong.hint("it takes no arguments")
    } else {
        named(wrong, name, &names, "it takes", str::to_owned)
    };
    problems.push(wrong);
}

/// Reports an argument whose type is known and is none of those that the schema names.
fn mismatch(name: &str, given: &Template, parameter: &Value, span: Span, problems: &Problems) {
    let Some(kind) = given.kind() else { return };
    let wanted: Vec<&str> = match parameter.get("type") {
        Some(Value::String(one)) => vec![one.as_str()],
        Some(Value::Array(several)) => several.iter().filter_map(Value::as_str).collect(),
        _ => return,
    };
    let fits = |wanted: &&str| *wanted == kind || (*wanted == "number" && kind == "integer");
    if !wanted.is_empty() && !wanted.iter().any(fits) {
        let message = format!("`{name}` is of type {}, not {kind}", wanted.join(" or "));
        problems.push(problems.at(span, message, ""));
    }
}

fn quoted(names: &[&str]) -> String {
    let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    names.join(" and ")
}
