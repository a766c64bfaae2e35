//! Room for a reply while it is read.

use std::sync::Arc;

use super::ModelError;

/// Where a reply finds room while it is read: what it takes is lent before it is kept, and given back when it was handed on, or when
/// nothing became of it. Without a lender there is always enough.
#[derive(Debug, Clone, Default)]
pub struct Space(Option<Arc<dyn Lender>>);

/// Whoever has room.
pub trait Lender: std::fmt::Debug + Send + Sync {
    /// Lends so many bytes.
    ///
    /// # Errors
    ///
    /// Why there are not so many, with the numbers.
    fn lend(&self, bytes: u64) -> Result<(), String>;

    /// Takes back what was lent.
    fn take_back(&self, bytes: u64);
}

/// What one attempt at a reply was lent; it goes back when this is dropped.
#[derive(Debug)]
#[must_use = "what is dropped is given back"]
pub struct Lent {
    space: Space,
    bytes: u64,
}

impl Space {
    /// Room of somebody.
    #[must_use]
    pub fn of(lender: Arc<dyn Lender>) -> Self {
        Self(Some(lender))
    }

    /// Begins to read a reply: nothing is lent yet.
    pub fn begin(&self) -> Lent {
        Lent { space: self.clone(), bytes: 0 }
    }
}

impl Lent {
    /// Has at least so many bytes from now on.
    ///
    /// # Errors
    ///
    /// [`ModelError::NoRoom`].
    pub fn reach(&mut self, bytes: u64) -> Result<(), ModelError> {
        let more = bytes.saturating_sub(self.bytes);
        if let Some(lender) = self.space.0.as_ref().filter(|_| more > 0) {
            lender.lend(more).map_err(ModelError::NoRoom)?;
        }
        self.bytes += more;
        Ok(())
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        if let Some(lender) = self.space.0.as_ref().filter(|_| self.bytes > 0) {
            lender.take_back(self.bytes);
        }
    }
}
