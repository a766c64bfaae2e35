//! What bounds no cache.

/// Numbers that make no [`Bounds`](super::Bounds).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BadBounds {
    /// Answers that end as they are made.
    #[error("answers that are good for no time are never found; to cache nothing, set the number of entries to 0")]
    NoTime,
}
