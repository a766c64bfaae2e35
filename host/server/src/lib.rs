//! What goes in and out of a host, in the shapes of the wire.
//!
//! This room translates and decides nothing. [`Server`] serves a host over HTTP and
//! [`Stdio`] to a model's client at this process's pipes; [`status`] is the way by which one process is told
//! how it stands with the hosts of others; and [`OutcomeObject`] is the one JSON object that tells the end of a call, wherever that
//! is told to a program.

#![forbid(unsafe_code)]

mod http;
mod mcp;
pub mod measures;
mod runs;
mod serve;
pub mod status;
mod tape;
mod tenant;
mod terms;
mod trace;
mod wire;

pub use mcp::Stdio;
pub use serve::{Control, Server};
pub use wire::OutcomeObject;
