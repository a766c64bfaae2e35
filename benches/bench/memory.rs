//! What waits costs memory: tools that nobody calls, calls that sleep.
//!
//! Resident memory never shrinks back to where it was, so each figure is taken in a process of its own that does one thing, and
//! the same process without that thing is what it is compared with.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use hotcell_call::{ClockMode, GrantKeys, LimitKeys, Payload};
use hotcell_runtime::config::{InFlight, ToolConfig};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::task::JoinSet;

use crate::figure::Figures;
use crate::load::{ROUND, folder, names};
use crate::subject::{self, Subject, runtime};
use crate::{FRESH, place};

/// Tools in a folder that nobody calls.
const IDLE: usize = 1_000;
/// Calls that sleep at the same time.
const ASLEEP: usize = 10_000;

/// What a process holds.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Held {
    /// Resident memory, in KiB.
    resident: f64,
    /// Open files.
    files: f64,
    /// Threads.
    threads: f64,
}

pub(crate) fn measure(figures: &mut Figures) -> Result<()> {
    if !cfg!(target_os = "linux") {
        return Ok(());
    }
    if figures.want(&["rss_per_idle_tool_kib", "files_per_idle_tool"]) {
        idle(figures).context("idle tools")?;
    }
    if figures.want(&["rss_per_listed_tool_kib", "rss_per_called_tool_kib"]) {
        used(figures).context("used tools")?;
    }
    if figures.want(&["suspended_calls_10k_rss_mib", "suspended_calls_10k_threads"]) {
        asleep(figures).context("sleeping calls")?;
    }
    Ok(())
}

/// Tools in a folder, known by name and nothing more.
fn idle(figures: &mut Figures) -> Result<()> {
    let echo = place::guest("echo")?;
    let (none, many) = (place::scratch("idle/none")?, place::scratch("idle/many")?);
    for number in 0..IDLE {
        let file = many.join(format!("idle-{number:04}.wasm"));
        if !file.exists() {
            std::os::unix::fs::symlink(&echo, file)?;
        }
    }
    let (before, after) = (held("host", &none)?, held("host", &many)?);
    let each = |more: f64| more / IDLE as f64;
    figures.take("rss_per_idle_tool_kib", each(after.resident - before.resident), "KiB", None, "<= 50 KiB");
    figures.take("files_per_idle_tool", each(after.files - before.files), "files", None, "0");
    Ok(())
}

/// Tools that were listed, and tools that were called once.
fn used(figures: &mut Figures) -> Result<()> {
    let all = place::variants(&place::guest("echo")?, ROUND)?;
    // Whatever is not in the cache yet is compiled here, and not in a process that is measured.
    held("called", &all)?;
    let (before, listed, called) = (held("host", &all)?, held("listed", &all)?, held("called", &all)?);
    let each = |more: f64| more / ROUND as f64;
    let aim = "engine alone: 586 KiB";
    figures.take("rss_per_listed_tool_kib", each(listed.resident - before.resident), "KiB", None, "");
    figures.take("rss_per_called_tool_kib", each(called.resident - before.resident), "KiB", None, aim);
    Ok(())
}

/// Calls in their cells that wait for the time to pass.
fn asleep(figures: &mut Figures) -> Result<()> {
    let sleeper = place::guest("sleeper")?;
    let (before, after) = (held("awake", &sleeper)?, held("asleep", &sleeper)?);
    let mib = (after.resident - before.resident) / 1024.0;
    let aim = "<= 781 MiB (80 KiB each)";
    figures.take("suspended_calls_10k_rss_mib", mib, "MiB", None, aim);
    figures.take("suspended_calls_10k_threads", after.threads - before.threads, "threads", None, "0");
    Ok(())
}

/// What a fresh process holds after it has done `what` with `path`.
fn held(what: &str, path: &Path) -> Result<Held> {
    let output = Command::new(std::env::current_exe()?).args([FRESH, what]).arg(path).output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    if !output.status.success() {
        bail!("{what}: {}", text.trim());
    }
    serde_json::from_str(&text).with_context(|| format!("{what}: {text}"))
}

// === the fresh process ===

/// Does one thing and prints what the process holds then.
pub(crate) fn fresh(mut args: impl Iterator<Item = String>) -> Result<()> {
    let what = args.next().context("what?")?;
    let path = PathBuf::from(args.next().context("with what?")?);
    match what.as_str() {
        "host" => done(&folder(&path)?),
        "listed" => {
            let host = folder(&path)?;
            let (tools, _) = runtime(2)?.block_on(host.tools());
            ensure!(tools.len() == ROUND, "{} tools", tools.len());
            drop(tools);
            done(&host)
        }
        "called" => {
            let host = folder(&path)?;
            let input = Payload::new(json!({ "text": "once" }).to_string());
            let once = async {
                for target in names(ROUND)? {
                    subject::call(&host, &target, &input).await?;
                }
                anyhow::Ok(())
            };
            runtime(2)?.block_on(once)?;
            done(&host)
        }
        "awake" => runtime(2)?.block_on(sleep(&path, 1)),
        "asleep" => runtime(2)?.block_on(sleep(&path, ASLEEP)),
        other => bail!("there is no `{other}`"),
    }
}

/// Prints what the process holds; `_kept` is what must still be there.
fn done<T>(_kept: &T) -> Result<()> {
    println!("{}", serde_json::to_string(&Held::now()?)?);
    Ok(())
}

/// So many calls, all asleep.
async fn sleep(sleeper: &Path, count: usize) -> Result<()> {
    let hour = Duration::from_secs(3_600);
    let awake = ToolConfig {
        limits: LimitKeys { timeout: Some(hour), ..LimitKeys::default() },
        // A virtual clock passes an hour in no time.
        grants: GrantKeys { clock: Some(ClockMode::Real), ..GrantKeys::default() },
        ..ToolConfig::default()
    };
    let host = Subject::new()?
        .config(|config| {
            config.schedule.in_flight = InFlight::Fixed(u32::try_from(ASLEEP).unwrap_or(u32::MAX));
            config.schedule.per_tool = Some(u32::try_from(ASLEEP).unwrap_or(u32::MAX));
        })
        .tool("sleeper", sleeper)?
        .given("sleeper", awake)?
        .host()?;
    let target = "sleeper.nap".parse()?;
    subject::call(&host, &target, &Payload::new(json!({ "ms": 1 }).to_string())).await?;
    let input = Payload::new(json!({ "ms": hour.as_millis() }).to_string());
    let mut calls = JoinSet::new();
    for _ in 0..count {
        let (host, target, input) = (host.clone(), target.clone(), input.clone());
        calls.spawn(async move { subject::call(&host, &target, &input).await });
    }
    settled(&host, &mut calls, count).await?;
    done(&calls)
}

/// Waits until all calls run and nothing more happens.
async fn settled(host: &hotcell_runtime::Host, calls: &mut JoinSet<Result<Payload>>, count: usize) -> Result<()> {
    let mut before = Held::now()?.resident;
    let mut still = 0;
    while still < 5 {
        tokio::time::sleep(Duration::from_millis(200)).await;
        if let Some(ended) = calls.try_join_next() {
            let answer = ended??;
            bail!("a call ended that should sleep: {}", answer.as_str());
        }
        let now = Held::now()?.resident;
        let unchanged = host.load().running == count && (now - before).abs() < 256.0;
        still = if unchanged { still + 1 } else { 0 };
        before = now;
    }
    Ok(())
}

impl Held {
    /// As the kernel counts it.
    fn now() -> Result<Self> {
        let status = std::fs::read_to_string("/proc/self/status")?;
        let number = |key: &str| {
            let line = status.lines().find(|line| line.starts_with(key)).with_context(|| format!("no {key}"))?;
            Ok::<f64, anyhow::Error>(line.split_whitespace().nth(1).unwrap_or_default().parse()?)
        };
        Ok(Self {
            resident: number("VmRSS:")?,
            files: std::fs::read_dir("/proc/self/fd")?.count() as f64,
            threads: number("Threads:")?,
        })
    }
}
