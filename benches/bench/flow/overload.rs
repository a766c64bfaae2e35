//! Twice as many callers as there is room for: what becomes of their calls.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail, ensure};
use futures::future::try_join_all;
use hotcell_call::{CallId, Happening, Kind, Payload, Refusal, Target};
use hotcell_runtime::{Heard, Host, Subscription};
use serde_json::json;

use crate::figure::Figures;
use crate::place;
use crate::subject::{Subject, runtime};

/// Calls that run at a time.
const RUNNING: u64 = 32;
/// Room for 64 calls, of which half run.
const ROOM: &str = r#"
[schedule]
in_flight = 32
queue = 32
[tools.sleeper]
clock.mode = "real"
"#;
/// Callers, each with a call at all times: twice what there is room for.
const CALLERS: u64 = 128;
/// How long a call takes.
const MILLIS: u64 = 10;
const LASTS: Duration = Duration::from_secs(4);

/// How calls ended, by what their callers know.
#[derive(Debug, Default)]
struct Ends {
    offered: AtomicU64,
    ok: AtomicU64,
    refused: AtomicU64,
    late: AtomicU64,
    cancelled: AtomicU64,
    other: AtomicU64,
    /// Given up by their callers, who are not there to be told.
    dropped: AtomicU64,
}

/// The ends of each call, as the host tells them.
type Told = HashMap<CallId, u32>;

pub(crate) fn measure(figures: &mut Figures) -> Result<()> {
    let name = "flow.lost";
    if !figures.want(&[name]) {
        return Ok(());
    }
    let host = Subject::with(ROOM)?.tool("sleeper", &place::guest("sleeper")?)?.host()?;
    let events = host.events();
    // In a thread of its own, so that it keeps up whatever the callers do to the runtime.
    let listener = std::thread::spawn(|| listen(events));
    let ends = runtime(2)?.block_on(async {
        let ends = crowd(&host).await;
        host.drain(LASTS).await;
        ends
    });
    // With the host the events end.
    drop(host);
    let told = listener.join().map_err(|_panic| anyhow!("the listener panicked"))??;
    let ends = ends?;
    let count = |count: &AtomicU64| count.load(Ordering::Relaxed);
    let offered = count(&ends.offered);
    let known = [&ends.ok, &ends.refused, &ends.late, &ends.cancelled, &ends.other, &ends.dropped];
    ensure!(known.map(count).iter().sum::<u64>() == offered, "they don't add up: {ends:?}");
    ensure!(count(&ends.other) == 0, "calls ended as they should not: {ends:?}");
    ensure!(told.values().all(|times| *times == 1), "a call ended more than once");
    let some_of_each = known.map(count).iter().take(4).all(|count| *count > 0) && count(&ends.dropped) > 0;
    ensure!(some_of_each, "it was no overload: {ends:?}");
    let lost = offered.abs_diff(told.len() as u64) as f64 / offered as f64;
    // Of what fits into the time if each takes no longer than it sleeps, and nobody gives up.
    let answered = count(&ends.ok) as f64 / (LASTS.as_secs_f64() * 1e3 / MILLIS as f64 * RUNNING as f64);
    figures.take(
        name,
        lost * 100.0,
        "%",
        Some(answered),
        "0; the ratio is what was answered to what there is room for",
    );
    Ok(())
}

/// Counts the ends until there are no more.
fn listen(mut events: Subscription) -> Result<Told> {
    let mut told = Told::new();
    let all = async {
        while let Some(heard) = events.next().await {
            match heard {
                Heard::Event(event) if matches!(event.what, Happening::Finished { .. }) => {
                    *told.entry(event.call.context("a call without a name")?).or_default() += 1;
                }
                Heard::Event(_) => {}
                Heard::Missed(count) => bail!("{count} events were missed"),
            }
        }
        Ok(())
    };
    let alone = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    alone.block_on(async { tokio::time::timeout(LASTS * 5, all).await })??;
    Ok(told)
}

async fn crowd(host: &Host) -> Result<Arc<Ends>> {
    let (ends, until) = (Arc::new(Ends::default()), Instant::now() + LASTS);
    let callers = (0..CALLERS).map(|caller| {
        let (host, ends) = (host.clone(), Arc::clone(&ends));
        let caller = tokio::spawn(async move {
            for turn in 0.. {
                if Instant::now() >= until {
                    break;
                }
                one(&host, &ends, caller + turn).await?;
            }
            anyhow::Ok(())
        });
        async move { caller.await? }
    });
    try_join_all(callers).await?;
    Ok(ends)
}

/// One call, of a kind that goes by its number: some have no deadline, some a near one, some a far one, some are cancelled by
/// name, and some are dropped in the middle.
async fn one(host: &Host, ends: &Ends, number: u64) -> Result<()> {
    let target: Target = "sleeper.nap".parse()?;
    let mut call = host.next_call(target, Payload::new(json!({ "ms": MILLIS }).to_string()));
    let (id, soon) = (call.id, Duration::from_millis(number % 15));
    ends.offered.fetch_add(1, Ordering::Relaxed);
    let after = |millis| Some(Instant::now() + Duration::from_millis(millis));
    call.deadline = match number % 8 {
        0..=1 => None,
        2..=4 => after(15),
        _ => after(1_000),
    };
    let mut whole = Box::pin(host.call(call));
    let ended = match number % 8 {
        6 => match tokio::time::timeout(soon, &mut whole).await {
            Ok(ended) => ended,
            Err(_elapsed) => {
                let _it_may_have_ended_meanwhile = host.cancel(id);
                whole.await
            }
        },
        7 => match tokio::time::timeout(soon, whole).await {
            Ok(ended) => ended,
            Err(_elapsed) => {
                ends.dropped.fetch_add(1, Ordering::Relaxed);
                return Ok(());
            }
        },
        _ => whole.await,
    };
    let (count, refused) = match ended.result.map_err(|failure| failure.kind()) {
        Ok(_) => (&ends.ok, false),
        Err(Kind::Refused(Refusal::Late) | Kind::TimedOut) => (&ends.late, false),
        Err(Kind::Refused(_)) => (&ends.refused, true),
        Err(Kind::Cancelled) => (&ends.cancelled, false),
        Err(_) => (&ends.other, false),
    };
    count.fetch_add(1, Ordering::Relaxed);
    if refused {
        // Who is told to come again later does not come again at once.
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    Ok(())
}
