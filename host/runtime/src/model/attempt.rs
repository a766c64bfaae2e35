//! The guard of one attempt at a reply: what it cost is told, however it ends.
//!
//! An attempt that was refused before any work was done (no connection, another status than 200, an error in place of the first event)
//! costs nothing. One whose request was sent, and that nobody answered, may have been worked on, and so may one whose reply broke off:
//! both cost what the provider told, and for what was not told a fourth of the bytes.

use hotcell_agent::model::{Bill, Charge, ChatRequest, Hear, Lent, ModelError, Space, Usage};
use hotcell_agent::weight_of_text;

use super::sse::Event;
use super::wire::{More, Read, Reader, Told};
use crate::config::ProviderKind;

/// One attempt.
pub(super) struct Attempt<'a> {
    kind: ProviderKind,
    reader: Reader,
    told: Told,
    bill: &'a Bill,
    model: &'a str,
    /// Bytes of the request.
    sent: usize,
    /// Whether it has to be paid for, should it end now.
    open: bool,
    space: &'a Space,
    /// What the reply takes so far.
    lent: Lent,
}

impl<'a> Attempt<'a> {
    pub(super) fn new(kind: ProviderKind, request: &'a ChatRequest, model: &'a str, sent: usize) -> Self {
        let (bill, space) = (&request.bill, &request.space);
        let lent = space.begin();
        Self { kind, reader: Reader::new(kind), told: Told::default(), bill, model, sent, open: false, space, lent }
    }

    /// Whether it may be worked on from here on: the request is on its way, or a reply begins.
    pub(super) fn worked_on(&mut self, may_be: bool) {
        self.open = may_be;
    }

    /// There is no stream of events. What can't be read was worked for all the same, and so was perhaps what nobody answered.
    pub(super) fn refused(&mut self, error: &ModelError) {
        self.open &= matches!(error, ModelError::Cut(_) | ModelError::Malformed(_));
        if let ModelError::Malformed(text) = error {
            self.told.said = text.len();
        }
    }

    pub(super) fn event(&mut self, event: &Event, hear: Hear<'_>) -> Result<More, ModelError> {
        // It is a value for as long as it is looked at.
        let mut value = self.space.begin();
        value.reach(weight_of_text(&event.data).as_u64())?;
        let before = self.told;
        let more = self.reader.event(event, hear);
        self.told = self.reader.told();
        // It was told in place of a reply.
        if matches!(more, Err(ModelError::Failed(_))) && before == Told::default() {
            self.open = false;
        }
        more
    }

    /// So much is held beside what was said, which is held too.
    pub(super) fn holds(&mut self, beside: u64) -> Result<(), ModelError> {
        let said = u64::try_from(self.reader.told().said).unwrap_or(u64::MAX);
        self.lent.reach(said.saturating_add(self.reader.values()).saturating_add(beside))
    }

    /// The reply, with its tokens and whether they are an estimate.
    pub(super) fn end(mut self) -> Result<(Read, Usage, bool), ModelError> {
        self.holds(self.reader.inputs())?;
        let read = std::mem::replace(&mut self.reader, Reader::new(self.kind)).end()?;
        self.open = false;
        let (usage, estimated) = read.told.usage(self.sent);
        Ok((read, usage, estimated))
    }
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        if self.open {
            let (usage, estimated) = self.told.usage(self.sent);
            self.bill.add(&Charge { model: self.model.to_owned(), usage, estimated });
        }
    }
}
