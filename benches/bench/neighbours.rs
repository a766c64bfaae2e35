//! What others do to a short call, and how soon a call that will not end is gone.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use hotcell_call::{Code, Count, LimitKeys, Payload, Target, ToolCall};
use hotcell_runtime::Host;
use hotcell_runtime::config::ToolConfig;
use serde_json::json;
use tokio::task::JoinSet;

use crate::compare::{median, quantile};
use crate::figure::Figures;
use crate::place;
use crate::subject::{self, Subject, runtime};

/// Guests that spin, each of a tenant of its own.
const SPINNING: usize = 64;
/// Short calls of one sample.
const SHORT: usize = 400;
/// Samples alone and in the crowd, in turns.
const TURNS: usize = 5;
/// How often a short call comes.
const PACE: Duration = Duration::from_millis(3);
/// The limit of a call that will not end.
const LIMIT: Duration = Duration::from_millis(50);

pub(crate) fn measure(figures: &mut Figures) -> Result<()> {
    let names = ["neighbour.p99_ms", "runaway.gone_p99_ms"];
    if !figures.want(&names) {
        return Ok(());
    }
    let hour = LimitKeys {
        timeout: Some(Duration::from_secs(3_600)),
        fuel: Some(Count::new(u64::MAX)),
        ..LimitKeys::default()
    };
    let host = Subject::new()?
        .tool("echo", &place::guest("echo")?)?
        .tool("cpu", &place::guest("cpu")?)?
        .given("cpu", ToolConfig { limits: hour, ..ToolConfig::default() })?
        .host()?;
    let main = runtime(2)?;
    if figures.want(&names[..1]) {
        let (beside, ratio) = main.block_on(async { tokio::spawn(crowd(host.clone())).await? })?;
        figures.take(names[0], beside * 1e3, "ms", Some(ratio), "ratio <= 3");
    }
    if figures.want(&names[1..]) {
        let gone = main.block_on(async { tokio::spawn(runaways(host)).await? })?;
        figures.take(names[1], gone * 1e3, "ms", None, "<= 10 ms after its limit");
    }
    Ok(())
}

/// The 99th percentile of a call of about 1 ms beside many that spin, and its ratio to the same alone.
async fn crowd(host: Host) -> Result<(f64, f64)> {
    let work = millisecond(&host).await?;
    let (mut besides, mut ratios) = (Vec::new(), Vec::new());
    for _ in 0..TURNS {
        let alone = p99(&host, &work).await?;
        let spinning = spin(&host).await?;
        let beside = p99(&host, &work).await?;
        drop(spinning);
        while host.load().under_way > 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        besides.push(beside);
        ratios.push(beside / alone);
    }
    Ok((median(besides), median(ratios)))
}

/// The input with which the echo works for about a millisecond.
async fn millisecond(host: &Host) -> Result<Payload> {
    let input = |rounds: u64| Payload::new(json!({ "rounds": rounds }).to_string());
    let mut rounds = 10_000;
    loop {
        let start = Instant::now();
        subject::call(host, &"echo.work".parse()?, &input(rounds)).await?;
        if start.elapsed() >= Duration::from_millis(1) {
            return Ok(input(rounds));
        }
        rounds += rounds / 4;
    }
}

/// Guests that spin until they are dropped.
async fn spin(host: &Host) -> Result<JoinSet<()>> {
    let mut spinning = JoinSet::new();
    for tenant in 0..SPINNING {
        let mut call = never_ending(host)?;
        call.tenant = format!("spinner-{tenant}").parse()?;
        let host = host.clone();
        spinning.spawn(async move { drop(host.call(call).await) });
    }
    while host.load().running < SPINNING {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    // Beyond their first slices: from here on they are long calls.
    tokio::time::sleep(Duration::from_millis(200)).await;
    Ok(spinning)
}

/// The 99th percentile of short calls, one every few milliseconds.
async fn p99(host: &Host, input: &Payload) -> Result<f64> {
    let target: Target = "echo.work".parse()?;
    let mut times = Vec::with_capacity(SHORT);
    let mut pace = tokio::time::interval(PACE);
    for _ in 0..SHORT {
        pace.tick().await;
        let start = Instant::now();
        subject::call(host, &target, input).await?;
        times.push(start.elapsed().as_secs_f64());
    }
    Ok(quantile(times, 0.99))
}

/// How long after its limit a call that will not end is gone: the 99th percentile.
async fn runaways(host: Host) -> Result<f64> {
    let mut late = Vec::new();
    for _ in 0..200 {
        let mut call = never_ending(&host)?;
        call.limits.timeout = Some(LIMIT);
        let start = Instant::now();
        let ended = host.call(call).await;
        let code = ended.result.err().map(|failure| failure.code());
        ensure!(code == Some(Code::Timeout), "a runaway ended as {code:?}");
        late.push(start.elapsed().saturating_sub(LIMIT).as_secs_f64());
    }
    Ok(quantile(late, 0.99))
}

fn never_ending(host: &Host) -> Result<ToolCall> {
    Ok(host.next_call("cpu.spin".parse()?, Payload::default()))
}
