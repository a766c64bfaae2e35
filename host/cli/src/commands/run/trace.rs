//! What a run did, made of what was heard while it ran: thoughts, actions and steps, with runs within runs.
//!
//! It is bounded whatever the run does. Of more than it holds the number is kept, and of events that were missed too: a trace with
//! holes says so.

mod draw;

use std::collections::BTreeMap;

use hotcell_call::{CallId, Event, Happening, RunId};
use hotcell_runtime::Heard;
use serde::Serialize;

pub(super) use draw::lines;

/// What is held of all runs together.
const MOST_PARTS: usize = 2_000;

/// What was heard so far.
#[derive(Default)]
pub(super) struct Trace {
    runs: BTreeMap<RunId, Run>,
    /// Calls under way, with the function that is called and the action that it is.
    calls: BTreeMap<CallId, (RunId, String, Option<usize>)>,
    held: usize,
    missed: u64,
}

/// One run.
#[derive(Serialize)]
pub(super) struct Run {
    agent: String,
    pattern: &'static str,
    task: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    outcome: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    answer: Option<String>,
    elapsed_ms: u64,
    parts: Vec<Part>,
    /// Parts that are not held.
    #[serde(skip_serializing_if = "none")]
    more: u64,
    /// What the calls of each function took together.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    functions: BTreeMap<String, Took>,
    /// Events that were missed, of the run and of those within it.
    #[serde(skip_serializing_if = "none")]
    missed: u64,
    #[serde(skip)]
    began: u64,
}

/// One thing that a run did.
#[derive(Serialize)]
#[serde(tag = "part", rename_all = "kebab-case")]
enum Part {
    Thought {
        model: String,
        tokens: u64,
        took_ms: f64,
        uses: Vec<String>,
    },
    Action {
        target: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        outcome: Option<String>,
        elapsed_ms: u64,
        #[serde(skip_serializing_if = "Option::is_none")]
        took: Option<Took>,
        /// The run that it was, of another agent.
        #[serde(skip_serializing_if = "Option::is_none")]
        run: Option<Box<Run>>,
        #[serde(skip)]
        open: Open,
    },
    Step {
        step: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        state: Option<&'static str>,
        calls: usize,
        elapsed_ms: u64,
        #[serde(skip)]
        began: u64,
    },
    Asked {
        what: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        agreed: Option<bool>,
    },
    Error {
        what: String,
    },
    Budget {
        what: &'static str,
        used: String,
        most: String,
    },
}

/// What an action is known by until it has ended.
struct Open {
    action: String,
    began: u64,
    call: Option<CallId>,
    run: Option<RunId>,
}

/// What calls took.
#[derive(Default, Serialize)]
struct Took {
    calls: u64,
    #[serde(skip_serializing_if = "none")]
    failed: u64,
    queue_ms: f64,
    run_ms: f64,
    fuel: u64,
}

impl Trace {
    /// Takes the next of what happened.
    pub(super) fn hear(&mut self, heard: &Heard) {
        match heard {
            Heard::Event(event) => self.happened(event),
            Heard::Missed(missed) => self.missed = self.missed.saturating_add(*missed),
        }
    }

    /// The whole of a run, with those within it.
    pub(super) fn of(mut self, run: RunId) -> Option<Run> {
        let missed = self.missed;
        let run = take(&mut self.runs, run)?;
        Some(Run { missed, ..run })
    }

    fn happened(&mut self, event: &Event) {
        let Some(id) = event.run else { return };
        match &event.what {
            Happening::RunStarted { agent, pattern, parent, task, .. } => {
                if let Some(parent) = parent {
                    self.adopt(*parent, id, agent);
                }
                let (agent, task) = (agent.clone(), task.clone());
                self.runs.insert(id, Run::begun(agent, pattern, task, event.at_ms));
            }
            Happening::RunFinished { outcome, answer } => {
                if let Some(run) = self.runs.get_mut(&id) {
                    run.elapsed_ms = event.at_ms.saturating_sub(run.began);
                    (run.outcome, run.answer) = (Some(outcome.clone()), answer.clone());
                }
            }
            Happening::Accepted { target, .. } => self.accepted(event.call, id, target.to_string()),
            Happening::Finished { .. } => self.called(event.call, &event.what),
            Happening::ResultAvailable { .. } | Happening::StepFinished { .. } | Happening::ApprovalAnswered { .. } => {
                let parts = self.runs.get_mut(&id).map(|run| run.parts.iter_mut().rev());
                let ended = parts.is_some_and(|mut parts| parts.any(|part| part.end(&event.what, event.at_ms)));
                // A step that had nothing to do ends without having begun.
                if let (false, Happening::StepFinished { step, state }) = (ended, &event.what) {
                    let (step, state) = (step.to_string(), Some(*state));
                    self.push(id, Part::Step { step, state, calls: 0, elapsed_ms: 0, began: event.at_ms });
                }
            }
            _ => {
                if let Some(part) = Part::begun(event) {
                    self.push(id, part);
                }
            }
        }
    }

    fn push(&mut self, run: RunId, part: Part) {
        let Some(run) = self.runs.get_mut(&run) else { return };
        if self.held < MOST_PARTS {
            self.held += 1;
            run.parts.push(part);
        } else {
            run.more += 1;
        }
    }

    /// A run is that of the action which has just begun: between the two nothing else happens in the run around them.
    fn adopt(&mut self, parent: RunId, child: RunId, agent: &str) {
        let parts = self.runs.get_mut(&parent).map(|run| run.parts.as_mut_slice()).unwrap_or_default();
        let wanted = format!("agent {agent}");
        let open = parts.iter_mut().rev().find_map(|part| match part {
            Part::Action { target, outcome: None, open, .. } if *target == wanted && open.run.is_none() => Some(open),
            _ => None,
        });
        if let Some(open) = open {
            open.run = Some(child);
        }
    }

    /// A call comes in: it may be that of an action, which was told before it.
    fn accepted(&mut self, call: Option<CallId>, run: RunId, target: String) {
        let (Some(call), Some(of)) = (call, self.runs.get(&run)) else { return };
        let is_its = |part: &Part| matches!(part, Part::Action { open, .. } if open.call == Some(call));
        let action = of.parts.iter().rposition(is_its);
        self.calls.insert(call, (run, target, action));
    }

    fn called(&mut self, call: Option<CallId>, what: &Happening) {
        let Some((run, target, action)) = call.and_then(|call| self.calls.remove(&call)) else { return };
        let Some(run) = self.runs.get_mut(&run) else { return };
        if let Some(Part::Action { took, .. }) = action.and_then(|place| run.parts.get_mut(place)) {
            took.get_or_insert_default().add(what);
        }
        run.functions.entry(target).or_default().add(what);
    }
}

/// Takes a run out, with those within it.
fn take(runs: &mut BTreeMap<RunId, Run>, id: RunId) -> Option<Run> {
    let mut run = runs.remove(&id)?;
    for part in &mut run.parts {
        if let Part::Action { run, open, .. } = part {
            *run = open.run.and_then(|within| take(runs, within)).map(Box::new);
        }
    }
    Some(run)
}

impl Run {
    fn begun(agent: String, pattern: &'static str, task: String, began: u64) -> Self {
        Self {
            agent,
            pattern,
            task,
            outcome: None,
            answer: None,
            elapsed_ms: 0,
            parts: Vec::new(),
            more: 0,
            functions: BTreeMap::new(),
            missed: 0,
            began,
        }
    }
}

impl Part {
    /// What begins with that, or is no more than that.
    fn begun(event: &Event) -> Option<Self> {
        let began = event.at_ms;
        Some(match &event.what {
            Happening::Thought { model, uses, tokens, took, .. } => Self::Thought {
                model: model.clone(),
                tokens: *tokens,
                took_ms: took.as_secs_f64() * 1e3,
                uses: uses.clone(),
            },
            Happening::ActionRequired { action, target, .. } => Self::Action {
                target: target.clone(),
                outcome: None,
                elapsed_ms: 0,
                took: None,
                run: None,
                open: Open { action: action.clone(), began, call: event.call, run: None },
            },
            Happening::StepStarted { step, calls } => {
                Self::Step { step: step.to_string(), state: None, calls: *calls, elapsed_ms: 0, began }
            }
            Happening::ApprovalAsked { what, .. } => Self::Asked { what: what.clone(), agreed: None },
            Happening::ErrorOccurred { what } => Self::Error { what: what.clone() },
            Happening::BudgetWarning { what, used, most } => {
                Self::Budget { what, used: used.clone(), most: most.clone() }
            }
            _ => return None,
        })
    }

    /// Takes its end, if that is its own and it has not had it.
    fn end(&mut self, what: &Happening, at: u64) -> bool {
        match (self, what) {
            (
                Self::Action { outcome: end @ None, elapsed_ms, open, .. },
                Happening::ResultAvailable { action, outcome, .. },
            ) if open.action == *action => {
                *end = Some(outcome.clone());
                *elapsed_ms = at.saturating_sub(open.began);
                true
            }
            (
                Self::Step { step, state: end @ None, elapsed_ms, began, .. },
                Happening::StepFinished { step: ended, state },
            ) if *step == ended.as_str() => {
                *end = Some(state);
                *elapsed_ms = at.saturating_sub(*began);
                true
            }
            (
                Self::Asked { what, agreed: end @ None },
                Happening::ApprovalAnswered { what: asked, agreed, withdrawn, .. },
            ) if what == asked => {
                *end = (!withdrawn).then_some(*agreed);
                true
            }
            _ => false,
        }
    }
}

impl Took {
    fn add(&mut self, what: &Happening) {
        let Happening::Finished { code, queue, run_time, fuel, .. } = what else { return };
        self.calls += 1;
        self.failed += u64::from(code.is_some());
        self.queue_ms += queue.as_secs_f64() * 1e3;
        self.run_ms += run_time.as_secs_f64() * 1e3;
        self.fuel = self.fuel.saturating_add(*fuel);
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands out references")]
fn none(count: &u64) -> bool {
    *count == 0
}

#[cfg(test)]
mod tests;
