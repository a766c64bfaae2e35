//! When a call may run.
//!
//! The policies of hotcell, in the order in which work meets them. A [`Dag`](dag::Dag) says which steps are ready, and
//! [`gather`] how many items of a list are under way at a time: both send each call down the same path. There it
//! enters the [`Queue`](queue::Queue), the one bounded waiting room, and changes its [`Ticket`](queue::Ticket) for a
//! [`Permit`](permit::Permit).
//!
//! Before it may enter: [`rate`] says how many may start in a time, [`quota`] how much they may use; [`flight`] answers
//! what is known or being worked out, and [`credit`] is what it has left at all. Who of those that wait is next, [`fair`]
//! says: by class, tenant and deadline; [`schedule`] adds times to start, needs and cancelling to that. When its turn has come, [`shed`] turns away what waited too long. Around the permit:
//! [`limit`] says how many there are, [`bulkhead`] keeps a tool from taking all of them, [`breaker`] stops calling what
//! fails, [`retry`] tries again where that helps, and [`hedge`] asks twice where that is cheap. Beside the path: [`pool`]
//! lends what is dear to make, and [`profile`] knows how long things take.
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
