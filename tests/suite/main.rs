//! What hotcell promises, tried out.
//!
//! Hostile guests are programs (`tests/guests`) or, where no compiler makes the shape, text that is assembled here
//! (`support::component`). Numbers such as H21 in comments are those of the hostile suite in `docs/security.md`.

#[path = "../support/mod.rs"]
mod support;

mod architecture;
mod capabilities;
mod faults;
mod guests;
mod limits;
mod path;
mod rejected;
mod types;
