//! The flow of calls: what the scheduler and its neighbours cost, and what they keep.
//!
//! The first ones are measured alone, without anything to run; the last three go through the whole path with real guests. Each is
//! bounded in time, and all together take less than a minute.

mod fairness;
mod graph;
mod moving;
mod overhead;
mod overload;
mod rates;
mod scheduler;
mod speedup;

use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, Result};
use futures::FutureExt;
use futures::future::BoxFuture;
use hotcell_call::{Clock, SystemClock};
use hotcell_flow::Timer;

use crate::figure::Figures;

/// The machine's own time.
struct Machine;

impl Clock for Machine {
    fn now(&self) -> Instant {
        SystemClock.now()
    }
}

impl Timer for Machine {
    fn sleep_until(&self, at: Instant) -> BoxFuture<'static, ()> {
        tokio::time::sleep_until(at.into()).boxed()
    }
}

pub(crate) fn measure(figures: &mut Figures) -> Result<()> {
    scheduler::measure(figures).context("the scheduler")?;
    fairness::measure(figures).context("fair shares")?;
    graph::measure(figures).context("graphs")?;
    rates::measure(figures).context("rates")?;
    moving::measure(figures).context("channels and pipelines")?;
    speedup::measure(figures).context("many at once")?;
    overload::measure(figures).context("too much at once")?;
    overhead::measure(figures).context("the whole path")
}

/// The machine's time, for whoever keeps it.
pub(crate) fn machine() -> Arc<dyn Timer> {
    Arc::new(Machine)
}
