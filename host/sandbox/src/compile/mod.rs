//! From a file to machine code, without ever trusting the file.
//!
//! ```text
//! open   once, never blocking, regular files only, bounded; digest of what was read; a look at the first bytes
//! find   a report and code of that digest, in the cache: MAC first, then everything else
//! child  else a process of its own, with limits: reads, judges and compiles; the parent makes the MAC
//! ```
//!
//! **Why a process.** Compiling is the cheapest way to kill a host: a file of 300 KB can drive the compiler beyond nine gigabytes,
//! and no timeout stops a thread. In a process of its own the kernel's limits hold, and whatever a malformed file does to the
//! parser or the compiler, it does to a process that holds nothing. The serving process itself never parses a component.
//!
//! **Why a MAC.** What is cached is native code. Whoever can write it can run as the host; so nothing that comes from the folder
//! is looked at before its MAC under a key that only the host's user can read is verified.

mod artefacts;
mod cache;
mod child;
mod examine;
mod folder;
mod limits;
mod look;
mod open;
mod parent;
mod seal;
mod wire;

pub(crate) use artefacts::Artefacts;
pub use child::child_main;
pub use examine::{CacheReport, KeyState, examine_cache};
pub use limits::CompileLimits;
pub(crate) use open::Source;
pub use parent::Compiler;
pub(crate) use seal::Verified;

#[cfg(test)]
mod tests;
