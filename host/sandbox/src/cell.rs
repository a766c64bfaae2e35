//! What one call has while it runs: the data of its store.
//!
//! A cell is made for a call and dropped with its store. Whatever a guest can reach stands here, and whatever must be told in
//! the receipt is counted here. In a batch a cell serves several calls, one after the other, if each leaves it as it found it:
//! then all of this is made anew for the next, but for the account of memory, which is the cell's.

use std::sync::Arc;
use std::time::Instant;

use hotcell_call::{ByteSize, Capability, Denial, Effects, Limits, Resource, Used};
use wasmtime::component::ResourceTable;
use wasmtime_wasi::sockets::WasiSocketsCtx;

use crate::capability::{Bounds, Clock, Files, Http, OpenGrants, Outlet, Random, Share};
use crate::limiter::Limiter;
use crate::log::Capture;
use crate::observer::{Observer, Teller};
use crate::stop::{Spent, Stop};

/// Denials that a receipt holds; more are counted.
const MOST_DENIALS: usize = 32;

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
    /// Requests and what came of them; none before the first use.
    pub(crate) http: Option<Box<Http>>,
    /// By which way requests leave; none where none is granted.
    pub(crate) outlet: Option<Outlet>,
    /// How much may be sent and received.
    pub(crate) net_bounds: Bounds,
    pub(crate) notes: Notes,
    pub(crate) deadline: Instant,
    /// The most that one host call may carry.
    pub(crate) host_data: ByteSize,
    /// When the instance was there; none: not yet.
    pub(crate) instantiated: Option<Instant>,
    /// Tells what the guest does while it does it.
    pub(crate) teller: Teller,
}

/// What the receipt will tell.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    pub(crate) denials: Vec<Denial>,
    pub(crate) denials_dropped: u64,
    /// The first limit of ours that was reached, also when the guest went on.
    pub(crate) exhausted: Option<(Resource, Spent)>,
    /// What was used that makes the call more than a function of its input.
    pub(crate) effects: Effects,
}

impl Cell {
    pub(crate) fn new(
        limits: &Limits,
        grants: Arc<OpenGrants>,
        deadline: Instant,
        observer: Option<Arc<dyn Observer>>,
        share: Option<Share>,
        outlet: Option<Outlet>,
    ) -> Self {
        let mut table = ResourceTable::new();
        table.set_max_capacity(usize::try_from(limits.handles).unwrap_or(usize::MAX));
        let set = grants.set();
        let teller = Teller::new(observer, grants.secrets().cloned());
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
            http: None,
            outlet,
            net_bounds: Bounds::from(limits),
            notes: Notes::default(),
            deadline,
            host_data: limits.host_data,
            instantiated: None,
            teller,
        }
    }

    /// Sets everything back for the next call of a batch, but for the account of memory.
    ///
    /// In place, so that it costs nothing where nothing was used; and no handle is left that knows the old state, because the
    /// table [is empty](Self::is_as_found).
    pub(crate) fn renew(&mut self, limits: &Limits, deadline: Instant, observer: Option<Arc<dyn Observer>>) {
        // All of them by name: none is to be forgotten.
        let Self {
            limiter,
            stdout,
            stderr,
            clock,
            random,
            files,
            notes,
            host_data,
            deadline: ends,
            teller,
            table: _,
            sockets: _,
            http,
            net_bounds,
            grants,
            outlet: _,
            instantiated: _,
        } = self;
        limiter.renew();
        stdout.renew(limits.log);
        stderr.renew(limits.log);
        clock.renew();
        random.renew(limits.random);
        files.renew(limits);
        *http = None;
        *net_bounds = Bounds::from(limits);
        *notes = Notes::default();
        *host_data = limits.host_data;
        *teller = Teller::new(observer, grants.secrets().cloned());
        *ends = deadline;
    }

    /// The limits as they stand here, each read from what keeps it.
    ///
    /// `asked` is what was to be set. From it come those that are kept outside of a cell: fuel and time by who drives it, input,
    /// output and instances before and after.
    pub(crate) fn limits(&self, asked: &Limits) -> Limits {
        let (disk, entries) = self.files.most();
        let Bounds { requests, sent, received } = self.http_bounds();
        Limits {
            memory: self.limiter.limit(),
            log: self.stdout.limit().max(self.stderr.limit()),
            handles: u32::try_from(self.table.max_capacity()).unwrap_or(u32::MAX),
            random: self.random.limit(),
            host_data: self.host_data,
            disk,
            entries,
            requests,
            sent,
            received,
            ..asked.clone()
        }
    }

    /// Whether nothing is left of the last call but what the guest keeps in its memory.
    ///
    /// A handle that is still open has a state of its own, and counts against a limit of the next call; that of a guest that
    /// prints is one, because its library keeps the stream. What was reached of the world, or refused, the guest may remember:
    /// the next answer would depend on it. And a memory that is half full would soon end a call for what others have left there.
    pub(crate) fn is_as_found(&self) -> bool {
        let Notes { denials, exhausted, effects, .. } = &self.notes;
        let refused = !denials.is_empty()
            || exhausted.is_some()
            || self.files.quota_reached().is_some()
            || self.http_reached().is_some()
            || self.limiter.refused().is_some();
        effects.is_empty() && !refused && self.limiter.is_half_free() && self.table.is_empty()
    }
}

impl Cell {
    /// Records that something of the world was used.
    pub(crate) fn note(&mut self, used: Used) {
        if self.notes.effects.insert(used)
            && let Some(observer) = self.teller.observer()
        {
            observer.used(used);
        }
    }

    /// Records that something was refused.
    pub(crate) fn deny(&mut self, capability: Capability, asked: &str) -> Denial {
        self.teller.denied(capability, asked);
        self.notes.deny(capability, asked)
    }

    /// Whether what was asked for was refused at any time.
    pub(crate) fn was_refused(&self) -> bool {
        !self.notes.denials.is_empty()
    }
}

impl Notes {
    /// Keeps what was refused, for the receipt.
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
