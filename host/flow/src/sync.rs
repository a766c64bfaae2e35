//! The locks of this crate, by a name of its own.
//!
//! `tests/interleavings.rs` builds the modules that use them with other locks, whose order of threads it chooses.

pub(crate) use std::sync::{Mutex, MutexGuard};
