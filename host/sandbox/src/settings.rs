//! How a sandbox is set up.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use hotcell_call::ByteSize;

use crate::capability::Names;
use crate::compile::{CompileLimits, Compiler};

/// What a [`Sandbox`](crate::Sandbox) is made with.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Calls that may be in their cells at one time; each reserves address space, none is started beyond it.
    pub calls: u32,
    /// Resident memory of the process beyond which no new cell is made.
    pub process_memory: ByteSize,
    /// Cores that guests may use, one of which is always left to short calls.
    pub cores: NonZeroUsize,
    /// The program that compiles components in a process of its own.
    pub compiler: Compiler,
    /// Its limits.
    pub compile: CompileLimits,
    /// Where compiled components are kept; none: nowhere.
    pub cache: Option<PathBuf>,
    /// How names of hosts are looked up.
    pub names: Names,
}

impl Settings {
    /// The defaults of `docs/limits.md`, with `compiler` to compile and no cache.
    #[must_use]
    pub fn new(compiler: Compiler) -> Self {
        Self {
            calls: 1_024,
            process_memory: ByteSize::mib(4_096),
            cores: std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN),
            compiler,
            compile: CompileLimits::default(),
            cache: None,
            names: Names::default(),
        }
    }

    /// Cells that there is room for: those of calls, and some in which components are asked for their lists. Whoever opens a tool has
    /// no place among the calls, and must not take theirs.
    pub(crate) fn cells(&self) -> u32 {
        self.calls.saturating_add(LISTS)
    }
}

/// Components that are asked for their lists at one time: one that does not answer holds up no other.
pub(crate) const LISTS: u32 = 4;

/// The sandbox can't be set up on this machine.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SetupError {
    /// The engine refused its settings or could not reserve its pool.
    #[error("set up the engine: {reason} (a limit on the address space, `ulimit -v`, is the usual cause)")]
    Engine {
        /// The engine's own words.
        reason: String,
    },
    /// The system has no thread left.
    #[error("start the ticker's thread")]
    Thread {
        /// Why.
        #[source]
        source: std::io::Error,
    },
}

impl SetupError {
    pub(crate) fn engine(error: wasmtime::Error) -> Self {
        Self::Engine { reason: format!("{error:#}") }
    }

    pub(crate) fn thread(source: std::io::Error) -> Self {
        Self::Thread { source }
    }
}
