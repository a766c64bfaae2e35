//! How much the scheduler itself costs: a million tasks that do nothing, from fifty tenants.
//!
//! ```text
//! cargo run --release -p hotcell-flow --example scheduler
//! ```

#![expect(clippy::print_stdout, reason = "it prints what it measured")]

use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::FutureExt;
use futures::future::{BoxFuture, join};
use hotcell_call::{Clock, SystemClock};
use hotcell_flow::Timer;
use hotcell_flow::fair::{SettingsError, Shares};
use hotcell_flow::permit::Permits;
use hotcell_flow::schedule::{Report, Scheduler, Service, Settings, Task};

const TASKS: u64 = 1_000_000;
const TENANTS: u64 = 50;

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

/// A scheduler and its loop.
type Pair = (Scheduler<u64, u64>, Service<u64, u64>);

fn scheduler(settings: Settings) -> Result<Pair, SettingsError> {
    Scheduler::new(settings, Shares::default(), Permits::new(64), Arc::new(Machine))
}

/// Tasks one after another: how long each takes from its submission to its end, and to its start.
async fn idle(scheduler: Scheduler<u64, u64>) -> Result<(Duration, Vec<Duration>), Box<dyn Error>> {
    let begun = Machine.now();
    let mut starts = Vec::new();
    for id in 0..TASKS {
        let submitted = Machine.now();
        let started = scheduler.submit(Task::new(id, id % TENANTS))?.await.map_err(|end| format!("{end:?}"))?;
        starts.push(Machine.now() - submitted);
        started.finish(Report::done().cost(1));
    }
    starts.sort_unstable();
    Ok((Machine.now() - begun, starts))
}

/// Tasks that run by themselves, a thousand at a time through 64 places.
async fn spawned(scheduler: Scheduler<u64, u64>) -> Result<Duration, Box<dyn Error>> {
    let begun = Machine.now();
    for id in 0..TASKS {
        let spawn = |whole| drop(tokio::spawn(whole));
        scheduler.run(Task::new(id, id % TENANTS), spawn, |_started| async { Report::done().cost(1) })?;
        if id % 1_000 == 999 {
            scheduler.idle().await;
        }
    }
    Ok(Machine.now() - begun)
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let (handle, service) = scheduler(Settings { remembered: 0, ..Settings::default() })?;
    let (took, _) = join(idle(handle), service.run()).await.0?;
    println!("no memory of ends: {:.2} M tasks/s", rate(took));
    let (handle, service) = scheduler(Settings::default())?;
    let (took, starts) = join(idle(handle), service.run()).await.0?;
    let at = |part: usize| starts.get(starts.len() * part / 100).copied().unwrap_or_default();
    println!("one after another: {:.2} M tasks/s", rate(took));
    println!("submit to start:   p50 {:?}, p99 {:?}", at(50), at(99));
    let (handle, service) = scheduler(Settings::default())?;
    let took = join(spawned(handle), service.run()).await.0?;
    println!("spawned:           {:.2} M tasks/s", rate(took));
    Ok(())
}

fn rate(took: Duration) -> f64 {
    Duration::from_secs(TASKS).as_secs_f64() / took.as_secs_f64() / 1e6
}
