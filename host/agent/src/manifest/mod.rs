//! An agent's file as it was written: its keys, with the place of each.
//!
//! What can be judged by the file alone is judged here, a value at a time; what needs other steps, or the tools that there are, is
//! left to [`check`](crate::check). A value that does not fit is reported and absent, so that reading goes on.

mod allow;
mod sections;
mod step;

use std::path::PathBuf;

use hotcell_call::{AgentName, ToolName};

use crate::agent::{Bounds, Input, Schedule};
use crate::document::{LimitTable, Section, Span, Spanned, WantKeys, limits};

pub(crate) use allow::Allow;
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
    pub(crate) narrowings: Vec<Narrowing>,
    pub(crate) steps: Vec<StepDraft>,
}

/// `[tools.NAME]`: what the agent leaves of what a tool has.
pub(crate) struct Narrowing {
    pub(crate) tool: Spanned<ToolName>,
    pub(crate) limits: LimitTable,
    pub(crate) wants: WantKeys,
}

impl Manifest {
    pub(crate) fn read(root: &Section<'_>) -> Self {
        let agent = sections::head(root);
        let (allow, narrowings) = sections::tools(root);
        Self {
            name: agent.name,
            description: agent.description,
            input: sections::input(root),
            folder: sections::output(root),
            bounds: sections::run(root),
            schedule: sections::schedule(root),
            limits: limits(root),
            allow,
            narrowings,
            steps: steps(root),
        }
    }
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
