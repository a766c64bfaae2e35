//! Models of providers, over the network.
//!
//! ```text
//! Host::model ── Chain: rate, attempts, then the next model ── Provider ── wire (openai, anthropic) ── client ── connect
//! ```
//!
//! The way down knows less at each step. [`Chain`](chain) knows of several models and nothing of HTTP; a provider knows its key and its
//! rate; `openai` and `anthropic` are pure, from a conversation to a body and from events to a reply; the client knows bytes.
//!
//! A provider is where the operator says, so there are no rules for where it may lie; but what it sends is a stranger's all the same. It
//! is bounded where it is read (a body, a line of it, the uses of tools in it, each wait), an error's text is cut, escaped and
//! searched for the key, redirects are not followed, and no proxy is asked, whatever the environment says. What is not searched for
//! the key is a reply itself: whoever it was sent to knows it already.

mod anthropic;
mod attempt;
mod body;
mod calls;
mod chain;
mod client;
mod collector;
mod connect;
#[cfg(fuzzing)]
pub mod fuzzing;
mod key;
mod models;
mod openai;
mod provider;
mod sse;
mod stream;
mod wire;

pub use collector::Collector;
pub(crate) use models::Models;
