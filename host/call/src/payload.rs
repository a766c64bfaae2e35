//! JSON text on its way in or out, its size known before anything reads it.

use std::sync::Arc;

use crate::ByteSize;

/// JSON text, cheap to clone.
///
/// It is text that somebody claims to be JSON: whoever needs values parses it, under the limit that its size was compared with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payload(Arc<str>);

impl Payload {
    /// Takes over JSON text.
    #[must_use]
    pub fn new(json: impl Into<Arc<str>>) -> Self {
        Self(json.into())
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The size of the text.
    #[must_use]
    pub fn size(&self) -> ByteSize {
        ByteSize::of(self.0.len())
    }
}

impl Default for Payload {
    /// No arguments: the empty object.
    fn default() -> Self {
        Self("{}".into())
    }
}
