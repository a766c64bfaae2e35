//! How a model is named in files and on the command line.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;

/// `anthropic/claude-sonnet-4-5`, `ollama/qwen3:8b`, `rules`, `scripted`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ModelName {
    /// The grammar that needs no key.
    Rules,
    /// Replies that stand in the agent's file.
    Scripted,
    /// A model of a provider.
    Of {
        /// The provider, as the operator named it or as it is known.
        provider: String,
        /// The model, as the provider names it: handed on as it is.
        model: String,
    },
}

/// A text that names no model.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a model is written as provider/model, `rules` or `scripted`")]
pub struct ModelNameError;

const MOST: usize = 200;

impl FromStr for ModelName {
    type Err = ModelNameError;

    fn from_str(text: &str) -> Result<Self, ModelNameError> {
        match text {
            "rules" => return Ok(Self::Rules),
            "scripted" => return Ok(Self::Scripted),
            _ => {}
        }
        let (provider, model) = text.split_once('/').ok_or(ModelNameError)?;
        let name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_';
        let known = !provider.is_empty() && provider.len() <= 64 && provider.chars().all(name);
        let fits = !model.is_empty() && model.len() <= MOST && model.chars().all(|c| c.is_ascii_graphic());
        if !known || !fits {
            return Err(ModelNameError);
        }
        Ok(Self::Of { provider: provider.to_owned(), model: model.to_owned() })
    }
}

impl fmt::Display for ModelName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rules => f.write_str("rules"),
            Self::Scripted => f.write_str("scripted"),
            Self::Of { provider, model } => write!(f, "{provider}/{model}"),
        }
    }
}

impl Serialize for ModelName {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_they_are_written() {
        for name in ["rules", "scripted", "openai/gpt-5-mini", "ollama/qwen3:8b", "local/org/model@1"] {
            assert_eq!(name.parse::<ModelName>().unwrap().to_string(), name);
        }
        for name in ["", "gpt-5", "/x", "openai/", "OpenAI/x", "open ai/x", "openai/a b", "openai/\u{1b}[31m"] {
            assert!(name.parse::<ModelName>().is_err(), "{name}");
        }
    }
}
