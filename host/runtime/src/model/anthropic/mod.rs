//! Messages as Anthropic has them.

mod reply;
mod request;

pub(super) use reply::Reader;
pub(super) use request::body;

/// The version of the interface that is spoken.
pub(super) const VERSION: &str = "2023-06-01";
