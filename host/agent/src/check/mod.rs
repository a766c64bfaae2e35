//! Manifest to agent: everything that is wrong in a file, at once.
//!
//! A file's author sees what the file alone shows (keys, types, references, cycles) together with what only the tools
//! show (names, arguments, limits, grants). Nothing of an agent with an error can be run.

mod call;
mod mind;
mod narrow;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use hotcell_call::{AgentName, IdError, ToolName};

use crate::agent::{Agent, Input, Step, Work};
use crate::document::{self, Problems, Source};
use crate::manifest::{Manifest, StepDraft};
use crate::reference::Root;
use crate::template::Template;
use crate::{Diagnostic, Tools, plan};

/// Reads an agent and checks it against the tools that there are.
pub(crate) fn check(source: &Arc<Source>, tools: &dyn Tools) -> Result<Agent, Vec<Diagnostic>> {
    document::read(source, |root| {
        let manifest = Manifest::read(root);
        agent(manifest, tools, root.problems())
    })
}

fn agent(mut manifest: Manifest, tools: &dyn Tools, problems: &Problems) -> Option<Agent> {
    let name = name(&manifest, problems);
    call::report_allow(&manifest, tools, problems);
    for step in &manifest.steps {
        report_items(step, problems);
        report_input(&manifest, step, problems);
    }
    report_saves(&manifest.steps, problems);
    let dag = plan::graph(&manifest.steps, problems);
    let works: Vec<Option<Work>> = manifest.steps.iter().map(|step| work(step, &manifest, tools, problems)).collect();
    let draft = manifest.mind.take();
    let offers = draft.as_ref().map(|_| mind::offers(&manifest, tools)).unwrap_or_default();
    let offered = offers.iter().map(|offer| &offer.target.tool);
    let called: BTreeSet<&ToolName> = works.iter().flatten().filter_map(tool).chain(offered).collect();
    let narrowings = narrow::narrowings(&manifest, &called, tools, problems);
    let steps = manifest.steps.into_iter().zip(works);
    let steps: Option<Vec<Step>> = steps.map(|(draft, work)| step(draft, work?)).collect();
    let takes_task = draft.is_some();
    let pattern = draft.as_ref().map(|draft| draft.pattern).unwrap_or_default();
    let above = mind::Above { limits: &manifest.limits.keys, narrowings: &narrowings, deny: &manifest.deny };
    let mind = draft.map(|draft| mind::mind(draft, offers, &above, tools, problems));
    let (name, steps) = (name?, steps?);
    Some(Agent {
        pattern,
        mind: match mind {
            Some(mind) => Some(Box::new(mind?)),
            None => None,
        },
        output: manifest.folder.unwrap_or_else(|| PathBuf::from(format!("{name}-output"))),
        name,
        file: problems.source().file().map(Path::to_owned),
        description: manifest.description,
        // A model has a task, whether that is written down or not.
        input: manifest.input.or_else(|| takes_task.then(Input::task)),
        bounds: manifest.bounds,
        schedule: manifest.schedule,
        steps,
        dag: dag?,
        limits: manifest.limits.keys,
        narrowings: narrowings.into_iter().collect::<BTreeMap<_, _>>(),
    })
}

/// The agent's name: as it says, else the name of its file.
fn name(manifest: &Manifest, problems: &Problems) -> Option<AgentName> {
    if let Some(name) = &manifest.name {
        return Some(name.clone());
    }
    let stem = Path::new(problems.source().name()).file_stem();
    let stem = stem.unwrap_or_default().to_string_lossy();
    let name: Result<AgentName, IdError> = stem.parse();
    if let Err(error) = &name
        && problems.is_empty()
    {
        let wrong = Diagnostic::new(problems.source(), format!("the file's name: {error}"));
        problems.push(wrong.hint("[agent]\nname = \"my-agent\""));
    }
    name.ok()
}

fn work(step: &StepDraft, manifest: &Manifest, tools: &dyn Tools, problems: &Problems) -> Option<Work> {
    if let Some(value) = &step.value {
        return Some(Work::Value(value.clone()));
    }
    let target = call::target(step, manifest, tools, problems)?;
    let with = step.with.as_ref().map(|with| with.value.clone());
    Some(Work::Call { target, with: with.unwrap_or_else(Template::empty) })
}

fn tool(work: &Work) -> Option<&ToolName> {
    match work {
        Work::Call { target, .. } => Some(&target.tool),
        Work::Value(_) => None,
    }
}

fn step(draft: StepDraft, work: Work) -> Option<Step> {
    Some(Step {
        needs: plan::needed(&draft),
        id: draft.id?.value,
        work,
        for_each: draft.for_each,
        parallel: draft.parallel,
        when: draft.when,
        retry: draft.retry,
        on_error: draft.on_error,
        save: draft.save.map(|save| save.value),
    })
}

/// Reports items that are named where no list is gone through.
fn report_items(step: &StepDraft, problems: &Problems) {
    let lost = |used: &&crate::manifest::Use| used.reference.is_per_item() && !used.per_item;
    for used in step.uses.iter().filter(lost) {
        let message = format!("`{{{{{}}}}}` means nothing here", used.reference);
        let wrong = problems.at(used.span.clone(), message, "there is no item");
        let hint = if step.for_each.is_some() {
            "`for_each` itself can't refer to the items that it makes"
        } else {
            "for_each = \"{{steps.ID.list}}\" goes through a list"
        };
        problems.push(wrong.hint(hint));
    }
}

/// Reports references to an input that the agent doesn't take.
fn report_input(manifest: &Manifest, step: &StepDraft, problems: &Problems) {
    if manifest.input.is_some() {
        return;
    }
    let input = |used: &&crate::manifest::Use| *used.reference.root() == Root::Input;
    for used in step.uses.iter().filter(input) {
        let wrong = problems.at(used.span.clone(), "the agent takes no input", "");
        problems.push(wrong.hint("[input]\nkind = \"text\""));
    }
}

/// Reports two steps that write one file. Names made from references are judged when they are known.
fn report_saves(steps: &[StepDraft], problems: &Problems) {
    let saves = steps.iter().filter_map(|step| {
        let save = step.save.as_ref()?;
        let template = save.value.template();
        let fixed = template.references().is_empty();
        Some((fixed.then(|| template.text_with(""))??, save))
    });
    let mut known: BTreeMap<String, document::Span> = BTreeMap::new();
    for (name, save) in saves {
        let Some(first) = known.get(&name) else {
            known.insert(name, save.span.clone());
            continue;
        };
        let message = format!("two steps write `{name}`");
        let wrong = problems.at(save.span.clone(), message, "here again");
        problems.push(wrong.at(first.clone(), "first here"));
    }
}
