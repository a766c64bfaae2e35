//! What attempts at a reply cost, beside what the reply itself did.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::Usage;

/// What attempts cost of which no reply came: whoever asks reads it, however the asking ends.
///
/// It goes with the request, and not with the reply or the error: a request that is dropped has neither, and has cost something.
#[derive(Debug, Clone, Default)]
pub struct Bill(Arc<Mutex<Vec<Charge>>>);

/// What one attempt cost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Charge {
    /// Who was asked, as in [`ChatModel::name`](super::ChatModel::name).
    pub model: String,
    /// How much.
    pub usage: Usage,
    /// Whether that is an estimate.
    pub estimated: bool,
}

impl Bill {
    /// Puts another attempt on it.
    pub fn add(&self, charge: Charge) {
        self.lock().push(charge);
    }

    /// All that is on it, which is then empty.
    #[must_use]
    pub fn take(&self) -> Vec<Charge> {
        std::mem::take(&mut *self.lock())
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Charge>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
