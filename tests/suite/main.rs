//! What hotcell promises, tried out.
//!
//! Hostile guests are programs (`tests/guests`) or, where no compiler makes the shape, text that is assembled here
//! (`support::component`). Numbers such as H21 in comments are those of the hostile suite in `docs/security.md`.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by a panic, and so do its helpers, which clippy doesn't take for tests"
)]

#[path = "../support/mod.rs"]
mod support;

mod agents;
mod approving;
mod architecture;
mod audit;
mod authors;
mod batch;
mod capabilities;
mod cli;
mod doctor;
mod ends;
mod faults;
mod floor;
mod flow;
mod footprint;
mod granting;
mod guests;
mod guide;
mod http;
mod limits;
mod listing;
mod manners;
mod mcp;
mod minds;
mod models;
mod path;
mod rejected;
mod runs;
mod serve;
mod shown;
mod spending;
mod telemetry;
mod types;
mod watch;
