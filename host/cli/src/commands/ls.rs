//! `hotcell ls`: what can be called.

use hotcell_call::{Effect, Failure, Target, ToolName};
use hotcell_runtime::{Broken, Function, Listed};
use serde::Serialize;
use serde_json::Value;

use crate::args::Global;
use crate::embedded::STARTERS;
use crate::exit::{Exit, Trouble};
use crate::operator::Operator;
use crate::output::{BOLD, DIM, Output, RED, without_numbers};
use crate::table;

pub(super) async fn run(global: &Global, output: &Output) -> Result<Exit, Trouble> {
    let host = Operator::load(global)?.host()?;
    let (tools, broken) = host.tools().await;
    if output.is_json() {
        output.object(&List::of(&tools, &broken))?;
    } else {
        show(output, &tools, &broken);
    }
    Ok(Exit::OK)
}

fn show(output: &Output, tools: &[Listed], broken: &[Broken]) {
    let rows: Vec<_> = tools.iter().flat_map(|tool| callable(tool).map(|function| row(&tool.name, function))).collect();
    for (row, [name, ..]) in table::rows(&rows, table::width()).iter().zip(&rows) {
        let rest = row.strip_prefix(name.as_str()).unwrap_or_default();
        output.line(format_args!("{}{rest}", output.styled(BOLD, name)));
    }
    let unusable = unusable(tools, broken);
    if !unusable.is_empty() {
        output.line(format_args!("\n{}", output.styled(RED, "can't be called")));
    }
    for line in table::hanging(&unusable, table::width().map(|width| width.saturating_sub(2))) {
        output.line(format_args!("  {line}"));
    }
    if STARTERS.is_empty() {
        output.note(
            output.styled_note(DIM, "There are no starter tools in this binary: `just build` makes one with them."),
        );
    }
}

fn callable(tool: &Listed) -> impl Iterator<Item = &Function> {
    let functions = tool.descriptor.iter().flat_map(|descriptor| &descriptor.functions);
    functions.filter(|function| function.callable.is_ok())
}

fn row(tool: &ToolName, function: &Function) -> [String; 3] {
    let first = function.description.split("\n\n").next().unwrap_or_default();
    let description = first.split_whitespace().collect::<Vec<_>>().join(" ");
    [format!("{tool}.{}", function.name), function.effect.to_string(), description]
}

/// What is there and can't be called, with the reason.
fn unusable(tools: &[Listed], broken: &[Broken]) -> Vec<[String; 2]> {
    let mut rows = Vec::new();
    for tool in tools {
        match &tool.descriptor {
            Err(failure) => rows.push([tool.name.to_string(), told(failure)]),
            Ok(descriptor) => rows.extend(descriptor.functions.iter().filter_map(|function| {
                let reason = function.callable.as_ref().err()?;
                Some([format!("{}.{}", tool.name, function.name), reason.clone()])
            })),
        }
    }
    rows.extend(broken.iter().map(|broken| [broken.origin.to_string(), told(&broken.failure)]));
    rows
}

fn told(failure: &Failure) -> String {
    without_numbers(&failure.to_string())
}

/// The one object of `--json`.
#[derive(Serialize)]
struct List<'a> {
    tools: Vec<Tool<'a>>,
    broken: Vec<Unusable<'a>>,
}

#[derive(Serialize)]
struct Tool<'a> {
    name: &'a ToolName,
    origin: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    functions: Vec<Entry<'a>>,
}

#[derive(Serialize)]
struct Entry<'a> {
    name: Target,
    description: &'a str,
    effect: Effect,
    input: &'a Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    output: Option<&'a Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    uncallable: Option<&'a String>,
}

#[derive(Serialize)]
struct Unusable<'a> {
    origin: String,
    error: &'a Failure,
}

impl<'a> List<'a> {
    fn of(tools: &'a [Listed], broken: &'a [Broken]) -> Self {
        let mut list = Self { tools: Vec::new(), broken: Vec::new() };
        for tool in tools {
            match &tool.descriptor {
                Ok(descriptor) => list.tools.push(Tool {
                    name: &tool.name,
                    origin: tool.origin.to_string(),
                    description: tool.description.as_deref(),
                    functions: descriptor.functions.iter().map(|function| Entry::of(&tool.name, function)).collect(),
                }),
                Err(error) => list.broken.push(Unusable { origin: tool.origin.to_string(), error }),
            }
        }
        list.broken.extend(broken.iter().map(|one| Unusable { origin: one.origin.to_string(), error: &one.failure }));
        list
    }
}

impl<'a> Entry<'a> {
    fn of(tool: &ToolName, function: &'a Function) -> Self {
        Self {
            name: Target::new(tool.clone(), function.name.as_str()),
            description: &function.description,
            effect: function.effect,
            input: &function.input,
            output: function.output.as_ref(),
            uncallable: function.callable.as_ref().err(),
        }
    }
}
