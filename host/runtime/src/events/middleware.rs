//! What events go through before anybody is told.

use std::panic::{AssertUnwindSafe, catch_unwind};

use hotcell_call::Event;

/// Sees each event before it is told, and may change it or keep it back.
///
/// It is asked on the way of a call, so it must not wait. One that panics has kept the event back: what should have been taken out of it
/// must not be told.
pub trait Middleware: Send + Sync {
    /// What becomes of an event.
    fn pass(&self, event: Box<Event>) -> Pass;
}

/// What middleware makes of an event.
#[derive(Debug)]
pub enum Pass {
    /// It goes on, changed or not.
    On(Box<Event>),
    /// Nobody is told.
    Stop,
}

/// Takes words out of all texts of events.
#[derive(Debug)]
pub struct Redact(Vec<String>);

/// What stands in their place.
const TAKEN: &str = "[redacted]";

impl<F: Fn(Box<Event>) -> Pass + Send + Sync> Middleware for F {
    fn pass(&self, event: Box<Event>) -> Pass {
        self(event)
    }
}

impl Redact {
    /// Takes out these words; empty ones are left.
    #[must_use]
    pub fn new(words: impl IntoIterator<Item = String>) -> Self {
        Self(words.into_iter().filter(|word| !word.is_empty()).collect())
    }
}

impl Middleware for Redact {
    fn pass(&self, mut event: Box<Event>) -> Pass {
        event.what.each_text(&mut |text| {
            for word in self.0.iter().filter(|word| text.contains(word.as_str())).collect::<Vec<_>>() {
                *text = text.replace(word.as_str(), TAKEN);
            }
        });
        Pass::On(event)
    }
}

/// Lets one middleware see an event, and survives it.
pub(super) fn apply(middleware: &dyn Middleware, event: Box<Event>) -> Result<Pass, ()> {
    catch_unwind(AssertUnwindSafe(|| middleware.pass(event))).map_err(drop)
}
