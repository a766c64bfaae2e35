//! `hotcell top`: how it stands with the hosts that run.
//!
//! What is seen comes from other processes of the same user. Their numbers are taken as they are, and their names like any
//! stranger's.

mod line;
mod rates;
mod view;

use std::time::Duration;

use hotcell_call::Failure;
use hotcell_server::status::{Look, look};
use tokio::time::{Instant, sleep_until};

use crate::args::TopArgs;
use crate::exit::{Exit, Trouble};
use crate::output::{DIM, Output};
use crate::screen::{Screen, Wish};
use crate::signals::{interrupted, or_cancelled};
use crate::table;

pub(super) async fn run(args: TopArgs, output: &Output) -> Result<Exit, Trouble> {
    if output.is_json() && !args.once {
        objects(&args, output).await?;
    } else if output.is_screen() && !args.once {
        watch(&args, output).await?;
    } else {
        let look = or_cancelled(look()).await?;
        if output.is_json() {
            output.object(&look)?;
        } else {
            once(&look, output);
        }
    }
    Ok(Exit::OK)
}

/// One object after the other, until a signal comes or nobody reads them.
async fn objects(args: &TopArgs, output: &Output) -> Result<(), Failure> {
    let mut next = Instant::now();
    while !output.is_alone() {
        // What is dropped here is a look that nobody waits for.
        let look = tokio::select! {
            look = async { sleep_until(next).await; look().await } => look?,
            () = interrupted() => return Ok(()),
        };
        output.object(&look)?;
        next = after(next, args.interval);
    }
    Ok(())
}

fn once(look: &Look, output: &Output) {
    for line in view::lines(look, None, None) {
        output.line(line.cut(table::width()).painted(output));
    }
    if look.hosts.is_empty() {
        output.note(output.styled_note(DIM, view::NOTHING));
    }
}

/// Draws one look after the other, until the person has seen enough.
async fn watch(args: &TopArgs, output: &Output) -> Result<(), Failure> {
    // A folder that can't be used is told on the screen that stays.
    let mut now = or_cancelled(look()).await?;
    let mut before: Option<Look> = None;
    let mut screen = Screen::new(output);
    let mut next = Instant::now();
    while !output.is_alone() {
        draw(&screen, output, args, &now, before.as_ref());
        next = after(next, args.interval);
        let looked = loop {
            // A look that was broken off is made again: it takes nothing from anybody.
            tokio::select! {
                looked = async { sleep_until(next).await; look().await } => break looked?,
                wish = screen.wish() => match wish {
                    Wish::Leave => return Ok(()),
                    Wish::Redraw => draw(&screen, output, args, &now, before.as_ref()),
                }
            }
        };
        before = Some(std::mem::replace(&mut now, looked));
    }
    Ok(())
}

fn draw(screen: &Screen<'_>, output: &Output, args: &TopArgs, now: &Look, before: Option<&Look>) {
    let (width, height) = Screen::size();
    let mut lines = vec![view::head(now, args.interval)];
    lines.extend(view::lines(now, before, Some(height.saturating_sub(lines.len()))));
    if now.hosts.is_empty() {
        lines.extend(view::nothing());
    }
    lines.truncate(height);
    let lines: Vec<String> = lines.into_iter().map(|line| line.cut(Some(width)).painted(output)).collect();
    screen.draw(&lines);
}

/// The time of the look after the one that was to be made at `last`: those that were missed are not made up for.
fn after(last: Instant, interval: Duration) -> Instant {
    let now = Instant::now();
    let next = last + interval;
    if next > now { next } else { now + interval }
}
