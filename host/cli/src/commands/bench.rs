//! `hotcell bench`: many calls of one function with one input, and what became of them.
//!
//! Each is a task of its own that goes the whole way of a call, so what is measured is what a caller sees: rates, queue, limits and
//! retries included. The first is made alone and told apart, because a tool is loaded, perhaps compiled, for it. What is kept
//! does not grow with the number of calls.

mod load;
mod object;
mod show;
mod tally;

use std::time::Instant;

use hotcell_call::{Code, Failure};
use tokio::sync::watch;

use super::{asked, offered};
use crate::args::{BenchArgs, Global};
use crate::error;
use crate::exit::{Exit, Trouble};
use crate::output::Output;
use crate::progress::Counter;
use crate::signals::{cancelling, or_cancelled};

use load::Load;
use tally::Tally;

/// What was asked to be measured, and the little that is known before the first call.
struct Bench {
    target: String,
    calls: u64,
    in_flight: usize,
    warmup: u64,
}

pub(super) async fn run(args: BenchArgs, global: &Global, output: &Output) -> Result<Exit, Trouble> {
    let (host, target) = asked::host(&args.asked, global)?;
    let _offer = offered(&host, format!("bench {target}"));
    let began = Instant::now();
    // What can't be opened would fail all calls alike.
    let looked = or_cancelled(host.inspect(&target.tool)).await?;
    let opened = began.elapsed();
    let input = or_cancelled(asked::input(&host, &args.asked, &target, None)).await?;
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let bench = Bench {
        target: target.to_string(),
        calls: args.calls.as_u64(),
        in_flight: args.in_flight.map_or(cores, |most| usize::try_from(most).unwrap_or(usize::MAX)),
        warmup: args.warmup.as_u64(),
    };
    let (stop, stopped) = watch::channel(false);
    let mut load = Load::new(host, target, input, args.asked.schedule, stopped);
    let mut tally = Tally::new(opened, looked.limits, looked.grants);
    let work = Box::pin(measure(&bench, &mut load, &mut tally, output));
    let cancel = || {
        // Where nobody listens any more, all have ended.
        let _ = stop.send(true);
    };
    // Whether all have ended or some were abandoned: what was measured is told.
    let _ = cancelling(work, cancel).await;
    let interrupted = *stop.borrow();
    tally.end(interrupted);
    show(&bench, &tally, output)
}

/// The first call alone, then those to warm up, then the others.
async fn measure(bench: &Bench, load: &mut Load, tally: &mut Tally, output: &Output) {
    load.run(1, 1, |outcome, total| tally.first(outcome, total)).await;
    if bench.warmup > 0 {
        let counter = Counter::new(output, "warming up", bench.warmup);
        load.run(bench.warmup, bench.in_flight, |_, _| counter.one()).await;
    }
    let counter = Counter::new(output, &bench.target, bench.calls);
    counter.one();
    tally.begin();
    load.run(bench.calls.saturating_sub(1), bench.in_flight, |outcome, total| {
        tally.record(outcome, total);
        counter.one();
    })
    .await;
}

fn show(bench: &Bench, tally: &Tally, output: &Output) -> Result<Exit, Trouble> {
    if output.is_json() {
        output.object(&object::Object::new(bench, tally))?;
    } else {
        for line in show::lines(output, bench, tally) {
            output.line(line);
        }
        if tally.interrupted() {
            let cancelled = Failure::new(Code::Cancelled, "the bench was cancelled").why(format!(
                "by a signal, after {} of {} calls",
                tally.ended(),
                bench.calls
            ));
            output.tell(error::failed(output, &cancelled));
        }
    }
    Ok(Exit::with(tally.exit_code()))
}
