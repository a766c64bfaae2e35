//! The tools, as an agent's check sees them.
//!
//! A check asks for tools one by one and can't wait. So the file is checked twice: once against a toolbox that only writes
//! down what is asked, and, when those tools have been opened, once for good.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use hotcell_agent::document::Source;
use hotcell_agent::{Agent, Diagnostic, Lookup, Offer, Tools};
use hotcell_call::{AgentName, Code, Failure, GrantSet, Limits, Target, ToolName};

use crate::agents::Agents;
use crate::entry::Opened;
use crate::host::Host;

impl Host {
    /// Reads and checks an agent against the tools that there are.
    ///
    /// # Errors
    ///
    /// Everything that is wrong in the file, in its order.
    pub async fn agent(&self, source: &Arc<Source>) -> Result<Agent, Vec<Diagnostic>> {
        let asked = Asked::default();
        // Its verdict is worth nothing: every tool was missing.
        let _ = Agent::read(source, &asked);
        let names = asked.0.into_inner().unwrap_or_else(PoisonError::into_inner);
        Agent::read(source, &self.toolbox(names, asked.1.load(Ordering::Relaxed)).await)
    }

    /// Reads and checks steps that a model made, as if there were no functions but these: what it was not offered is not opened for
    /// it, and it learns no other name.
    ///
    /// # Errors
    ///
    /// Everything that is wrong in them, in their order.
    pub(crate) async fn steps(
        &self,
        source: &Arc<Source>,
        offered: BTreeSet<Target>,
    ) -> Result<Agent, Vec<Diagnostic>> {
        let names: BTreeSet<ToolName> = offered.iter().map(|target| target.tool.clone()).collect();
        let mut toolbox = self.toolbox(names.clone(), false).await;
        toolbox.names = names.iter().map(ToString::to_string).collect();
        toolbox.offered = Some(offered);
        Agent::read(source, &toolbox)
    }

    /// Reads and checks an agent's file.
    ///
    /// # Errors
    ///
    /// As [`agent`](Self::agent); also when the file can't be read.
    pub async fn load_agent(&self, path: &Path) -> Result<Agent, Vec<Diagnostic>> {
        match Source::read(path) {
            Ok(source) => self.agent(&source).await,
            Err(diagnostic) => Err(vec![*diagnostic]),
        }
    }

    /// Finds an agent by its name, reads and checks it.
    ///
    /// # Errors
    ///
    /// [`Code::UnknownAgent`] with the nearest name; what is wrong in the file.
    pub async fn named_agent(&self, name: &AgentName) -> Result<Agent, Failure> {
        let (agents, wanted) = (self.agents().clone(), name.clone());
        let found = tokio::task::spawn_blocking(move || {
            let found = agents.find(&wanted).map_err(|wrong| hotcell_agent::failure(&[*wrong]))?;
            found.ok_or_else(|| Agents::unknown(&wanted, &agents.names()))
        });
        let lost = |error| Failure::new(Code::Fault, "a thread was lost").caused_by(error);
        let source = found.await.map_err(lost)??;
        self.agent(&source).await.map_err(|wrong| hotcell_agent::failure(&wrong))
    }

    async fn toolbox(&self, mut names: BTreeSet<ToolName>, all: bool) -> Toolbox {
        let snapshot = self.0.catalog.snapshot(None).await;
        if all {
            names.extend(snapshot.tools.keys().cloned());
        }
        let mut toolbox = Toolbox {
            tools: BTreeMap::new(),
            names: snapshot.tools.keys().map(ToString::to_string).collect(),
            offered: None,
        };
        for name in names {
            let target = Target { tool: name.clone(), function: None };
            toolbox.tools.insert(name, self.opened(&target).await);
        }
        toolbox
    }
}

/// Writes down which tools are asked for, and whether it is all of them.
#[derive(Default)]
struct Asked(Mutex<BTreeSet<ToolName>>, AtomicBool);

impl Asked {
    fn note(&self, tool: &ToolName) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(tool.clone());
    }
}

impl Tools for Asked {
    fn function(&self, target: &Target) -> Lookup {
        self.note(&target.tool);
        Lookup::UnknownTool { tools: Vec::new() }
    }

    fn offers(&self, tool: Option<&ToolName>) -> Vec<Offer> {
        match tool {
            Some(tool) => self.note(tool),
            None => self.1.store(true, Ordering::Relaxed),
        }
        Vec::new()
    }

    fn limits(&self, tool: &ToolName) -> Limits {
        self.note(tool);
        Limits::default()
    }

    fn grants(&self, tool: &ToolName) -> GrantSet {
        self.note(tool);
        GrantSet::default()
    }
}

/// The tools that were asked for, opened.
struct Toolbox {
    tools: BTreeMap<ToolName, Result<Arc<Opened>, Failure>>,
    /// All that there are, for did-you-mean.
    names: Vec<String>,
    /// The only functions that there are for whoever asks; none: all.
    offered: Option<BTreeSet<Target>>,
}

impl Toolbox {
    fn opened(&self, tool: &ToolName) -> Option<&Opened> {
        self.tools.get(tool)?.as_ref().ok().map(|opened| &**opened)
    }

    fn offers(&self, tool: &ToolName, function: &str) -> bool {
        let offered = |target: &Target| target.tool == *tool && target.function.as_deref() == Some(function);
        self.offered.as_ref().is_none_or(|targets| targets.iter().any(offered))
    }
}

impl Tools for Toolbox {
    fn function(&self, target: &Target) -> Lookup {
        let opened = match self.tools.get(&target.tool) {
            Some(Ok(opened)) => opened,
            Some(Err(failure)) if failure.code() != Code::UnknownTool => {
                return Lookup::Unusable { why: failure.to_string() };
            }
            Some(Err(_)) | None => return Lookup::UnknownTool { tools: self.names.clone() },
        };
        let functions = opened.tool.descriptor().functions.iter();
        let functions: Vec<_> = functions.filter(|function| self.offers(&target.tool, &function.name)).collect();
        let names = || functions.iter().map(|function| function.name.clone()).collect();
        let found = match (target.function.as_deref(), functions.as_slice()) {
            (None, [only]) => Some(*only),
            (None, _) => return Lookup::Several { functions: names() },
            (Some(wanted), functions) => functions.iter().copied().find(|function| function.name == wanted),
        };
        match found.map(|function| (function, &function.callable)) {
            None => Lookup::UnknownFunction { functions: names() },
            Some((_, Err(reason))) => Lookup::Unusable { why: reason.clone() },
            Some((function, Ok(()))) => Lookup::Found {
                target: Target::new(target.tool.clone(), function.name.as_str()),
                input: function.input.clone(),
            },
        }
    }

    fn offers(&self, tool: Option<&ToolName>) -> Vec<Offer> {
        let opened = self.tools.iter().filter(|(name, _)| tool.is_none_or(|tool| tool == *name));
        opened.filter_map(|(_, opened)| opened.as_ref().ok()).flat_map(|opened| opened.offers()).collect()
    }

    fn limits(&self, tool: &ToolName) -> Limits {
        self.opened(tool).map_or_else(Limits::default, |opened| (*opened.limits).clone())
    }

    fn grants(&self, tool: &ToolName) -> GrantSet {
        self.opened(tool).map_or_else(GrantSet::default, |opened| (**opened.grants.set()).clone())
    }
}
