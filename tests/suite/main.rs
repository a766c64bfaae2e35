//! What hotcell promises, tried out.
//!
//! Hostile guests are programs (`tests/guests`) or, where no compiler makes the shape, text that is assembled here
//! (`support::component`). The numbers in names and comments (H21, G3) are those of `docs/security.md`.

#[path = "../support/mod.rs"]
mod support;

mod architecture;
mod capabilities;
mod faults;
mod limits;
mod path;
mod rejected;
mod types;
