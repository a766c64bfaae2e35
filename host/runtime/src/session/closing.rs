//! What a run has begun and not yet ended, as its events tell it.
//!
//! A run can end at any of its waits: it is cancelled, its time is up, its budget is spent elsewhere. Whoever reads its events must not be
//! left with a question that nobody answered or an action of which nothing came. So whatever is told to have begun is held by a guard.

use hotcell_call::Happening;

use crate::events::{About, Events};

/// The guard of one thing that a run has begun: exactly one end is told of it, at the latest when this is dropped.
#[must_use = "what is dropped has ended"]
pub(super) struct Closing<'a> {
    events: &'a Events,
    about: About<'a>,
    /// Boxed: it waits as long as the thing stands, and is handed on with it.
    otherwise: Option<Box<Happening>>,
}

impl<'a> Closing<'a> {
    /// For what begins here; `otherwise` is how it ends where nobody comes to tell.
    pub(super) fn of(events: &'a Events, about: About<'a>, otherwise: Happening) -> Self {
        Self { events, about, otherwise: Some(Box::new(otherwise)) }
    }

    /// Tells how it ended.
    pub(super) fn tell(mut self, ended: Happening) {
        self.otherwise = Some(Box::new(ended));
    }
}

impl Drop for Closing<'_> {
    fn drop(&mut self) {
        if let Some(ended) = self.otherwise.take() {
            self.events.tell(self.about, || *ended);
        }
    }
}
