//! Who hears what a guest does while it does it.

use std::sync::Arc;

use hotcell_call::{Capability, Decision, Used, shortened};

use crate::secrets::Secrets;

/// Hears what a guest does, at once: also what it did before its caller went away.
///
/// It is asked on the core that the guest has, so it must not wait.
pub trait Observer: Send + Sync {
    /// The guest says how far it is: done, of how many, its words, escaped and cut.
    fn progress(&self, done: u64, total: Option<u64>, message: &str);

    /// It used something of the world; may be told more than once.
    fn used(&self, used: Used);

    /// It asked for something outside of its cell, for the first time, and this was decided.
    fn decided(&self, decision: Decision);
}

/// Decisions of either kind, allowed and refused, that are told of one call; and as many again of its requests.
const MOST_TOLD: usize = 64;

/// Tells each decision once, up to a bound.
pub(crate) struct Teller {
    observer: Option<Arc<dyn Observer>>,
    secrets: Option<Arc<Secrets>>,
    told: Vec<(bool, Capability, String)>,
    dropped: u64,
}

impl Teller {
    pub(crate) fn new(observer: Option<Arc<dyn Observer>>, secrets: Option<Arc<Secrets>>) -> Self {
        Self { observer, secrets, told: Vec::new(), dropped: 0 }
    }

    pub(crate) fn observer(&self) -> Option<&dyn Observer> {
        self.observer.as_deref()
    }

    /// Another of the same call, which has told nothing yet.
    pub(crate) fn afresh(&self) -> Self {
        Self::new(self.observer.clone(), self.secrets.clone())
    }

    /// How many were not told, because there were too many.
    pub(crate) const fn dropped(&self) -> u64 {
        self.dropped
    }

    /// It may, by this rule.
    pub(crate) fn allowed(&mut self, capability: Capability, asked: &str, rule: impl FnOnce() -> String) {
        self.tell(true, capability, asked, |_| (Some(rule()), Vec::new()));
    }

    /// It may, by this rule, and the host puts secrets on it.
    pub(crate) fn allowed_with(&mut self, asked: &str, rule: impl FnOnce() -> String, secrets: Vec<String>) {
        self.tell(true, Capability::Net, asked, |_| (Some(rule()), secrets));
    }

    /// It may not.
    pub(crate) fn denied(&mut self, capability: Capability, asked: &str) {
        self.tell(false, capability, asked, |_| (None, Vec::new()));
    }

    fn tell(
        &mut self,
        allowed: bool,
        capability: Capability,
        asked: &str,
        by: impl FnOnce(&Self) -> (Option<String>, Vec<String>),
    ) {
        let Some(observer) = &self.observer else { return };
        let known =
            |(one, of, what): &(bool, Capability, String)| (*one, *of, what.as_str()) == (allowed, capability, asked);
        if self.told.iter().any(known) {
            return;
        }
        // Each kind for itself: what is refused cheaply must not hide what is allowed after it.
        if self.told.iter().filter(|(kind, ..)| *kind == allowed).count() >= MOST_TOLD {
            self.dropped += 1;
            return;
        }
        let clean = self.secrets.as_ref().and_then(|secrets| secrets.text(asked));
        let told = shortened(clean.as_deref().unwrap_or(asked), 200);
        let (rule, secrets) = by(self);
        observer.decided(Decision { allowed, capability, asked: told, rule, secrets });
        self.told.push((allowed, capability, asked.to_owned()));
    }
}
