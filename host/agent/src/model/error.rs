//! Why there is no reply.

use std::time::Duration;

use hotcell_call::{Code, Failure};

/// A request to a model that brought no reply.
///
/// Texts of a provider are a stranger's, escaped and cut where they are taken in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ModelError {
    /// It could not be reached: no such host, no connection, no TLS.
    #[error("{0}")]
    Unreachable(String),
    /// It was reached and answered with a status that is no success.
    #[error("it answered with the status {status}{}", said(.text))]
    Status {
        /// The HTTP status.
        status: u16,
        /// When it wants to be asked again.
        retry_after: Option<Duration>,
        /// What it said.
        text: String,
    },
    /// It said in the middle of its reply that something went wrong.
    #[error("it broke off{}", said(.0))]
    Failed(String),
    /// Its reply ended too early, or nothing came for too long.
    #[error("its reply broke off: {0}")]
    Cut(String),
    /// Its reply can't be read.
    #[error("its reply can't be read: {0}")]
    Malformed(String),
    /// Its reply is larger than what is read.
    #[error("its reply is larger than {limit}")]
    TooLarge {
        /// The bound, as it is shown.
        limit: String,
    },
    /// It has no reply to this: a script is at its end.
    #[error("{0}")]
    Exhausted(String),
    /// It was not asked: its turn by the rate that the operator sets does not come in time.
    #[error("its rate is reached")]
    Busy {
        /// When its turn would come.
        wait: Option<Duration>,
    },
    /// It was not asked any more: what attempts before it cost was all that there was to spend.
    #[error("nothing is left to ask again with")]
    Spent,
    /// Whoever asks has no room for its reply.
    #[error("there is no room for its reply: {0}")]
    NoRoom(String),
    /// None of several gave one: each by its name, with why.
    #[error("{}", each(.0))]
    All(Vec<(String, ModelError)>),
}

// === impl ModelError ===

impl ModelError {
    /// Whether to ask the same model again may help.
    #[must_use]
    pub const fn passes(&self) -> bool {
        match self {
            Self::Unreachable(_) | Self::Failed(_) | Self::Cut(_) => true,
            // Too many requests, a conflict or timeout on its side, overloaded: 529 is one provider's word for it.
            Self::Status { status, .. } => matches!(status, 408 | 409 | 425 | 429 | 500..=599),
            Self::Malformed(_)
            | Self::TooLarge { .. }
            | Self::Exhausted(_)
            | Self::Busy { .. }
            | Self::Spent
            | Self::NoRoom(_)
            | Self::All(_) => false,
        }
    }

    /// When it wants to be asked again.
    #[must_use]
    pub const fn wait(&self) -> Option<Duration> {
        match self {
            Self::Status { retry_after, .. } => *retry_after,
            Self::Busy { wait } => *wait,
            _ => None,
        }
    }

    /// The same, as every end of a call is told; `model` is who was asked.
    #[must_use]
    pub fn failure(&self, model: &str) -> Failure {
        let failure = Failure::new(Code::Model, format!("{model} gave no reply")).why(self.to_string());
        match self.wait() {
            Some(wait) => failure.retry_after(wait),
            None => failure,
        }
    }

    /// The same, with its texts changed where `change` gives others.
    #[must_use]
    pub fn map_texts(mut self, change: &dyn Fn(&str) -> Option<String>) -> Self {
        match &mut self {
            Self::Unreachable(text)
            | Self::Status { text, .. }
            | Self::Failed(text)
            | Self::Cut(text)
            | Self::Malformed(text)
            | Self::Exhausted(text) => {
                if let Some(changed) = change(text) {
                    *text = changed;
                }
            }
            Self::All(errors) => {
                for (_, error) in errors {
                    *error = std::mem::replace(error, Self::Busy { wait: None }).map_texts(change);
                }
            }
            Self::TooLarge { .. } | Self::Busy { .. } | Self::Spent | Self::NoRoom(_) => {}
        }
        self
    }
}

fn each(errors: &[(String, ModelError)]) -> String {
    let each: Vec<String> = errors.iter().map(|(model, error)| format!("{model}: {error}")).collect();
    each.join("; ")
}

fn said(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!(": {text}") }
}
