//! What attempts at a reply cost, beside what the reply itself did.

use std::sync::Arc;

use super::Usage;

/// What attempts cost of which no reply came: paid when each of them ends, however the asking ends.
///
/// It goes with the request, and not with the reply or the error: a request that is dropped has neither, and has cost something.
#[derive(Debug, Clone, Default)]
pub struct Bill(Option<Arc<dyn Payer>>);

/// Whoever pays.
pub trait Payer: std::fmt::Debug + Send + Sync {
    /// Pays for an attempt.
    fn pay(&self, charge: &Charge);

    /// Whether there is nothing left to pay another one with.
    fn is_spent(&self) -> bool;
}

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
    /// One that is paid by somebody; without that, nobody pays.
    #[must_use]
    pub fn paid_by(payer: Arc<dyn Payer>) -> Self {
        Self(Some(payer))
    }

    /// Puts another attempt on it.
    pub fn add(&self, charge: &Charge) {
        if let Some(payer) = &self.0 {
            payer.pay(charge);
        }
    }

    /// Whether no other attempt may be made.
    #[must_use]
    pub fn is_spent(&self) -> bool {
        self.0.as_ref().is_some_and(|payer| payer.is_spent())
    }
}
