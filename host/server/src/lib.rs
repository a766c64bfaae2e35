//! What goes in and out of a host, in the shapes of the wire.
//!
//! This room translates and decides nothing. It holds the one JSON object that tells the end of a call, wherever that is told
//! to a program: today by `hotcell call --json`; and the way by which one process is told how it stands with the hosts of others:
//! [`status`].

#![forbid(unsafe_code)]

pub mod status;
mod wire;

pub use wire::OutcomeObject;
