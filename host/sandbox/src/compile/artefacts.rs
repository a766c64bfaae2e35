//! Compiled components, wherever they come from: the one door of this room.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use hotcell_call::{ByteSize, Code, Digest, Failure};
use tokio::sync::Semaphore;
use wasmtime::Engine;

use crate::compile::cache::Cache;
use crate::compile::limits::CompileLimits;
use crate::compile::open::Source;
use crate::compile::parent::Compiler;
use crate::compile::seal::Verified;
use crate::compile::wire::Meta;

/// Components that are compiled at one time, where there are as many cores: whoever calls one does not wait for another that
/// nobody has asked for yet, and what a few honest ones take together is no more than one large one takes.
const MOST_AT_ONCE: u32 = 2;
/// From which size on a component is compiled alone: it may take gigabytes.
const ALONE: ByteSize = ByteSize::mib(8);

/// Into how many lots components are put, by the first byte of their digests; of each lot one is compiled at a time.
const SAME: usize = 256;

/// Components that are remembered as not compiling.
const MOST_REFUSED: usize = 256;

/// Finds compiled components, and makes what is not found.
pub(crate) struct Artefacts {
    pub(super) compiler: Compiler,
    limits: CompileLimits,
    cache: Option<Arc<Cache>>,
    refused: Mutex<Refused>,
    /// A few children at a time: each may take what the machine has. Who waits longest is next.
    pub(super) turns: Semaphore,
    pub(super) at_once: u32,
    /// The same component is compiled once, by whoever comes first; a few others may have to wait with it.
    same: [tokio::sync::Mutex<()>; SAME],
}

/// What a component was made into.
pub(crate) struct Made {
    pub(crate) meta: Meta,
    pub(crate) code: Arc<Verified>,
}

impl Artefacts {
    /// Without a cache folder, or with one that can't be used, everything is compiled anew.
    pub(crate) fn new(
        compiler: Compiler,
        limits: CompileLimits,
        cache: Option<&std::path::Path>,
        engine: &Engine,
    ) -> Self {
        let cache = cache.and_then(|path| match Cache::new(path, engine, limits.max_cache) {
            Ok(cache) => Some(Arc::new(cache)),
            Err(error) => {
                tracing::warn!(folder = %path.display(), %error, "compiled components are not kept: the cache folder can't be used");
                None
            }
        });
        let cores =
            std::thread::available_parallelism().map_or(1, |cores| u32::try_from(cores.get()).unwrap_or(u32::MAX));
        let at_once = cores.min(MOST_AT_ONCE);
        let turns = Semaphore::new(at_once as usize);
        Self {
            compiler,
            limits,
            cache,
            refused: Mutex::default(),
            turns,
            at_once,
            same: std::array::from_fn(|_| tokio::sync::Mutex::default()),
        }
    }

    pub(crate) fn limits(&self) -> &CompileLimits {
        &self.limits
    }

    /// What is known of a component, if it was compiled before.
    pub(crate) async fn find(&self, digest: Digest) -> Option<Meta> {
        self.cached(move |cache| cache.meta(&digest)).await
    }

    /// The code of a component, if it was kept.
    pub(crate) async fn load(&self, digest: Digest) -> Option<Verified> {
        self.cached(move |cache| cache.code(&digest)).await
    }

    /// Keeps what is known of a component.
    pub(crate) async fn keep(&self, digest: Digest, meta: Meta) {
        self.cached(move |cache| {
            cache.keep_meta(&digest, &meta);
            Some(())
        })
        .await;
    }

    /// Remembers that a component can't be used after all.
    pub(crate) async fn refuse(&self, digest: Digest, failure: &Failure) {
        self.refused().insert(digest, failure.clone());
        self.cached(move |cache| {
            cache.forget(&digest);
            Some(())
        })
        .await;
    }

    /// Compiles a component, unless another caller just has.
    ///
    /// # Errors
    ///
    /// [`Code::NotComponent`], [`Code::Import`], [`Code::Compile`] with the limit that was reached; the same again, at once, for a
    /// component that was refused before.
    pub(crate) async fn make(&self, source: &Source) -> Result<Made, Failure> {
        self.check_refused(&source.digest)?;
        let [lot, ..] = *source.digest.as_bytes();
        let _same = match self.same.get(usize::from(lot)) {
            Some(lot) => Some(lot.lock().await),
            None => None,
        };
        let size = ByteSize::of(source.bytes.len());
        let _turn = self
            .turns
            .acquire_many(if size < ALONE { 1 } else { self.at_once })
            .await
            .map_err(|closed| Failure::new(Code::Fault, "the compiler is closed").caused_by(closed))?;
        self.check_refused(&source.digest)?;
        if let (Some(meta), Some(code)) = (self.find(source.digest).await, self.load(source.digest).await) {
            return Ok(Made { meta, code: Arc::new(code) });
        }
        match self.compiler.compile(source, self.limits.for_file(size)).await {
            Ok(compiled) => {
                let meta = Meta { report: compiled.report, size: size.as_u64(), listed: None };
                Ok(self.keep_made(source.digest, meta, compiled.code).await)
            }
            Err(not) => {
                if not.lasting {
                    self.refused().insert(source.digest, not.failure.clone());
                }
                Err(not.failure)
            }
        }
    }

    async fn keep_made(&self, digest: Digest, meta: Meta, code: Verified) -> Made {
        let code = Arc::new(code);
        let (kept, known) = (Arc::clone(&code), meta.clone());
        self.cached(move |cache| {
            cache.keep_code(&digest, &kept);
            cache.keep_meta(&digest, &known);
            Some(())
        })
        .await;
        Made { meta, code }
    }

    /// Does something with the cache where blocking is allowed.
    async fn cached<T: Send + 'static>(&self, work: impl FnOnce(&Cache) -> Option<T> + Send + 'static) -> Option<T> {
        let cache = Arc::clone(self.cache.as_ref()?);
        tokio::task::spawn_blocking(move || work(&cache)).await.ok().flatten()
    }

    fn check_refused(&self, digest: &Digest) -> Result<(), Failure> {
        self.refused().failures.get(digest).map_or(Ok(()), |failure| Err(failure.clone()))
    }

    fn refused(&self) -> std::sync::MutexGuard<'_, Refused> {
        self.refused.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Components that did not compile, so that a bomb costs once. The oldest is forgotten first.
#[derive(Default)]
struct Refused {
    failures: HashMap<Digest, Failure>,
    order: VecDeque<Digest>,
}

impl Refused {
    fn insert(&mut self, digest: Digest, failure: Failure) {
        if self.failures.insert(digest, failure).is_none() {
            self.order.push_back(digest);
        }
        while self.order.len() > MOST_REFUSED {
            if let Some(oldest) = self.order.pop_front() {
                self.failures.remove(&oldest);
            }
        }
    }
}
