//! What the suites have in common.

mod closed;
pub(crate) mod component;
mod harness;
mod outcome;
pub(crate) mod program;
pub(crate) mod provider;
pub(crate) mod served;
mod shared;
pub(crate) mod source;
mod web;

pub(crate) use closed::closed;
pub(crate) use harness::{Harness, fits, settle};
pub(crate) use outcome::Seen;
pub(crate) use shared::{Item, Shared, item};
pub(crate) use web::Web;
