//! All that is looked at, in the order in which one thing rests on another.

use hotcell_runtime::Host;
use serde::Serialize;

use super::finding::{Finding, Weight};
use super::machine::{Engine, Machine};
use super::places::{Cache, State};
use super::program::Program;
use super::settings::Settings;
use super::tools::Tools;
use crate::args::Global;
use crate::embedded::STARTERS;
use crate::exit::Trouble;
use crate::harden;
use crate::operator;

/// The one object of `--json`.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    usable: bool,
    /// What makes calls fail.
    pub(super) problems: Vec<Finding>,
    /// What could be better.
    pub(super) warnings: Vec<Finding>,
    pub(super) program: Program,
    pub(super) machine: Machine,
    /// None: it can't be set up.
    pub(super) engine: Option<Engine>,
    pub(super) config: Settings,
    pub(super) tools: Option<Tools>,
    pub(super) cache: Option<Cache>,
    pub(super) state: Option<State>,
}

impl Report {
    /// Looks at everything.
    ///
    /// # Errors
    ///
    /// When not even the current folder can be told.
    pub(super) async fn make(global: &Global) -> Result<Self, Trouble> {
        let mut findings = Vec::new();
        let (config, settings) = Settings::look(&operator::place(global)?, &mut findings);
        let program = Program::look(&mut findings);
        let machine = Machine::look(&config, &mut findings);
        let cache = Cache::look(&config, &mut findings);
        let state = State::look(&mut findings);
        let mut looking = config.clone();
        // A host makes a cache that is not there, and another key in place of one that others can read. A doctor leaves both as
        // they are.
        looking.cache = looking.cache.filter(|_| cache.as_ref().is_some_and(Cache::is_sound));
        let (engine, tools) = match Host::builder(looking).starters(STARTERS).build() {
            Ok(host) => {
                harden::seal();
                let engine = Engine::look(host.engine(), &mut findings);
                (Some(engine), Some(Tools::look(&host, &config, &mut findings).await))
            }
            Err(failure) => {
                findings.push(Finding::problem(&failure));
                (None, None)
            }
        };
        let (problems, warnings): (Vec<_>, Vec<_>) =
            findings.into_iter().partition(|finding| finding.weight == Weight::Problem);
        let usable = problems.is_empty();
        Ok(Self { usable, problems, warnings, program, machine, engine, config: settings, tools, cache, state })
    }

    /// Whether nothing was found that makes calls fail.
    pub(super) fn is_usable(&self) -> bool {
        self.usable
    }
}
