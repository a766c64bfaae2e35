//! Much work on its way: through a channel, and through the stages of a pipeline.

use std::convert::Infallible;
use std::time::Duration;

use anyhow::{Result, anyhow, ensure};
use futures::FutureExt;
use futures::future::BoxFuture;
use hotcell_flow::channel::{Settings, channel};
use hotcell_flow::pipeline::{Pipeline, Stage};
use tokio::runtime::Runtime;
use tokio::sync::mpsc;

use super::machine;
use crate::compare::{in_turns, timed};
use crate::figure::Figures;
use crate::subject::runtime;

const ITEMS: u64 = 200_000;
/// Items that a channel holds.
const ROOM: usize = 100;

pub(crate) fn measure(figures: &mut Figures) -> Result<()> {
    if figures.want(&["flow.channel_items_per_s"]) {
        let main = runtime(2)?;
        let compared = in_turns(9, || ours(&main), || tokios(&main))?;
        let rate = ITEMS as f64 / compared.ours;
        let name = "flow.channel_items_per_s";
        figures.take(name, rate, "items/s", Some(1.0 / compared.ratio), ">= 1 M; the ratio is to tokio's own");
    }
    if figures.want(&["flow.pipeline_per_s"]) {
        let main = runtime(1)?;
        let compared = in_turns(9, || staged(&main), || by_hand(&main))?;
        let rate = ITEMS as f64 / compared.ours;
        figures.take(
            "flow.pipeline_per_s",
            rate,
            "calls/s",
            Some(1.0 / compared.ratio),
            "four stages, each awaited; the ratio is to four calls",
        );
    }
    Ok(())
}

/// One producer and one consumer, each a task.
fn ours(main: &Runtime) -> Result<Duration> {
    let (sender, receiver) = channel(Settings { items: ROOM, ..Settings::default() }, |_: &u64| 0, machine())?;
    timed(|| {
        main.block_on(async {
            let producer = tokio::spawn(async move {
                for item in 0..ITEMS {
                    sender.send(item).await.map_err(|error| anyhow!("{:?}", error.reason))?;
                }
                anyhow::Ok(())
            });
            let consumer = tokio::spawn(async move {
                let mut sum = 0;
                while let Some(item) = receiver.recv().await {
                    sum += item;
                }
                sum
            });
            producer.await??;
            ensure!(consumer.await? == ITEMS * (ITEMS - 1) / 2, "items were lost");
            Ok(())
        })
    })
}

/// The same through tokio's bounded channel, which has no marks, no weights, no deadlines and one consumer.
fn tokios(main: &Runtime) -> Result<Duration> {
    let (sender, mut receiver) = mpsc::channel(ROOM);
    timed(|| {
        main.block_on(async {
            let producer = tokio::spawn(async move {
                for item in 0..ITEMS {
                    sender.send(item).await?;
                }
                anyhow::Ok(())
            });
            let consumer = tokio::spawn(async move {
                let mut sum = 0;
                while let Some(item) = receiver.recv().await {
                    sum += item;
                }
                sum
            });
            producer.await??;
            ensure!(consumer.await? == ITEMS * (ITEMS - 1) / 2, "items were lost");
            Ok(())
        })
    })
}

async fn more(value: u64) -> Result<u64, Infallible> {
    Ok(std::hint::black_box(value) + 1)
}

fn staged(main: &Runtime) -> Result<Duration> {
    let stage = |name| Stage::new(name, more);
    let whole = Pipeline::new(stage("one")).then(stage("two")).then(stage("three")).then(stage("four"));
    timed(|| {
        main.block_on(async {
            for value in 0..ITEMS {
                ensure!(whole.call(value).await? == value + 4, "a stage was left out");
            }
            Ok(())
        })
    })
}

/// The same four functions, called one after another through pointers, as whatever is put together at run time has to be.
fn by_hand(main: &Runtime) -> Result<Duration> {
    type Step = fn(u64) -> BoxFuture<'static, Result<u64, Infallible>>;
    let steps: [Step; 4] = std::hint::black_box([|value| more(value).boxed(); 4]);
    timed(|| {
        main.block_on(async {
            for value in 0..ITEMS {
                let mut made = value;
                for step in steps {
                    made = step(made).await?;
                }
                ensure!(made == value + 4, "a step was left out");
            }
            Ok(())
        })
    })
}
