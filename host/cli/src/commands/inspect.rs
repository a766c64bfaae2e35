//! `hotcell inspect`: all that is known of a tool before it is called.

pub(super) mod about;

use hotcell_call::{Digest, GrantSet, Limits, ToolName, Wants};
use hotcell_runtime::{Descriptor, Function, Inspected};
use serde::Serialize;

use crate::args::{Global, InspectArgs, ToolRef};
use crate::exit::{Exit, Trouble};
use crate::operator::Operator;
use crate::output::{BOLD, DIM, Output, one_line};
use crate::schema::{self, Parameter};
use crate::{json, table};

pub(super) async fn run(args: InspectArgs, global: &Global, output: &Output) -> Result<Exit, Trouble> {
    let mut operator = Operator::load(global)?;
    let name = match args.tool {
        ToolRef::Named(name) => name,
        ToolRef::File(path) => operator.file(&path)?,
    };
    let host = operator.host()?;
    let inspected = host.inspect(&name).await?;
    if output.is_json() {
        output.object(&Object::of(&inspected))?;
    } else {
        for line in lines(output, &inspected, args.schema) {
            output.line(line);
        }
    }
    Ok(Exit::OK)
}

/// Everything, as a person reads it.
pub(super) fn lines(output: &Output, tool: &Inspected, schemas: bool) -> Vec<String> {
    let mut lines = vec![format!("{}  {}", output.styled(BOLD, &tool.name), output.styled(DIM, &tool.origin))];
    lines.extend(described(tool.description.as_deref().unwrap_or_default()));
    lines.extend(functions(output, &tool.name, &tool.descriptor, schemas));
    lines.push(String::new());
    lines.extend(table::hanging(&about::rows(tool), table::width()));
    lines
}

/// What an author says of a tool or a function: indented, because what stands at the left is what hotcell says.
fn described(description: &str) -> Vec<String> {
    if description.is_empty() { Vec::new() } else { table::indented(description, 2, table::width()) }
}

fn functions(output: &Output, tool: &ToolName, descriptor: &Descriptor, schemas: bool) -> Vec<String> {
    let told = descriptor.functions.iter().flat_map(|function| one(output, tool, function, schemas));
    let mut lines: Vec<String> = told.collect();
    if descriptor.dropped > 0 {
        lines.push(format!("\n… and {} functions more, which can't be called", descriptor.dropped));
    }
    lines
}

fn one(output: &Output, tool: &ToolName, function: &Function, schemas: bool) -> Vec<String> {
    let name = format!("{tool}.{}", function.name);
    let mut lines = vec![String::new()];
    if let Err(reason) = &function.callable {
        lines.push(format!("{}  can't be called: {}", output.styled(BOLD, name), one_line(reason)));
        return lines;
    }
    lines.push(format!("{}  {}", output.styled(BOLD, name), output.styled(DIM, function.effect)));
    lines.extend(described(&function.description));
    if schemas {
        lines.extend(whole("input", Some(&function.input)));
        lines.extend(whole("output", function.output.as_ref()));
        return lines;
    }
    let parameters = schema::parameters(&function.input, &function.parameters);
    let row = |parameter: Parameter| [parameter.name, parameter.kind, parameter.description];
    let rows: Vec<_> = parameters.into_iter().map(row).collect();
    let width = table::width().map(|width| width.saturating_sub(4));
    lines.extend(table::rows(&rows, width).into_iter().map(|row| format!("    {row}")));
    if let Some(answer) = &function.output {
        lines.push(format!("    → {}", schema::kind(answer, answer)));
    }
    lines
}

fn whole(title: &str, schema: Option<&serde_json::Value>) -> Vec<String> {
    let Some(schema) = schema else { return Vec::new() };
    let text = json::harmless(&json::pretty(&schema.to_string()));
    std::iter::once(format!("  {title}")).chain(text.lines().map(|line| format!("    {line}"))).collect()
}

/// The one object of `--json`.
#[derive(Serialize)]
struct Object<'a> {
    name: &'a ToolName,
    origin: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    digest: Digest,
    #[serde(flatten)]
    descriptor: &'a Descriptor,
    wants: Option<&'a Wants>,
    given: &'a GrantSet,
    grants: &'a GrantSet,
    limits: &'a Limits,
}

impl<'a> Object<'a> {
    fn of(tool: &'a Inspected) -> Self {
        Self {
            name: &tool.name,
            origin: tool.origin.to_string(),
            description: tool.description.as_deref(),
            digest: tool.digest,
            descriptor: &tool.descriptor,
            wants: tool.wants.as_ref(),
            given: &tool.given,
            grants: &tool.grants,
            limits: &tool.limits,
        }
    }
}
