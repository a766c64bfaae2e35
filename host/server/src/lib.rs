//! Calls and outcomes in the shapes of the wire.
//!
//! This room translates and decides nothing. It holds the one JSON object that tells the end of a call, wherever that is told
//! to a program: today by `hotcell call --json`.

#![forbid(unsafe_code)]

mod wire;

pub use wire::OutcomeObject;
