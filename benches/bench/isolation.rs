//! What others do to a short call, and how soon a call that will not end is gone.
//!
//! Beside the short call of one tenant are 64 guests of one kind, each of a tenant of its own; whenever one of them is ended, it is
//! called again. A ratio of the same call alone, in turns with it, says how much of its time is theirs.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use hotcell_call::{ByteSize, ClockMode, Code, Count, GrantKeys, LimitKeys, Payload, Target};
use hotcell_runtime::Host;
use hotcell_runtime::config::ToolConfig;
use serde_json::json;
use tokio::task::JoinSet;

use crate::compare::{median, quantile};
use crate::figure::Figures;
use crate::place;
use crate::subject::{self, Subject, runtime};

/// One kind of neighbours.
struct Crowd {
    figure: &'static str,
    /// What each of them runs, for as long as it is let.
    target: &'static str,
    /// What ends it, if not its fuel, of which it has enough, or its time, which is an hour.
    limits: fn() -> LimitKeys,
}

/// Guests of a kind, each of a tenant of its own.
const MANY: usize = 64;
/// Short calls of one sample.
const SHORT: usize = 400;
/// Samples alone and in the crowd, in turns.
const TURNS: usize = 3;
/// How often a short call comes.
const PACE: Duration = Duration::from_millis(3);
/// The limit of a call that will not end.
const LIMIT: Duration = Duration::from_millis(50);

const CROWDS: [Crowd; 5] = [
    Crowd { figure: "isolation.neighbour_p99_ratio.spinners", target: "cpu.spin", limits: LimitKeys::default },
    // Some tens of milliseconds of work.
    Crowd {
        figure: "isolation.neighbour_p99_ratio.fuel_bombs",
        target: "cpu.spin",
        limits: || LimitKeys { fuel: Some(Count::new(50_000_000)), ..LimitKeys::default() },
    },
    // All of them together stay below what the process may have: it is the work of growing that is shared, not the lack.
    Crowd {
        figure: "isolation.neighbour_p99_ratio.memory_bombs",
        target: "memory.touch",
        limits: || LimitKeys { memory: Some(ByteSize::mib(16)), ..LimitKeys::default() },
    },
    Crowd {
        figure: "isolation.neighbour_p99_ratio.random_storms",
        target: "randomness.storm",
        limits: LimitKeys::default,
    },
    Crowd { figure: "isolation.neighbour_p99_ratio.sleepers", target: "sleeper.chain", limits: LimitKeys::default },
];
const STOP: &str = "isolation.stop_latency_ms";

pub(crate) fn measure(figures: &mut Figures) -> Result<()> {
    if !figures.want(&CROWDS.each_ref().map(|crowd| crowd.figure)) && !figures.want(&[STOP]) {
        return Ok(());
    }
    let (host, main) = (host()?, runtime(2)?);
    for crowd in &CROWDS {
        if figures.want(&[crowd.figure]) {
            let ratio = main.block_on(async { tokio::spawn(beside(host.clone(), crowd)).await? })?;
            figures.take(crowd.figure, ratio, "x", None, "<= 3");
        }
    }
    if figures.want(&[STOP]) {
        let gone = main.block_on(async { tokio::spawn(runaways(host)).await? })?;
        figures.take(STOP, gone * 1e3, "ms", None, "<= 10 ms after its limit, p99");
    }
    Ok(())
}

/// A host whose tools have more than they will need, but for what a crowd lowers.
fn host() -> Result<Host> {
    let limits = LimitKeys {
        timeout: Some(Duration::from_secs(3_600)),
        fuel: Some(Count::new(u64::MAX)),
        random: Some(ByteSize::mib(1_024)),
        ..LimitKeys::default()
    };
    let grants = GrantKeys { clock: Some(ClockMode::Real), ..GrantKeys::default() };
    let mut subject = Subject::new()?.tool("echo", &place::guest("echo")?)?;
    for name in ["cpu", "memory", "randomness", "sleeper"] {
        let given = ToolConfig { limits: limits.clone(), grants: grants.clone(), ..ToolConfig::default() };
        subject = subject.tool(name, &place::guest(name)?)?.given(name, given)?;
    }
    subject.host()
}

/// The 99th percentile of a call of about 1 ms beside a crowd, as a multiple of the same alone.
async fn beside(host: Host, crowd: &'static Crowd) -> Result<f64> {
    let work = millisecond(&host).await?;
    // Compiled and loaded before anything is timed: one that ends by itself is not what is meant.
    host.inspect(&crowd.target.parse::<Target>()?.tool).await.map_err(|failure| subject::told(&failure))?;
    let mut ratios = Vec::new();
    for _ in 0..TURNS {
        let alone = p99(&host, &work).await?;
        let others = gather(&host, crowd).await?;
        let beside = p99(&host, &work).await?;
        drop(others);
        while host.load().under_way > 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        ratios.push(beside / alone);
    }
    Ok(median(ratios))
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

/// Guests of one kind, until they are dropped.
async fn gather(host: &Host, crowd: &'static Crowd) -> Result<JoinSet<()>> {
    let target: Target = crowd.target.parse()?;
    let mut others = JoinSet::new();
    for number in 0..MANY {
        let (host, target, tenant) = (host.clone(), target.clone(), format!("other-{number}").parse()?);
        others.spawn(async move {
            loop {
                let mut call = host.next_call(target.clone(), Payload::default());
                (call.tenant, call.limits) = (Clone::clone(&tenant), (crowd.limits)());
                drop(host.call(call).await);
            }
        });
    }
    while host.load().under_way < MANY {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    // Beyond their first slices: from here on they are long calls.
    tokio::time::sleep(Duration::from_millis(200)).await;
    Ok(others)
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
        let mut call = host.next_call("cpu.spin".parse()?, Payload::default());
        call.limits.timeout = Some(LIMIT);
        let start = Instant::now();
        let ended = host.call(call).await;
        let code = ended.result.err().map(|failure| failure.code());
        ensure!(code == Some(Code::Timeout), "a runaway ended as {code:?}");
        late.push(start.elapsed().saturating_sub(LIMIT).as_secs_f64());
    }
    Ok(quantile(late, 0.99))
}
