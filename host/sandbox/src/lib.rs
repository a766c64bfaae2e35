//! Runs one tool call in one cell: a fresh WebAssembly component instance with limits that are real.
//!
//! The only room that knows the engine. A [`Sandbox`] takes in components as [`Tool`]s; a tool runs an [`Invocation`] in a cell of
//! its own and gives an [`Attempt`]: the answer or why there is none, with a receipt of what it cost. What this room does
//! *not* do is decide when a call may run: that is for `flow` and `runtime`.

#![deny(unsafe_code)]

mod batch;
mod capability;
mod ceiling;
mod cell;
mod compile;
mod contract;
mod convert;
mod describe;
mod engine;
mod entry;
#[cfg(fuzzing)]
pub mod fuzzing;
mod invoke;
mod json;
mod lane;
mod limiter;
mod log;
mod observer;
mod redact;
mod sandbox;
mod secrets;
mod settings;
mod spares;
mod stop;
mod switches;
mod ticker;
mod tool;
mod trap;

pub use capability::{Names, OpenGrants};
pub use compile::{CacheReport, CompileLimits, Compiler, KeyState, child_main, examine_cache};
pub use describe::{Contract, Descriptor, Function, Import, Parts};
pub use engine::{EngineReport, codegen};
pub use invoke::{Attempt, Invocation};
pub use observer::Observer;
pub use redact::Redactor;
pub use sandbox::Sandbox;
pub use secrets::{SecretUnread, read_secret};
pub use settings::{Settings, SetupError};
pub use tool::Tool;
