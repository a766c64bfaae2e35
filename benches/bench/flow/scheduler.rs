//! Tasks that do nothing: what is left is the scheduler.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow, ensure};
use futures::future::join;
use futures::stream::FuturesUnordered;
use futures::{TryFutureExt, TryStreamExt};
use hotcell_flow::fair::{self, Shares};
use hotcell_flow::permit::Permits;
use hotcell_flow::schedule::{Closing, Report, Scheduler, Service, Settings, Task};
use tokio::runtime::Runtime;
use tokio::sync::{Semaphore, mpsc, oneshot};

use super::machine;
use crate::compare::{Compared, in_turns, median, quantile, timed};
use crate::figure::Figures;
use crate::subject::runtime;

/// A million tasks for each figure, in so many rounds.
const ROUNDS: usize = 10;
const ROUND: u64 = 100_000;
/// Tasks that come together, and so wait for each other.
const BURST: u64 = 1_000;
const TENANTS: u64 = 50;
/// Tasks that run at a time.
const PLACES: usize = 64;
/// Tasks that come one by one.
const LONE: u64 = 1_000;

type Pair = (Scheduler<u64, u64>, Service<u64, u64>);

pub(crate) fn measure(figures: &mut Figures) -> Result<()> {
    let starts = ["flow.submit_to_start_us.p50", "flow.submit_to_start_us.p99"];
    if figures.want(&["flow.tasks_per_s"]) {
        tasks(figures)?;
    }
    if figures.want(&["flow.spawned_tasks_per_s"]) {
        spawned_tasks(figures)?;
    }
    if figures.want(&["flow.submit_per_s"]) {
        submissions(figures)?;
    }
    if figures.want(&starts) {
        let (ours, floor) = starts_of(&runtime(2)?)?;
        for (name, share, aim) in [(starts[0], 0.5, "the ratio is to a spawn alone"), (starts[1], 0.99, "< 100 us")] {
            let (ours, floor) = (quantile(ours.clone(), share), quantile(floor.clone(), share));
            figures.take(name, ours * 1e6, "us", Some(ours / floor), aim);
        }
    }
    Ok(())
}

fn scheduler(places: usize) -> Result<Pair> {
    Ok(Scheduler::new(Settings::default(), Shares::default(), Permits::new(places), machine())?)
}

/// A million tasks from fifty tenants, a thousand at a time through 64 places, and nothing but the scheduler: whoever has handed
/// them in awaits them and ends them. Beside it the same with a semaphore: no tenants, no order, no end that is remembered.
fn tasks(figures: &mut Figures) -> Result<()> {
    let main = runtime(1)?;
    let alone = in_turns(
        ROUNDS,
        || beside_service(&main, awaited),
        || {
            let places = Semaphore::new(PLACES);
            timed(|| main.block_on(in_bursts(|_id| places.acquire().map_ok(drop).err_into())))
        },
    )?;
    rate(figures, "flow.tasks_per_s", alone);
    Ok(())
}

/// The same, each a task of the runtime that waits for its turn.
fn spawned_tasks(figures: &mut Figures) -> Result<()> {
    let main = runtime(2)?;
    let spawned = in_turns(ROUNDS, || beside_service(&main, spawned), || timed(|| main.block_on(spawned_unordered())))?;
    rate(figures, "flow.spawned_tasks_per_s", spawned);
    Ok(())
}

/// Told as tasks a second, so the ratio is the other way round.
fn rate(figures: &mut Figures, name: &'static str, compared: Compared) {
    let aim = ">= 1 M; the ratio is to a semaphore alone";
    figures.take(name, ROUND as f64 / compared.ours, "tasks/s", Some(1.0 / compared.ratio), aim);
}

/// How long a round takes that `drive` hands in.
fn beside_service<F: Future<Output = Result<()>>>(
    main: &Runtime,
    drive: impl Fn(Scheduler<u64, u64>) -> F,
) -> Result<Duration> {
    let (handle, service) = scheduler(PLACES)?;
    let watch = handle.clone();
    let took = timed(|| {
        main.block_on(async {
            let driven = async {
                let driven = drive(handle).await;
                watch.close(Closing::Drain);
                driven
            };
            join(driven, service.run()).await.0
        })
    })?;
    let ended = watch.status().ended;
    ensure!(ended.done == ROUND && ended.total() == ROUND, "{ended:?}");
    Ok(took)
}

/// A round in bursts: those of a burst are all there before the first ends.
async fn in_bursts<F: Future<Output = Result<()>>>(one: impl Fn(u64) -> F) -> Result<()> {
    for burst in 0..ROUND / BURST {
        let all: FuturesUnordered<F> = (burst * BURST..(burst + 1) * BURST).map(&one).collect();
        all.try_collect::<()>().await?;
    }
    Ok(())
}

async fn awaited(handle: Scheduler<u64, u64>) -> Result<()> {
    in_bursts(|id| {
        let ticket = handle.submit(Task::new(id, id % TENANTS));
        async move {
            let started = ticket?.await.map_err(|end| anyhow!("{end:?}"))?;
            started.finish(Report::done().cost(1));
            Ok(())
        }
    })
    .await
}

async fn spawned(handle: Scheduler<u64, u64>) -> Result<()> {
    for id in 0..ROUND {
        let spawn = |whole| drop(tokio::spawn(whole));
        handle.run(Task::new(id, id % TENANTS), spawn, |_started| async { Report::done().cost(1) })?;
        if id % BURST == BURST - 1 {
            handle.idle().await;
        }
    }
    Ok(())
}

async fn spawned_unordered() -> Result<()> {
    let places = Arc::new(Semaphore::new(PLACES));
    let (done, mut ended) = mpsc::channel(usize::try_from(BURST)?);
    for id in 0..ROUND {
        let (places, done) = (Arc::clone(&places), done.clone());
        tokio::spawn(async move {
            if places.acquire().await.is_ok() {
                // The channel holds a whole burst.
                let _ = done.try_send(());
            }
        });
        if id % BURST == BURST - 1 {
            for _ in 0..BURST {
                ended.recv().await;
            }
        }
    }
    Ok(())
}

/// How many are taken in a second while none can start: they line up, and their order is kept. Beside it the same when a hundred
/// thousand are there before them.
fn submissions(figures: &mut Figures) -> Result<()> {
    let rates = |before| -> Result<Vec<f64>> { (0..20).map(|_| submitted(before)).collect() };
    let (empty, full) = (median(rates(0)?), median(rates(100_000)?));
    let aim = ">= 200 k; the ratio: behind 100 000 others, >= 0.1";
    figures.take("flow.submit_per_s", empty, "tasks/s", Some(full / empty), aim);
    Ok(())
}

fn submitted(before: u64) -> Result<f64> {
    let fair = fair::Settings { items: 200_000, ..fair::Settings::default() };
    let settings = Settings { fair, ..Settings::default() };
    let (handle, _service) = Scheduler::new(settings, Shares::default(), Permits::new(1), machine())?;
    let mut tickets = Vec::with_capacity(200_000);
    let mut line_up = |from: u64, count: u64| -> Result<Duration> {
        let start = Instant::now();
        for id in from..from + count {
            tickets.push(handle.submit(Task::new(id, id % TENANTS))?);
        }
        Ok(start.elapsed())
    };
    line_up(0, before)?;
    let took = line_up(before, 4_000)?;
    Ok(4_000.0 / took.as_secs_f64())
}

/// From a submission to the start in a task of its own, when nothing else goes on; beside it the same task without a scheduler.
fn starts_of(main: &Runtime) -> Result<(Vec<f64>, Vec<f64>)> {
    let (handle, service) = scheduler(PLACES)?;
    let measured = async {
        let (mut ours, mut floor) = (Vec::new(), Vec::new());
        for id in 0..LONE {
            // Long enough for the workers to go to sleep.
            tokio::time::sleep(Duration::from_millis(1)).await;
            ours.push(scheduled(&handle, id).await?);
            tokio::time::sleep(Duration::from_millis(1)).await;
            floor.push(spawn_alone().await?);
        }
        drop(handle);
        anyhow::Ok((ours, floor))
    };
    main.block_on(async {
        let service = tokio::spawn(service.run());
        let measured = measured.await?;
        service.await?;
        Ok(measured)
    })
}

async fn scheduled(handle: &Scheduler<u64, u64>, id: u64) -> Result<f64> {
    let (tell, told) = oneshot::channel();
    let submitted = Instant::now();
    let ticket = handle.submit(Task::new(id, 1))?;
    let worker = tokio::spawn(async move {
        let started = ticket.await.map_err(|end| anyhow!("{end:?}"))?;
        // Nobody listens only when the run was given up.
        let _ = tell.send(submitted.elapsed());
        started.finish(Report::done().cost(1));
        anyhow::Ok(())
    });
    let took = told.await?;
    worker.await??;
    Ok(took.as_secs_f64())
}

async fn spawn_alone() -> Result<f64> {
    let spawned = Instant::now();
    Ok(tokio::spawn(async move { spawned.elapsed() }).await?.as_secs_f64())
}
