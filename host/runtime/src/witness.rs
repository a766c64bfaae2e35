//! What one attempt does outside of its cell, told while it does it.
//!
//! Every effect of a guest passes through the host, and whether it may is decided there: here each decision becomes an event, with
//! whose call it was, which component asked and which rule decided, and a line in the log of `hotcell::audit`. What was done before a
//! caller went away is known as well.

use std::sync::{Arc, Mutex, PoisonError};

use hotcell_call::{Decision, Digest, Effects, Happening, Target, ToolCall, Used};
use hotcell_sandbox::Observer;

use crate::events::{About, Events};
use crate::intake::Ready;

/// Hears one attempt.
pub(crate) struct Witness {
    events: Arc<Events>,
    call: Arc<ToolCall>,
    target: Target,
    digest: Digest,
    effects: Mutex<Effects>,
}

impl Witness {
    pub(crate) fn new(events: Arc<Events>, call: Arc<ToolCall>, ready: &Ready) -> Self {
        let (target, digest) = (ready.target().clone(), ready.digest());
        Self { events, call, target, digest, effects: Mutex::default() }
    }

    /// What it used so far.
    pub(crate) fn effects(&self) -> Effects {
        *self.effects.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Observer for Witness {
    fn progress(&self, done: u64, total: Option<u64>, message: &str) {
        let happening = || Happening::Progress { done, total, message: message.to_owned() };
        self.events.tell(About::call(&self.call), happening);
    }

    fn used(&self, used: Used) {
        self.effects.lock().unwrap_or_else(PoisonError::into_inner).insert(used);
    }

    fn decided(&self, decision: Decision) {
        let (tenant, target, digest) = (&self.call.tenant, &self.target, self.digest);
        tracing::info!(
            target: "hotcell::audit",
            call = %self.call.id,
            %tenant,
            tool = %target,
            %digest,
            allowed = decision.allowed,
            capability = decision.capability.as_str(),
            asked = decision.asked,
            rule = decision.rule.as_deref(),
            secrets = decision.secrets.join(","),
        );
        self.events.tell(About::call(&self.call), || Happening::Decided { target: target.clone(), digest, decision });
    }
}
