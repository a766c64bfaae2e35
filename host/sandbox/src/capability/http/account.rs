//! How much a call may send and receive, over all its requests together.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hotcell_call::{ByteSize, Capability, Limits, NetRule, Resource, Used as Effect};

use crate::observer::Teller;
use crate::stop::Spent;

/// The account of one call; clones are the same.
#[derive(Clone)]
pub(super) struct Account(Arc<Mutex<State>>);

/// The limits that it keeps.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    pub(crate) requests: u32,
    pub(crate) sent: ByteSize,
    pub(crate) received: ByteSize,
}

/// What was used of them.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Used {
    /// Requests that were let out.
    pub(crate) requests: u32,
    /// Bytes of their heads and bodies.
    pub(crate) sent: ByteSize,
    /// Bytes of what came back.
    pub(crate) received: ByteSize,
    /// Requests that were let out and are not of a method that only reads.
    pub(crate) writes: u32,
}

struct State {
    bounds: Bounds,
    /// Tells what is decided here, while the guest runs.
    teller: Teller,
    used: Used,
    reached: Option<(Resource, Spent)>,
    denied: Vec<String>,
    denied_dropped: u64,
}

/// A limit is reached.
#[derive(Debug, Clone, Copy)]
pub(super) struct Full {
    /// The limit.
    pub(super) limit: u64,
}

/// Denials that are kept until they are noted; more are counted.
const MOST_DENIED: usize = 64;

impl From<&Limits> for Bounds {
    fn from(limits: &Limits) -> Self {
        Self { requests: limits.requests, sent: limits.sent, received: limits.received }
    }
}

impl Account {
    pub(super) fn new(bounds: Bounds, teller: Teller) -> Self {
        let state =
            State { bounds, teller, used: Used::default(), reached: None, denied: Vec::new(), denied_dropped: 0 };
        Self(Arc::new(Mutex::new(state)))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records what is allowed by a rule, and the secrets that go with it.
    pub(super) fn allow(&self, asked: &str, rule: &NetRule, secrets: Vec<String>) {
        self.lock().teller.allowed_with(asked, || format!("net {rule}"), secrets);
    }

    /// Records what was refused.
    pub(super) fn deny(&self, asked: String) {
        let mut state = self.lock();
        state.teller.denied(Capability::Net, &asked);
        if state.denied.contains(&asked) {
            return;
        }
        if state.denied.len() < MOST_DENIED {
            state.denied.push(asked);
        } else {
            state.denied_dropped += 1;
        }
    }

    /// What was refused, and how much more.
    pub(super) fn take_denied(&self) -> (Vec<String>, u64) {
        let mut state = self.lock();
        (std::mem::take(&mut state.denied), std::mem::take(&mut state.denied_dropped))
    }

    /// Decisions that were not told.
    pub(super) fn untold(&self) -> u64 {
        self.lock().teller.dropped()
    }

    /// The limits that it keeps.
    pub(super) fn bounds(&self) -> Bounds {
        self.lock().bounds
    }

    pub(super) fn used(&self) -> Used {
        self.lock().used
    }

    pub(super) fn reached(&self) -> Option<(Resource, Spent)> {
        self.lock().reached
    }

    /// Lets a request out.
    pub(super) fn begin(&self, only_reads: bool) -> Result<(), Full> {
        let mut state = self.lock();
        let (wanted, limit) = (u64::from(state.used.requests) + 1, u64::from(state.bounds.requests));
        state.admit(Resource::Requests, wanted, limit)?;
        state.used.requests += 1;
        state.used.writes += u32::from(!only_reads);
        // Told at once, and taken over into the notes at the end.
        if let Some(observer) = state.teller.observer() {
            observer.used(Effect::Net);
            if !only_reads {
                observer.used(Effect::NetWrite);
            }
        }
        Ok(())
    }

    /// Charges bytes that are about to be sent.
    pub(super) fn send(&self, bytes: usize) -> Result<(), Full> {
        let mut state = self.lock();
        let wanted = state.used.sent.as_u64().saturating_add(ByteSize::of(bytes).as_u64());
        let limit = state.bounds.sent.as_u64();
        state.admit(Resource::Sent, wanted, limit)?;
        state.used.sent = ByteSize::bytes(wanted);
        Ok(())
    }

    /// Charges bytes that came.
    pub(super) fn receive(&self, bytes: usize) -> Result<(), Full> {
        let mut state = self.lock();
        let wanted = state.used.received.as_u64().saturating_add(ByteSize::of(bytes).as_u64());
        let limit = state.bounds.received.as_u64();
        state.admit(Resource::Received, wanted, limit)?;
        state.used.received = ByteSize::bytes(wanted);
        Ok(())
    }
}

impl State {
    fn admit(&mut self, resource: Resource, wanted: u64, limit: u64) -> Result<(), Full> {
        if wanted > limit {
            self.reached.get_or_insert((resource, Spent { wanted, limit }));
            return Err(Full { limit });
        }
        Ok(())
    }
}
