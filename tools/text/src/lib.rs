//! `text`: what a person does with text in an editor, for agents.
//!
//! A module for each function. Work is linear in the text: patterns run in an engine that never backtracks. The one
//! exception is `diff` of two long texts that share few different lines in no order; what that costs, the cell's fuel bounds.

mod diff;
mod find;
mod language;
mod lines;
mod pattern;
mod replace;
mod secrets;
mod stats;

pub use diff::{Difference, diff};
pub use find::{Found, Match, find};
pub use language::{Kind, Language, language};
pub use replace::{Replaced, replace};
pub use secrets::{Finding, Secrets, secrets};
pub use stats::{LongLine, Stats, stats};
