//! Writes tools for hotcell.

mod answer;
mod arguments;
mod context;
mod error;
#[cfg(target_family = "wasm")]
mod guest;
mod place;
mod schema;
mod tool;

pub use context::{progress, time_left};
pub use error::Error;
pub use hotcell_macros::{input, output, tool};
pub use tool::{Effect, Tool, call, list};
pub use {schemars, serde, serde_json};

/// What the attributes write refers to. Not for use by hand: it changes without notice.
#[doc(hidden)]
pub mod __private {
    pub use crate::answer::{result, result_schema, value};
    pub use crate::arguments::Arguments;
    pub use crate::schema::{Absent, Parameter};
    pub use crate::tool::Declaration;
    pub use inventory::submit;
}
