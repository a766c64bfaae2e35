//! What a model may use: the functions that there are and that the agent allows, and the agents at its side.

use std::collections::{BTreeMap, BTreeSet};

use hotcell_call::{Code, LimitKeys, Target, ToolName, Wants};

use crate::agent::{Agent, Work};
use crate::document::{Problems, Spanned};
use crate::manifest::{Allow, Manifest, MindDraft};
use crate::mind::{Mind, Offer, SubAgent};
use crate::{Diagnostic, Tools};

/// Functions that a model is offered at most: each costs tokens in every request.
const MOST_OFFERS: usize = 128;

/// The functions that are allowed and not denied, each once.
pub(super) fn offers(manifest: &Manifest, tools: &dyn Tools) -> Vec<Offer> {
    let mut known = BTreeSet::new();
    let mut offers = Vec::new();
    for allow in &manifest.allow {
        let named = allow.value.names();
        for offer in tools.offers(named.as_ref().map(|target| &target.tool)) {
            let denied = manifest.deny.iter().any(|deny| deny.value.fits(&offer.target));
            if allow.value.fits(&offer.target) && !denied && known.insert(offer.target.to_string()) {
                offers.push(offer);
            }
        }
    }
    offers
}

/// What an agent says that holds for those at its side too: they only narrow further.
pub(super) struct Above<'a> {
    pub(super) limits: &'a LimitKeys,
    pub(super) narrowings: &'a [(ToolName, (LimitKeys, Option<Wants>))],
    pub(super) deny: &'a [Spanned<Allow>],
}

/// Lowers what an agent has to what the one above it leaves, and so for all at its own side.
fn narrow(agent: &mut Agent, above: &Above<'_>, problems: &Problems) {
    agent.limits = agent.limits.within(above.limits);
    for (limits, _) in agent.narrowings.values_mut() {
        *limits = limits.within(above.limits);
    }
    for (tool, (limits, wants)) in above.narrowings {
        let (own, wanted) = agent.narrowings.entry(tool.clone()).or_default();
        *own = own.within(limits);
        *wanted = match (wanted.take(), wants) {
            (Some(own), Some(wants)) => Some(own.and(wants)),
            (own, wants) => own.or_else(|| wants.clone()),
        };
    }
    let denied = |target: &Target| above.deny.iter().any(|deny| deny.value.fits(target));
    for step in &agent.steps {
        if let Work::Call { target, .. } = &step.work
            && denied(target)
        {
            let message = format!("the agent `{}` calls `{target}`, which the one above it denies", agent.name);
            problems.push(Diagnostic::new(problems.source(), message));
        }
    }
    if let Some(mind) = &mut agent.mind {
        mind.tools.retain(|offer| !denied(&offer.target));
        for sub in &mut mind.agents {
            narrow(&mut sub.agent, above, problems);
        }
    }
}

/// The functions that an agent at another's side uses, and those at its own.
fn used(sub: &SubAgent) -> Vec<Target> {
    let agent = &sub.agent;
    let called = agent.steps.iter().filter_map(|step| match &step.work {
        Work::Call { target, .. } => Some(target.clone()),
        Work::Value(_) => None,
    });
    let mind = agent.mind.iter();
    let offered = mind.clone().flat_map(|mind| &mind.tools).map(|offer| offer.target.clone());
    called.chain(offered).chain(mind.flat_map(|mind| &mind.agents).flat_map(used)).collect()
}

/// Reports functions and agents that a model could not tell apart.
fn report_clashes(tools: &[Offer], agents: &[SubAgent], problems: &Problems) {
    let functions = tools.iter().map(|offer| (offer.name(), format!("`{}`", offer.target)));
    let agents = agents.iter().map(|sub| (sub.name(), format!("the agent `{}`", sub.agent.name)));
    let mut known: BTreeMap<String, String> = BTreeMap::new();
    for (name, full) in functions.chain(agents) {
        let Some(other) = known.get(&name) else {
            known.insert(name, full);
            continue;
        };
        // Two agents of one name are told already.
        if *other != full {
            let message = format!("a model would know {other} and {full} by one name, `{name}`");
            let wrong = Diagnostic::new(problems.source(), message).code(Code::Ambiguous);
            problems.push(wrong.hint("deny one of them under [tools], or rename one"));
        }
    }
}

/// The whole; none after reporting what is in its way.
pub(super) fn mind(
    draft: MindDraft,
    tools: Vec<Offer>,
    above: &Above<'_>,
    all: &dyn Tools,
    problems: &Problems,
) -> Option<Mind> {
    if tools.len() > MOST_OFFERS {
        let message =
            format!("the agent allows {} functions, and a model is offered {MOST_OFFERS} at most", tools.len());
        let wrong = Diagnostic::new(problems.source(), message);
        problems.push(wrong.hint("[tools] allow names them one by one, and deny takes some away"));
    }
    let mut names = BTreeSet::new();
    let mut agents = Vec::new();
    for (share, manifest) in draft.agents {
        let mut agent = super::agent(manifest, all, problems)?;
        narrow(&mut agent, above, problems);
        if !names.insert(agent.name.clone()) {
            let message = format!("two agents have the name `{}`", agent.name);
            problems.push(Diagnostic::new(problems.source(), message).hint("name = \"critic\" in each [[agents]]"));
        }
        agents.push(SubAgent { agent, share });
    }
    report_clashes(&tools, &agents, problems);
    let mut approve = draft.approve;
    let known: Vec<Target> =
        tools.iter().map(|offer| offer.target.clone()).chain(agents.iter().flat_map(used)).collect();
    for asked in &draft.asked {
        let before = approve.functions.len();
        approve.functions.extend(known.iter().filter(|target| asked.value.fits(target)).cloned());
        if approve.functions.len() == before {
            let message =
                format!("`{}` is none of what the agent may use, so it would never be asked for", asked.value);
            let wrong = problems.at(asked.span.clone(), message, "");
            problems.push(wrong.hint("a function, a tool, or \"effect:write\""));
        }
    }
    Some(Mind {
        prompt: draft.prompt,
        models: draft.models,
        script: draft.script,
        max_tokens: draft.max_tokens,
        temperature: draft.temperature,
        tools,
        shown: draft.shown,
        budget: draft.budget,
        approve,
        attempts: draft.attempts,
        agents,
        watch: draft.watch,
        memory: draft.memory,
    })
}
