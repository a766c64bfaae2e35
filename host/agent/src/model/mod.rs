//! The port behind which models are.
//!
//! A run asks a [`ChatModel`] for its next [`ChatReply`] and knows nothing of who answers: a provider over the network, replies that
//! were written down before ([`Scripted`]), or a grammar ([`Rules`]). What a provider calls things, and how it frames them, stays on
//! its side of the port; so do retries, rates and fallbacks.
//!
//! What a model says is a stranger's word. It is bounded where it is read, and nothing here acts on it.

mod bill;
mod chat;
mod error;
mod name;
mod rules;
mod scripted;
mod space;
mod spelling;

use std::future::Future;
use std::pin::Pin;

pub use bill::{Bill, Charge, Payer};
pub use chat::{ChatReply, ChatRequest, Form, Message, StopReason, ToolResult, ToolSpec, ToolUse, Usage};
pub use error::ModelError;
pub use name::{ModelName, ModelNameError};
pub use rules::Rules;
pub use scripted::{Script, Scripted};
pub use space::{Lender, Lent, Space};
pub use spelling::{spelled, unspelled};

/// What a model gives, sooner or later.
pub type Replying<'a> = Pin<Box<dyn Future<Output = Result<ChatReply, ModelError>> + Send + 'a>>;

/// Hears the text of a reply, piece by piece, while it comes.
pub type Hear<'a> = &'a mut (dyn FnMut(&str) + Send);

/// One that can be asked.
pub trait ChatModel: Send + Sync {
    /// As it stands in the agent's file: `anthropic/claude-sonnet-4-5`, `scripted`.
    fn name(&self) -> &str;

    /// Gives the next reply of a conversation. Dropping the future ends the request.
    ///
    /// `hear` is told text as it comes; that is for those who watch, and what counts is what is returned. Where a reply broke off and
    /// is asked for again, the text begins anew.
    ///
    /// # Errors
    ///
    /// [`ModelError`], with what a caller needs to decide whether to ask again.
    fn reply<'a>(&'a self, request: &'a ChatRequest, hear: Hear<'a>) -> Replying<'a>;
}
