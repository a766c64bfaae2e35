//! One call: through the whole path, and through the engine alone.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use futures::future::try_join_all;
use hotcell_call::{Payload, Target};
use hotcell_runtime::Host;
use jsonschema::Validator;
use serde::de::IgnoredAny;
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::compare::in_turns;
use crate::engine::{Bare, BareTool};
use crate::figure::{Figures, Unit};
use crate::place;
use crate::subject::{self, Subject, runtime};

/// A call on both sides.
#[derive(Clone)]
pub(crate) struct Case {
    host: Host,
    target: Target,
    input: Payload,
    bare: BareTool,
    /// Made of the function's schema; the floor parses and checks too, where that is not what is measured.
    validator: Option<Arc<Validator>>,
}

/// Calls at the same time.
const CROWD: usize = 64;

const ECHO: &[&str] = &["call.echo.path_vs_engine", "call.echo.path_vs_engine_64", "call.echo.throughput_2_threads"];

pub(crate) fn measure(figures: &mut Figures) -> Result<()> {
    if !figures.want(&["call."]) && !figures.want(ECHO) {
        return Ok(());
    }
    let bare = Bare::new()?;
    let host = Subject::new()?
        .tool("echo", &place::guest("echo")?)?
        .tool("hash", &place::starter("hash")?)?
        .tool("json", &place::starter("json")?)?
        .host()?;
    echo(figures, &host, &bare)?;
    let text = "x".repeat(64 << 10);
    let sha = ("hash.digest", json!({ "text": text, "algorithm": "sha256" }));
    checked(figures, "call.sha256_64k.path_vs_engine", &host, &bare, sha)?;
    let layout = ("json.format", json!({ "text": ten_kib().to_string(), "indent": 2 }));
    checked(figures, "call.json_10k.path_vs_engine", &host, &bare, layout)
}

/// A hundred bytes there and back.
fn echo(figures: &mut Figures, host: &Host, bare: &Bare) -> Result<()> {
    if !figures.want(ECHO) {
        return Ok(());
    }
    let echo = Case::new(host, bare, &place::guest("echo")?, "echo.text", &json!({ "text": "e".repeat(89) }), false)?;
    let main = runtime(2)?;
    let alone = in_turns(
        41,
        || main.block_on(one_by_one(400, || echo.path())),
        || main.block_on(one_by_one(400, || echo.engine())),
    )?;
    figures.compared("call.echo.path_vs_engine", alone, Unit::Micros, "ratio <= 1.25");
    let single = runtime(1)?;
    let (path, engine) = both(&echo);
    let many = in_turns(21, || driven(&single, 12_800, path.clone()), || driven(&single, 12_800, engine.clone()))?;
    figures.compared("call.echo.path_vs_engine_64", many, Unit::Micros, "ratio <= 1.25");
    let both = in_turns(21, || driven(&main, 12_800, path.clone()), || driven(&main, 12_800, engine.clone()))?;
    // Told as calls a second, so the ratio is the other way round.
    let name = "call.echo.throughput_2_threads";
    figures.take(name, 1.0 / both.ours, "calls/s", Some(1.0 / both.ratio), "ratio >= 0.8");
    Ok(())
}

/// The two sides as something that many tasks can repeat.
fn both(case: &Case) -> (impl Repeated, impl Repeated) {
    let (ours, floor) = (case.clone(), case.clone());
    let path = move || {
        let case = ours.clone();
        async move { case.path().await }
    };
    let engine = move || {
        let case = floor.clone();
        async move { case.engine().await }
    };
    (path, engine)
}

/// A call whose texts are large enough that reading them counts: both sides parse the input, check it, and see that the
/// answer is JSON.
fn checked(
    figures: &mut Figures,
    name: &'static str,
    host: &Host,
    bare: &Bare,
    (target, input): (&str, Value),
) -> Result<()> {
    if !figures.want(&[name]) {
        return Ok(());
    }
    let tool = target.split('.').next().unwrap_or_default();
    let case = Case::new(host, bare, &place::starter(tool)?, target, &input, true)?;
    let main = runtime(2)?;
    let compared = in_turns(
        41,
        || main.block_on(one_by_one(40, || case.path())),
        || main.block_on(one_by_one(40, || case.engine())),
    )?;
    figures.compared(name, compared, Unit::Micros, "ratio <= 1.03");
    Ok(())
}

impl Case {
    pub(crate) fn new(
        host: &Host,
        bare: &Bare,
        component: &std::path::Path,
        target: &str,
        input: &Value,
        checks: bool,
    ) -> Result<Self> {
        let target: Target = target.parse()?;
        let bare = bare.tool(&std::fs::read(component)?)?;
        let main = runtime(1)?;
        let validator = if checks { Some(Arc::new(main.block_on(validator(host, &target))?)) } else { None };
        let case = Self { host: host.clone(), target, input: Payload::new(input.to_string()), bare, validator };
        let (ours, floor) = (main.block_on(case.path())?, main.block_on(case.engine())?);
        if ours != floor {
            bail!("{}: the two sides do not answer the same", case.target);
        }
        Ok(case)
    }

    pub(crate) async fn path(&self) -> Result<String> {
        let answer = subject::call(&self.host, &self.target, &self.input).await?;
        Ok(answer.as_str().to_owned())
    }

    pub(crate) async fn engine(&self) -> Result<String> {
        if let Some(validator) = &self.validator {
            let value: Value = serde_json::from_str(self.input.as_str())?;
            if !validator.is_valid(&value) {
                bail!("the input does not fit");
            }
        }
        let function = self.target.function.as_deref().unwrap_or_default();
        let answer = self.bare.call(function, self.input.as_str()).await?;
        if self.validator.is_some() {
            serde_json::from_str::<IgnoredAny>(&answer)?;
        }
        Ok(answer)
    }
}

async fn validator(host: &Host, target: &Target) -> Result<Validator> {
    let inspected = host.inspect(&target.tool).await.map_err(|failure| subject::told(&failure))?;
    let name = target.function.as_deref().unwrap_or_default();
    let function = inspected.descriptor.functions.iter().find(|function| function.name == name);
    let schema = &function.with_context(|| format!("no {target}"))?.input;
    jsonschema::draft202012::new(schema).map_err(|error| anyhow::anyhow!("{error}"))
}

/// A call that many tasks repeat.
trait Repeated: Fn() -> Self::Call + Clone + Send + Sync + 'static {
    type Call: Future<Output = Result<String>> + Send;
}

impl<C, F> Repeated for F
where
    F: Fn() -> C + Clone + Send + Sync + 'static,
    C: Future<Output = Result<String>> + Send,
{
    type Call = C;
}

/// The time of one call when each begins after the one before.
pub(crate) async fn one_by_one<F: Future<Output = Result<String>>>(
    times: u32,
    call: impl Fn() -> F,
) -> Result<Duration> {
    let start = Instant::now();
    for _ in 0..times {
        std::hint::black_box(call().await?);
    }
    Ok(start.elapsed() / times)
}

/// The time of one call of many that go through the path at the same time.
pub(crate) fn crowd(runtime: &Runtime, case: &Case) -> Result<Duration> {
    driven(runtime, 12_800, both(case).0)
}

/// The time of one call when a crowd makes `calls` of them on `runtime`: what its workers get done, not what each waits.
fn driven(runtime: &Runtime, calls: usize, call: impl Repeated) -> Result<Duration> {
    let left = Arc::new(AtomicUsize::new(calls));
    let start = Instant::now();
    runtime.block_on(async {
        let tasks = (0..CROWD).map(|_| {
            let (left, call) = (Arc::clone(&left), call.clone());
            let task = tokio::spawn(async move {
                let taken = |left: usize| left.checked_sub(1);
                while left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, taken).is_ok() {
                    std::hint::black_box(call().await?);
                }
                anyhow::Ok(())
            });
            async move { task.await? }
        });
        try_join_all(tasks).await
    })?;
    Ok(start.elapsed() / u32::try_from(calls)?)
}

/// Records as a web API sends them.
fn ten_kib() -> Value {
    let record = |n: usize| json!({ "id": n, "name": format!("item {n}"), "price": 9.5, "tags": ["a", "b"], "stock": { "here": n % 7 } });
    let mut records: Vec<Value> = Vec::new();
    while Value::from(records.clone()).to_string().len() < 10 << 10 {
        records.push(record(records.len()));
    }
    records.into()
}
