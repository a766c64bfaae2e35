//! A provider's key: read when it is first used, put on requests, and taken out of what comes back.

use hotcell_call::{Code, Failure};
use hotcell_sandbox::{Redactor, read_secret};
use http::{HeaderMap, HeaderName, HeaderValue, header};

use super::anthropic;
use super::wire::said;
use crate::config::{ProviderConfig, ProviderKind};

/// What goes on each request. Nothing shows it.
pub(super) struct Key {
    pub(super) fields: HeaderMap,
    redactor: Option<Redactor>,
}

impl Key {
    /// Reads the key of a provider; one without a key has fields alone.
    ///
    /// # Errors
    ///
    /// [`Code::ModelKey`], with the variable or the file that should hold it.
    pub(super) fn read(name: &str, config: &ProviderConfig) -> Result<Self, Failure> {
        let mut fields = HeaderMap::new();
        if config.kind == ProviderKind::Anthropic {
            let version = HeaderName::from_static("anthropic-version");
            fields.insert(version, HeaderValue::from_static(anthropic::VERSION));
        }
        let Some(source) = &config.key else { return Ok(Self { fields, redactor: None }) };
        let refused = |why: &str, fix: &str| {
            Failure::new(Code::ModelKey, format!("the key of {name} can't be used"))
                .why(format!("{}: {why}", config.key_shown()))
                .fix(format!("{fix}, or say where it is: key = \"env:NAME\" under [providers.{name}]"))
        };
        let value = read_secret(source).map_err(|unread| refused(unread.why, &unread.fix))?;
        let (field, text) = match config.kind {
            ProviderKind::OpenAi => (header::AUTHORIZATION, format!("Bearer {value}")),
            ProviderKind::Anthropic => (HeaderName::from_static("x-api-key"), value.clone()),
        };
        let mut text = HeaderValue::try_from(text).map_err(|_| refused("no header can hold it", "use another key"))?;
        text.set_sensitive(true);
        fields.insert(field, text);
        let redactor = Redactor::new([("key", value.as_str())].into_iter());
        Ok(Self { fields, redactor: Some(redactor) })
    }

    /// A text with a provider's own words in it, without the key and as it is shown.
    pub(super) fn clean(&self, text: &str) -> String {
        let without = self.redactor.as_ref().and_then(|redactor| redactor.text(text));
        said(without.as_deref().unwrap_or(text))
    }
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Key").finish_non_exhaustive()
    }
}
