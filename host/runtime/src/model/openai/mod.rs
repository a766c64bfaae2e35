//! Chat completions as `OpenAI` has them: spoken by most servers of models, each with an accent of its own.
//!
//! Streamed always, because that is the one form in which a reply that breaks off can be told from one that is whole, and in which
//! a model that says nothing for long can be told from one that works. Reasoning that some servers send beside the text is passed over.

mod reply;
mod request;

pub(super) use reply::Reader;
pub(super) use request::{Dialect, body};
