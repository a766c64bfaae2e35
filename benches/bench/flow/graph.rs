//! Steps that need each other: what the graph adds to the steps themselves.

use std::cell::RefCell;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use hotcell_flow::dag::{Dag, OnFailure, Verdict, run};

use crate::compare::median;
use crate::figure::Figures;
use crate::subject::runtime;

/// How long each step sleeps.
const STEP: Duration = Duration::from_millis(10);
/// Steps on the longest path of a diamond.
const LONGEST: u32 = 3;

pub(crate) fn measure(figures: &mut Figures) -> Result<()> {
    for (name, size, aim) in [
        ("flow.dag_10_over_critical_path_ms", 10, "<= 2 ms; the ratio is to 30 ms"),
        ("flow.dag_100_over_critical_path_ms", 100, "<= 5 ms; the ratio is to 30 ms"),
    ] {
        if figures.want(&[name]) {
            let (over, whole) = diamond(size)?;
            figures.take(name, over * 1e3, "ms", Some(whole / (STEP * LONGEST).as_secs_f64()), aim);
        }
    }
    Ok(())
}

/// One first, one last, all others between them: how much longer the whole takes than the steps of its longest path did, and how
/// long the whole takes. A sleep ends up to two milliseconds late, which is the timer's and in the second figure alone.
fn diamond(size: usize) -> Result<(f64, f64)> {
    let middle = 1..size - 1;
    let edges = middle.clone().map(|node| (0, node)).chain(middle.map(|node| (node, size - 1)));
    let dag = Dag::new(0..size, edges)?;
    let main = runtime(2)?;
    let (mut overs, mut wholes) = (Vec::new(), Vec::new());
    for _ in 0..21 {
        let took = RefCell::new(vec![Duration::ZERO; size]);
        let start = Instant::now();
        let progress = main.block_on(run(&dag, OnFailure::GoOn, async |node| {
            let begun = Instant::now();
            tokio::time::sleep(STEP).await;
            if let Some(took) = took.borrow_mut().get_mut(node.index()) {
                *took = begun.elapsed();
            }
            Verdict::Done
        }));
        let whole = start.elapsed();
        ensure!(progress.counts().done == size, "{:?}", progress.counts());
        overs.push(whole.saturating_sub(longest(&dag, &took.into_inner())).as_secs_f64());
        wholes.push(whole.as_secs_f64());
    }
    Ok((median(overs), median(wholes)))
}

/// The time of the longest path, by what each step took. Nodes come after what they need here.
fn longest(dag: &Dag<usize>, took: &[Duration]) -> Duration {
    let mut ends: Vec<Duration> = Vec::new();
    for (node, took) in dag.nodes().zip(took) {
        let ready = dag.needs(node).iter().filter_map(|need| ends.get(need.index())).max().copied();
        ends.push(ready.unwrap_or_default() + *took);
    }
    ends.into_iter().max().unwrap_or_default()
}
