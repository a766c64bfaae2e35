//! What an agent's check must know of the tools that there are.

use hotcell_call::{GrantSet, Limits, Target, ToolName};
use serde_json::Value;

use crate::Offer;

/// The port to whoever has the tools: the catalog.
pub trait Tools {
    /// Looks up what a step wants to call, or whether a tool exists.
    fn function(&self, target: &Target) -> Lookup;

    /// The functions of a tool, or of all tools, that can be called.
    fn offers(&self, tool: Option<&ToolName>) -> Vec<Offer>;

    /// The limits that calls of the tool run under.
    fn limits(&self, tool: &ToolName) -> Limits;

    /// What calls of the tool can reach: what it wants and was given.
    fn grants(&self, tool: &ToolName) -> GrantSet;
}

/// What was found.
#[derive(Debug, Clone, PartialEq)]
pub enum Lookup {
    /// It can be called.
    Found {
        /// Its full name, the function included.
        target: Target,
        /// The JSON Schema of its input.
        input: Value,
    },
    /// The tool has several functions, and none was named.
    Several {
        /// Their names, without the tool's.
        functions: Vec<String>,
    },
    /// The tool exists, the function does not.
    UnknownFunction {
        /// The names of those that do, without the tool's.
        functions: Vec<String>,
    },
    /// There is no such tool.
    UnknownTool {
        /// Names of tools that there are.
        tools: Vec<String>,
    },
    /// It exists and can't be called: the file is broken, or two tools have this name.
    Unusable {
        /// Why, in a few words.
        why: String,
    },
}
