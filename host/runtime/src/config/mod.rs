//! `hotcell.toml`: what the operator gives, and how much the host takes on.
//!
//! One section of the file is one module here, and each key lands in one field of [`Config`]: what is not read by anything is not a
//! key. The file is optional, every key in it is, and without it a tool gets nothing but the default limits. All that is wrong is
//! told at once, with the place and the bound that was passed.
//!
//! Whether a file may grant at all what it says is another matter: see [`trust`](crate::trust).

mod bounds;
mod cache;
mod catalog;
mod compile;
mod file;
mod host;
mod limits;
mod place;
mod schedule;
mod tools;
mod user;

pub use file::{Config, Origin};
pub use limits::ceiling;
pub use place::{FILE_NAME, Place};
pub use tools::ToolConfig;
pub use user::state_folder;
