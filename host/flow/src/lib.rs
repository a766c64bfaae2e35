//! When a call may run.
//!
//! The policies of hotcell, in the order in which work meets them. A [`Dag`](dag::Dag) says which steps are ready, and
//! [`gather`] how many items of a list are under way at a time: both send each call down the same path. There it
//! enters the [`Queue`](queue::Queue), the one bounded waiting room, and changes its [`Ticket`](queue::Ticket) for a
//! [`Permit`](permit::Permit).
//!
//! One policy, one small module, and nothing in it but the decision: no WebAssembly, no protocol, no file, no
//! environment, no chance, and no wall clock. Time is an argument, or comes in through a [`Timer`]. So each policy can
//! be tested without waiting, and replayed.

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
pub mod profile;
pub mod queue;
pub mod quota;
pub mod rate;
mod refused;
pub mod retry;
mod rolling;
pub mod schedule;
pub mod shed;
mod sync;
mod timer;

#[cfg(test)]
mod testing;

pub use panicked::Panicked;
pub use refused::Refused;
pub use timer::Timer;
