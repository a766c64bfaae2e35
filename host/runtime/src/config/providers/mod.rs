//! `[providers.NAME]`: who answers for models, where, with which key, and what that costs.
//!
//! A few are [known](known) without being written down. What is written of one of them is set over what is known, with one exception: its
//! key goes to its own address alone, so whoever names another address names the key for it too, or none is sent.

mod base;
mod known;
mod price;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

pub use base::Base;
use hotcell_agent::document::{Item, Section, tidy};
use hotcell_call::{SecretSource, shortened};
use hotcell_flow::rate::Rate;
pub use price::Price;

use super::bounds::{self, Bounds};
use super::{Config, rate};

/// A provider of models.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderConfig {
    /// How it is spoken to.
    pub kind: ProviderKind,
    /// Where it is.
    pub base: Base,
    /// Where its key is; none: none is sent.
    pub key: Option<SecretSource>,
    /// How many requests it gets in a time; more wait.
    pub rate: Option<Rate>,
    /// How long it may take until something of its reply comes.
    pub timeout: Duration,
    /// What its models cost, by their names.
    pub prices: BTreeMap<String, Price>,
}

/// How a provider is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ProviderKind {
    /// Chat completions as `OpenAI` has them, and many others after it.
    OpenAi,
    /// Messages as Anthropic has them.
    Anthropic,
}

/// How long a model may think before it says anything, unless it is set.
const TIMEOUT: Duration = Duration::from_secs(120);

const TIMEOUTS: Bounds<Duration> = Bounds {
    least: Duration::from_millis(1),
    most: Duration::from_secs(3_600),
    because: "it bounds the wait for the first of a reply, not the reply",
};

const KINDS: &[(&str, ProviderKind)] = &[("openai", ProviderKind::OpenAi), ("anthropic", ProviderKind::Anthropic)];
const KEY: &str = "key = \"env:NAME\" or \"file:PATH\": never the key itself";

impl ProviderKind {
    /// The word in files.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OpenAi => "openai",
            Self::Anthropic => "anthropic",
        }
    }
}

impl ProviderConfig {
    fn new(kind: ProviderKind, base: Base, key: Option<SecretSource>) -> Self {
        Self { kind, base, key, rate: None, timeout: TIMEOUT, prices: BTreeMap::new() }
    }

    /// Where its key is, as it is written: `env:OPENAI_API_KEY`.
    #[must_use]
    pub fn key_shown(&self) -> String {
        match &self.key {
            Some(SecretSource::Env(name)) => format!("env:{name}"),
            Some(SecretSource::File(path)) => format!("file:{}", path.display()),
            None => "none is sent".to_owned(),
        }
    }

    /// What holds for it whether anybody says so or not, by its keys.
    pub(super) fn settings(&self) -> [(&'static str, String); 2] {
        [("base_url", self.base.to_string()), ("key", self.key_shown())]
    }
}

impl Config {
    /// The provider of that name: as it is written, or as it is known.
    #[must_use]
    pub fn provider(&self, name: &str) -> Option<ProviderConfig> {
        self.providers.get(name).cloned().or_else(|| known::get(name))
    }

    /// The names of all providers: those that are written and those that are known.
    #[must_use]
    pub fn provider_names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = known::names().collect();
        names.extend(self.providers.keys().map(String::as_str));
        names.sort_unstable();
        names.dedup();
        names
    }
}

pub(super) fn read(root: &Section<'_>, folder: &Path) -> BTreeMap<String, ProviderConfig> {
    let mut providers = BTreeMap::new();
    let Some(section) = root.section("providers") else {
        return providers;
    };
    for (name, item) in section.others() {
        let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_';
        if name.value.is_empty() || name.value.len() > 64 || !name.value.chars().all(fits) {
            let message = format!("`{}` can't name a provider", shortened(name.value, 60));
            item.report(item.wrong_at(name.span, message, "").hint("a-z, 0-9, `_` and `-`, at most 64"));
            continue;
        }
        let read = item.section().and_then(|section| provider(name.value, &section, folder));
        if let Some(read) = read {
            providers.insert(name.value.to_owned(), read);
        }
    }
    providers
}

fn provider(name: &str, section: &Section<'_>, folder: &Path) -> Option<ProviderConfig> {
    let known = known::get(name);
    let kind = match &known {
        Some(known) => section.get("kind").map_or(Some(known.kind), |item| item.word(KINDS)),
        None => section.need("kind", "kind = \"openai\": what most servers speak").and_then(|item| item.word(KINDS)),
    };
    let moved = match &known {
        Some(_) => section.get("base_url"),
        None => section.need("base_url", "base_url = \"https://api.example.com/v1\""),
    };
    let base = moved.as_ref().map(|item| address(item, section));
    let key = section.get("key").map(|item| source(&item, section, folder));
    let rate = rate::read(section);
    let timeout = section.get("timeout").map(|item| bounds::duration(&item, &TIMEOUTS));
    let prices = section.section("prices").map(|section| price::read(&section)).unwrap_or_default();
    let (base, key) = match (base, key, known) {
        (Some(base), Some(key), _) => (base?, Some(key?)),
        // What is known of a key is for the address that is known.
        (Some(base), None, _) => (base?, None),
        (None, Some(key), Some(known)) => (known.base, Some(key?)),
        (None, None, Some(known)) => (known.base, known.key),
        (None, _, None) => return None,
    };
    if key.is_some() && !base.is_confidential() {
        let wrong = section.problems().at(section.span(), "its key would be sent in the clear", "");
        section.problems().push(wrong.hint("a key goes over https, or to this machine"));
        return None;
    }
    Some(ProviderConfig {
        rate,
        timeout: timeout.unwrap_or(Some(TIMEOUT))?,
        prices,
        ..ProviderConfig::new(kind?, base, key)
    })
}

/// Where a provider is. With a password in it, the line in which it stands is not shown.
fn address(item: &Item<'_>, section: &Section<'_>) -> Option<Base> {
    let text = item.string()?;
    let place = if text.value.contains('@') { section.span() } else { text.span };
    match text.value.parse::<Base>() {
        Ok(base) => Some(base),
        Err(error) => {
            section.problems().push(section.problems().at(place, error.to_string(), ""));
            None
        }
    }
}

/// Where a key is. What is no such place may be the key itself, so the line in which it stands is not shown.
fn source(item: &Item<'_>, section: &Section<'_>, folder: &Path) -> Option<SecretSource> {
    match item.string()?.value.parse() {
        Ok(SecretSource::File(path)) => Some(SecretSource::File(tidy(&folder.join(path)))),
        Ok(source) => Some(source),
        Err(_) => {
            let wrong = section.problems().at(section.span(), format!("`{}` is no place of a key", item.name()), "");
            section.problems().push(wrong.hint(KEY));
            None
        }
    }
}

#[cfg(test)]
mod tests;
