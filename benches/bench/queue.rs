//! The queue and the permits alone, without anything to run.

use std::time::Instant;

use anyhow::{Result, anyhow};
use hotcell_flow::permit::Permits;
use hotcell_flow::queue::Queue;

use crate::compare::{median, quantile};
use crate::figure::Figures;
use crate::flow::machine;
use crate::subject::runtime;

/// Tasks of one round.
const TASKS: u32 = 200_000;

pub(crate) fn measure(figures: &mut Figures) -> Result<()> {
    let names = ["queue.tasks_per_s", "queue.start_p99_us"];
    if !figures.want(&names) {
        return Ok(());
    }
    let main = runtime(2)?;
    let queue = Queue::new(Queue::DEFAULT_SIZE, machine());
    let permits = Permits::new(Permits::DEFAULT_LIMIT);
    let one = async || {
        let ticket = queue.enter(None).await.map_err(|refused| anyhow!("{refused:?}"))?;
        ticket.permit(&permits).await.map_err(|refused| anyhow!("{refused:?}"))
    };
    let mut rates = Vec::new();
    for _ in 0..7 {
        let start = Instant::now();
        main.block_on(async {
            for _ in 0..TASKS {
                drop(one().await?);
            }
            anyhow::Ok(())
        })?;
        rates.push(f64::from(TASKS) / start.elapsed().as_secs_f64());
    }
    figures.take("queue.tasks_per_s", median(rates), "tasks/s", None, ">= 1 M");
    let starts = main.block_on(async {
        let mut starts = Vec::new();
        for _ in 0..10_000 {
            let start = Instant::now();
            let permit = one().await?;
            starts.push(start.elapsed().as_secs_f64());
            drop(permit);
        }
        anyhow::Ok(starts)
    })?;
    figures.take("queue.start_p99_us", quantile(starts, 0.99) * 1e6, "us", None, "<= 100 us");
    Ok(())
}
