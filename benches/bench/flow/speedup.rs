//! Tools that take 50 ms, one after another and all at once.

use std::time::Instant;

use anyhow::Result;
use futures::future::try_join_all;
use hotcell_call::{Payload, Target};
use serde_json::json;

use crate::compare::median;
use crate::figure::Figures;
use crate::place;
use crate::subject::{self, Subject, runtime};

/// The default settings, and a tool that is given the real clock: its sleep is a real one.
const DEFAULTS: &str = "[tools.sleeper]\nclock.mode = \"real\"\n";
const MILLIS: u64 = 50;
/// Calls one after another.
const FEW: u32 = 10;
/// Calls at once: as many as are in flight unless set.
const MANY: u32 = 1_000;

pub(crate) fn measure(figures: &mut Figures) -> Result<()> {
    let name = "flow.speedup_vs_sequential";
    if !figures.want(&[name]) {
        return Ok(());
    }
    let host = Subject::with(DEFAULTS)?.tool("sleeper", &place::guest("sleeper")?)?.host()?;
    let (target, input): (Target, _) = ("sleeper.nap".parse()?, Payload::new(json!({ "ms": MILLIS }).to_string()));
    let call = || subject::call(&host, &target, &input);
    let speedups = runtime(2)?.block_on(async {
        call().await?;
        let mut speedups = Vec::new();
        for _ in 0..5 {
            let start = Instant::now();
            for _ in 0..FEW {
                call().await?;
            }
            let one = start.elapsed() / FEW;
            let start = Instant::now();
            try_join_all((0..MANY).map(|_| call())).await?;
            let each = start.elapsed() / MANY;
            speedups.push(one.as_secs_f64() / each.as_secs_f64());
        }
        anyhow::Ok(speedups)
    })?;
    figures.take(name, median(speedups), "times", None, ">= 5, aim >= 40; the original at its best: 43.5");
    Ok(())
}
