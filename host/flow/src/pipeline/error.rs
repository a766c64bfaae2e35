//! At which stage it went wrong, and how.

use std::sync::Arc;

use crate::Panicked;

/// A value did not get through. The stages after the one that is named did not see it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("stage `{stage}`: {cause}")]
#[non_exhaustive]
pub struct Error<E> {
    /// The name of the stage.
    pub stage: Arc<str>,
    /// Its place in the pipeline, from 0.
    pub place: usize,
    /// How it went wrong.
    pub cause: Cause<E>,
}

/// How a stage went wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Cause<E> {
    /// By its own error.
    #[error("{0}")]
    Failed(E),
    /// By a panic.
    #[error(transparent)]
    Panicked(#[from] Panicked),
}
