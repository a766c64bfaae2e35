//! The sandbox: one engine, and the way from a file to a [`Tool`].

use std::borrow::Cow;
use std::path::Path;
use std::sync::Arc;

use hotcell_call::{Failure, ToolName};
use tokio::sync::Semaphore;
use wasmtime::Engine;
use wasmtime::component::Linker;

use crate::capability::{self, Descriptors, Net};
use crate::ceiling::Ceiling;
use crate::cell::Cell;
use crate::compile::{Artefacts, Source};
use crate::engine::{self, EngineReport};
use crate::lane::Lane;
use crate::settings::{LISTS, Settings, SetupError};
use crate::spares::Spares;
use crate::switches::Kept;
use crate::ticker::Ticker;
use crate::tool::{From, Tool};

/// Runs calls in cells; cheap to clone, and all clones are one sandbox.
#[derive(Clone)]
pub struct Sandbox(pub(crate) Arc<Shared>);

/// What all tools share.
pub(crate) struct Shared {
    pub(crate) engine: Engine,
    pub(crate) linker: Linker<Cell>,
    pub(crate) lane: Lane,
    pub(crate) ceiling: Ceiling,
    pub(crate) artefacts: Artefacts,
    pub(crate) descriptors: Descriptors,
    pub(crate) net: Arc<Net>,
    pub(crate) spares: Spares,
    /// Places for components that are asked for their lists: see `Settings::cells`.
    pub(crate) listing: Semaphore,
    pub(crate) kept: Kept,
    report: EngineReport,
    pub(crate) ticker: Ticker,
}

impl Sandbox {
    /// Sets up the engine, its pool and its ticker.
    ///
    /// # Errors
    ///
    /// [`SetupError`] when this machine can't have them.
    pub fn new(settings: Settings) -> Result<Self, SetupError> {
        let engine = engine::pooled(&settings)?;
        let report = engine::report(&settings);
        let mut linker = Linker::new(&engine);
        capability::link(&mut linker).map_err(SetupError::engine)?;
        let spares = Spares::new(settings.cells());
        let artefacts = Artefacts::new(settings.compiler, settings.compile, settings.cache.as_deref(), &engine);
        Ok(Self(Arc::new(Shared {
            lane: Lane::new(settings.cores.get()),
            ceiling: Ceiling::new(settings.process_memory),
            ticker: Ticker::start(&engine)?,
            descriptors: Descriptors::new(),
            net: Arc::new(Net::new(settings.names)),
            spares,
            listing: Semaphore::new(LISTS as usize),
            kept: Kept::default(),
            artefacts,
            linker,
            engine,
            report,
        })))
    }

    /// How its engine is set up.
    #[must_use]
    pub fn engine(&self) -> EngineReport {
        self.0.report
    }

    /// Opens a component's file: bounded, without blocking, and without loading native code where its description is cached.
    ///
    /// # Errors
    ///
    /// `rejected`, with the reason and the fix.
    pub async fn open(&self, name: &ToolName, file: &Path) -> Result<Tool, Failure> {
        let source = Source::read(file, self.0.artefacts.limits().max_file).await?;
        Tool::take_in(&self.0, name, source, From::File(file.to_owned())).await
    }

    /// Opens a component that is in memory.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    pub async fn open_bytes(&self, name: &ToolName, bytes: &'static [u8]) -> Result<Tool, Failure> {
        let source = Source::new(name.as_str(), Cow::Borrowed(bytes), self.0.artefacts.limits().max_file)?;
        Tool::take_in(&self.0, name, source, From::Memory(bytes)).await
    }
}

impl std::fmt::Debug for Sandbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sandbox").finish_non_exhaustive()
    }
}
