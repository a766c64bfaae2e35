//! The guard of one attempt at a reply: what it cost is told, however it ends.
//!
//! An attempt that was refused before any work was done (no connection, another status than 200, an error in place of the first event)
//! costs nothing. Once a reply has begun it costs what its provider told, and for what was not told a fourth of the bytes.

use hotcell_agent::model::{Bill, Charge, Hear, ModelError, Usage};

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
}

impl<'a> Attempt<'a> {
    pub(super) fn new(kind: ProviderKind, bill: &'a Bill, model: &'a str, sent: usize) -> Self {
        Self { kind, reader: Reader::new(kind), told: Told::default(), bill, model, sent, open: false }
    }

    /// There is no stream of events. What can't be read was worked for all the same.
    pub(super) fn refused(&mut self, error: &ModelError) {
        if let ModelError::Malformed(text) = error {
            self.told.said = text.len();
            self.open = true;
        }
    }

    /// A reply begins.
    pub(super) fn begun(&mut self) {
        self.open = true;
    }

    pub(super) fn event(&mut self, event: &Event, hear: Hear<'_>) -> Result<More, ModelError> {
        let before = self.told;
        let more = self.reader.event(event, hear);
        self.told = self.reader.told();
        // It was told in place of a reply.
        if matches!(more, Err(ModelError::Failed(_))) && before == Told::default() {
            self.open = false;
        }
        more
    }

    /// The reply, with its tokens and whether they are an estimate.
    pub(super) fn end(mut self) -> Result<(Read, Usage, bool), ModelError> {
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
