//! An agent only narrows: what asks for more than the operator gives is an error with both values.

use std::collections::BTreeSet;

use hotcell_call::{Access, ClockMode, Code, GrantSet, LimitKeys, NetRule, RandomMode, ToolName, Wants, Wider};

use crate::Tools;
use crate::agent::InputKind;
use crate::document::{LimitTable, Problems, Span, WantKeys};
use crate::manifest::{Manifest, Narrowing};

type Narrowed = (ToolName, (LimitKeys, Option<Wants>));

/// What the agent leaves to each tool, after reporting where that would be more than there is.
pub(super) fn narrowings(
    manifest: &Manifest,
    called: &BTreeSet<&ToolName>,
    tools: &dyn Tools,
    problems: &Problems,
) -> Vec<Narrowed> {
    let mut told = BTreeSet::new();
    for tool in called {
        for wider in tools.limits(tool).wider(&manifest.limits.keys) {
            if told.insert(wider.key) {
                report_limit(&manifest.limits, &wider, tool, problems);
            }
        }
    }
    let mut narrowed = Vec::new();
    for narrowing in &manifest.narrowings {
        let tool = &narrowing.tool.value;
        if !called.contains(tool) {
            report_unused(narrowing, problems);
            continue;
        }
        for wider in tools.limits(tool).wider(&narrowing.limits.keys) {
            report_limit(&narrowing.limits, &wider, tool, problems);
        }
        let granted = tools.grants(tool);
        let wants = &narrowing.wants;
        report_files(wants, &granted, manifest, tool, problems);
        report_rest(wants, &granted, tool, problems);
        let wants = (!wants.is_empty()).then(|| wants.within(&granted));
        narrowed.push((tool.clone(), (narrowing.limits.keys.clone(), wants)));
    }
    narrowed
}

fn report_limit(table: &LimitTable, wider: &Wider, tool: &ToolName, problems: &Problems) {
    let Wider { key, asked, ceiling } = wider;
    let message = format!("`{key}` is {asked} here, and `{tool}` gets {ceiling}");
    let hint =
        format!("at most {ceiling}; the operator gives more by limits.{key} under [tools.{tool}] in hotcell.toml");
    let wrong = problems.at(table.place(key).unwrap_or(0..0), message, format!("more than {ceiling}"));
    problems.push(wrong.hint(hint).code(Code::Wider));
}

fn report_unused(narrowing: &Narrowing, problems: &Problems) {
    let tool = &narrowing.tool;
    let message = format!("no step calls `{}`", tool.value);
    let wrong = problems.at(tool.span.clone(), message, "so this means nothing");
    problems.push(wrong.hint("take it away, or mend the name"));
}

/// Reports files that are wanted and in no granted folder.
fn report_files(wants: &WantKeys, granted: &GrantSet, manifest: &Manifest, tool: &ToolName, problems: &Problems) {
    // Whoever runs the agent grants what it is given as its input.
    let kind = manifest.input.as_ref().map(|input| input.kind);
    let given = matches!(kind, Some(InputKind::File | InputKind::Folder));
    let can = |access| granted.folders.iter().any(|folder| folder.access >= access);
    let rights = [("read", &wants.read, given || can(Access::Read)), ("write", &wants.write, can(Access::Write))];
    for (key, paths, can) in rights {
        let first = paths.iter().flatten().next();
        if let Some(path) = first.filter(|_| !can) {
            let asked = format!("fs.{key} = [\"{}\"]", path.value);
            // A path here is a part of each folder that is granted: granting the same one would lead to it within itself.
            let by = match path.value.as_str() {
                "." => format!("`{asked}`"),
                part => format!("`fs.{key} = [\".\"]`, or another folder of which `{part}` is a part,"),
            };
            report_wider_than(path.span.clone(), &asked, &by, granted, tool, problems);
        }
    }
}

fn report_rest(wants: &WantKeys, granted: &GrantSet, tool: &ToolName, problems: &Problems) {
    for name in wants.env.iter().flatten() {
        if !granted.env.contains_key(&name.value) {
            let asked = format!("env.allow = [\"{}\"]", name.value);
            report_wider(name.span.clone(), &asked, granted, tool, problems);
        }
    }
    for rule in wants.net.iter().flatten() {
        if NetRule::common(&granted.net, std::slice::from_ref(&rule.value)).is_empty() {
            let asked = format!("net.allow = [\"{}\"]", rule.value);
            report_wider(rule.span.clone(), &asked, granted, tool, problems);
        }
    }
    if let Some(real) = wants.real_clock.as_ref().filter(|real| real.value)
        && granted.clock != ClockMode::Real
    {
        let asked = "clock.mode = \"real\"";
        report_wider(real.span.clone(), asked, granted, tool, problems);
    }
    if let Some(system) = wants.system_random.as_ref().filter(|system| system.value)
        && granted.random != RandomMode::System
    {
        let asked = "random.mode = \"system\"";
        report_wider(system.span.clone(), asked, granted, tool, problems);
    }
}

fn report_wider(span: Span, asked: &str, granted: &GrantSet, tool: &ToolName, problems: &Problems) {
    report_wider_than(span, asked, &format!("`{asked}`"), granted, tool, problems);
}

fn report_wider_than(span: Span, asked: &str, by: &str, granted: &GrantSet, tool: &ToolName, problems: &Problems) {
    let message = format!("`{asked}` is more than `{tool}` is granted: {granted}");
    let hint = format!("the operator grants it by {by} under [tools.{tool}] in hotcell.toml");
    let wrong = problems.at(span, message, "not granted");
    problems.push(wrong.hint(hint).code(Code::Wider));
}
