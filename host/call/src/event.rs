//! What happens to calls and runs, in order.
//!
//! Whoever listens sees for each call one `Accepted` first and exactly one `Finished` last, and the same for each run. What a run begins
//! (calls, actions, tasks, steps, questions) ends before the run does, each once, however the run ends.

use std::time::Duration;

use serde::Serialize;

use crate::{ByteSize, CallId, Decision, Digest, Effects, RunId, Source, StepId, Target, TenantId, ToolName};

/// One thing that happened.
#[derive(Debug, Clone, Serialize)]
pub struct Event {
    /// Its place in the stream: each event has the number after the one before.
    pub seq: u64,
    /// UTC, in milliseconds since 1970.
    pub at_ms: u64,
    /// On whose behalf it happened; none: it is about the host itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant: Option<TenantId>,
    /// The call it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub call: Option<CallId>,
    /// The run that the call belongs to, or that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run: Option<RunId>,
    /// What happened.
    #[serde(flatten)]
    pub what: Happening,
}

/// What happened.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Happening {
    /// A call came in: from here on it ends with exactly one `Finished`.
    Accepted {
        /// For which tool.
        target: Target,
    },
    /// It passed intake and waits for a permit.
    Queued,
    /// It has a permit and goes into its cell.
    Started {
        /// How long it waited.
        #[serde(rename = "queue_ms", serialize_with = "crate::serialize_millis")]
        queue: Duration,
        /// Which attempt it is: 1 is the first.
        attempt: u32,
    },
    /// An attempt failed in a way that may pass. It waits, without a permit, and is made again.
    Retrying {
        /// Which attempt failed.
        attempt: u32,
        /// How it ended, with its kind.
        outcome: String,
        /// How long it waits at least.
        #[serde(rename = "wait_ms", serialize_with = "crate::serialize_millis")]
        wait: Duration,
    },
    /// It is answered without a cell of its own.
    Answered {
        /// By what.
        by: Source,
    },
    /// The guest says how far it is.
    Progress {
        /// Done so far, in units of the guest's own.
        done: u64,
        /// Of how many, where that is known.
        total: Option<u64>,
        /// Its words, escaped and cut.
        message: String,
    },
    /// The guest asked for something outside of its cell, and it was decided whether it may: the first time in this attempt that it
    /// asked for that. So many are told of one call; the number of the rest stands in its end.
    Decided {
        /// Which tool.
        target: Target,
        /// Which component it is.
        digest: Digest,
        /// What was decided.
        #[serde(flatten)]
        decision: Decision,
    },
    /// The call's one end.
    Finished {
        /// The outcome, with its kind: `ok`, `exhausted(fuel)`.
        outcome: String,
        /// The stable code, of every outcome but `ok`.
        #[serde(skip_serializing_if = "Option::is_none")]
        code: Option<&'static str>,
        /// Time in the queue.
        #[serde(rename = "queue_ms", serialize_with = "crate::serialize_millis")]
        queue: Duration,
        /// Time in the cell.
        #[serde(rename = "run_ms", serialize_with = "crate::serialize_millis")]
        run_time: Duration,
        /// Fuel used.
        fuel: u64,
        /// What it used of the world.
        #[serde(skip_serializing_if = "nothing")]
        effects: Effects,
        /// Decisions that were not told.
        #[serde(skip_serializing_if = "none")]
        decisions_dropped: u64,
    },
    /// The circuit breaker of a tool changed its state, for one tenant's calls.
    Breaker {
        /// The tool.
        tool: ToolName,
        /// `closed`, `open`, `half-open`.
        state: &'static str,
    },
    /// The queue is filling up, or has emptied again.
    Pressure {
        /// Whether it is full enough that callers should slow down.
        high: bool,
        /// How many wait.
        waiting: usize,
    },
    /// A run of an agent began: it has its task.
    RunStarted {
        /// The agent.
        agent: String,
        /// How it finds out what to do: `steps`, `react`, `plan`, `reactive`.
        pattern: &'static str,
        /// Its number of steps; 0: they are not known before.
        steps: usize,
        /// The run that it is part of.
        #[serde(skip_serializing_if = "Option::is_none")]
        parent: Option<RunId>,
        /// The beginning of its task.
        task: String,
    },
    /// A run went over from one thing to another: `thinking`, `acting`, `planning`, `answering`, `waiting`.
    StateChanged {
        /// What it did.
        from: &'static str,
        /// What it does now.
        to: &'static str,
    },
    /// A part of a run's work came in: in a run that has several tasks.
    TaskReceived {
        /// Its number, from 1.
        task: u64,
        /// What is to be done.
        text: String,
    },
    /// It is done, or will not be: the one end of each task.
    TaskFinished {
        /// Its number.
        task: u64,
        /// The outcome, with its kind.
        outcome: String,
        /// The beginning of the answer.
        answer: String,
    },
    /// A model replied.
    Thought {
        /// Which model.
        model: String,
        /// The beginning of what it said.
        text: String,
        /// What it wants to use.
        uses: Vec<String>,
        /// Tokens, of request and reply.
        tokens: u64,
        /// How long it took.
        #[serde(rename = "took_ms", serialize_with = "crate::serialize_millis")]
        took: Duration,
    },
    /// Something is to be done: a call of a function, whose id the event has, or a run of another agent.
    ActionRequired {
        /// By which the model knows it.
        action: String,
        /// What is used.
        target: String,
        /// The beginning of its input.
        input: String,
    },
    /// What came of it, also where the run ended before: the one end of each action.
    ResultAvailable {
        /// By which the model knows it.
        action: String,
        /// The outcome, with its kind.
        outcome: String,
        /// How large the result is.
        size: ByteSize,
        /// The beginning of what the model is shown.
        shown: String,
    },
    /// Something went wrong that the model is told of: what it wanted is not there, or its plan can't be used.
    ErrorOccurred {
        /// What.
        what: String,
    },
    /// A budget is nearly spent.
    BudgetWarning {
        /// Which: `turns`, `tokens`, `cost`.
        what: &'static str,
        /// How much of it is spent.
        used: String,
        /// Of how much.
        most: String,
    },
    /// Somebody is asked whether something may be done.
    ApprovalAsked {
        /// What.
        what: String,
        /// The input of a call, the middle cut out of a long one.
        #[serde(skip_serializing_if = "Option::is_none")]
        input: Option<String>,
    },
    /// The answer, or that there was none in time: the one end of each question.
    ApprovalAnswered {
        /// What was asked.
        what: String,
        /// The input that the answer is for, as it was asked.
        #[serde(skip_serializing_if = "Option::is_none")]
        input: Option<String>,
        /// Whether it may.
        agreed: bool,
        /// Whether it need not be answered any more: the run ended while it stood.
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        withdrawn: bool,
    },
    /// A step began, with as many calls as its list has items.
    StepStarted {
        /// The step.
        step: StepId,
        /// How many calls it will make.
        calls: usize,
    },
    /// A step ended; one that had nothing to do has not begun.
    StepFinished {
        /// The step.
        step: StepId,
        /// `done`, `failed`.
        state: &'static str,
    },
    /// The run's one end.
    RunFinished {
        /// The outcome, with its kind.
        outcome: String,
        /// The beginning of a model's answer.
        #[serde(skip_serializing_if = "Option::is_none")]
        answer: Option<String>,
    },
}

// === impl Happening ===

impl Happening {
    /// Hands out every text in it that is not from a fixed set of words: for those who take something out.
    pub fn each_text(&mut self, change: &mut dyn FnMut(&mut String)) {
        match self {
            Self::Accepted { .. }
            | Self::Queued
            | Self::Started { .. }
            | Self::Answered { .. }
            | Self::Breaker { .. }
            | Self::Pressure { .. }
            | Self::StateChanged { .. }
            | Self::StepStarted { .. }
            | Self::StepFinished { .. }
            | Self::Retrying { .. }
            | Self::Finished { .. } => {}
            Self::Progress { message, .. } => change(message),
            Self::Decided { decision, .. } => {
                change(&mut decision.asked);
                decision.rule.iter_mut().for_each(change);
            }
            Self::RunStarted { task: text, .. }
            | Self::TaskReceived { text, .. }
            | Self::TaskFinished { answer: text, .. }
            | Self::ErrorOccurred { what: text }
            | Self::ResultAvailable { shown: text, .. } => change(text),
            Self::Thought { text, uses, .. } => {
                change(text);
                uses.iter_mut().for_each(change);
            }
            Self::ActionRequired { action, target, input } => {
                change(action);
                change(target);
                change(input);
            }
            Self::ApprovalAsked { what, input } | Self::ApprovalAnswered { what, input, .. } => {
                change(what);
                input.iter_mut().for_each(change);
            }
            Self::BudgetWarning { used, most, .. } => {
                change(used);
                change(most);
            }
            Self::RunFinished { answer, .. } => answer.iter_mut().for_each(change),
        }
    }

    /// How many bytes there are in all its texts.
    fn texts(&self) -> usize {
        match self {
            Self::Queued
            | Self::Started { .. }
            | Self::Answered { .. }
            | Self::Pressure { .. }
            | Self::StateChanged { .. } => 0,
            Self::Accepted { target } => name(target),
            Self::Breaker { tool, .. } => tool.as_str().len(),
            Self::StepStarted { step, .. } | Self::StepFinished { step, .. } => step.as_str().len(),
            Self::Retrying { outcome, .. } | Self::Finished { outcome, .. } => outcome.len(),
            Self::Progress { message: text, .. }
            | Self::TaskReceived { text, .. }
            | Self::ErrorOccurred { what: text } => text.len(),
            Self::ApprovalAsked { what, input } | Self::ApprovalAnswered { what, input, .. } => {
                what.len() + input.as_ref().map_or(0, String::len)
            }
            Self::Decided { target, decision, .. } => {
                let rule = decision.rule.as_ref().map_or(0, String::len);
                let secrets: usize = decision.secrets.iter().map(|one| one.len() + size_of::<String>()).sum();
                name(target) + decision.asked.len() + rule + secrets
            }
            Self::RunStarted { agent, task, .. } => agent.len() + task.len(),
            Self::TaskFinished { outcome, answer, .. } => outcome.len() + answer.len(),
            Self::Thought { model, text, uses, .. } => {
                let uses: usize = uses.iter().map(|one| one.len() + size_of::<String>()).sum();
                model.len() + text.len() + uses
            }
            Self::ActionRequired { action, target, input } => action.len() + target.len() + input.len(),
            Self::ResultAvailable { action, outcome, shown, .. } => action.len() + outcome.len() + shown.len(),
            Self::BudgetWarning { used, most, .. } => used.len() + most.len(),
            Self::RunFinished { outcome, answer } => outcome.len() + answer.as_ref().map_or(0, String::len),
        }
    }
}

fn name(target: &Target) -> usize {
    target.tool.as_str().len() + target.function.as_ref().map_or(0, |function| function.len())
}

impl Event {
    /// Whether nothing comes after it in a run: the run's end, or that of the one call that the run is.
    #[must_use]
    pub fn ends(&self, run: RunId) -> bool {
        match self.what {
            Happening::RunFinished { .. } => self.run == Some(run),
            Happening::Finished { .. } => self.call.is_some_and(|call| call.bits() == run.bits()),
            _ => false,
        }
    }

    /// What it takes of memory, about: itself, and its texts.
    #[must_use]
    pub fn weight(&self) -> ByteSize {
        ByteSize::of(size_of::<Self>().saturating_add(self.what.texts()))
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands out references")]
fn nothing(effects: &Effects) -> bool {
    effects.is_empty()
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands out references")]
fn none(count: &u64) -> bool {
    *count == 0
}
