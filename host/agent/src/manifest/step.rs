//! A `[[step]]` as it was written.

use std::num::NonZeroUsize;

use hotcell_call::{StepId, Target};

use super::sections::parallel;
use crate::agent::OnError;
use crate::condition::Condition;
use crate::document::{Item, Section, Span, Spanned};
use crate::reference::Reference;
use crate::save::Save;
use crate::template::Template;

/// A step, with the place of what can still be wrong.
pub(crate) struct StepDraft {
    /// Its header.
    pub(crate) span: Span,
    pub(crate) id: Option<Spanned<StepId>>,
    pub(crate) call: Option<Spanned<Target>>,
    pub(crate) with: Option<Spanned<Template>>,
    /// Whether `with` is there, rightly or not.
    pub(crate) has_with: bool,
    /// The keys of `with`, if it is a table.
    pub(crate) arguments: Vec<Spanned<String>>,
    pub(crate) value: Option<Template>,
    pub(crate) needs: Vec<Spanned<StepId>>,
    pub(crate) for_each: Option<Template>,
    pub(crate) parallel: Option<NonZeroUsize>,
    pub(crate) when: Option<Condition>,
    pub(crate) retry: Option<u32>,
    pub(crate) on_error: OnError,
    pub(crate) save: Option<Spanned<Save>>,
    /// Every reference in it.
    pub(crate) uses: Vec<Use>,
}

/// A reference and where it stands.
pub(crate) struct Use {
    pub(crate) reference: Reference,
    pub(crate) span: Span,
    /// Whether an item of the list is in sight there.
    pub(crate) per_item: bool,
}

/// How often a call may be tried again.
pub(super) const MOST_RETRIES: u32 = 10;

impl StepDraft {
    pub(crate) fn read(section: &Section<'_>) -> Self {
        let mut uses = Vec::new();
        let id = section.need("id", "id = \"list\"").and_then(|item| item.parsed());
        let (call, value) = (section.get("call"), section.get("value"));
        let with = section.get("with");
        let for_each = section.get("for_each");
        let each = for_each.is_some();
        let bound = section.get("parallel");
        let retry = section.get("retry");
        work(section, [call.as_ref(), value.as_ref()], with.as_ref(), retry.as_ref());
        if let (Some(item), None) = (&bound, &for_each) {
            let message = "`parallel` bounds the calls of a `for_each`, and there is none";
            item.report(item.wrong_at(item.key(), message, ""));
        }
        Self {
            span: section.span(),
            id,
            call: call.and_then(|item| item.parsed()),
            arguments: with.as_ref().map(keys).unwrap_or_default(),
            has_with: with.is_some(),
            with: with.as_ref().and_then(|item| {
                let template = template(item, each, &mut uses)?;
                Some(Spanned::new(template, item.span()))
            }),
            value: value.and_then(|item| template(&item, each, &mut uses)),
            needs: needs(section),
            for_each: for_each.and_then(|item| list(&item, &mut uses)),
            parallel: bound.and_then(|item| parallel(&item)),
            when: section.get("when").and_then(|item| condition(&item, each, &mut uses)),
            retry: retry.and_then(|item| item.number(0, MOST_RETRIES)),
            on_error: section
                .get("on_error")
                .and_then(|item| on_error(&item, each, &mut uses))
                .unwrap_or(OnError::Stop),
            save: section.get("save").and_then(|item| save(&item, each, &mut uses)),
            uses,
        }
    }
}

/// Reports a step that does not do exactly one thing, or has keys that belong to the other.
fn work(
    section: &Section<'_>,
    [call, value]: [Option<&Item<'_>>; 2],
    with: Option<&Item<'_>>,
    retry: Option<&Item<'_>>,
) {
    match (call, value) {
        (None, None) => {
            let message = "the step does nothing: it has neither `call` nor `value`";
            let wrong = section.problems().at(section.span(), message, "");
            section.problems().push(wrong.hint("call = \"tool.function\""));
        }
        (Some(call), Some(value)) => {
            let message = "a step calls a tool or makes a value, not both";
            let wrong = value.wrong_at(value.key(), message, "`value` here");
            value.report(wrong.at(call.key(), "and `call` here").hint("make it two steps"));
        }
        (None, Some(_)) => {
            for (item, name) in [(with, "with"), (retry, "retry")] {
                if let Some(item) = item {
                    let message = format!("`{name}` is for a `call`, and this step makes a `value`");
                    item.report(item.wrong_at(item.key(), message, ""));
                }
            }
        }
        (Some(_), None) => {}
    }
}

/// The names of the arguments, where `with` is a table.
fn keys(with: &Item<'_>) -> Vec<Spanned<String>> {
    if !with.is_table() {
        return Vec::new();
    }
    let entries = with.section().map(|section| section.others());
    let entries = entries.into_iter().flatten();
    entries.map(|(key, _)| Spanned::new(key.value.to_owned(), key.span)).collect()
}

fn template(item: &Item<'_>, per_item: bool, uses: &mut Vec<Use>) -> Option<Template> {
    let mut found = Vec::new();
    let template = Template::read(item, &mut found);
    uses.extend(found.into_iter().map(|found| Use { reference: found.value, span: found.span, per_item }));
    template
}

fn needs(section: &Section<'_>) -> Vec<Spanned<StepId>> {
    let needs = section.get("needs").and_then(|item| item.list());
    let needs = needs.into_iter().flatten();
    needs.filter_map(|item| item.parsed()).collect()
}

/// `for_each`: one reference, or a list that is written out.
fn list(item: &Item<'_>, uses: &mut Vec<Use>) -> Option<Template> {
    let list = template(item, false, uses)?;
    if list.as_reference().is_none() && !list.is_list() {
        let message = "`for_each` wants a list";
        let hint = "for_each = \"{{steps.ID.files}}\", or for_each = [\"a\", \"b\"]";
        item.report(item.wrong(message, "").hint(hint));
        return None;
    }
    Some(list)
}

fn condition(item: &Item<'_>, per_item: bool, uses: &mut Vec<Use>) -> Option<Condition> {
    let text = item.string()?;
    match text.value.parse::<Condition>() {
        Ok(condition) => {
            uses.push(Use { reference: condition.reference().clone(), span: item.span(), per_item });
            Some(condition)
        }
        Err(error) => {
            item.report(item.wrong(error.to_string(), "").hint(error.hint()));
            None
        }
    }
}

/// `"stop"`, `"skip"`, or `{ default = … }`.
fn on_error(item: &Item<'_>, per_item: bool, uses: &mut Vec<Use>) -> Option<OnError> {
    if item.is_table() {
        let section = item.section()?;
        let default = section.need("default", "on_error = { default = [] }")?;
        return template(&default, per_item, uses).map(OnError::Default);
    }
    if !item.is_string() {
        return item.not_a("\"stop\", \"skip\" or { default = … }");
    }
    let skip = item.word(&[("stop", false), ("skip", true)])?;
    Some(if skip { OnError::Skip } else { OnError::Stop })
}

fn save(item: &Item<'_>, per_item: bool, uses: &mut Vec<Use>) -> Option<Spanned<Save>> {
    item.string()?;
    let name = template(item, per_item, uses)?;
    match Save::new(name) {
        Ok(save) => Some(Spanned::new(save, item.span())),
        Err(error) => {
            let hint = "a relative name without `..`, such as \"report.md\"";
            item.report(item.wrong(error.to_string(), "").hint(hint));
            None
        }
    }
}
