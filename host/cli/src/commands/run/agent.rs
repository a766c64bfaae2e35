//! Finds the file of an agent, and what must be known of it before the host is set up.

use std::collections::BTreeSet;
use std::sync::Arc;

use hotcell_agent::document::Source;
use hotcell_call::{AgentName, ToolName};
use hotcell_runtime::Agents;
use hotcell_runtime::config::Config;
use serde::Deserialize;

use crate::args::AgentRef;
use crate::embedded;
use crate::exit::Trouble;

/// An agent's file, not yet checked.
pub(super) struct Found {
    source: Arc<Source>,
    sketch: Sketch,
    tools: BTreeSet<ToolName>,
}

/// The little that is asked of the file before it is checked: which tools it uses, and what it works on.
///
/// Only whoever runs an agent grants it what it works on, and that has to stand before there is a host to check the agent with. What
/// is wrong in the file is not told here; the check tells it.
#[derive(Default, Deserialize)]
struct Sketch {
    input: Option<Input>,
    #[serde(default)]
    step: Vec<Step>,
    /// What a model may use; the steps of an agent that has some use less.
    #[serde(default)]
    tools: Tools,
    /// The agents at its side.
    #[serde(default)]
    agents: Vec<Sketch>,
}

#[derive(Default, Deserialize)]
struct Tools {
    #[serde(default)]
    allow: Vec<String>,
}

#[derive(Deserialize)]
struct Input {
    kind: Option<String>,
    default: Option<String>,
}

#[derive(Deserialize)]
struct Step {
    call: Option<String>,
}

impl Found {
    /// Finds an agent: by its file; or by its name, in the agents' folders before those that came with the program.
    ///
    /// # Errors
    ///
    /// [`Code::UnknownAgent`] with the nearest name; why the file can't be read.
    pub(super) fn find(agent: &AgentRef, config: &Config) -> Result<Self, Trouble> {
        match agent {
            AgentRef::File(path) => Ok(Self::new(Source::read(path).map_err(|wrong| vec![*wrong])?)),
            AgentRef::Named(name) => named(name, config).map(Self::new),
        }
    }

    fn new(source: Arc<Source>) -> Self {
        let sketch: Sketch = toml::from_str(source.text()).unwrap_or_default();
        let mut tools = BTreeSet::new();
        sketch.uses(&mut tools, 0);
        Self { source, sketch, tools }
    }

    pub(super) fn source(&self) -> &Arc<Source> {
        &self.source
    }

    /// The tools that its steps call, or that its model may use; where that is `*`, those that the program has itself.
    pub(super) fn tools(&self) -> &BTreeSet<ToolName> {
        &self.tools
    }

    /// The kind of its input, as it is written.
    pub(super) fn input_kind(&self) -> Option<&str> {
        self.sketch.input.as_ref()?.kind.as_deref()
    }

    /// What it takes when nothing is given.
    pub(super) fn default_input(&self) -> Option<&str> {
        self.sketch.input.as_ref()?.default.as_deref()
    }
}

/// How deep agents within agents are looked at; they may not stand deeper.
const MOST_DEEP: usize = 8;

impl Sketch {
    fn uses(&self, tools: &mut BTreeSet<ToolName>, depth: usize) {
        let mut add = |name: &str| tools.extend(name.split('.').next().and_then(|tool| tool.parse().ok()));
        if self.step.is_empty() {
            for pattern in &self.tools.allow {
                match pattern.as_str() {
                    "*" => embedded::STARTERS.iter().for_each(|starter| add(starter.name)),
                    pattern => add(pattern),
                }
            }
        }
        self.step.iter().filter_map(|step| step.call.as_deref()).for_each(add);
        if depth < MOST_DEEP {
            self.agents.iter().for_each(|agent| agent.uses(tools, depth + 1));
        }
    }
}

fn named(name: &AgentName, config: &Config) -> Result<Arc<Source>, Trouble> {
    let agents = Agents::new(config, embedded::AGENTS);
    let found = agents.find(name).map_err(|wrong| vec![*wrong])?;
    found.ok_or_else(|| Agents::unknown(name, &agents.names()).into())
}

#[cfg(test)]
mod tests {
    use hotcell_runtime::Shipped;

    use super::*;

    fn found(text: &str) -> Found {
        Found::new(Source::new("a/scout.toml", text))
    }

    #[test]
    fn shipped_agents_show_what_they_need() {
        for Shipped { name, text } in embedded::AGENTS {
            let found = Found::new(Source::new(*name, *text));
            // Those who only argue need none.
            assert_eq!(found.tools().is_empty(), *name == "debate", "{name}");
        }
        let analyst = Found::new(Source::new("x", embedded::agent("file-analyst").unwrap()));
        assert_eq!((analyst.input_kind(), analyst.default_input()), (Some("folder"), Some(".")));
        assert!(analyst.tools().iter().any(|tool| tool.as_str() == "files"));
    }

    #[test]
    fn a_models_tools_are_those_it_may_use_and_steps_call_theirs() {
        let names = |text: &str| found(text).tools().iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
        let mind =
            "[tools]\nallow = [\"calc.*\", \"text.stats\", \"No\"]\n[[agents]]\nname = \"b\"\ntools.allow = [\"hash\"]";
        assert_eq!(names(mind), "calc hash text");
        assert_eq!(names("[tools]\nallow = [\"calc.*\", \"text.*\"]\n[[step]]\ncall = \"calc.eval\""), "calc");
        assert_eq!(names("[tools]\nallow = [\"*\"]").split(' ').count(), embedded::STARTERS.len());
    }

    #[test]
    fn a_broken_file_asks_for_nothing() {
        for text in ["[[step]", "step = 1", "[[step]]\ncall = 7", "[[step]]\ncall = \"Not a tool\""] {
            let found = found(text);
            assert!(found.tools().is_empty() && found.input_kind().is_none(), "{text}");
        }
    }

    #[test]
    fn the_nearest_agent_is_named() {
        let config = Config::defaults(std::path::Path::new("/absent"));
        let find = |name: &str| match Found::find(&name.parse().unwrap(), &config) {
            Err(Trouble::Failure(failure)) => failure,
            _ => panic!("{name} was found"),
        };
        assert_eq!(find("file-analist").remedy(), Some("did you mean `file-analyst`?"));
        assert!(find("zzz").reason().contains("csv-report"));
        assert!(Found::find(&"csv-report".parse().unwrap(), &config).is_ok());
    }
}
