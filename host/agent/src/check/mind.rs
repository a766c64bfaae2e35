//! What a model may use: the functions that there are and that the agent allows, and the agents at its side.

use std::collections::BTreeSet;

use crate::document::Problems;
use crate::manifest::{Manifest, MindDraft};
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

/// The whole; none after reporting what is in its way.
pub(super) fn mind(draft: MindDraft, tools: Vec<Offer>, all: &dyn Tools, problems: &Problems) -> Option<Mind> {
    if tools.len() > MOST_OFFERS {
        let message =
            format!("the agent allows {} functions, and a model is offered {MOST_OFFERS} at most", tools.len());
        let wrong = Diagnostic::new(problems.source(), message);
        problems.push(wrong.hint("[tools] allow names them one by one, and deny takes some away"));
    }
    let mut names = BTreeSet::new();
    let mut agents = Vec::new();
    for (share, manifest) in draft.agents {
        let agent = super::agent(manifest, all, problems)?;
        if !names.insert(agent.name.clone()) {
            let message = format!("two agents have the name `{}`", agent.name);
            problems.push(Diagnostic::new(problems.source(), message).hint("name = \"critic\" in each [[agents]]"));
        }
        agents.push(SubAgent { agent, share });
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
        approve: draft.approve,
        attempts: draft.attempts,
        agents,
        watch: draft.watch,
        memory: draft.memory,
    })
}
