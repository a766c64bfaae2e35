//! What is known of the models of a run before it begins: whether they may be asked, and what they cost.
//!
//! A budget of money counts what has a price. A model without one would be asked for nothing, however much is spent on it, so a run
//! that has such a budget and could come to such a model is not begun. Looked at is the whole tree: a fallback is asked when nobody
//! watches, and what an agent at the side spends is spent by the one above.

use std::collections::{BTreeMap, BTreeSet};

use hotcell_agent::Agent;
use hotcell_agent::model::ModelName;
use hotcell_call::{AgentName, Code, Failure};

use crate::config::Config;

/// Models without a price, by their providers, each with the first agent that may ask it.
type Unpriced<'a> = BTreeMap<&'a str, BTreeMap<&'a str, &'a AgentName>>;

/// Looks at all models that a run of `agent` may ask.
///
/// # Errors
///
/// [`Code::ModelDenied`] for one that the operator does not let be asked; [`Code::Price`] with all that have no price and need one.
pub(super) fn check(config: &Config, agent: &Agent) -> Result<(), Failure> {
    let mut unpriced = Unpriced::new();
    look(config, agent, config.budget.cost.is_some(), &mut unpriced)?;
    if unpriced.is_empty() {
        return Ok(());
    }
    let each = |(provider, models): (&&str, &BTreeMap<&str, &AgentName>)| {
        models.iter().map(|(model, who)| (format!("{provider}/{model}"), (*who).clone())).collect::<Vec<_>>()
    };
    let models: Vec<(String, AgentName)> = unpriced.iter().flat_map(each).collect();
    let names = models.iter().map(|(model, _)| model.as_str()).collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>();
    let told = models.iter().map(|(model, who)| format!("{model}, which {who} may ask")).collect::<Vec<_>>();
    let mut lines = String::from("in hotcell.toml, with what a million tokens really cost:");
    for (provider, models) in &unpriced {
        lines += &format!("\n[providers.{provider}]");
        for model in models.keys() {
            lines += &format!("\nprices.{model:?} = {{ input = \"3.00usd\", output = \"15.00usd\" }}");
        }
    }
    let what =
        format!("the run of {} has a budget of money, and no price is known of {}", agent.name, names.join(", "));
    Err(Failure::new(Code::Price, what)
        .why(format!("its replies would not be counted: {}", told.join("; ")))
        .fix(lines))
}

fn look<'a>(config: &Config, agent: &'a Agent, counts: bool, unpriced: &mut Unpriced<'a>) -> Result<(), Failure> {
    let Some(mind) = &agent.mind else { return Ok(()) };
    let counts = counts || mind.budget.cost.is_some();
    for name in &mind.models {
        config.may_ask(name)?;
        let ModelName::Of { provider, model } = name else { continue };
        // One that is not known is told as such when it is to be asked.
        let Some(known) = config.provider(provider).filter(|_| counts) else { continue };
        if !known.prices.contains_key(model) {
            unpriced.entry(provider).or_default().entry(model).or_insert(&agent.name);
        }
    }
    mind.agents.iter().try_for_each(|sub| look(config, &sub.agent, counts, unpriced))
}
