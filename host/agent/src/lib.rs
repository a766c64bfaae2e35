//! Agents declared in TOML: read, checked, planned.
//!
//! A file goes one way: [`document`] reads it and knows where everything stands, the manifest is the file as it was written,
//! the check joins it with the [`Tools`] that there are, and an [`Agent`] is what is left: a graph of [`Step`]s in
//! which every reference leads to a step before it. All errors of a file are told at once, each a [`Diagnostic`] with a caret
//! and a hint.
//!
//! Nothing here runs a step, opens a tool or waits: who runs an agent resolves each [`Template`] against a [`Scope`] and
//! sends the call down the host's one path.

#![forbid(unsafe_code)]

mod agent;
mod check;
mod condition;
mod diagnostic;
pub mod document;
mod manifest;
mod mind;
pub mod model;
mod plan;
mod reference;
mod save;
mod template;
mod tools;
mod weight;

pub use agent::{Agent, Bounds, Input, InputKind, OnError, Schedule, Step, Work};
pub use condition::{Condition, ConditionError};
pub use diagnostic::{Diagnostic, Style, failure};
pub use manifest::Allow;
pub use mind::{Approve, Budget, Cost, CostError, Memory, Mind, Offer, OnExceed, Pattern, SubAgent, Watch};
pub use reference::{Reference, ReferenceError, Root, Scope};
pub use save::{NameError, Save};
pub use template::{Template, TemplateError};
pub use tools::{Lookup, Tools};
pub use weight::{weight, weight_of_fields, weight_of_text};
