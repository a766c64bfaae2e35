//! `wasi:http`: requests that a rule allows, sent by the host itself.
//!
//! The stock host keeps the guest's requests and bodies; what it has no rules for is where they go. That is decided here, in this
//! order, and each step can only refuse:
//!
//! | | |
//! |---|---|
//! | `hooks` | the request is brought into one form and compared with the rules of the call; headers that are the host's are taken away |
//! | `account` | requests, bytes sent and bytes received are counted over the call |
//! | `connect` | the name is looked up once, each address is judged, and a connection is made to an address that was |
//! | `room` | how many connections there may be, and of one tenant |
//! | `pool` | connections that are done with are kept for a while, for the same tenant, host and port |
//! | `exchange` | one request, one response, within the time of the call; no redirect is followed and nothing is decoded |
//! | `masked` | secrets that a server sends back are taken out before the guest sees them |
//!
//! All of it comes into being with the first use: a call without requests pays nothing.

mod account;
mod body;
mod connect;
mod exchange;
mod hooks;
mod masked;
mod names;
mod pool;
mod room;

use std::sync::Arc;

use hotcell_call::{Capability, Resource, TenantId, Used as Effect};
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView};

pub(crate) use account::{Bounds, Used};
pub use names::Names;
pub(crate) use pool::Net;

use self::account::Account;
use self::hooks::Hooks;
use crate::cell::Cell;
use crate::stop::Spent;

/// The most that one set of header fields may take of the host's memory.
pub(crate) const FIELDS: usize = 32 << 10;

/// By which way requests leave, and for whom; only calls that were granted some have one.
#[derive(Clone)]
pub(crate) struct Outlet {
    pub(crate) net: Arc<Net>,
    pub(crate) tenant: TenantId,
}

/// What one call has of HTTP, once it used it.
pub(crate) struct Http {
    ctx: WasiHttpCtx,
    hooks: Hooks,
}

impl Cell {
    /// The stock host over our hooks.
    pub(crate) fn http(&mut self) -> WasiHttpCtxView<'_> {
        let Self { http, outlet, grants, table, net_bounds, deadline, teller, .. } = self;
        let http = http.get_or_insert_with(|| {
            let mut ctx = WasiHttpCtx::new();
            ctx.set_field_size_limit(FIELDS);
            let account = Account::new(*net_bounds, teller.afresh());
            Box::new(Http { ctx, hooks: Hooks::new(Arc::clone(grants), outlet.clone(), account, *deadline) })
        });
        WasiHttpCtxView { hooks: &mut http.hooks, table, ctx: &mut http.ctx }
    }

    /// Takes over into the notes what was refused, and whether anything was asked for.
    pub(crate) fn note_http(&mut self) {
        let Some(http) = &self.http else { return };
        let account = http.hooks.account();
        let used = account.used();
        if used.requests > 0 {
            self.notes.effects.insert(Effect::Net);
        }
        if used.writes > 0 {
            self.notes.effects.insert(Effect::NetWrite);
        }
        let (denied, more) = account.take_denied();
        for asked in denied {
            self.notes.deny(Capability::Net, &asked);
        }
        self.notes.denials_dropped += more;
    }

    /// The first limit of requests and their bodies that was reached.
    pub(crate) fn http_reached(&self) -> Option<(Resource, Spent)> {
        self.http.as_ref()?.hooks.account().reached()
    }

    /// Decisions that were no events, because there were too many.
    pub(crate) fn decisions_dropped(&self) -> u64 {
        self.teller.dropped() + self.http.as_ref().map_or(0, |http| http.hooks.account().untold())
    }

    /// The limits of its account, or those that it would have.
    pub(crate) fn http_bounds(&self) -> Bounds {
        self.http.as_ref().map_or(self.net_bounds, |http| http.hooks.account().bounds())
    }

    /// What was sent and received.
    pub(crate) fn http_used(&self) -> Used {
        self.http.as_ref().map(|http| http.hooks.account().used()).unwrap_or_default()
    }
}
