//! Ten thousand a second: how far what is let through is from that.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use anyhow::Result;
use futures::future::try_join_all;
use hotcell_flow::rate::{Algorithm, Rate, Throttle};

use super::machine;
use crate::figure::Figures;
use crate::subject::runtime;

const RATE: u32 = 10_000;
/// What is let in at once at the beginning, of the two algorithms that have a burst: ten milliseconds of the rate.
const BURST: u32 = 100;
/// Starts of one measurement: two seconds of a window, of which the first is there at once, and three of the others.
const STARTS: u32 = 30_000;
/// Callers who wait in line.
const CALLERS: usize = 64;

pub(crate) fn measure(figures: &mut Figures) -> Result<()> {
    let name = "flow.limiter_error_pct";
    if !figures.want(&[name]) {
        return Ok(());
    }
    let main = runtime(2)?;
    let mut worst = 0.0_f64;
    for algorithm in Algorithm::ALL {
        let rate = Rate::new(algorithm, RATE, Duration::from_secs(1))?;
        let rate = if algorithm == Algorithm::SlidingWindow { rate } else { rate.with_burst(BURST)? };
        let took = main.block_on(greedy(rate))?.as_secs_f64();
        let asked = f64::from(STARTS - rate.burst()) / f64::from(RATE);
        worst = worst.max((took / asked - 1.0).abs());
    }
    figures.take(name, worst * 100.0, "%", None, "< 1 %; the worst of three algorithms");
    Ok(())
}

/// How long it takes until callers who want all that they can get have had so many.
async fn greedy(rate: Rate) -> Result<Duration> {
    let (throttle, left) = (Throttle::new(rate, CALLERS, machine()), Arc::new(AtomicU32::new(STARTS)));
    let start = Instant::now();
    let callers = (0..CALLERS).map(|_| {
        let (throttle, left) = (throttle.clone(), Arc::clone(&left));
        let caller = tokio::spawn(async move {
            let taken = |left: u32| left.checked_sub(1);
            while left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, taken).is_ok() {
                throttle.take(1, None).await?;
            }
            anyhow::Ok(())
        });
        async move { caller.await? }
    });
    try_join_all(callers).await?;
    Ok(start.elapsed())
}
