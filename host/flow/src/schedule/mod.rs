//! Tasks and when they may start.
//!
//! A [`Scheduler`] takes tasks that may have a time before which they don't start, a deadline, and other tasks that must have
//! ended well before. It hands out leave to run; it runs nothing itself. So it serves whoever awaits a
//! [`Ticket`] and then does its own work, and by [`Scheduler::run`] whoever wants a task to run by itself.
//!
//! **Each task that is taken ends once**, with a typed [`End`], whatever becomes of the ticket, of the guard, of the future that
//! runs it, of the handles and of the loop. [`Status`] is one snapshot in which the tasks taken are at all times the sum of
//! those under way and those ended.
//!
//! | a task is | until | and it can end as |
//! |---|---|---|
//! | blocked | what it needs has ended well | `Skipped` when that did not, `Late`, `Cancelled`, `Stopped` |
//! | delayed | its time has come | `Late`, `Cancelled`, `Stopped` |
//! | waiting | its [turn](crate::fair) has come and there is a [place](Capacity) | `Late`, `Cancelled`, `Stopped` |
//! | running | its [`Started`] is finished or dropped, or goes back to wait [again](Started::again) | `Done`, `Failed`, `Abandoned`; told to stop: `TimedOut`, `Cancelled`, `Stopped` |
//!
//! These are four structures and not one: tasks that may not start yet stand in no queue, so that none that may has to wait
//! behind them. A task that runs is *told* to stop, and has ended when its guard is gone: until then it holds its place, since
//! whatever it holds is not free.
//!
//! A task can run more than once: one that is to be tried [again](Started::again) later goes back to "delayed", holds nothing that
//! runs meanwhile, and keeps its place in line. Its deadline is for all of it, and it ends once.
//!
//! **One state, no tick.** The [`Plan`] is a plain value that is told the time. Behind one short lock, whoever changes it
//! does what follows: a task that is submitted while there is a place starts then and there, and whoever ends one starts the
//! next. The loop ([`Service`]) sleeps until the earliest instant at which something is due.
//!
//! Bounded are the tasks under way (by [`fair`](crate::fair) those that wait for anything, by [`Capacity`] those that run),
//! those of a tenant, the needs of a task, and the ends that are remembered. At a bound a task is refused, but never one that
//! runs again: what waits may be more than its bound by as many as run at most. Ends are forgotten, the oldest first. A
//! forgotten task can't be waited for or needed any more.
//!
//! A caller that would rather wait than be refused [waits at the door](Scheduler::enter), until a time that it names. Those are
//! bounded too, and are no tasks yet: none of them is part of what was submitted.
//!
//! How full it is can be [watched](Scheduler::gauge): at the high mark its pressure turns high, at the low mark low again.
//!
//! The form (options, a loop that owns what happens, a cheap handle) is that of nextest's and restate's schedulers.
//!
//! ```
//! # use std::time::Instant;
//! # use futures::future::{BoxFuture, FutureExt, pending};
//! use std::sync::Arc;
//!
//! use hotcell_flow::Timer;
//! use hotcell_flow::fair::Shares;
//! use hotcell_flow::permit::Permits;
//! use hotcell_flow::schedule::{Closing, End, Report, Scheduler, Settings, Task};
//!
//! # struct Clock;
//! # impl hotcell_call::Clock for Clock { fn now(&self) -> Instant { Instant::now() } }
//! # impl Timer for Clock { fn sleep_until(&self, _: Instant) -> BoxFuture<'static, ()> { pending().boxed() } }
//! # fn timer() -> Arc<dyn Timer> { Arc::new(Clock) }
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let (scheduler, service) = Scheduler::new(Settings::default(), Shares::default(), Permits::new(4), timer())?;
//! let whole = async {
//!     let fetch = scheduler.submit(Task::new("fetch", "tenant"))?;
//!     let parse = scheduler.submit(Task::new("parse", "tenant").needs(["fetch"]))?;
//!
//!     // Whoever awaits a place, and then does its own work:
//!     if let Ok(started) = fetch.await {
//!         let _page = started.run(async { "page" }, |_page| Report::done().cost(120)).await;
//!     }
//!     // By hand:
//!     if let Ok(started) = parse.await {
//!         started.finish(Report::failed());
//!     }
//!     assert_eq!(scheduler.wait(&"parse", None).await?, End::Failed);
//!
//!     let summary = scheduler.submit(Task::new("summary", "tenant").needs(["parse"]))?;
//!     assert_eq!(summary.await.err(), Some(End::Skipped { because: "parse" }));
//!
//!     scheduler.closed(Closing::Drain).await;
//!     assert_eq!(scheduler.status().ended.total(), 3);
//!     Ok(())
//! };
//! futures::join!(service.run(), whole).1
//! # }
//! # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(example()).unwrap();
//! ```

mod capacity;
mod door;
mod error;
mod history;
mod plan;
mod scheduler;
mod shared;
mod signal;
mod status;
mod task;
mod ticket;

use std::fmt;
use std::hash::Hash;

pub use capacity::Capacity;
pub use error::{SubmitError, WaitError};
pub use plan::{Change, Closing, Key, Plan, Settings, Standing, Start};
pub use scheduler::{Scheduler, Service};
pub use status::{Ends, Status};
pub use task::{End, Report, Stop, Task};
pub use ticket::{Started, StopSignal, Ticket};

/// What can name a task or a tenant.
pub trait Id: Clone + Eq + Hash + fmt::Debug + Send + Sync + 'static {}

impl<T: Clone + Eq + Hash + fmt::Debug + Send + Sync + 'static> Id for T {}

#[cfg(test)]
mod tests;
