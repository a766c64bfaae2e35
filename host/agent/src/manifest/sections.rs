//! The sections of an agent's file, steps apart.

use std::num::NonZeroUsize;
use std::path::{Component, Path, PathBuf};

use hotcell_call::{AgentName, ByteSize, Priority, ToolName};

use super::step::MOST_RETRIES;
use super::{Allow, Narrowing};
use crate::agent::{Bounds, Input, InputKind, Schedule};
use crate::document::{Item, Section, Spanned, limits, wants};
use crate::mind::Pattern;

/// `[agent]`.
#[derive(Default)]
pub(super) struct Head {
    pub(super) name: Option<AgentName>,
    pub(super) description: String,
    pub(super) pattern: Pattern,
    pub(super) prompt: Option<Spanned<String>>,
}

/// `[tools]`.
#[derive(Default)]
pub(super) struct Tools {
    pub(super) allow: Vec<Spanned<Allow>>,
    pub(super) deny: Vec<Spanned<Allow>>,
    pub(super) shown: Option<Spanned<ByteSize>>,
    pub(super) narrowings: Vec<Narrowing>,
}

/// What an agent can take.
const KINDS: &[(&str, InputKind)] =
    &[("text", InputKind::Text), ("json", InputKind::Json), ("file", InputKind::File), ("folder", InputKind::Folder)];

/// Names in `[tools]` that will mean something, so that no tool of theirs can be narrowed meanwhile.
const RESERVED: &[&str] = &["discover", "parallel"];

/// `[agent]`, or where an agent stands within another.
pub(super) fn head(agent: &Section<'_>) -> Head {
    Head {
        name: agent.get("name").and_then(|item| item.parsed()).map(|name| name.value),
        description: text(agent, "description"),
        pattern: agent.get("pattern").and_then(|item| item.word(Pattern::WORDS)).unwrap_or_default(),
        prompt: agent.get("prompt").and_then(|item| {
            let text = item.string()?;
            Some(Spanned::new(text.value.to_owned(), item.key()))
        }),
    }
}

fn text(section: &Section<'_>, key: &'static str) -> String {
    let text = section.get(key).and_then(|item| item.string());
    text.map_or_else(String::new, |text| text.value.to_owned())
}

pub(super) fn input(root: &Section<'_>) -> Option<Input> {
    let section = root.section("input")?;
    let kind =
        section.need("kind", "kind = \"text\" | \"json\" | \"file\" | \"folder\"").and_then(|item| item.word(KINDS));
    let default = section.get("default").and_then(|item| {
        let text = item.string()?;
        if kind == Some(InputKind::Json)
            && let Err(error) = serde_json::from_str::<serde::de::IgnoredAny>(text.value)
        {
            let message = format!("the default input is not JSON: {error}");
            item.report(item.wrong(message, ""));
        }
        Some(text.value.to_owned())
    });
    Some(Input {
        // What is wrong with it is told already; until it is mended nothing runs.
        kind: kind.unwrap_or(InputKind::Text),
        default,
        description: text(&section, "description"),
    })
}

pub(super) fn output(root: &Section<'_>) -> Option<PathBuf> {
    let section = root.section("output")?;
    let item = section.get("folder")?;
    let folder = Path::new(item.string()?.value);
    let inside = |part| matches!(part, Component::Normal(_) | Component::CurDir);
    if folder.as_os_str().is_empty() || !folder.components().all(inside) {
        let message = "the output folder must be within the current one";
        let hint = "a relative path without `..`; whoever runs the agent can choose any other: --out DIR";
        item.report(item.wrong(message, "").hint(hint));
        return None;
    }
    Some(folder.to_owned())
}

pub(super) fn run(root: &Section<'_>) -> Bounds {
    let mut bounds = Bounds::default();
    let Some(section) = root.section("run") else {
        return bounds;
    };
    if let Some(parallel) = section.get("parallel").and_then(|item| parallel(&item)) {
        bounds.parallel = parallel;
    }
    if let Some(item) = section.get("timeout")
        && let Some(timeout) = item.duration()
    {
        if timeout.is_zero() {
            item.report(item.wrong("`timeout` is zero: no step could run", ""));
        }
        bounds.timeout = timeout;
    }
    if let Some(calls) = section.get("max_calls").and_then(|item| item.count()) {
        bounds.max_calls = calls.as_u64();
    }
    bounds
}

/// `[schedule]`, and `[retry]` beside it.
pub(super) fn schedule(root: &Section<'_>) -> Schedule {
    let mut schedule = Schedule::default();
    if let Some(section) = root.section("schedule") {
        let priority = section.get("priority").and_then(|item| item.word(Priority::WORDS));
        schedule.priority = priority.unwrap_or(schedule.priority);
        if let Some(item) = section.get("deadline")
            && let Some(deadline) = item.duration()
        {
            if deadline.is_zero() {
                item.report(item.wrong("`deadline` is zero: no call could start", ""));
            }
            schedule.call_timeout = Some(deadline);
        }
    }
    let retry = root.section("retry");
    schedule.retries = retry.and_then(|section| section.get("max")?.number(0, MOST_RETRIES));
    schedule
}

/// How many at a time.
pub(super) fn parallel(item: &Item<'_>) -> Option<NonZeroUsize> {
    let number = item.number(1, 1_024)?;
    NonZeroUsize::new(usize::try_from(number).ok()?)
}

pub(super) fn tools(root: &Section<'_>) -> Tools {
    let Some(section) = root.section("tools") else {
        return Tools::default();
    };
    let patterns = |key| {
        let list = section.get(key).and_then(|item| item.list());
        list.into_iter().flatten().filter_map(|item| item.parsed()).collect()
    };
    let (allow, deny) = (patterns("allow"), patterns("deny"));
    let shown = section.get("result").and_then(|item| Some(Spanned::new(item.size()?, item.span())));
    let others = section.others();
    let narrowings = others.iter().filter_map(|(name, item)| narrowing(name, item)).collect();
    Tools { allow, deny, shown, narrowings }
}

fn narrowing(name: &Spanned<&str>, item: &Item<'_>) -> Option<Narrowing> {
    if RESERVED.contains(&name.value) {
        let message = format!("`[tools] {}` is not there yet", name.value);
        let hint = "allow = [\"text.*\", \"calc.eval\"] names all that may be called";
        item.report(item.wrong_at(name.span.clone(), message, "").hint(hint));
        return None;
    }
    let tool: ToolName = match name.value.parse() {
        Ok(tool) => tool,
        Err(error) => {
            let error: hotcell_call::IdError = error;
            item.report(item.wrong_at(name.span.clone(), error.to_string(), ""));
            return None;
        }
    };
    let section = item.section()?;
    Some(Narrowing { tool: Spanned::new(tool, name.span.clone()), limits: limits(&section), wants: wants(&section) })
}
