//! Finds the file of an agent, and what must be known of it before the host is set up.

use std::sync::Arc;

use hotcell_agent::document::Source;
use hotcell_call::AgentName;
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
}

/// The little that is asked of the file before it is checked: what it works on.
///
/// Only whoever runs an agent grants it what it works on, and that has to stand before there is a host to check the agent with. What
/// is wrong in the file is not told here; the check tells it.
#[derive(Default, Deserialize)]
struct Sketch {
    input: Option<Input>,
}

#[derive(Deserialize)]
struct Input {
    kind: Option<String>,
    default: Option<String>,
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
        Self { source, sketch }
    }

    pub(super) fn source(&self) -> &Arc<Source> {
        &self.source
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

fn named(name: &AgentName, config: &Config) -> Result<Arc<Source>, Trouble> {
    let agents = Agents::new(config, embedded::AGENTS);
    let found = agents.find(name).map_err(|wrong| vec![*wrong])?;
    found.ok_or_else(|| Agents::unknown(name, &agents.names()).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_agent_works_on_is_known_before_it_is_checked() {
        let analyst = Found::new(Source::new("x", embedded::agent("file-analyst").unwrap()));
        assert_eq!((analyst.input_kind(), analyst.default_input()), (Some("folder"), Some(".")));
        for text in ["[[step]", "input = 1", "[input]\nkind = 7", ""] {
            assert!(Found::new(Source::new("a/scout.toml", text)).input_kind().is_none(), "{text}");
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
