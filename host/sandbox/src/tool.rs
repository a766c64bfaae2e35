//! A component that was taken in: described, and loaded at its first call.
//!
//! Native code is loaded late, because a folder of a thousand tools should cost a thousand descriptions and not a thousand
//! mappings. It comes from the cache, or is compiled again from the same bytes: a file that has changed since it was described
//! is another tool, and is not run in this one's name.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use hotcell_call::{
    ByteSize, CallId, Code, Count, Digest, Effect, Failure, GrantSet, Limits, Log, Payload, Receipt, Target, TenantId,
    ToolName, shortened,
};
use tokio::sync::OnceCell;
use tokio_util::sync::CancellationToken;
use wasmtime::Store;
use wasmtime::component::{Component, ComponentExportIndex, Instance, InstancePre};

use crate::capability::OpenGrants;
use crate::cell::Cell;
use crate::compile::{Source, Verified};
use crate::contract::{self, Contract as Exports, Listed, ListedEffect};
use crate::convert::Caller;
use crate::describe::{Contract, Descriptor, Function, ListedTool, functions_from_list};
use crate::engine;
use crate::entry::Entry;
use crate::invoke::{Answer, Attempt, Blueprint, Invocation, Standing, invoke};
use crate::sandbox::Shared;
use crate::spares::Spare;

/// Characters of an import's name in a message.
const MOST_NAME: usize = 200;

/// A component that can be called; cheap to clone.
#[derive(Clone)]
pub struct Tool(Arc<Inner>);

struct Inner {
    shared: Arc<Shared>,
    from: From,
    digest: Digest,
    descriptor: Descriptor,
    loaded: Arc<OnceCell<Loaded>>,
}

/// Where the bytes are found again, should they be needed.
#[derive(Clone)]
pub(crate) enum From {
    File(PathBuf),
    Memory(&'static [u8]),
}

/// Native code, linked, with the places of its functions.
struct Loaded {
    pre: InstancePre<Cell>,
    contract: Option<Exports>,
    functions: HashMap<String, (Caller, ComponentExportIndex)>,
}

/// A call that may have a cell, and the cell itself once it stands.
pub(crate) struct Admitted<'a> {
    from: Blueprint<'a>,
    loaded: &'a Loaded,
    cell: Option<Standing>,
    /// Given back when the cell is gone.
    _spare: Spare,
}

impl Tool {
    /// Describes a component: from the cache, or by compiling it.
    pub(crate) async fn take_in(
        shared: &Arc<Shared>,
        name: &ToolName,
        source: Source,
        from: From,
    ) -> Result<Self, Failure> {
        let digest = source.digest;
        let (mut meta, code) = match shared.artefacts.find(digest).await {
            Some(meta) => (meta, None),
            None => {
                let made = shared.artefacts.make(&source).await?;
                (made.meta, Some(made.code))
            }
        };
        let descriptor = Descriptor::new(&meta.report, ByteSize::bytes(meta.size))?;
        let loaded = Arc::new(OnceCell::new());
        let tool = Inner { shared: Arc::clone(shared), from, digest, descriptor, loaded };
        let mut tool = Self(Arc::new(tool));
        if let Some(code) = code.filter(|_| too_many(tool.descriptor(), engine::MOST_INSTANCES).is_none()) {
            // Without a cache this is the only copy of the code; with one, its next use is soon.
            match tool.0.link(code).await {
                Ok(ready) => drop(tool.0.loaded.set(ready)),
                Err(failure) => {
                    shared.artefacts.refuse(digest, &failure).await;
                    return Err(failure);
                }
            }
        }
        if tool.descriptor().contract == Contract::Hotcell {
            let functions = match meta.listed.clone() {
                Some(listed) => functions_from_list(listed)?,
                None => {
                    let listed = tool.list(name).await?;
                    // Only what holds together is kept, and it is small.
                    let functions = functions_from_list(listed.clone())?;
                    meta.listed = Some(listed);
                    shared.artefacts.keep(digest, meta).await;
                    functions
                }
            };
            tool = tool.with(functions);
        }
        Ok(tool)
    }

    fn with(&self, functions: Vec<Function>) -> Self {
        let Inner { shared, from, digest, descriptor, loaded } = &*self.0;
        Self(Arc::new(Inner {
            shared: Arc::clone(shared),
            from: from.clone(),
            digest: *digest,
            descriptor: Descriptor { functions, ..descriptor.clone() },
            loaded: Arc::clone(loaded),
        }))
    }

    /// The SHA-256 of its bytes.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.0.digest
    }

    /// What is known of it.
    #[must_use]
    pub fn descriptor(&self) -> &Descriptor {
        &self.0.descriptor
    }

    /// Runs one call of `function` in a cell of its own.
    ///
    /// The first call of a tool loads its code. A caller that goes away or whose deadline passes meanwhile does not wait for it;
    /// loading goes on, for the next.
    pub async fn invoke(&self, function: &str, invocation: Invocation) -> Box<Attempt> {
        let mut attempt = match self.admit(&invocation).await {
            Ok(mut admitted) => {
                let kept = &self.0.shared.kept;
                admitted.cell = kept.take(&invocation);
                let attempt = admitted.call(function, &invocation).await;
                kept.put(&invocation, admitted.cell.take());
                attempt
            }
            Err(failure) => not_started(&invocation, failure),
        };
        attempt.receipt.digest = Some(self.0.digest);
        attempt
    }

    /// Sees whether a cell can be had, and has the code ready for it.
    pub(crate) async fn admit(&self, invocation: &Invocation) -> Result<Admitted<'_>, Failure> {
        let (loaded, spare) = match self.0.loaded.get() {
            Some(loaded) => (loaded, self.0.admit(invocation)?),
            // Boxed: what happens once for a tool would otherwise be carried, and moved, in the future of every call.
            None => Box::pin(self.load(invocation)).await?,
        };
        Ok(Admitted { from: self.0.blueprint(loaded), loaded, cell: None, _spare: spare })
    }

    /// Loads the code, or waits for another call that does.
    async fn load(&self, invocation: &Invocation) -> Result<(&Loaded, Spare), Failure> {
        let target = &invocation.target;
        let spare = self.0.admit(invocation)?;
        let inner = Arc::clone(&self.0);
        let loading = tokio::spawn(async move { inner.loaded.get_or_try_init(|| inner.load()).await.map(|_| ()) });
        let deadline = async {
            match invocation.deadline {
                Some(deadline) => tokio::time::sleep_until(deadline.into()).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            loaded = loading => match loaded {
                Ok(loaded) => loaded.map_err(|failure| failure.of(target))?,
                Err(broken) => return Err(Failure::new(Code::Fault, format!("loading {target} broke")).caused_by(broken)),
            },
            () = invocation.cancel.cancelled() => {
                return Err(Failure::new(Code::Cancelled, format!("{target} was cancelled")).why("while its code was loaded"));
            }
            () = deadline => {
                return Err(Failure::new(Code::Late, format!("{target} was not started"))
                    .why("the caller's deadline passed while its code was loaded")
                    .fix("call it again: its code is there by then, or give the first call more time"));
            }
        }
        let loaded = self.0.loaded.get();
        let gone = || Failure::new(Code::Fault, format!("the code of {target} was loaded and is not there"));
        Ok((loaded.ok_or_else(gone)?, spare))
    }

    /// Asks a tool of our own contract what it has, under limits much tighter than a call's.
    async fn list(&self, name: &ToolName) -> Result<Vec<ListedTool>, Failure> {
        let limits = Limits {
            fuel: Count::new(1_000_000_000),
            timeout: Duration::from_secs(2),
            log: ByteSize::kib(16),
            ..Limits::default()
        };
        let invocation = Invocation {
            call: CallId::from_bits(0),
            target: Target::new(name.clone(), "list"),
            tenant: TenantId::default(),
            weight: 1,
            input: Payload::default(),
            limits: Arc::new(limits),
            grants: OpenGrants::open(GrantSet::default())?,
            deadline: None,
            cancel: CancellationToken::new(),
            observer: None,
        };
        let (loaded, _spare) = self.load(&invocation).await?;
        let Some(contract) = loaded.contract else {
            return Err(broken(name, "it exports the interface, but not its two functions"));
        };
        let turn = self.0.shared.listing.acquire().await;
        let _turn = turn.map_err(|closed| Failure::new(Code::Fault, "nothing is listed any more").caused_by(closed))?;
        let mut tools = Vec::new();
        let body = async |instance: Instance, store: &mut Store<Cell>| {
            tools = contract.list(&instance, store).await?;
            Ok(Answer::Value(Payload::default()))
        };
        let attempt = invoke(self.0.blueprint(loaded), &mut None, &invocation, body).await;
        match attempt.result {
            Ok(_) => Ok(tools.into_iter().map(listed).collect()),
            // That the host was busy says nothing of the tool.
            Err(failure) if failure.code() == Code::Overloaded => Err(failure),
            Err(failure) => Err(broken(name, &failure.to_string())),
        }
    }
}

impl Inner {
    /// Sees whether a cell can be had.
    fn admit(&self, invocation: &Invocation) -> Result<Spare, Failure> {
        self.shared.ceiling.admit(&invocation.target)?;
        if let Some((made, most, what)) = too_many(&self.descriptor, invocation.limits.instances) {
            return Err(Failure::new(Code::Instances, format!("{} is made of too many parts", invocation.target))
                .why(format!("{made} {what}, of {most}"))
                .fix(format!(
                    "build it from fewer parts, or raise limits.instances under [tools.{}]",
                    invocation.target.tool
                ))
                .reached(made, most));
        }
        self.shared.spares.take(self.descriptor.parts, &invocation.target)
    }

    async fn load(&self) -> Result<Loaded, Failure> {
        if let Some(code) = self.shared.artefacts.load(self.digest).await {
            return self.link(Arc::new(code)).await;
        }
        let max_file = self.shared.artefacts.limits().max_file;
        let source = match &self.from {
            From::File(path) => Source::read(path, max_file).await?,
            From::Memory(bytes) => Source::new("a starter tool", (*bytes).into(), max_file)?,
        };
        if source.digest != self.digest {
            return Err(Failure::new(Code::Unreadable, format!("{} has changed since it was looked at", source.name))
                .why(format!("it was {}, it is {}", self.digest, source.digest))
                .fix("call it again"));
        }
        let made = self.shared.artefacts.make(&source).await?;
        self.link(made.code).await
    }

    /// Maps the code and finds its functions, where blocking is allowed: it is milliseconds for each megabyte.
    async fn link(&self, code: Arc<Verified>) -> Result<Loaded, Failure> {
        let (shared, descriptor) = (Arc::clone(&self.shared), self.descriptor.clone());
        let linked = tokio::task::spawn_blocking(move || Loaded::new(&shared, &descriptor, &code)).await;
        linked.unwrap_or_else(|broken| Err(Failure::new(Code::Fault, "linking a component broke").caused_by(broken)))
    }

    fn blueprint<'a>(&'a self, loaded: &'a Loaded) -> Blueprint<'a> {
        Blueprint { shared: &self.shared, pre: &loaded.pre, allocators: &self.descriptor.allocators }
    }
}

impl Admitted<'_> {
    /// Runs one call of `function`: in the cell, if it stands, else in a fresh one.
    pub(crate) async fn call(&mut self, function: &str, invocation: &Invocation) -> Box<Attempt> {
        let entry = match self.loaded.entry(function, invocation) {
            Ok(entry) => entry,
            Err(failure) => return not_started(invocation, failure),
        };
        let body = async |instance: Instance, store: &mut Store<Cell>| entry.call(instance, store, invocation).await;
        invoke(self.from, &mut self.cell, invocation, body).await
    }

    /// Whether the cell stands, for another call of the same batch.
    pub(crate) fn stands(&self) -> bool {
        self.cell.is_some()
    }
}

impl Loaded {
    fn new(shared: &Shared, descriptor: &Descriptor, code: &Verified) -> Result<Self, Failure> {
        let component = deserialize(&shared.engine, code).map_err(|error| {
            // It was compiled here, for this engine: what is left to fail is what the pool sets aside for each part.
            Failure::new(Code::Compile, "the component is made of larger parts than any cell can have")
                .why("a table or a memory that is too large from the start, or an instance with too much state")
                .fix("build it with smaller tables and memories; they grow when they are needed")
                .caused_by(error)
        })?;
        let pre = shared.linker.instantiate_pre(&component).map_err(|error| {
            Failure::new(Code::Import, "the component wants what the host does not offer")
                .why(misfit(&error))
                .fix("build it for WASI 0.2, for example with `--target wasm32-wasip2`")
                .caused_by(error)
        })?;
        let mut functions = HashMap::new();
        for function in &descriptor.functions {
            let Some(plain) = &function.plain else { continue };
            let caller = Caller::new(Arc::clone(plain)).map_err(|error| {
                Failure::new(Code::Fault, "a described type does not hold together").caused_by(error)
            })?;
            if let Some(place) = caller.find(&component) {
                functions.insert(function.name.clone(), (caller, place));
            }
        }
        let contract = match descriptor.contract {
            Contract::Hotcell => Exports::find(&component),
            Contract::Plain => None,
        };
        Ok(Self { pre, contract, functions })
    }

    /// Finds a function and reads its arguments.
    fn entry<'a>(&self, function: &'a str, invocation: &Invocation) -> Result<Entry<'a>, Failure> {
        if let Some(contract) = self.contract {
            return Ok(Entry::Contract(contract, function));
        }
        let Some((caller, place)) = self.functions.get(function) else {
            return Err(Failure::new(Code::UnknownFunction, format!("there is no function {}", invocation.target)));
        };
        let prepared = caller.prepare(&invocation.input, &invocation.limits);
        Ok(Entry::Plain(prepared.map_err(|failure| failure.of(&invocation.target))?, *place))
    }
}

/// Which import the host has, but not like this. The engine says it in its own words; the names in them are the component's.
fn misfit(error: &wasmtime::Error) -> String {
    let words = format!("{error:#}");
    let names: Vec<String> = words.split('`').skip(1).step_by(2).map(|name| shortened(name, MOST_NAME)).collect();
    match names.as_slice() {
        [] => "an import is of another type than the host's".to_owned(),
        names => format!("{}: the host has none of this type", names.join(", ")),
    }
}

/// More parts than one call may have: how many there are, of how many, of what.
fn too_many(descriptor: &Descriptor, instances: u32) -> Option<(u32, u32, &'static str)> {
    let parts = descriptor.parts;
    [
        (parts.instances, instances.min(engine::MOST_INSTANCES), "core instances"),
        (parts.memories, engine::MOST_MEMORIES, "memories"),
        (parts.tables, engine::MOST_TABLES, "tables"),
    ]
    .into_iter()
    .find(|(made, most, _)| made > most)
}

/// Makes a component of machine code: the one place where the host believes bytes.
#[expect(
    unsafe_code,
    reason = "loading native code is what the cache is for; the proof that it is ours is in the type"
)]
fn deserialize(engine: &wasmtime::Engine, code: &Verified) -> wasmtime::Result<Component> {
    // SAFETY: `Verified` is made in two places only: from what our own compile child answered, and from a file whose MAC, under a
    // key that only this user can read, covers these bytes, this engine and this version. So the bytes are what
    // `Engine::precompile_component` of an engine of these settings wrote.
    unsafe { Component::deserialize(engine, code.as_bytes()) }
}

/// What is told of a call that never had a cell.
pub(crate) fn not_started(invocation: &Invocation, failure: Failure) -> Box<Attempt> {
    let receipt = Receipt {
        fuel_exact: true,
        pure: true,
        input: invocation.input.size(),
        limits: Arc::clone(&invocation.limits),
        grants: Arc::clone(invocation.grants.set()),
        ..Receipt::default()
    };
    Box::new(Attempt { result: Err(failure), receipt, log: Log::default() })
}

fn broken(name: &ToolName, why: &str) -> Failure {
    Failure::new(Code::Contract, format!("{name} breaks the tool contract {}", contract::INTERFACE))
        .why(why)
        .fix("tell the tool's author, or build it with the SDK of this version of hotcell")
}

fn listed(tool: Listed) -> ListedTool {
    ListedTool {
        name: tool.name,
        description: tool.description,
        input_schema: tool.input,
        output_schema: tool.output,
        effect: match tool.effect {
            ListedEffect::Pure => Effect::Pure,
            ListedEffect::Read => Effect::Read,
            ListedEffect::Idempotent => Effect::Idempotent,
            ListedEffect::Write => Effect::Write,
        },
    }
}
