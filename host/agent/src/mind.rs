//! What an agent with a model has beside its bounds: the model, what it is told, what it may use, and what it may spend.

use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;
use std::time::Duration;

use hotcell_call::{AgentName, ByteSize, Effect, Target};
use serde::Serialize;
use serde_json::Value;

use crate::agent::Agent;
use crate::model::{ModelName, Script, spelled};

/// How a run finds out what to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Pattern {
    /// By its steps: a graph, without a model.
    #[default]
    Steps,
    /// The model uses tools, sees what came of them, and goes on until it answers.
    React,
    /// The model makes a graph of calls; they are made; the model makes an answer of what came of them.
    Plan,
    /// Tasks come as events and progress side by side; each is done as in `React`.
    Reactive,
}

/// What an agent with a model has.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Mind {
    /// What the model is told of itself.
    pub prompt: String,
    /// The model, and those that are asked in its place when it does not answer.
    pub models: Vec<ModelName>,
    /// The replies of `scripted`.
    pub script: Vec<Script>,
    /// The most tokens of one reply.
    pub max_tokens: Option<u32>,
    /// How much chance there is in its replies.
    pub temperature: Option<f64>,
    /// What it may use.
    pub tools: Vec<Offer>,
    /// The most that a model is shown of one result.
    pub shown: ByteSize,
    /// What a run may spend.
    pub budget: Budget,
    /// What it must ask for before it does it.
    pub approve: Approve,
    /// How often a plan that can't be used goes back to the model.
    pub attempts: u32,
    /// Agents that it may use like tools.
    pub agents: Vec<SubAgent>,
    /// Where tasks come from besides the input.
    pub watch: Option<Watch>,
    /// What it remembers of earlier runs.
    pub memory: Option<Memory>,
}

/// A function that a model may use.
#[derive(Debug, Clone, PartialEq)]
pub struct Offer {
    /// Which.
    pub target: Target,
    /// What it does, in its author's words.
    pub description: String,
    /// The JSON Schema of its input.
    pub input: Value,
}

/// What a run may spend; beyond it the run is over budget. Calls and time stand in the agent's [`Bounds`](crate::Bounds).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Budget {
    /// Replies of the model.
    pub turns: u32,
    /// Tokens, of requests and replies together.
    pub tokens: Option<u64>,
    /// Money.
    pub cost: Option<Cost>,
    /// The share of any bound, in percent, at which it is told that it will soon be reached.
    pub warn_at: u8,
    /// What then happens.
    pub on_exceed: OnExceed,
}

/// What happens when a budget is spent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum OnExceed {
    /// The run ends.
    #[default]
    Stop,
    /// Whoever runs it is asked for as much again; without an answer, it ends.
    Pause,
}

/// An amount of money, in millionths of a US dollar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Cost(pub u64);

/// A text that is no amount of money.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("an amount of money is written like \"0.50usd\"")]
pub struct CostError;

/// What must be asked for before it is done.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Approve {
    /// Calls that could have one of these effects.
    pub effects: Vec<Effect>,
    /// Calls of these functions.
    pub functions: Vec<Target>,
    /// How long an answer is waited for; without one, it is no. None: as long as the agent around it waits, else as is usual.
    pub timeout: Option<Duration>,
}

/// An agent that another may use.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct SubAgent {
    /// The agent, under the name by which it is used.
    pub agent: Agent,
    /// How much of what is left of the other's budget one use may spend, in percent.
    pub share: u8,
}

/// Files whose changes are tasks.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Watch {
    /// The end of the names of files that count: `.md`; empty: all.
    pub ending: String,
    /// The task that a change is, with `{{path}}` in the place of the file's path.
    pub task: String,
    /// How long a file must have been left alone.
    pub settle: Duration,
    /// How many tasks there are before the run ends; none: as many as come.
    pub tasks: Option<u32>,
    /// How long is watched; none: until the run's time is up.
    pub time: Option<Duration>,
}

/// What is remembered of earlier runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Memory {
    /// Tasks with their answers, the last ones.
    pub keep: u32,
}

// === impl Pattern ===

impl Pattern {
    /// As they stand in a file.
    pub const WORDS: &'static [(&'static str, Self)] =
        &[("steps", Self::Steps), ("react", Self::React), ("plan", Self::Plan), ("reactive", Self::Reactive)];

    /// As it stands in a file.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Steps => "steps",
            Self::React => "react",
            Self::Plan => "plan",
            Self::Reactive => "reactive",
        }
    }
}

// === impl Mind ===

impl Mind {
    /// What it may use under the name that a model knows, `calc__eval`: a function.
    #[must_use]
    pub fn offer(&self, name: &str) -> Option<&Offer> {
        self.tools.iter().find(|offer| offer.name() == name)
    }

    /// An agent under the name that a model knows: `agent__critic`.
    #[must_use]
    pub fn sub_agent(&self, name: &str) -> Option<&SubAgent> {
        self.agents.iter().find(|sub| sub.name() == name)
    }
}

impl Offer {
    /// The name by which a model knows it: models' APIs take no dots, and no long names.
    #[must_use]
    pub fn name(&self) -> String {
        spelled(&self.target.to_string())
    }
}

impl SubAgent {
    /// The name by which a model knows it.
    #[must_use]
    pub fn name(&self) -> String {
        spelled(&format!("agent.{}", self.agent.name))
    }

    /// Its agent's name.
    #[must_use]
    pub fn agent(&self) -> &AgentName {
        &self.agent.name
    }
}

impl Approve {
    /// Whether a call has to be asked for that could do from what its function says to the most that it is granted.
    #[must_use]
    pub fn asks(&self, target: &Target, could: &RangeInclusive<Effect>) -> bool {
        self.effects.iter().any(|effect| could.contains(effect)) || self.functions.contains(target)
    }
}

// === impl Budget, Cost ===

impl Default for Budget {
    fn default() -> Self {
        Self { turns: 50, tokens: None, cost: None, warn_at: 80, on_exceed: OnExceed::Stop }
    }
}

impl FromStr for Cost {
    type Err = CostError;

    fn from_str(text: &str) -> Result<Self, CostError> {
        let amount = text.strip_suffix("usd").ok_or(CostError)?.trim_end();
        let (whole, part) = amount.split_once('.').unwrap_or((amount, "0"));
        let digits = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_digit());
        if !digits(whole) || !digits(part) || part.len() > 6 {
            return Err(CostError);
        }
        let whole: u64 = whole.parse().map_err(|_| CostError)?;
        let part: u64 = format!("{part:0<6}").parse().map_err(|_| CostError)?;
        whole.checked_mul(1_000_000).and_then(|micros| micros.checked_add(part)).map(Self).ok_or(CostError)
    }
}

impl fmt::Display for Cost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, part) = (self.0 / 1_000_000, self.0 % 1_000_000);
        let part = format!("{part:06}");
        let cents = part.trim_end_matches('0');
        write!(f, "{whole}.{cents:0<2}usd")
    }
}

impl Serialize for Cost {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_is_read_and_shown_exactly() {
        for (text, micros, shown) in [
            ("0.50usd", 500_000, "0.50usd"),
            ("3usd", 3_000_000, "3.00usd"),
            ("0.000001usd", 1, "0.000001usd"),
            ("12.3456 usd", 12_345_600, "12.3456usd"),
        ] {
            let cost: Cost = text.parse().unwrap();
            assert_eq!((cost, cost.to_string().as_str()), (Cost(micros), shown), "{text}");
            assert_eq!(shown.parse(), Ok(cost));
        }
        for text in
            ["", "usd", ".5usd", "3.usd", "0.5", "-1usd", "1.2.3usd", "0.1234567usd", "99999999999999usd", "1e3usd"]
        {
            assert_eq!(text.parse::<Cost>(), Err(CostError), "{text}");
        }
    }
}
