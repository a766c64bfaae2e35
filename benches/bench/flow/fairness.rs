//! Who gets how much when one of eight tenants floods the host.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};
use futures::future::try_join_all;
use hotcell_flow::fair::{Share, Shares};
use hotcell_flow::permit::Permits;
use hotcell_flow::schedule::{Closing, Report, Scheduler, Settings, Task};

use super::machine;
use crate::figure::Figures;
use crate::subject::runtime;

/// The weights of the tenants. The first is the one that floods.
const WEIGHTS: [u32; 8] = [1, 1, 2, 2, 3, 3, 4, 4];
/// Callers of the one that floods, and of each other: enough that all have work waiting at all times.
const CALLERS: [u64; 2] = [100, 10];
/// How long a call of the one that floods takes, and of each other.
const TAKES: [Duration; 2] = [Duration::from_millis(6), Duration::from_millis(2)];
/// Places that they share.
const PLACES: usize = 8;
const LASTS: Duration = Duration::from_secs(3);

/// What each tenant got, in microseconds of a place.
type Got = [AtomicU64; 8];

pub(crate) fn measure(figures: &mut Figures) -> Result<()> {
    let name = "flow.fairness_jain";
    if !figures.want(&[name]) {
        return Ok(());
    }
    let got = runtime(2)?.block_on(crowd())?;
    let due: Vec<f64> =
        got.iter().zip(WEIGHTS).map(|(got, weight)| got.load(Ordering::Relaxed) as f64 / f64::from(weight)).collect();
    let mean = due.iter().sum::<f64>() / due.len() as f64;
    let flood = due.first().map(|due| due / mean);
    figures.take(name, jain(&due), "of 1", flood, ">= 0.95; the ratio is what the flood got to its due");
    Ok(())
}

/// 1 if all got what they should, 1/n if one got everything.
fn jain(got: &[f64]) -> f64 {
    let (sum, squares) = (got.iter().sum::<f64>(), got.iter().map(|x| x * x).sum::<f64>());
    sum * sum / (got.len() as f64 * squares)
}

async fn crowd() -> Result<Arc<Got>> {
    let shares = (0..).zip(WEIGHTS).try_fold(Shares::default(), |shares, (tenant, weight)| {
        shares.with(tenant, Share { weight, ..Share::default() })
    })?;
    let (scheduler, service) = Scheduler::new(Settings::default(), shares, Permits::new(PLACES), machine())?;
    let service = tokio::spawn(service.run());
    let (got, names, end) = (Arc::new(Got::default()), Arc::new(AtomicU64::new(0)), Instant::now() + LASTS);
    let mut callers = Vec::new();
    for tenant in 0..WEIGHTS.len() {
        let (own, takes) = if tenant == 0 { (CALLERS[0], TAKES[0]) } else { (CALLERS[1], TAKES[1]) };
        for _ in 0..own {
            let (scheduler, got, names) = (scheduler.clone(), Arc::clone(&got), Arc::clone(&names));
            callers.push(tokio::spawn(async move {
                while Instant::now() < end {
                    let task = Task::new(names.fetch_add(1, Ordering::Relaxed), tenant);
                    let started = scheduler.submit(task)?.await.map_err(|end| anyhow!("{end:?}"))?;
                    let begun = Instant::now();
                    tokio::time::sleep(takes).await;
                    let cost = u64::try_from(begun.elapsed().as_micros())?;
                    started.finish(Report::done().cost(cost));
                    // What waits when the time is up is no longer contended for: the longest line would get all of it.
                    if let Some(got) = got.get(tenant).filter(|_| Instant::now() < end) {
                        got.fetch_add(cost, Ordering::Relaxed);
                    }
                }
                anyhow::Ok(())
            }));
        }
    }
    for ended in try_join_all(callers).await? {
        ended?;
    }
    scheduler.closed(Closing::Drain).await;
    service.await?;
    Ok(got)
}
