//! An agent as it is meant: checked, with its plan.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use hotcell_call::{AgentName, ByteSize, Code, Failure, LimitKeys, Priority, StepId, Target, ToolName, Wants};
use hotcell_flow::dag::{Dag, Node};
use serde_json::Value;

use crate::condition::Condition;
use crate::document::Source;
use crate::model::ModelName;
use crate::reference::Scope;
use crate::save::Save;
use crate::template::Template;
use crate::{Diagnostic, Mind, Pattern, Tools, check};

/// An agent that can be run: every reference leads to a step before it, every call to a function that exists and is allowed,
/// and nothing asks for more than the operator gives.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Agent {
    /// `[agent] name`, else the name of the file.
    pub name: AgentName,
    /// The file that it was read from, by its path without links; none: it came with the program, or from a text.
    pub file: Option<PathBuf>,
    /// What it is for.
    pub description: String,
    /// What it takes; none: nothing.
    pub input: Option<Input>,
    /// Where results are saved unless the one who runs it says otherwise: relative to the current folder, and within it.
    pub output: PathBuf,
    /// The bounds of a whole run.
    pub bounds: Bounds,
    /// How its calls are scheduled.
    pub schedule: Schedule,
    /// The steps, in the order of the file.
    pub steps: Vec<Step>,
    /// Their order; a node's index is the step's place in `steps`.
    pub dag: Dag<StepId>,
    /// What it has when a model decides what is done; none: its steps do.
    pub mind: Option<Box<Mind>>,
    /// How a run finds out what to do.
    pub pattern: Pattern,
    pub(crate) limits: LimitKeys,
    pub(crate) narrowings: BTreeMap<ToolName, (LimitKeys, Option<Wants>)>,
}

/// What a run is given.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Input {
    /// What it is.
    pub kind: InputKind,
    /// What is taken when nothing is given, as it would be typed.
    pub default: Option<String>,
    /// What it means.
    pub description: String,
}

/// Kinds of input.
///
/// Whoever types the path of a file or folder is the operator, and thereby lets the tools of the run read it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InputKind {
    /// Text, as it is.
    Text,
    /// JSON.
    Json,
    /// The path of a file.
    File,
    /// The path of a folder.
    Folder,
}

/// What a whole run may use. Beyond it the run is over budget.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Bounds {
    /// Calls at the same time.
    pub parallel: NonZeroUsize,
    /// From start to end.
    pub timeout: Duration,
    /// Calls in all, retries included.
    pub max_calls: u64,
}

/// How the calls of a run are scheduled. It only narrows: a class may be refused that the operator does not grant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Schedule {
    /// Their class in the queue.
    pub priority: Priority,
    /// How long each call may take, the time in the queue included; none: as long as the run.
    pub call_timeout: Option<Duration>,
    /// How often a call that failed is tried again; none: as the operator says.
    pub retries: Option<u32>,
}

/// One step of the plan.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Step {
    /// Its name.
    pub id: StepId,
    /// What it does.
    pub work: Work,
    /// The steps that end before it starts: those it names, and those that it refers to.
    pub needs: BTreeSet<StepId>,
    /// The list for each of whose items it works; none: it works once.
    pub for_each: Option<Template>,
    /// Items at the same time, within the run's own bound.
    pub parallel: Option<NonZeroUsize>,
    /// Whether to work at all. One that looks at the item is asked for each.
    pub when: Option<Condition>,
    /// How often a call that failed is tried again; none: as the agent says for all its calls, else as the operator does.
    pub retry: Option<u32>,
    /// What a failure means.
    pub on_error: OnError,
    /// Where its result is written.
    pub save: Option<Save>,
}

/// What a step does.
#[derive(Debug, Clone, PartialEq)]
pub enum Work {
    /// Calls a function, which is named.
    Call {
        /// The function.
        target: Target,
        /// Its arguments.
        with: Template,
    },
    /// Makes a value of others.
    Value(Template),
}

/// What it means when the work failed, after the last retry. With `for_each` it is asked for each item.
#[derive(Debug, Clone, PartialEq)]
pub enum OnError {
    /// The run ends: nothing new is started, what runs is cancelled.
    Stop,
    /// The result is `null`, and the run goes on.
    Skip,
    /// The result is this, and the run goes on.
    Default(Template),
}

// === impl Input ===

impl Input {
    /// What is done, in words.
    pub(crate) fn task() -> Self {
        Self { kind: InputKind::Text, default: None, description: "what is to be done".to_owned() }
    }
}

// === impl Schedule ===

impl Schedule {
    /// The deadline of a call that is made `now` by a run which ends at `end`.
    #[must_use]
    pub fn deadline(&self, now: Instant, end: Instant) -> Instant {
        let own = self.call_timeout.and_then(|timeout| now.checked_add(timeout));
        own.map_or(end, |own| own.min(end))
    }
}

// === impl Agent ===

impl Agent {
    /// Reads and checks an agent.
    ///
    /// # Errors
    ///
    /// Everything that is wrong in the file, in its order.
    pub fn read(source: &Arc<Source>, tools: &dyn Tools) -> Result<Self, Vec<Diagnostic>> {
        check::check(source, tools)
    }

    /// Reads and checks an agent's file.
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read); also when the file can't be read.
    pub fn load(path: &Path, tools: &dyn Tools) -> Result<Self, Vec<Diagnostic>> {
        match Source::read(path) {
            Ok(source) => Self::read(&source, tools),
            Err(diagnostic) => Err(vec![*diagnostic]),
        }
    }

    /// What `{{input}}` is for a run that is given this; null is nothing, in whose place comes what its file says.
    ///
    /// # Errors
    ///
    /// [`Code::Input`] if it needs something and gets nothing, takes nothing and gets something, or gets another kind.
    pub fn input_of(&self, given: Value) -> Result<Value, Failure> {
        let refuse = |what: &str| Failure::new(Code::Input, format!("{} {what}", self.name));
        let Some(input) = &self.input else {
            return if given.is_null() { Ok(given) } else { Err(refuse("takes no input")) };
        };
        match (given, input.kind, &input.default) {
            (Value::Null, InputKind::Json, Some(default)) => serde_json::from_str(default)
                .map_err(|error| refuse("has a default input that is not JSON").why(error.to_string())),
            (Value::Null, _, Some(default)) => Ok(Value::from(default.as_str())),
            (Value::Null, InputKind::Json, None) => Ok(Value::Null),
            (Value::Null, _, None) => Err(refuse("needs something to work on").why(&input.description)),
            (given @ Value::String(_), _, _) | (given, InputKind::Json, _) => Ok(given),
            (_, _, _) => Err(refuse("works on a text").why(&input.description)),
        }
    }

    /// The step of a node of [`dag`](Self::dag).
    #[must_use]
    pub fn step(&self, node: Node) -> Option<&Step> {
        self.steps.get(node.index())
    }

    /// Takes another model, for itself and for all agents at its side. Scripts are left out, and so are other models that would have been
    /// asked in its place.
    pub fn take_model(&mut self, model: &ModelName) {
        let Some(mind) = &mut self.mind else { return };
        if *model != ModelName::Scripted {
            mind.script.clear();
        }
        mind.models = vec![model.clone()];
        for sub in &mut mind.agents {
            sub.agent.take_model(model);
        }
    }

    /// What its calls of `tool` lower: `[limits]`, and `[tools.NAME]` over it.
    #[must_use]
    pub fn limits(&self, tool: &ToolName) -> LimitKeys {
        match self.narrowings.get(tool) {
            Some((limits, _)) => limits.over(&self.limits),
            None => self.limits.clone(),
        }
    }

    /// What its calls of `tool` need at most of what the tool was granted; none: all of it.
    #[must_use]
    pub fn wants(&self, tool: &ToolName) -> Option<Wants> {
        self.narrowings.get(tool)?.1.clone()
    }

    /// The tools that its steps call, or that its model may use.
    #[must_use]
    pub fn tools(&self) -> BTreeSet<&ToolName> {
        let offered = self.mind.iter().flat_map(|mind| &mind.tools).map(|offer| &offer.target.tool);
        let called = self.steps.iter().filter_map(|step| match &step.work {
            Work::Call { target, .. } => Some(&target.tool),
            Work::Value(_) => None,
        });
        called.chain(offered).collect()
    }
}

impl Step {
    /// The items that it works for; none without `for_each`. A list that is there already is not copied.
    ///
    /// # Errors
    ///
    /// [`Code::Reference`] when `for_each` leads nowhere or to something else than a list; as [`Template::held`] when it is too
    /// large.
    pub fn items<'a>(&self, scope: &Scope<'a>, most: ByteSize) -> Result<Option<Cow<'a, [Value]>>, Failure> {
        let Some(list) = &self.for_each else {
            return Ok(None);
        };
        let items = match list.as_reference() {
            Some(reference) => reference.resolve(scope)?,
            None => Cow::Owned(list.held(scope, most)?),
        };
        match items {
            Cow::Borrowed(Value::Array(items)) => Ok(Some(Cow::Borrowed(items))),
            Cow::Owned(Value::Array(items)) => Ok(Some(Cow::Owned(items))),
            other => {
                let what = format!("`for_each` of the step `{}` is no list", self.id);
                let shown = hotcell_call::shortened(&other.to_string(), 80);
                Err(Failure::new(Code::Reference, what).why(format!("it is {shown}")))
            }
        }
    }
}

impl Default for Bounds {
    fn default() -> Self {
        Self { parallel: NonZeroUsize::MIN.saturating_add(7), timeout: Duration::from_secs(600), max_calls: 100_000 }
    }
}
