//! The sections of an agent with a model.

use std::collections::HashSet;
use std::time::Duration;

use hotcell_call::ByteSize;
use serde_json::{Map, Value};

use super::{Allow, Manifest};
use crate::agent::Bounds;
use crate::document::{Problems, Section, Spanned};
use crate::mind::{Approve, Budget, Cost, Memory, OnExceed, Pattern, Watch};
use crate::model::{ModelName, Script, Usage};

/// Models of one agent: the first, and those that are asked in its place.
const MOST_MODELS: usize = 8;

/// What such an agent says of itself.
pub(crate) struct MindDraft {
    pub(crate) pattern: Pattern,
    pub(crate) prompt: String,
    pub(crate) models: Vec<ModelName>,
    pub(crate) script: Vec<Script>,
    pub(crate) max_tokens: Option<u32>,
    pub(crate) temperature: Option<f64>,
    pub(crate) shown: ByteSize,
    pub(crate) budget: Budget,
    pub(crate) approve: Approve,
    pub(crate) asked: Vec<Spanned<Allow>>,
    pub(crate) attempts: u32,
    pub(crate) agents: Vec<(u8, Manifest)>,
    pub(crate) watch: Option<Watch>,
    pub(crate) memory: Option<Memory>,
}

/// What stands around an agent.
#[derive(Default)]
pub(super) struct Around {
    /// How many agents.
    depth: usize,
    /// The models of the one that it is at the side of.
    models: Vec<ModelName>,
}

/// How many agents one may have at its side.
const MOST_AGENTS: usize = 32;
/// How deep agents stand within each other.
const MOST_DEEP: usize = 4;

/// What is shown of one result unless the agent says otherwise, and the most.
const SHOWN_LEAST: ByteSize = ByteSize::bytes(256);
const SHOWN: (ByteSize, ByteSize) = (ByteSize::kib(16), ByteSize::mib(1));

/// Sections that mean nothing without a model.
const ONLY: [&str; 6] = ["model", "approve", "plan", "agents", "watch", "memory"];

impl MindDraft {
    /// Reads what belongs to a model; none for an agent of steps, after reporting what means nothing there.
    pub(super) fn read(
        root: &Section<'_>,
        prompt: Option<Spanned<String>>,
        pattern: Pattern,
        budget: Budget,
        shown: Option<Spanned<ByteSize>>,
        around: &Around,
    ) -> Option<Self> {
        let problems = root.problems();
        if pattern == Pattern::Steps {
            let sections = ONLY.iter().filter_map(|key| Some((*key, root.get(key)?.key())));
            for (key, span) in sections.chain(prompt.map(|prompt| ("prompt", prompt.span))) {
                let message = format!("`{key}` means nothing to an agent of steps");
                let hint = "[agent]\npattern = \"react\": a model decides what is done";
                problems.push(problems.at(span, message, "").hint(hint));
            }
            return None;
        }
        let model = Model::read(root, &around.models);
        let shown = shown.and_then(|shown| result(shown, problems)).unwrap_or(SHOWN.0);
        // What is outside is for the one that a person runs.
        for key in ["watch", "memory"] {
            if let Some(item) = root.get(key).filter(|_| around.depth > 0) {
                let message = format!("an agent at the side of another has no `{key}`");
                item.report(item.wrong_at(item.key(), message, ""));
            }
        }
        let plan = root.section("plan");
        let watch = root.section("watch").and_then(|section| watch(&section, pattern));
        let (approve, asked) = approve(root);
        Some(Self {
            pattern,
            prompt: prompt.map_or_else(String::new, |text| text.value),
            agents: agents(root, around.depth, &model.names),
            models: model.names,
            script: model.script,
            max_tokens: model.max_tokens,
            temperature: model.temperature,
            shown,
            budget,
            approve,
            asked,
            attempts: plan.and_then(|section| section.get("attempts")?.number(1, 10)).unwrap_or(3),
            watch,
            memory: root.section("memory").and_then(|section| memory(&section)),
        })
    }
}

/// `[model]`.
#[derive(Default)]
struct Model {
    names: Vec<ModelName>,
    script: Vec<Script>,
    max_tokens: Option<u32>,
    temperature: Option<f64>,
}

impl Model {
    fn read(root: &Section<'_>, around: &[ModelName]) -> Self {
        let Some(section) = root.section("model") else {
            // An agent at another's side has its model, but never its script: that is one conversation.
            let names: Vec<ModelName> = around.iter().filter(|name| **name != ModelName::Scripted).cloned().collect();
            if !names.is_empty() {
                return Self { names, ..Self::default() };
            }
            let wrong = root.problems().at(root.span().start..root.span().start, "the agent has no model", "");
            root.problems()
                .push(wrong.hint("[model]\nuse = \"rules\" needs no key; \"anthropic/claude-sonnet-4-5\" does"));
            return Self::default();
        };
        for key in ["key", "base_url"] {
            if let Some(item) = section.get(key) {
                let message = format!("`{key}` is the operator's to say, not the agent's");
                let hint = "[providers.NAME] in hotcell.toml has kind, base_url and key";
                item.report(item.wrong_at(item.key(), message, "").hint(hint));
            }
        }
        let first = section.need("use", "use = \"rules\"").and_then(|item| item.parsed::<ModelName>());
        let more = section.get("fallback").and_then(|item| item.list()).unwrap_or_default();
        let more = more.iter().filter_map(|item| item.parsed::<ModelName>());
        let names: Vec<ModelName> = first.into_iter().chain(more).map(|name| name.value).collect();
        if names.len() > MOST_MODELS || names.iter().collect::<HashSet<_>>().len() < names.len() {
            let wrong =
                section.problems().at(section.span(), format!("at most {MOST_MODELS} models fit, each once"), "");
            section.problems().push(wrong.hint("each that is asked in place of another is paid for"));
        }
        let script: Vec<Script> = section.sections("reply").iter().map(script).collect();
        if names.contains(&ModelName::Scripted) == script.is_empty() && !names.is_empty() {
            let message = if script.is_empty() {
                "`scripted` has no replies"
            } else {
                "no model is `scripted`, and there are replies"
            };
            let wrong = section.problems().at(section.span(), message, "");
            section.problems().push(wrong.hint("use = \"scripted\"\n\n[[model.reply]]\ntext = \"Done.\""));
        }
        Self {
            names,
            script,
            max_tokens: section.get("max_tokens").and_then(|item| item.number(1, 1_000_000)),
            temperature: section.get("temperature").and_then(|item| item.real(0.0, 2.0)),
        }
    }
}

fn script(section: &Section<'_>) -> Script {
    let text = section.get("text").and_then(|item| item.string());
    let calls = section.sections("use");
    let calls = calls.iter().filter_map(|each| {
        let name = each.need("call", "call = \"calc.eval\"").and_then(|item| item.string());
        let with = each.get("with").map_or(Some(Value::Object(Map::new())), |item| item.json());
        match (name, with) {
            (Some(name), Some(Value::Object(with))) => Some((name.value.to_owned(), with)),
            _ => None,
        }
    });
    let tokens = section.get("tokens").and_then(|item| item.count());
    Script {
        text: text.map_or_else(String::new, |text| text.value.to_owned()),
        calls: calls.collect(),
        usage: Usage { input: 0, output: tokens.map_or(0, |count| count.as_u64()) },
    }
}

fn result(shown: Spanned<ByteSize>, problems: &Problems) -> Option<ByteSize> {
    let size = shown.value;
    if size < SHOWN_LEAST || size > SHOWN.1 {
        let message = format!("`result` is {size}: a model is shown {SHOWN_LEAST} to {} of one result", SHOWN.1);
        problems.push(problems.at(shown.span, message, ""));
        return None;
    }
    Some(size)
}

/// What `[budget]` says of the bounds that every agent has.
#[derive(Default)]
pub(super) struct Spent {
    calls: Option<u64>,
    time: Option<Duration>,
}

impl Spent {
    /// It says the same as `[run]`, in the words of the other budgets.
    pub(super) fn over(self, bounds: Bounds) -> Bounds {
        let max_calls = self.calls.unwrap_or(bounds.max_calls);
        Bounds { max_calls, timeout: self.time.unwrap_or(bounds.timeout), ..bounds }
    }
}

/// `[budget]`.
pub(super) fn budget(root: &Section<'_>) -> (Budget, Spent) {
    let mut budget = Budget::default();
    let Some(section) = root.section("budget") else { return (budget, Spent::default()) };
    let calls = section.get("calls").and_then(|item| item.count()).map(|count| count.as_u64());
    let time = section.get("time").and_then(|item| item.duration());
    budget.turns = section.get("turns").and_then(|item| item.number(1, 10_000)).unwrap_or(budget.turns);
    budget.tokens = section.get("tokens").and_then(|item| item.count()).map(|count| count.as_u64());
    budget.cost = section.get("cost").and_then(|item| item.parsed::<Cost>()).map(|cost| cost.value);
    if let Some(share) = section.get("warn_at").and_then(|item| item.real(0.0, 1.0)) {
        budget.warn_at = percent(share);
    }
    let words = &[("stop", OnExceed::Stop), ("pause", OnExceed::Pause)];
    budget.on_exceed = section.get("on_exceed").and_then(|item| item.word(words)).unwrap_or_default();
    (budget, Spent { calls, time })
}

/// A share in percent.
fn percent(share: f64) -> u8 {
    (0..=100).find(|percent| f64::from(*percent) >= share * 100.0 - 0.5).unwrap_or(100)
}

/// `[approve]`, and the functions that it names: which they are is known when all agents are.
fn approve(root: &Section<'_>) -> (Approve, Vec<Spanned<Allow>>) {
    let (mut approve, mut patterns) = (Approve::default(), Vec::new());
    let Some(section) = root.section("approve") else { return (approve, patterns) };
    let asked = section.need("ask", "ask = [\"effect:write\"]").and_then(|item| item.list()).unwrap_or_default();
    for item in &asked {
        let Some(text) = item.string() else { continue };
        if let Some(effect) = text.value.strip_prefix("effect:") {
            match effect.parse() {
                Ok(effect) => approve.effects.push(effect),
                Err(()) => item.report(item.wrong("there is no such effect", "").hint("pure, read, idempotent, write")),
            }
        } else if let Some(pattern) = item.parsed::<Allow>() {
            patterns.push(pattern);
        }
    }
    approve.timeout = section.get("timeout").and_then(|item| item.duration());
    (approve, patterns)
}

fn agents(root: &Section<'_>, depth: usize, models: &[ModelName]) -> Vec<(u8, Manifest)> {
    let sections = root.sections("agents");
    if let Some(beyond) = sections.get(MOST_AGENTS) {
        let message = format!("the agent has {} agents, and may have {MOST_AGENTS}", sections.len());
        root.problems().push(root.problems().at(beyond.span(), message, "the first too many"));
    }
    let read = sections.iter().map(|section| {
        let share = section.get("share").and_then(|item| item.real(0.01, 1.0)).map_or(50, percent);
        if depth >= MOST_DEEP {
            let message = format!("agents stand within each other {MOST_DEEP} deep at most");
            section.problems().push(section.problems().at(section.span(), message, "one too deep"));
            section.others();
        }
        (share, Manifest::within(section, &Around { depth: depth + 1, models: models.to_vec() }))
    });
    read.collect()
}

fn watch(section: &Section<'_>, pattern: Pattern) -> Option<Watch> {
    if pattern != Pattern::Reactive {
        let wrong = section.problems().at(section.span(), "only a reactive agent watches", "");
        section.problems().push(wrong.hint("[agent]\npattern = \"reactive\""));
    }
    let task = section.need("task", "task = \"use text.stats with {\\\"path\\\": \\\"{{path}}\\\"}\"")?;
    let settle = section.get("settle").and_then(|item| item.duration());
    Some(Watch {
        ending: section
            .get("ending")
            .and_then(|item| item.string())
            .map_or_else(String::new, |text| text.value.to_owned()),
        task: task.string()?.value.to_owned(),
        settle: settle.unwrap_or(Duration::from_millis(200)),
        tasks: section.get("tasks").and_then(|item| item.number(1, 1_000_000)),
        time: section.get("time").and_then(|item| item.duration()),
    })
}

fn memory(section: &Section<'_>) -> Option<Memory> {
    let kinds = &[("none", false), ("file", true)];
    let keeps = section.need("kind", "kind = \"file\"").and_then(|item| item.word(kinds));
    let keep = section.get("keep").and_then(|item| item.number(1, 1_000)).unwrap_or(20);
    keeps?.then_some(Memory { keep })
}
