//! From a file to the first answer, and the round of many tools.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use hotcell_call::{Payload, Target};
use hotcell_runtime::Host;
use serde_json::json;
use tokio::runtime::Runtime;

use crate::compare::{in_turns, median, timed};
use crate::engine::{Bare, BareTool};
use crate::figure::{Figures, Unit};
use crate::place;
use crate::subject::{self, Subject, runtime};

/// Tools of a round.
pub(crate) const ROUND: usize = 200;
/// Tools of a start.
const STARTED: usize = 50;

pub(crate) fn measure(figures: &mut Figures) -> Result<()> {
    let main = runtime(2)?;
    if figures.want(&["load.compile_component_ms"]) {
        compile(figures, &main).context("compiling")?;
    }
    if figures.want(&["load.cached_component_ms"]) {
        cached(figures, &main).context("a cached component")?;
    }
    if figures.want(&["load.round_robin_200_ratio", "load.round_robin_200.path_vs_engine"]) {
        round(figures, &main).context("a round of tools")?;
    }
    if figures.want(&["load.start_50_tools_ms"]) {
        start(figures, &main).context("a start")?;
    }
    Ok(())
}

/// A component that was never seen, to its first answer: beside the compiler alone, without its process.
fn compile(figures: &mut Figures, main: &Runtime) -> Result<()> {
    let echo = place::guest("echo")?;
    let bytes = std::fs::read(&echo)?;
    let bare = Bare::new()?;
    let compared = in_turns(
        7,
        || {
            let host = Subject::new()?.config(|config| config.cache = None).tool("echo", &echo)?.host()?;
            timed(|| main.block_on(first_answer(&host)))
        },
        || timed(|| bare.compile(&bytes)),
    )?;
    figures.compared("load.compile_component_ms", compared, Unit::Millis, "beside the compiler alone");
    Ok(())
}

/// A component that is in the cache, to its first answer in a fresh host: beside a call of one that is loaded.
fn cached(figures: &mut Figures, main: &Runtime) -> Result<()> {
    let text = place::starter("text")?;
    let target: Target = "text.stats".parse()?;
    let input = Payload::new(json!({ "text": "one two" }).to_string());
    let fresh = || Subject::new()?.tool("text", &text)?.host();
    main.block_on(subject::call(&fresh()?, &target, &input))?;
    let warm = fresh()?;
    let compared = in_turns(
        21,
        || {
            let host = fresh()?;
            timed(|| main.block_on(subject::call(&host, &target, &input)))
        },
        || timed(|| main.block_on(subject::call(&warm, &target, &input))),
    )?;
    figures.take(
        "load.cached_component_ms",
        compared.ours * 1e3,
        "ms",
        Some(compared.ratio),
        "<= 5 ms for 2 MiB of code",
    );
    Ok(())
}

/// Calls that go round many tools, beside calls of one, and beside the same round in the engine alone: what is left of the
/// difference is the processor's, whose caches don't hold the code and the memory of two hundred tools.
fn round(figures: &mut Figures, main: &Runtime) -> Result<()> {
    let targets = names(ROUND)?;
    let guest = place::guest("echo")?;
    let host = folder(&place::variants(&guest, ROUND)?)?;
    let input = Payload::new(json!({ "text": "round and round" }).to_string());
    // Compiled, loaded and called once, so that neither side meets a tool for the first time.
    main.block_on(all(&host, &targets, &input))?;
    let one = vec![targets.first().context("no tools")?.clone(); ROUND];
    let compared =
        in_turns(21, || main.block_on(all(&host, &targets, &input)), || main.block_on(all(&host, &one, &input)))?;
    figures.take("load.round_robin_200_ratio", compared.ours * 1e6, "us", Some(compared.ratio), "ratio <= 1.8");
    let bare = Bare::new()?;
    let copies = bare.copies(&std::fs::read(guest)?, ROUND)?;
    main.block_on(all_bare(&copies, &input))?;
    let floor =
        in_turns(21, || main.block_on(all(&host, &targets, &input)), || main.block_on(all_bare(&copies, &input)))?;
    figures.compared("load.round_robin_200.path_vs_engine", floor, Unit::Micros, "ratio <= 1.25");
    Ok(())
}

/// A host with many cached tools, until it can say what they are.
fn start(figures: &mut Figures, main: &Runtime) -> Result<()> {
    let all = place::variants(&place::guest("echo")?, STARTED)?;
    let some = tempfile::tempdir_in(place::scratch("start")?)?;
    for target in names(STARTED)? {
        let file = format!("{}.wasm", target.tool);
        std::fs::hard_link(all.join(&file), some.path().join(&file))?;
    }
    let start = || {
        let began = Instant::now();
        let host = folder(some.path())?;
        let (tools, broken) = main.block_on(host.tools());
        anyhow::ensure!(tools.len() == STARTED && broken.is_empty(), "{} tools, {broken:?}", tools.len());
        for tool in &tools {
            tool.descriptor.as_ref().map_err(subject::told)?;
        }
        Ok(began.elapsed())
    };
    start()?;
    let times = (0..11).map(|_| start()).collect::<Result<Vec<Duration>>>()?;
    let millis = median(times.iter().map(Duration::as_secs_f64).collect()) * 1e3;
    figures.take("load.start_50_tools_ms", millis, "ms", None, "<= 100 ms");
    Ok(())
}

/// A host with a folder of tools.
pub(crate) fn folder(folder: &Path) -> Result<Host> {
    Subject::new()?.config(|config| config.folders = vec![folder.to_owned()]).host()
}

/// The function of each of so many variants of the echo.
pub(crate) fn names(count: usize) -> Result<Vec<Target>> {
    (0..count).map(|number| Ok(format!("variant-{number:04}.text").parse()?)).collect()
}

/// The time of one call when each target is called once.
async fn all(host: &Host, targets: &[Target], input: &Payload) -> Result<Duration> {
    let start = Instant::now();
    for target in targets {
        subject::call(host, target, input).await?;
    }
    Ok(start.elapsed() / u32::try_from(targets.len())?)
}

/// The same in the engine alone.
async fn all_bare(tools: &[BareTool], input: &Payload) -> Result<Duration> {
    let start = Instant::now();
    for tool in tools {
        tool.call("text", input.as_str()).await?;
    }
    Ok(start.elapsed() / u32::try_from(tools.len())?)
}

async fn first_answer(host: &Host) -> Result<Payload> {
    let input = Payload::new(json!({ "text": "first" }).to_string());
    subject::call(host, &"echo.text".parse()?, &input).await
}
