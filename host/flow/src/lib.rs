//! When a call may run.
//!
//! The policies of hotcell, in the order in which work meets them. One policy, one small module, always the same shape, and nothing in
//! it but the decision: no WebAssembly, no protocol, no file, no environment, no chance, and no wall clock. Time is an
//! argument, or comes in through a [`Timer`]; a random number is an argument. So each policy can be tested without waiting,
//! and replayed.
//!
//! | question | answered by |
//! |---|---|
//! | may it come in at all? | [`rate`], [`quota`], [`credit`]; [`shed`], for what has waited too long |
//! | is the answer there already, or on its way? | [`flight`] |
//! | who is next? | [`queue`], the one bounded waiting room; [`fair`], its order by class, tenant and deadline; [`schedule`], tasks with start times and dependencies that may run more than once |
//! | how many at a time? | [`permit`], a bound that [`limit`] may steer; [`bulkhead`], one for each tool |
//! | is it worth trying? | [`breaker`]; [`retry`] and [`hedge`], within budgets |
//! | which belong together? | [`batch`]; [`gather`], so many items of a list at a time; [`dag`], [`circuit`] and [`pipeline`], steps that need each other's values |
//! | how does much work move? | [`channel`], a bounded line with [`pressure`]; [`consume`], from a stream to consumers; [`pace`], a rate that follows the pressure |
//! | who has it, and how long did it take? | [`pool`], [`profile`] |
//!
//! Everything is bounded and says what happens at its bound; whatever waits can be dropped at any point and loses nothing; what is
//! given out is a guard that gives back.

#![forbid(unsafe_code)]
#![warn(clippy::disallowed_methods)]

mod alarm;
pub mod batch;
pub mod breaker;
pub mod bulkhead;
pub mod channel;
pub mod circuit;
pub mod consume;
pub mod credit;
pub mod dag;
pub mod fair;
mod few;
pub mod flight;
pub mod gather;
pub mod hedge;
mod keyed;
pub mod limit;
mod line;
mod nanos;
pub mod pace;
mod panicked;
pub mod permit;
pub mod pipeline;
pub mod pool;
pub mod pressure;
pub mod profile;
pub mod queue;
pub mod quota;
pub mod rate;
mod refused;
pub mod retry;
mod rolling;
pub mod schedule;
pub mod shed;
mod sorted;
mod sync;
mod timer;

#[cfg(test)]
mod testing;

pub use panicked::Panicked;
pub use refused::Refused;
pub use timer::Timer;
