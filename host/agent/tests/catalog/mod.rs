//! A few tools that exist on paper.

use std::collections::BTreeMap;

use hotcell_agent::{Lookup, Offer, Tools};
use hotcell_call::{Access, Folder, GrantSet, Limits, Target, ToolName};
use serde_json::{Value, json};

/// Name, type, whether it is required.
type Parameters = &'static [(&'static str, &'static str, bool)];

/// Tools, their functions, and the parameters of these.
const FUNCTIONS: &[(&str, &str, Parameters)] = &[
    ("calc", "eval", &[("expression", "string", true)]),
    ("chart", "bars", &[("labels", "array", true), ("values", "array", true), ("title", "string", false)]),
    ("files", "read", &[("path", "string", true)]),
    ("files", "walk", &[("path", "string", true), ("depth", "integer", false)]),
    ("hash", "digest", &[("text", "string", true)]),
    ("several", "one", &[]),
    ("several", "two", &[]),
    ("text", "diff", &[("before", "string", true), ("after", "string", true)]),
    ("text", "stats", &[("text", "string", true)]),
];

/// `files` may read `/srv/docs` and see `LANG`; all have the default limits.
pub(crate) struct Catalog;

impl Tools for Catalog {
    fn function(&self, target: &Target) -> Lookup {
        let tool = target.tool.as_str();
        if tool == "broken" {
            return Lookup::Unusable { why: "the file is a core module".to_owned() };
        }
        let of_tool = FUNCTIONS.iter().filter(|(name, ..)| *name == tool);
        let functions: Vec<String> = of_tool.clone().map(|(_, name, _)| (*name).to_owned()).collect();
        if functions.is_empty() {
            let mut tools: Vec<String> = FUNCTIONS.iter().map(|(name, ..)| (*name).to_owned()).collect();
            tools.dedup();
            return Lookup::UnknownTool { tools };
        }
        let wanted = match &target.function {
            Some(function) => of_tool.clone().find(|(_, name, _)| *name == &**function),
            None if functions.len() == 1 => of_tool.clone().next(),
            None => return Lookup::Several { functions },
        };
        match wanted {
            None => Lookup::UnknownFunction { functions },
            Some((_, function, parameters)) => {
                Lookup::Found { target: Target::new(target.tool.clone(), *function), input: schema(parameters) }
            }
        }
    }

    fn offers(&self, tool: Option<&ToolName>) -> Vec<Offer> {
        let named = FUNCTIONS.iter().filter(|(name, ..)| tool.is_none_or(|tool| tool.as_str() == *name));
        let offer = |(tool, function, parameters): &(&str, &str, Parameters)| Offer {
            target: Target::new(tool.parse().unwrap(), *function),
            description: String::new(),
            input: schema(parameters),
        };
        named.map(offer).collect()
    }

    fn limits(&self, _tool: &ToolName) -> Limits {
        Limits::default()
    }

    fn grants(&self, tool: &ToolName) -> GrantSet {
        if tool.as_str() != "files" {
            return GrantSet::default();
        }
        GrantSet {
            folders: vec![Folder::whole("docs", "/srv/docs", Access::Read)],
            env: BTreeMap::from([("LANG".to_owned(), "C".to_owned())]),
            ..GrantSet::default()
        }
    }
}

fn schema(parameters: &[(&str, &str, bool)]) -> Value {
    let properties: BTreeMap<_, _> = parameters.iter().map(|(name, kind, _)| (*name, json!({"type": kind}))).collect();
    let required: Vec<_> = parameters.iter().filter(|(.., required)| *required).map(|(name, ..)| *name).collect();
    json!({"type": "object", "properties": properties, "required": required, "additionalProperties": false})
}
