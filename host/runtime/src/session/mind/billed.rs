//! What is paid for replies, and for attempts of which none came.

use hotcell_agent::Cost;
use hotcell_agent::model::{Bill, Charge, ChatReply};

use super::Thinker;
use crate::session::ledger::Entry;

/// Counts what attempts cost of which no reply came, when it is dropped: also where nobody waits for the reply any more.
pub(super) struct Billed<'t, 'a> {
    thinker: &'t Thinker<'a>,
    bill: Bill,
}

impl<'t, 'a> Billed<'t, 'a> {
    pub(super) fn new(thinker: &'t Thinker<'a>, bill: Bill) -> Self {
        Self { thinker, bill }
    }
}

impl Drop for Billed<'_, '_> {
    fn drop(&mut self) {
        for charge in self.bill.take() {
            self.thinker.charge(false, &charge);
        }
    }
}

impl Thinker<'_> {
    /// Counts a reply.
    pub(super) fn pay(&self, reply: &ChatReply) {
        let (model, usage, estimated) = (reply.model.clone(), reply.usage, reply.estimated);
        self.charge(true, &Charge { model, usage, estimated });
    }

    fn charge(&self, replied: bool, charge: &Charge) {
        let cost = self.caller.host.price(&charge.model, charge.usage).map(Cost);
        let entry = Entry { replied, usage: charge.usage, estimated: charge.estimated, cost };
        self.ledger.charge(entry, &self.caller.host.0.events);
    }
}
