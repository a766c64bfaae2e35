//! How much a call may send and receive, over all its requests together.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hotcell_call::{ByteSize, Limits, Resource};

use crate::stop::Spent;

/// The account of one call; clones are the same.
#[derive(Debug, Clone)]
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
    /// Whether any request was made, also one that was refused.
    pub(crate) asked: bool,
    /// Requests that were let out.
    pub(crate) requests: u32,
    /// Bytes of their heads and bodies.
    pub(crate) sent: ByteSize,
    /// Bytes of what came back.
    pub(crate) received: ByteSize,
    /// Requests that were let out and are not of a method that only reads.
    pub(crate) writes: u32,
}

#[derive(Debug)]
struct State {
    bounds: Bounds,
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
    pub(super) fn new(bounds: Bounds) -> Self {
        let state = State { bounds, used: Used::default(), reached: None, denied: Vec::new(), denied_dropped: 0 };
        Self(Arc::new(Mutex::new(state)))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records that the guest asked for something.
    pub(super) fn ask(&self) {
        self.lock().used.asked = true;
    }

    /// Records what was refused.
    pub(super) fn deny(&self, asked: String) {
        let mut state = self.lock();
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
