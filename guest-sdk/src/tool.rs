//! The tools of this program: what each is, and how to call it.
//!
//! The attribute leaves a [`Declaration`] for each function in the program, and the program finds them again when it starts.
//! So a tool needs no list of its functions, in whichever module they are. [`list`] and [`call`] are what the component
//! exports; natively they let a test go the way that a caller goes, through JSON.

use schemars::{Schema, SchemaGenerator};

use crate::arguments::Arguments;
use crate::error::Error;
use crate::schema::{self, Parameter};

/// What a call may do to the world outside of its cell. The host retries, coalesces and caches by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// A function of its input: nothing is read from outside and nothing is changed.
    Pure,
    /// Reads from outside, changes nothing.
    Read,
    /// Changes something; doing it twice leaves the same state as doing it once.
    Idempotent,
    /// Changes something; doing it twice is not the same as doing it once.
    Write,
}

/// How a tool presents itself.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Tool {
    /// The function's name within this component.
    pub name: &'static str,
    /// What it does, for a model and for a person.
    pub description: &'static str,
    /// The JSON Schema of the input, as JSON text.
    pub input_schema: String,
    /// The JSON Schema of the output, as JSON text; none if any JSON may come.
    pub output_schema: Option<String>,
    /// What a call may do outside.
    pub effect: Effect,
}

/// What `#[hotcell::tool]` writes down about a function.
#[derive(Debug)]
pub struct Declaration {
    /// See [`Tool::name`].
    pub name: &'static str,
    /// See [`Tool::description`].
    pub description: &'static str,
    /// See [`Tool::effect`].
    pub effect: Effect,
    /// In the order of the function.
    pub parameters: &'static [Parameter],
    /// The schema of what it returns.
    pub output: fn(&mut SchemaGenerator) -> Schema,
    /// Reads the arguments, runs the function, writes its answer.
    pub call: fn(&mut Arguments<'_>) -> Result<String, Error>,
}

inventory::collect!(Declaration);

/// Gives the tools of this program, by name.
#[must_use]
pub fn list() -> Vec<Tool> {
    let mut tools: Vec<Tool> = Vec::new();
    // A sort of the standard library would be 5 KiB of every component, for a handful of names.
    for declaration in inventory::iter::<Declaration> {
        let at = tools.partition_point(|tool| tool.name < declaration.name);
        tools.insert(at, describe(declaration));
    }
    tools
}

/// Calls a tool of this program with a JSON text and gives its answer as a JSON text.
///
/// # Errors
/// What the tool itself says; [`Error::InvalidInput`] if the input isn't what the tool's schema describes;
/// [`Error::Failed`] if there is no such tool or the answer can't be written as JSON.
pub fn call(name: &str, input: &str) -> Result<String, Error> {
    let declaration = inventory::iter::<Declaration>
        .into_iter()
        .find(|declaration| declaration.name == name)
        .ok_or_else(|| Error::failed(format_args!("there is no tool `{name}` here")))?;
    let mut arguments = Arguments::read(input, declaration.parameters)?;
    (declaration.call)(&mut arguments)
}

fn describe(declaration: &Declaration) -> Tool {
    Tool {
        name: declaration.name,
        description: declaration.description,
        input_schema: schema::input(declaration.parameters),
        output_schema: schema::output(declaration.output),
        effect: declaration.effect,
    }
}
