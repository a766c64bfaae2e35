//! What is paid for replies, and for attempts of which none came.

use std::fmt;
use std::sync::Arc;

use hotcell_agent::Cost;
use hotcell_agent::model::{Bill, Charge, ChatReply, Payer};

use super::Thinker;
use crate::host::Host;
use crate::session::ledger::{Entry, Ledger};

/// Counts what an attempt costs of which no reply comes, when it ends: before another is made.
struct Paying {
    host: Host,
    ledger: Arc<Ledger>,
}

impl Payer for Paying {
    fn pay(&self, charge: &Charge) {
        self.count(false, charge);
    }

    fn is_spent(&self) -> bool {
        self.ledger.is_spent()
    }
}

impl Paying {
    fn count(&self, replied: bool, charge: &Charge) {
        let cost = self.host.price(&charge.model, charge.usage).map(Cost);
        let entry = Entry { replied, usage: charge.usage, estimated: charge.estimated, cost };
        self.ledger.charge(entry, &self.host.0.events);
    }
}

impl fmt::Debug for Paying {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Paying").finish_non_exhaustive()
    }
}

impl Thinker<'_> {
    fn paying(&self) -> Paying {
        Paying { host: self.caller.host.clone(), ledger: Arc::clone(&self.ledger) }
    }

    /// What attempts of a request are put on.
    pub(super) fn bill(&self) -> Bill {
        Bill::paid_by(Arc::new(self.paying()))
    }

    /// Counts a reply.
    pub(super) fn pay(&self, reply: &ChatReply) {
        let (model, usage, estimated) = (reply.model.clone(), reply.usage, reply.estimated);
        self.paying().count(true, &Charge { model, usage, estimated });
    }
}
