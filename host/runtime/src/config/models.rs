//! `[models]`: which models agents may ask. Without it, all of all providers.

use std::fmt;
use std::str::FromStr;

use hotcell_agent::document::Section;
use hotcell_agent::model::ModelName;
use hotcell_call::{Code, Failure};

use super::Config;

/// Models of one provider: one, or all whose names begin so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelPattern {
    provider: String,
    model: String,
    /// Whether `model` is only the beginning.
    open: bool,
}

/// A text that names no models.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("models are written as provider/model, or provider/beginning* for all that begin so")]
pub struct ModelPatternError;

impl ModelPattern {
    fn fits(&self, provider: &str, model: &str) -> bool {
        let named = if self.open { model.starts_with(&self.model) } else { model == self.model };
        named && provider == self.provider
    }
}

impl FromStr for ModelPattern {
    type Err = ModelPatternError;

    fn from_str(text: &str) -> Result<Self, ModelPatternError> {
        let (begin, open) = text.strip_suffix('*').map_or((text, false), |begin| (begin, true));
        let (provider, model) = begin.split_once('/').ok_or(ModelPatternError)?;
        // What could never fit is a mistake.
        let example = format!("{provider}/{model}{}", if open { "x" } else { "" });
        if model.contains('*') || example.parse::<ModelName>().is_err() {
            return Err(ModelPatternError);
        }
        Ok(Self { provider: provider.to_owned(), model: model.to_owned(), open })
    }
}

impl fmt::Display for ModelPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}{}", self.provider, self.model, if self.open { "*" } else { "" })
    }
}

impl Config {
    /// Whether a model may be asked. `rules` and `scripted` are nobody's, and always may.
    ///
    /// # Errors
    ///
    /// [`Code::ModelDenied`] for one that `[models] allow` does not name.
    pub fn may_ask(&self, name: &ModelName) -> Result<(), Failure> {
        let (ModelName::Of { provider, model }, Some(allow)) = (name, &self.models) else { return Ok(()) };
        if allow.iter().any(|pattern| pattern.fits(provider, model)) {
            return Ok(());
        }
        let named: Vec<String> = allow.iter().map(ToString::to_string).collect();
        let named = if named.is_empty() { "none".to_owned() } else { named.join(", ") };
        Err(Failure::new(Code::ModelDenied, format!("the operator does not let {name} be asked"))
            .why(format!("`[models] allow` in hotcell.toml names {named}"))
            .fix(format!("take one of those; or, in hotcell.toml:\n[models]\nallow = […, {:?}]", name.to_string())))
    }
}

pub(super) fn read(root: &Section<'_>) -> Option<Vec<ModelPattern>> {
    let section = root.section("models")?;
    let list = section.need("allow", "allow = [\"anthropic/claude-*\"]")?.list()?;
    Some(list.iter().filter_map(|item| Some(item.parsed::<ModelPattern>()?.value)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_name_one_model_or_all_that_begin_so() {
        for (pattern, fits, others) in [
            ("openai/gpt-5*", &["openai/gpt-5", "openai/gpt-5-mini"][..], &["openai/gpt-4", "local/gpt-5"][..]),
            ("ollama/*", &["ollama/qwen3:8b"], &["openai/x"]),
            ("local/org/m@1", &["local/org/m@1"], &["local/org/m@12", "local/org"]),
        ] {
            let parsed: ModelPattern = pattern.parse().unwrap();
            assert_eq!(parsed.to_string(), pattern);
            let fit = |name: &&str| name.split_once('/').is_some_and(|(provider, model)| parsed.fits(provider, model));
            assert!(fits.iter().all(&fit) && !others.iter().any(&fit), "{pattern}");
        }
        for pattern in ["", "*", "gpt-5", "/x", "openai/", "openai/*-mini", "Open/x", "open*/x", "openai:gpt", "rules"]
        {
            assert_eq!(pattern.parse::<ModelPattern>(), Err(ModelPatternError), "{pattern}");
        }
    }
}
