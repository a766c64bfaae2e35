//! What a tenant is offered: the functions that it may call and the agents that it may run, each a tool of the protocol.
//!
//! The list is made once for each change and shared by all callers of the tenant, so that to list costs no more than to write it
//! down, whatever else the host does.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use futures::StreamExt as _;
use hotcell_call::{AgentName, Effect, Failure, Target, TenantId};
use hotcell_runtime::{Function, Host, InputKind, Inspected, spelled};
use rmcp::model::{JsonObject, Tool, ToolAnnotations};
use serde_json::{Value, json};

use super::page::Sized;
use super::shape::{self, Output};
use crate::tenant::TenantHost;

/// The lists that are kept, by tenant.
#[derive(Debug, Default)]
pub(super) struct Offers {
    by_tenant: Mutex<HashMap<TenantId, Arc<Slot>>>,
    /// Counts what makes all lists old that were made before.
    forgotten: AtomicU64,
}

/// One list, which is made by one at a time.
type Slot = tokio::sync::Mutex<Option<Kept>>;

#[derive(Debug)]
struct Kept {
    offer: Arc<Offer>,
    /// Of the host's tools, when it was begun.
    version: u64,
    seen: u64,
}

/// What a tenant is offered.
#[derive(Debug)]
pub(super) struct Offer {
    /// In the order of their names.
    pub(super) tools: Vec<Sized>,
    known: HashMap<String, Known>,
    /// Another one for another list.
    pub(super) mark: u64,
}

/// What a name stands for.
#[derive(Debug, Clone)]
pub(super) enum Known {
    Function(Target, Output),
    Agent(AgentName),
}

/// Tools and agents that are looked at the same time.
const AT_ONCE: usize = 8;

impl Offers {
    /// To be asked for before the host is: a list of a host that was replaced meanwhile is old at once.
    pub(super) fn seen(&self) -> u64 {
        self.forgotten.load(Ordering::Acquire)
    }

    /// All lists are old.
    pub(super) fn forget(&self) {
        self.forgotten.fetch_add(1, Ordering::AcqRel);
    }

    /// What a tenant is offered.
    pub(super) async fn of(&self, host: &TenantHost, seen: u64) -> Arc<Offer> {
        let slot = self.slot(&host.tenant);
        let mut kept = slot.lock().await;
        let version = host.host.tools_version();
        if let Some(kept) = &*kept
            && (kept.version, kept.seen) == (version, seen)
        {
            return Arc::clone(&kept.offer);
        }
        let offer = Arc::new(Offer::of(host).await);
        *kept = Some(Kept { offer: Arc::clone(&offer), version, seen });
        offer
    }

    fn slot(&self, tenant: &TenantId) -> Arc<Slot> {
        let mut by_tenant = self.by_tenant.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(by_tenant.entry(tenant.clone()).or_default())
    }
}

impl Offer {
    async fn of(host: &TenantHost) -> Self {
        let (names, _) = host.host.names().await;
        let names = names.into_iter().map(|(name, _)| name).filter(|name| host.may_see(name));
        let looks: Vec<_> = names.map(|name| async move { host.host.inspect(&name).await }).collect();
        let inspected: Vec<_> = futures::stream::iter(looks).buffered(AT_ONCE).collect().await;
        let mut entries = Vec::new();
        for tool in inspected.into_iter().filter_map(usable) {
            entries.extend(functions(host, tool));
        }
        entries.extend(agents(host).await);
        Self::new(entries)
    }

    fn new(entries: Vec<(Tool, Known)>) -> Self {
        let mut by_name: BTreeMap<String, (Tool, Known)> = BTreeMap::new();
        for (tool, known) in entries {
            match by_name.entry(tool.name.to_string()) {
                Entry::Vacant(place) => {
                    place.insert((tool, known));
                }
                Entry::Occupied(place) => {
                    tracing::warn!(
                        name = place.key(),
                        "two tools would have one name for clients; the second is not offered"
                    );
                }
            }
        }
        let (mut tools, mut known) = (Vec::new(), HashMap::new());
        let mut texts = Vec::new();
        for (name, (tool, stands_for)) in by_name {
            let text = serde_json::to_string(&tool).unwrap_or_default();
            tools.push(Sized { tool, bytes: text.len() });
            known.insert(name, stands_for);
            texts.push(text);
        }
        Self { tools, known, mark: BuildHasherDefault::<DefaultHasher>::default().hash_one(texts) }
    }

    /// What a name stands for.
    pub(super) fn known(&self, name: &str) -> Option<&Known> {
        self.known.get(name)
    }

    /// All names.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.tools.iter().map(|one| &*one.tool.name)
    }
}

/// A tool that can't be used is none to a model: whoever runs the host sees why by `hotcell ls`.
fn usable(inspected: Result<Inspected, Failure>) -> Option<Inspected> {
    inspected.inspect_err(|failure| tracing::info!(%failure, "a tool is not offered")).ok()
}

fn functions(host: &TenantHost, tool: Inspected) -> Vec<(Tool, Known)> {
    let reaches_out = !tool.grants.net.is_empty();
    let functions = host.functions(&tool.name, tool.descriptor.functions).into_iter();
    functions
        .map(|(target, function)| {
            let output = Output::of(function.output.as_ref());
            (described(&target, &function, &output, reaches_out), Known::Function(target, output))
        })
        .collect()
}

fn described(target: &Target, function: &Function, output: &Output, reaches_out: bool) -> Tool {
    let full = target.to_string();
    let description = Some(function.description.clone()).filter(|text| !text.is_empty());
    let input = shape::input(&function.input);
    let mut tool = Tool::new_with_raw(spelled(&full), description.map(Into::into), input);
    tool.output_schema.clone_from(&output.schema);
    tool.with_title(full).with_annotations(annotations(function.effect, reaches_out))
}

/// What a client may believe of a call: what its tool says, and whether the host lets it reach out.
fn annotations(effect: Effect, reaches_out: bool) -> ToolAnnotations {
    let hints = ToolAnnotations::new().open_world(reaches_out);
    match effect {
        Effect::Pure | Effect::Read => hints.read_only(true).destructive(false).idempotent(true),
        Effect::Idempotent => hints.read_only(false).destructive(true).idempotent(true),
        Effect::Write => hints.read_only(false).destructive(true).idempotent(false),
    }
}

async fn agents(host: &TenantHost) -> Vec<(Tool, Known)> {
    let names = host.agents().await.inspect_err(|failure| tracing::warn!(%failure, "no agents are offered"));
    let looks: Vec<_> = names.unwrap_or_default().into_iter().map(|name| agent(&host.host, name)).collect();
    futures::stream::iter(looks).buffered(AT_ONCE).filter_map(std::future::ready).collect().await
}

async fn agent(host: &Host, name: AgentName) -> Option<(Tool, Known)> {
    let agent = Box::pin(host.named_agent(&name)).await;
    let agent = agent.inspect_err(|failure| tracing::info!(%failure, "an agent is not offered")).ok()?;
    let input = match &agent.input {
        None => task(None, false),
        Some(input) => {
            let mut value = JsonObject::new();
            if !input.description.is_empty() {
                value.insert("description".to_owned(), input.description.as_str().into());
            }
            if input.kind != InputKind::Json {
                value.insert("type".to_owned(), "string".into());
            }
            task(Some(Value::Object(value)), input.default.is_none() && input.kind != InputKind::Json)
        }
    };
    let description = Some(agent.description.clone()).filter(|text| !text.is_empty());
    let tool = Tool::new_with_raw(spelled(&format!("agent.{name}")), description.map(Into::into), input);
    // What an agent does is up to a model.
    let hints = ToolAnnotations::new().read_only(false).destructive(true).idempotent(false).open_world(true);
    Some((tool.with_title(format!("agent {name}")).with_annotations(hints), Known::Agent(name)))
}

/// The schema of a task: what is the agent's input, and whether it has to be there.
fn task(input: Option<Value>, required: bool) -> Arc<JsonObject> {
    let properties = input.map_or_else(|| json!({}), |input| json!({ "input": input }));
    let required: &[&str] = if required { &["input"] } else { &[] };
    let mut schema = JsonObject::new();
    schema.insert("type".to_owned(), "object".into());
    schema.insert("properties".to_owned(), properties);
    schema.insert("required".to_owned(), json!(required));
    schema.insert("additionalProperties".to_owned(), false.into());
    Arc::new(schema)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(name: &str, description: &str) -> (Tool, Known) {
        let target: Target = name.parse().unwrap();
        let tool = Tool::new(spelled(name), description.to_owned(), Arc::<JsonObject>::default());
        (tool, Known::Function(target, Output::of(None)))
    }

    #[test]
    fn names_are_those_that_clients_take_and_lead_back() {
        let long = format!("calc.{}", "x".repeat(100));
        let offer = Offer::new(vec![entry("text.diff", ""), entry("calc.eval", ""), entry(&long, "")]);
        let names: Vec<&str> = offer.names().collect();
        assert_eq!((names.len(), names[0], names[2]), (3, "calc__eval", "text__diff"));
        assert!(names.iter().all(|name| name.len() <= 64));
        for (name, full) in names.iter().zip(["calc.eval", &long, "text.diff"]) {
            let Some(Known::Function(target, _)) = offer.known(name) else { panic!("{name}") };
            assert_eq!(target.to_string(), full);
        }
        assert!(offer.known("calc.eval").is_none());
    }

    #[test]
    fn another_list_has_another_mark_and_the_same_one_the_same() {
        let offer = |description| Offer::new(vec![entry("calc.eval", description)]).mark;
        assert_eq!(offer("a"), offer("a"));
        assert_ne!(offer("a"), offer("b"));
    }

    #[test]
    fn effects_are_told_as_hints() {
        for (effect, read_only, destructive, idempotent) in [
            (Effect::Pure, true, false, true),
            (Effect::Read, true, false, true),
            (Effect::Idempotent, false, true, true),
            (Effect::Write, false, true, false),
        ] {
            let hints = annotations(effect, false);
            let told = [hints.read_only_hint, hints.destructive_hint, hints.idempotent_hint, hints.open_world_hint];
            assert_eq!(told, [read_only, destructive, idempotent, false].map(Some), "{effect}");
        }
    }
}
