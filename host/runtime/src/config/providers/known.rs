//! The providers that need not be written down.

use hotcell_call::SecretSource;

use super::{Base, ProviderConfig, ProviderKind};

struct Known {
    name: &'static str,
    kind: ProviderKind,
    base: &'static str,
    /// The variable that holds its key.
    key: Option<&'static str>,
}

const KNOWN: [Known; 4] = [
    Known {
        name: "anthropic",
        kind: ProviderKind::Anthropic,
        base: "https://api.anthropic.com/v1",
        key: Some("ANTHROPIC_API_KEY"),
    },
    Known {
        name: "gemini",
        kind: ProviderKind::OpenAi,
        base: "https://generativelanguage.googleapis.com/v1beta/openai",
        key: Some("GEMINI_API_KEY"),
    },
    Known { name: "ollama", kind: ProviderKind::OpenAi, base: "http://127.0.0.1:11434/v1", key: None },
    Known {
        name: "openai",
        kind: ProviderKind::OpenAi,
        base: "https://api.openai.com/v1",
        key: Some("OPENAI_API_KEY"),
    },
];

pub(super) fn names() -> impl Iterator<Item = &'static str> {
    KNOWN.iter().map(|known| known.name)
}

pub(super) fn get(name: &str) -> Option<ProviderConfig> {
    let known = KNOWN.iter().find(|known| known.name == name)?;
    let base: Base = known.base.parse().ok()?;
    Some(ProviderConfig::new(known.kind, base, known.key.map(|name| SecretSource::Env(name.to_owned()))))
}
