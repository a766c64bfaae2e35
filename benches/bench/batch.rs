//! Calls that share a cell: beside as many that have one each, and beside as many in one instance of the engine alone.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use hotcell_call::{CallId, GrantSet, Payload, Target, TenantId};
use hotcell_sandbox::{Attempt, Compiler, Invocation, OpenGrants, Sandbox, Settings, Tool};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::call::{Case, crowd};
use crate::compare::in_turns;
use crate::engine::{Bare, BareTool};
use crate::figure::{Figures, Unit};
use crate::subject::{Subject, runtime, told};
use crate::{COMPILE, place};

/// Calls of a batch.
const SIZE: usize = 32;
/// Batches of a turn.
const BATCHES: usize = 20;

type Call = (Arc<str>, Invocation);

pub(crate) fn measure(figures: &mut Figures) -> Result<()> {
    by_the_path(figures)?;
    let (gain, engine) = ("flow.batch_gain", "flow.batch_vs_engine");
    if !figures.want(&[gain, engine]) {
        return Ok(());
    }
    let main = runtime(2)?;
    let compiler = Compiler { program: std::env::current_exe()?, args: vec![COMPILE.into()] };
    let sandbox = Sandbox::new(Settings { cache: Some(place::scratch("cache")?), ..Settings::new(compiler) })?;
    let opened = main.block_on(sandbox.open(&"echo".parse()?, &place::guest("echo")?));
    let tool = opened.map_err(|failure| told(&failure))?;
    let call = echo()?;
    let compared = in_turns(
        41,
        || main.block_on(in_batches(&tool, batches(&call))),
        || main.block_on(one_by_one(&tool, batches(&call))),
    )?;
    // Told as how many times quicker, so the ratio is the other way round.
    figures.take(gain, compared.ours * 1e6, "us", Some(1.0 / compared.ratio), "ratio >= 5; the engine alone gains 6.7");
    let bare = Bare::new()?.tool(&std::fs::read(place::guest("echo")?)?)?;
    let compared = in_turns(
        41,
        || main.block_on(in_batches(&tool, batches(&call))),
        || main.block_on(by_the_engine(&bare, call.1.input.as_str())),
    )?;
    figures.compared(engine, compared, Unit::Micros, "ratio <= 1.5");
    Ok(())
}

/// The same through the whole path: a crowd of calls that may share cells, beside one whose calls may not.
fn by_the_path(figures: &mut Figures) -> Result<()> {
    let name = "flow.batch_path_gain";
    if !figures.want(&[name]) {
        return Ok(());
    }
    let (file, bare, one) = (place::guest("echo")?, Bare::new()?, runtime(1)?);
    let case = |toml: &str| {
        let host = Subject::with(toml)?.tool("echo", &file)?.host()?;
        Case::new(&host, &bare, &file, "echo.text", &json!({ "text": "e".repeat(89) }), false)
    };
    let (together, alone) = (case("[tools.echo]\nbatch = { max = 32, wait = \"1ms\" }\n")?, case("")?);
    let compared = in_turns(21, || crowd(&one, &together), || crowd(&one, &alone))?;
    figures.take(name, compared.ours * 1e6, "us", Some(1.0 / compared.ratio), "ratio >= 3");
    Ok(())
}

/// A hundred bytes there and back, as for `call.echo`.
fn echo() -> Result<Call> {
    let target: Target = "echo.text".parse()?;
    let invocation = Invocation {
        call: CallId::from_bits(0),
        target,
        tenant: TenantId::default(),
        weight: 1,
        input: Payload::new(json!({ "text": "e".repeat(89) }).to_string()),
        limits: Arc::default(),
        grants: OpenGrants::open(GrantSet::default()).map_err(|failure| told(&failure))?,
        deadline: None,
        cancel: CancellationToken::new(),
        observer: None,
    };
    Ok(("text".into(), invocation))
}

/// What either side is given, made before its time begins.
fn batches(call: &Call) -> Vec<Vec<Call>> {
    vec![vec![call.clone(); SIZE]; BATCHES]
}

async fn in_batches(tool: &Tool, batches: Vec<Vec<Call>>) -> Result<Duration> {
    let start = Instant::now();
    for batch in batches {
        let mut all = Ok(());
        let seen = |_, attempt: Box<Attempt>| all = std::mem::replace(&mut all, Ok(())).and(answered(&attempt));
        tool.invoke_batch(batch, |_| true, seen).await;
        all?;
    }
    per_call(start)
}

async fn one_by_one(tool: &Tool, batches: Vec<Vec<Call>>) -> Result<Duration> {
    let start = Instant::now();
    for (function, invocation) in batches.into_iter().flatten() {
        answered(&*tool.invoke(&function, invocation).await)?;
    }
    per_call(start)
}

/// The least that a batch can cost: as many calls in an instance of the engine alone, with limits for all of them together.
async fn by_the_engine(bare: &BareTool, input: &str) -> Result<Duration> {
    let start = Instant::now();
    for _ in 0..BATCHES {
        if bare.batch("text", input, SIZE).await? != SIZE {
            bail!("the engine alone does not answer");
        }
    }
    per_call(start)
}

fn per_call(start: Instant) -> Result<Duration> {
    Ok(start.elapsed() / u32::try_from(SIZE * BATCHES)?)
}

fn answered(attempt: &Attempt) -> Result<()> {
    match &attempt.result {
        Ok(answer) if answer.size().as_u64() == 91 => Ok(()),
        Ok(answer) => bail!("another answer: {}", answer.as_str()),
        Err(failure) => Err(told(failure)),
    }
}
