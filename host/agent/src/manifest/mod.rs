//! An agent's file as it was written: its keys, with the place of each.
//!
//! What can be judged by the file alone is judged here, a value at a time; what needs other steps, or the tools that there are, is
//! left to [`check`](crate::check). A value that does not fit is reported and absent, so that reading goes on.

mod allow;
mod mind;
mod sections;
mod step;

use std::path::PathBuf;

use hotcell_call::{AgentName, ToolName};

use crate::agent::{Bounds, Input, Schedule};
use crate::document::{LimitTable, Section, Span, Spanned, WantKeys, limits};

pub use allow::Allow;
use mind::Around;
pub(crate) use mind::MindDraft;
pub(crate) use step::{StepDraft, Use};

/// How many steps an agent may have. A plan of more is a list, and one step goes through it.
const MOST_STEPS: usize = 1_000;

/// The file.
pub(crate) struct Manifest {
    pub(crate) name: Option<AgentName>,
    pub(crate) description: String,
    pub(crate) input: Option<Input>,
    pub(crate) folder: Option<PathBuf>,
    pub(crate) bounds: Bounds,
    pub(crate) schedule: Schedule,
    pub(crate) limits: LimitTable,
    pub(crate) allow: Vec<Spanned<Allow>>,
    pub(crate) deny: Vec<Spanned<Allow>>,
    pub(crate) narrowings: Vec<Narrowing>,
    pub(crate) steps: Vec<StepDraft>,
    /// What belongs to a model; none: it is an agent of steps.
    pub(crate) mind: Option<MindDraft>,
}

/// `[tools.NAME]`: what the agent leaves of what a tool has.
pub(crate) struct Narrowing {
    pub(crate) tool: Spanned<ToolName>,
    pub(crate) limits: LimitTable,
    pub(crate) wants: WantKeys,
}

impl Manifest {
    pub(crate) fn read(root: &Section<'_>) -> Self {
        Self::of(root, root.section("agent").as_ref(), &Around::default())
    }

    /// An agent that stands within another: what is in `[agent]` of a file stands beside its sections.
    fn within(root: &Section<'_>, around: &Around) -> Self {
        Self::of(root, Some(root), around)
    }

    fn of(root: &Section<'_>, head: Option<&Section<'_>>, around: &Around) -> Self {
        let agent = head.map(sections::head).unwrap_or_default();
        let (budget, spent) = mind::budget(root);
        let tools = sections::tools(root);
        let mind = MindDraft::read(root, agent.prompt, agent.pattern, budget, tools.shown, around);
        let steps = match &mind {
            Some(_) => no_steps(root),
            None => steps(root),
        };
        Self {
            name: agent.name,
            description: agent.description,
            input: sections::input(root),
            folder: sections::output(root),
            bounds: spent.over(sections::run(root)),
            schedule: sections::schedule(root),
            limits: limits(root),
            allow: tools.allow,
            deny: tools.deny,
            narrowings: tools.narrowings,
            steps,
            mind,
        }
    }
}

/// Reports steps where a model decides.
fn no_steps(root: &Section<'_>) -> Vec<StepDraft> {
    if let Some(item) = root.get("step") {
        let message = "an agent with a model has no steps of its own";
        item.report(item.wrong_at(item.key(), message, "").hint("[agent]\npattern = \"steps\""));
    }
    Vec::new()
}

fn steps(root: &Section<'_>) -> Vec<StepDraft> {
    let mut steps = root.sections("step");
    if let Some(beyond) = steps.get(MOST_STEPS) {
        let message = format!("the agent has {} steps, and may have {MOST_STEPS}", steps.len());
        let wrong = root.problems().at(beyond.span(), message, "the first too many");
        root.problems().push(wrong.hint("for_each goes through a list in one step"));
    }
    if steps.is_empty() && root.get("step").is_none() {
        let end = root.problems().source().text().trim_end().len();
        let place: Span = end..end;
        let wrong = root.problems().at(place, "the agent has no steps", "");
        let example = "[[step]]\nid = \"sum\"\ncall = \"calc.eval\"\nwith = { expression = \"{{input}}\" }";
        root.problems().push(wrong.hint(example));
    }
    for beyond in steps.drain(steps.len().min(MOST_STEPS)..) {
        // Not read: none of its keys is asked for, and none is told as unknown.
        beyond.others();
    }
    steps.iter().map(StepDraft::read).collect()
}
