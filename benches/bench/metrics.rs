//! The five measures by which the original's page wants to be judged, one section each, as far as they can be measured.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};
use futures::future::join_all;
use hotcell_agent::document::Source;
use hotcell_agent::{Agent, Diagnostic};
use hotcell_call::{Happening, Payload, Priority, Target};
use hotcell_flow::channel::{Settings, channel};
use hotcell_runtime::{About, Events, Heard, Host, RunInput};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::compare::median;
use crate::figure::Figures;
use crate::flow::machine;
use crate::place;
use crate::subject::{self, Subject, runtime};

const REAL: &str = "[tools.sleeper]\nclock.mode = \"real\"\n";

pub(crate) fn measure(figures: &mut Figures) -> Result<()> {
    let main = runtime(2)?;
    if figures.want(&["metric.1_concurrent.lost", "metric.1_concurrent.peak_pct"]) {
        concurrent(figures, &main).context("many tools at once")?;
    }
    if figures.want(&["metric.2_backpressure.lost", "metric.2_backpressure.peak_pct"]) {
        backpressure(figures, &main).context("backpressure")?;
    }
    if figures.want(&["metric.3_schedule.inversions"]) {
        schedule(figures, &main).context("priorities")?;
    }
    if figures.want(&["metric.4_events.publish_per_s"]) {
        publish(figures);
    }
    if figures.want(&["metric.4_reactive.ten_tasks_ratio", "metric.4_reactive.over_ideal_ms"]) {
        reactive(figures, &main).context("reactive agents")?;
    }
    if figures.want(&["metric.5_speedup", "metric.5_agent_batch_ratio"]) {
        speed(figures, &main).context("speed")?;
    }
    Ok(())
}

fn sleepers(toml: &str) -> Result<Host> {
    Subject::with(toml)?.tool("sleeper", &place::guest("sleeper")?)?.host()
}

fn nap(ms: u64) -> Result<(Target, Payload)> {
    Ok(("sleeper.nap".parse()?, Payload::new(json!({ "ms": ms }).to_string())))
}

async fn agent(host: &Host, toml: &str) -> Result<Agent> {
    let told = |wrong: Vec<Diagnostic>| anyhow!(wrong.iter().map(Diagnostic::render).collect::<String>());
    host.agent(&Source::new("bench.toml", toml)).await.map_err(told)
}

/// 1: 10, 100, 1 000 tools at once: each answers, and as many run as may.
fn concurrent(figures: &mut Figures, main: &Runtime) -> Result<()> {
    let most = 200;
    let host = sleepers(&format!("[schedule]\nin_flight = {most}\nper_tool = {most}\n{REAL}"))?;
    let (target, input) = nap(50)?;
    let (mut lost, mut peak) = (0, 0);
    main.block_on(async {
        for many in [10, 100, 1_000] {
            let calls = join_all((0..many).map(|_| subject::call(&host, &target, &input)));
            let watched = async {
                loop {
                    peak = peak.max(host.load().running);
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
            };
            tokio::select! {
                answers = calls => lost += answers.iter().filter(|answer| answer.is_err()).count(),
                () = watched => {}
            }
        }
    });
    figures.take("metric.1_concurrent.lost", lost as f64, "calls", None, "0 of 1 110");
    figures.take(
        "metric.1_concurrent.peak_pct",
        peak as f64 * 100.0 / f64::from(most),
        "%",
        None,
        "100, and never more",
    );
    Ok(())
}

/// 2: a producer that is ten times too fast: nothing is lost, and no more is held than the line has room for.
fn backpressure(figures: &mut Figures, main: &Runtime) -> Result<()> {
    const ITEMS: u64 = 2_000;
    const ROOM: usize = 64;
    let (mut taken, mut peak) = (0, 0);
    main.block_on(async {
        let (send, take) = channel(Settings { items: ROOM, ..Settings::default() }, |_: &u64| 0, machine())?;
        let producer = tokio::spawn(async move {
            for item in 0..ITEMS {
                if send.send(item).await.is_err() {
                    return;
                }
            }
        });
        while let Some(_item) = take.recv().await {
            taken += 1;
            peak = peak.max(take.status().items);
            // The producer is ready whenever there is room.
            if taken % 10 == 0 {
                tokio::time::sleep(Duration::from_micros(200)).await;
            }
        }
        producer.await?;
        anyhow::Ok(())
    })?;
    figures.take(
        "metric.2_backpressure.lost",
        (ITEMS - taken) as f64,
        "items",
        None,
        "0 of 2 000; the original: 980 of 1 000",
    );
    figures.take("metric.2_backpressure.peak_pct", peak as f64 * 100.0 / ROOM as f64, "%", None, "<= 100 of its room");
    Ok(())
}

/// 3: one place, and calls of all classes: how often one started before a more urgent one that waited.
fn schedule(figures: &mut Figures, main: &Runtime) -> Result<()> {
    let host = sleepers(&format!("[schedule]\nin_flight = 1\nage_step = \"1h\"\n{REAL}"))?;
    let (target, input) = nap(2)?;
    let inversions = main.block_on(async {
        let mut events = host.events();
        let classes: Vec<Priority> = Priority::WORDS.iter().map(|(_, class)| *class).collect();
        let calls: Vec<_> = (0..200)
            .map(|number| {
                let mut call = host.next_call(target.clone(), input.clone());
                call.priority = classes.get(number * 7 % classes.len()).copied().unwrap_or_default();
                call
            })
            .collect();
        let of: std::collections::HashMap<_, _> = calls.iter().map(|call| (call.id, call.priority)).collect();
        join_all(calls.into_iter().map(|call| host.call(call))).await;
        let (mut started, mut queued) = (Vec::<Priority>::new(), 0);
        while let Ok(Some(Heard::Event(event))) = tokio::time::timeout(Duration::ZERO, events.next()).await {
            match (&event.what, event.call) {
                (Happening::Queued, _) => queued += 1,
                // Those that began before all had come had no choice.
                (Happening::Started { .. }, Some(call)) if queued == 200 => started.extend(of.get(&call)),
                _ => {}
            }
        }
        started.windows(2).filter(|pair| matches!(pair, [first, second] if second < first)).count()
    });
    figures.take("metric.3_schedule.inversions", inversions as f64, "calls", None, "0");
    Ok(())
}

/// 4: events a second to ten listeners who take each of them.
fn publish(figures: &mut Figures) {
    const EVENTS: u64 = 200_000;
    let rates = (0..5).map(|_| {
        let events = Arc::new(Events::new());
        let heard = AtomicU64::new(0);
        let took = std::thread::scope(|scope| {
            let mut listeners: Vec<_> = (0..10).map(|_| events.subscribe()).collect();
            let began = Instant::now();
            for batch in 0..EVENTS / 1_000 {
                for number in 0..1_000 {
                    events.tell(About::default(), || Happening::Progress {
                        done: batch * 1_000 + number,
                        total: None,
                        message: String::new(),
                    });
                }
                // Each takes all of them before the next thousand comes: none misses one.
                for listener in &mut listeners {
                    for _ in 0..1_000 {
                        if let Some(Some(Heard::Event(_))) = futures::FutureExt::now_or_never(listener.next()) {
                            heard.fetch_add(1, Ordering::Relaxed);
                        }
                    }
                }
            }
            let _ = scope;
            began.elapsed()
        });
        assert_eq!(heard.load(Ordering::Relaxed), EVENTS * 10, "nothing is missed");
        EVENTS as f64 / took.as_secs_f64()
    });
    figures.take(
        "metric.4_events.publish_per_s",
        median(rates.collect()),
        "events/s",
        None,
        ">= 262 120: ten times the original's",
    );
}

const REACTIVE: &str = "[agent]\npattern = \"reactive\"\n[model]\nuse = \"rules\"\n[tools]\nallow = [\"sleeper.*\"]\n[run]\nparallel = 32\n";
const NAPS: &str =
    "a = sleeper.nap(ms=100)\nb = sleeper.nap(ms=100)\nc = use sleeper.nap with {\"ms\": 100}\nanswer done";

/// 4: ten tasks side by side beside one, and how much longer one takes than its tool.
fn reactive(figures: &mut Figures, main: &Runtime) -> Result<()> {
    let host = sleepers(REAL)?;
    let (mut ratios, mut over) = (Vec::new(), Vec::new());
    main.block_on(async {
        let agent = agent(&host, REACTIVE).await?;
        let run = || host.run(&agent, RunInput { value: Value::from(NAPS), ..RunInput::default() });
        run().await;
        for _ in 0..5 {
            let began = Instant::now();
            run().await;
            let one = began.elapsed();
            let began = Instant::now();
            join_all((0..10).map(|_| run())).await;
            ratios.push(began.elapsed().as_secs_f64() / one.as_secs_f64());
            // The three naps need nothing of each other: they are one nap long.
            over.push((one.as_secs_f64() - 0.1) * 1e3);
        }
        anyhow::Ok(())
    })?;
    figures.take("metric.4_reactive.ten_tasks_ratio", median(ratios), "times one", None, "<= 1.2; the original: 5.5");
    figures.take("metric.4_reactive.over_ideal_ms", median(over), "ms", None, "<= 5; the original: 103");
    Ok(())
}

const BATCH: &str = "[agent]\npattern = \"react\"\n[model]\nuse = \"rules\"\n[tools]\nallow = [\"sleeper.*\"]\n";

/// 5: tools of 50 ms at default settings, one after the other and all at once; and fifty tasks of an agent, of 0.4 s each, eight at a time.
fn speed(figures: &mut Figures, main: &Runtime) -> Result<()> {
    let host = sleepers(REAL)?;
    let (target, input) = nap(50)?;
    let (speedup, ratio) = main.block_on(async {
        subject::call(&host, &target, &input).await?;
        let began = Instant::now();
        for _ in 0..10 {
            subject::call(&host, &target, &input).await?;
        }
        let one = began.elapsed().as_secs_f64() / 10.0;
        let began = Instant::now();
        join_all((0..500).map(|_| subject::call(&host, &target, &input))).await;
        let speedup = one * 500.0 / began.elapsed().as_secs_f64();
        let agent = agent(&host, BATCH).await?;
        let next = AtomicUsize::new(0);
        let began = Instant::now();
        let worker = async || {
            while next.fetch_add(1, Ordering::Relaxed) < 50 {
                let value = Value::from("sleeper.nap(ms=400)\nanswer done");
                host.run(&agent, RunInput { value, ..RunInput::default() }).await;
            }
        };
        join_all((0..8).map(|_| worker())).await;
        // Fifty over eight are seven rounds.
        anyhow::Ok((speedup, began.elapsed().as_secs_f64() / (7.0 * 0.4)))
    })?;
    figures.take("metric.5_speedup", speedup, "times", None, ">= 5; the original: 4.5");
    figures.take("metric.5_agent_batch_ratio", ratio, "of ideal", None, "<= 1.05; the original: lost two of them");
    Ok(())
}
