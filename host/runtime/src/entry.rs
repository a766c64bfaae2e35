//! One tool of the catalog: where it comes from, what it wants, what it gets, and, once someone asked, the tool itself.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use hotcell_agent::Offer;
use hotcell_call::{Code, Effect, Failure, GrantSet, LimitKeys, Limits, Target, TenantId, ToolName, Wants, nearest};
use hotcell_sandbox::{Contract, OpenGrants, Sandbox, Tool};

use crate::batches::Batches;
use crate::catalog::Starter;
use crate::config::Config;
use crate::opening::Opening;
use crate::reserved;
use crate::schema::Schema;
use crate::terms::{Book, Terms};
use crate::toolfile::ToolFile;

/// Where a tool comes from.
#[derive(Debug, Clone)]
pub enum Origin {
    /// It came with the binary.
    Starter(Starter),
    /// A file.
    File(PathBuf),
}

/// What tells whether a file is still the one that was seen.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Stamp(Vec<Option<Mark>>);

/// Device, inode, size, and the time of the last change in seconds and nanoseconds.
type Mark = (u64, u64, u64, i64, i64);

/// A tool that is known by name.
pub(crate) struct Entry {
    name: ToolName,
    origin: Origin,
    file: Option<ToolFile>,
    stamp: Stamp,
    opened: OnceLock<Arc<Opened>>,
    opening: Mutex<Option<Arc<Opening>>>,
}

/// A tool that was opened, with what it may do.
pub(crate) struct Opened {
    pub(crate) name: ToolName,
    pub(crate) tool: Tool,
    pub(crate) file: Option<ToolFile>,
    pub(crate) limits: Arc<Limits>,
    /// What the operator gives, before the tool's own wants narrow it.
    pub(crate) given: GrantSet,
    pub(crate) grants: Arc<OpenGrants>,
    /// The terms on which its calls are let in.
    pub(crate) terms: Arc<Terms>,
    /// How long answers are kept that depend on the input alone; none: not at all.
    pub(crate) ttl: Option<Duration>,
    /// Where calls of it find company, if the operator lets them share a cell.
    pub(crate) batches: Option<Batches>,
    functions: HashMap<String, Arc<Function>>,
    /// Grants that callers narrowed, opened once for each way of narrowing.
    narrowed: Mutex<Vec<(Wants, Arc<OpenGrants>)>>,
}

/// A function that can be called.
pub(crate) struct Function {
    pub(crate) schema: Schema,
    /// What its calls do: as its component says, or, where that can't, its file.
    pub(crate) effect: Effect,
    /// For whom a run of it was seen to use more than its input, although its answers were to be kept.
    pub(crate) unsound: Unsound,
}

/// Tenants for whom a function is no function of its input alone.
///
/// Each for itself: what one tenant may reach and asks for must not take the kept answers of another away.
#[derive(Debug, Default)]
pub(crate) struct Unsound {
    any: AtomicBool,
    tenants: Mutex<HashSet<TenantId>>,
}

/// Tenants that are known by name; beyond, all are taken for such.
const MOST_UNSOUND: usize = 1_024;

impl Unsound {
    pub(crate) fn contains(&self, tenant: &TenantId) -> bool {
        if !self.any.load(Ordering::Relaxed) {
            return false;
        }
        let tenants = self.tenants.lock().unwrap_or_else(PoisonError::into_inner);
        tenants.len() >= MOST_UNSOUND || tenants.contains(tenant)
    }

    pub(crate) fn insert(&self, tenant: &TenantId) {
        let mut tenants = self.tenants.lock().unwrap_or_else(PoisonError::into_inner);
        if tenants.len() < MOST_UNSOUND {
            tenants.insert(tenant.clone());
        }
        self.any.store(true, Ordering::Relaxed);
    }
}

/// Ways of narrowing that are kept open for one tool.
const MOST_NARROWED: usize = 16;

impl Origin {
    /// Whether the file would have had this name, had it not been broken.
    pub(crate) fn claims(&self, name: &ToolName) -> bool {
        match self {
            Self::Starter(starter) => starter.name == name.as_str(),
            Self::File(path) => path.file_stem().is_some_and(|stem| stem == name.as_str()),
        }
    }

    fn is(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Starter(one), Self::Starter(other)) => one.name == other.name,
            (Self::File(one), Self::File(other)) => one == other,
            _ => false,
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Starter(starter) => write!(f, "the starter tool {}", starter.name),
            Self::File(path) => f.write_str(&hotcell_call::shortened(&path.display().to_string(), 200)),
        }
    }
}

impl Stamp {
    /// The stamp of several files together; one that is not there is part of it, too.
    pub(crate) fn of(paths: &[&Path]) -> Self {
        let stamp = |path: &&Path| {
            let meta = std::fs::metadata(path).ok()?;
            Some((meta.dev(), meta.ino(), meta.size(), meta.mtime(), meta.mtime_nsec()))
        };
        Self(paths.iter().map(stamp).collect())
    }
}

impl Entry {
    pub(crate) fn new(name: ToolName, origin: Origin, file: Option<ToolFile>, stamp: Stamp) -> Self {
        Self { name, origin, file, stamp, opened: OnceLock::new(), opening: Mutex::default() }
    }

    pub(crate) fn origin(&self) -> &Origin {
        &self.origin
    }

    pub(crate) fn file(&self) -> Option<&ToolFile> {
        self.file.as_ref()
    }

    pub(crate) fn is(&self, origin: &Origin, stamp: &Stamp) -> bool {
        self.origin.is(origin) && self.stamp == *stamp
    }

    /// Opens the tool, once; whoever stops waiting leaves that to those who come later.
    pub(crate) async fn open(
        &self,
        sandbox: &Sandbox,
        config: &Arc<Config>,
        book: &Book,
    ) -> Result<Arc<Opened>, Failure> {
        if let Some(opened) = self.opened.get() {
            return Ok(Arc::clone(opened));
        }
        // Boxed: what happens once for a tool would otherwise be carried, and moved, in the future of every call.
        let opened = Box::pin(async { self.opening(sandbox, config, book).wait().await }).await?;
        Ok(Arc::clone(self.opened.get_or_init(|| opened)))
    }

    fn opening(&self, sandbox: &Sandbox, config: &Arc<Config>, book: &Book) -> Arc<Opening> {
        let mut now = self.opening.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(opening) = now.as_ref().filter(|opening| !opening.has_failed()) {
            return Arc::clone(opening);
        }
        let (sandbox, config) = (sandbox.clone(), Arc::clone(config));
        let (name, origin, file) = (self.name.clone(), self.origin.clone(), self.file.clone());
        let terms = book.of(&name);
        let opening = Opening::start(async move {
            let opened = async {
                let tool = match &origin {
                    Origin::Starter(starter) => sandbox.open_bytes(&name, starter.wasm).await?,
                    Origin::File(path) => sandbox.open(&name, path).await?,
                };
                Opened::new(name.clone(), tool, file, &config, terms).map(Arc::new)
            };
            opened.await.map_err(|failure| failure.of(&name))
        });
        Arc::clone(now.insert(Arc::new(opening)))
    }
}

impl Opened {
    fn new(
        name: ToolName,
        tool: Tool,
        file: Option<ToolFile>,
        config: &Config,
        terms: Arc<Terms>,
    ) -> Result<Self, Failure> {
        let (limits, given) = config.for_tool(&name);
        let limits = Arc::new(file.as_ref().map_or_else(|| limits.clone(), |file| limits.tighten(&file.limits)));
        let set = match &file {
            Some(file) => given.narrowed(&file.wants),
            // Nothing is said of what it wants: then it is what the operator gives.
            None => given.clone(),
        };
        let grants = OpenGrants::open(reserved::rooted(config, set))?;
        reserved::check(config, &grants)?;
        let operators = config.tools.get(&name).and_then(|tool| tool.cache_ttl);
        let ttl = operators.or_else(|| file.as_ref()?.cache_ttl).filter(|ttl| !ttl.is_zero());
        let descriptor = tool.descriptor();
        // What a component of ours says of its functions is more exact than what a file says of them all.
        let whole = file.as_ref().and_then(|file| file.effect).filter(|_| descriptor.contract == Contract::Plain);
        let callable = descriptor.functions.iter().filter(|function| function.callable.is_ok());
        let functions = callable.map(|function| {
            let effect = whole.unwrap_or(function.effect);
            let known = Function { schema: Schema::new(function), effect, unsound: Unsound::default() };
            (function.name.clone(), Arc::new(known))
        });
        let functions = functions.collect();
        let batch = config.tools.get(&name).and_then(|tool| tool.batch);
        let batches = batch.map(|batch| Batches::new(batch, tool.clone()));
        let narrowed = Mutex::default();
        Ok(Self { name, tool, file, limits, given, grants, terms, ttl, batches, functions, narrowed })
    }

    /// What a model may be offered of it.
    pub(crate) fn offers(&self) -> impl Iterator<Item = Offer> {
        self.tool.descriptor().functions.iter().filter_map(|function| {
            // What can't be called is none.
            self.functions.get(&function.name)?;
            let target = Target::new(self.name.clone(), function.name.as_str());
            let (description, input) = (function.description.clone(), function.input.clone());
            Some(Offer { target, description, input })
        })
    }

    /// The function that `target` names, or the only one.
    pub(crate) fn function(&self, target: &Target) -> Result<&Arc<Function>, Failure> {
        let functions = &self.tool.descriptor().functions;
        let names = || functions.iter().map(|function| function.name.as_str());
        let listed = || names().take(10).map(|name| format!("{}.{name}", self.name)).collect::<Vec<_>>().join(", ");
        let Some(wanted) = target.function.as_deref() else {
            return match functions.as_slice() {
                [only] => self.callable(&only.name),
                [] => Err(Failure::new(Code::UnknownFunction, format!("{} has no functions", self.name))),
                several => Err(Failure::new(Code::Function, format!("{} has {} functions", self.name, several.len()))
                    .why("a call needs to say which")
                    .fix(format!("one of {}", listed()))),
            };
        };
        if names().any(|name| name == wanted) {
            return self.callable(wanted);
        }
        let failure = Failure::new(Code::UnknownFunction, format!("{} has no function `{wanted}`", self.name))
            .why(format!("there are {}", listed()));
        Err(match nearest(wanted, names()) {
            Some(near) => failure.fix(format!("did you mean `{}.{near}`?", self.name)),
            None => failure,
        })
    }

    fn callable(&self, name: &str) -> Result<&Arc<Function>, Failure> {
        let function = self.tool.descriptor().function(name);
        if let Some(Err(reason)) = function.map(|function| &function.callable) {
            return Err(Failure::new(Code::Type, format!("{}.{name} can't be called", self.name)).why(reason));
        }
        self.functions
            .get(name)
            .ok_or_else(|| Failure::new(Code::UnknownFunction, format!("{} has no function `{name}`", self.name)))
    }

    /// The limits, as far as a caller lowers them.
    pub(crate) fn tightened(&self, keys: &LimitKeys) -> Arc<Limits> {
        let same = *keys == LimitKeys::default();
        if same { Arc::clone(&self.limits) } else { Arc::new(self.limits.tighten(keys)) }
    }

    /// What a caller leaves of the grants: all, unless it says what it needs.
    pub(crate) fn left(&self, wants: Option<&Wants>) -> Result<Arc<OpenGrants>, Failure> {
        match wants {
            Some(wants) => self.narrowed(wants),
            None => Ok(Arc::clone(&self.grants)),
        }
    }

    fn narrowed(&self, wants: &Wants) -> Result<Arc<OpenGrants>, Failure> {
        let mut known = self.narrowed.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, grants)) = known.iter().find(|(other, _)| other == wants) {
            return Ok(Arc::clone(grants));
        }
        let grants = self.grants.narrowed(wants).map_err(|failure| failure.of(&self.name))?;
        if known.len() >= MOST_NARROWED {
            known.remove(0);
        }
        known.push((wants.clone(), Arc::clone(&grants)));
        Ok(grants)
    }
}
