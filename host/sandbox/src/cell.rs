//! What one call has while it runs: the data of its store.
//!
//! A cell is made for a call and dropped with its store. Whatever a guest can reach stands here, and whatever must be told in
//! the receipt is counted here.

use std::sync::Arc;
use std::time::Instant;

use hotcell_call::{ByteSize, Capability, Denial, Limits, Resource};
use wasmtime::component::ResourceTable;
use wasmtime_wasi::sockets::WasiSocketsCtx;

use crate::capability::{Clock, Files, OpenGrants, Random, Share};
use crate::limiter::Limiter;
use crate::log::Capture;
use crate::stop::{Spent, Stop};

/// Denials that a receipt holds; more are counted.
const MOST_DENIALS: usize = 32;

/// Takes what a guest says of its progress: done, of how many, a message.
pub type ProgressSink = Arc<dyn Fn(u64, Option<u64>, &str) + Send + Sync>;

/// The data of one call's store.
pub(crate) struct Cell {
    pub(crate) table: ResourceTable,
    pub(crate) limiter: Limiter,
    pub(crate) stdout: Capture,
    pub(crate) stderr: Capture,
    pub(crate) clock: Clock,
    pub(crate) random: Random,
    pub(crate) files: Files,
    /// Denies everything; only here because the engine's socket interfaces want one.
    pub(crate) sockets: WasiSocketsCtx,
    pub(crate) grants: Arc<OpenGrants>,
    pub(crate) notes: Notes,
    pub(crate) deadline: Instant,
    /// The most that one host call may carry.
    pub(crate) host_data: ByteSize,
    /// When the instance was there; none: not yet.
    pub(crate) instantiated: Option<Instant>,
    pub(crate) progress: Option<ProgressSink>,
}

/// What the receipt will tell.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    pub(crate) denials: Vec<Denial>,
    pub(crate) denials_dropped: u64,
    /// The first limit of ours that was reached, also when the guest went on.
    pub(crate) exhausted: Option<(Resource, Spent)>,
    /// Whether anything was used that makes the call more than a function of its input.
    pub(crate) effects: bool,
}

impl Cell {
    pub(crate) fn new(
        limits: &Limits,
        grants: Arc<OpenGrants>,
        deadline: Instant,
        progress: Option<ProgressSink>,
        share: Option<Share>,
    ) -> Self {
        let mut table = ResourceTable::new();
        table.set_max_capacity(usize::try_from(limits.handles).unwrap_or(usize::MAX));
        let set = grants.set();
        Self {
            table,
            limiter: Limiter::new(limits.memory),
            stdout: Capture::new(limits.log),
            stderr: Capture::new(limits.log),
            clock: Clock::new(set.clock),
            random: Random::new(set.random, limits.random),
            files: Files::new(limits, share),
            sockets: WasiSocketsCtx::default(),
            grants,
            notes: Notes::default(),
            deadline,
            host_data: limits.host_data,
            instantiated: None,
            progress,
        }
    }
}

impl Notes {
    /// Records that something was refused.
    pub(crate) fn deny(&mut self, capability: Capability, asked: &str) -> Denial {
        let denial = Denial::new(capability, asked);
        if self.denials.contains(&denial) {
            return denial;
        }
        if self.denials.len() < MOST_DENIALS {
            self.denials.push(denial.clone());
        } else {
            self.denials_dropped += 1;
        }
        denial
    }

    /// Records that a limit was reached.
    pub(crate) fn exhaust(&mut self, resource: Resource, spent: Spent) -> Stop {
        self.exhausted.get_or_insert((resource, spent));
        Stop::Exhausted(resource, spent)
    }
}
